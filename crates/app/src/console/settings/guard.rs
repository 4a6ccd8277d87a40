//! The guard's limits for rules that set none of their own. Whoever makes them looser sees first what that lets through.

use askama::Template;
use axum::extract::State;
use serde_json::{Map, Value, json};
use usher_domain::{
    directory::{commands::Body, environment::GuardDefaults},
    reconcile::guard::Limits,
};
use usher_engine::directory::DirectoryError;

use crate::{
    console::{
        error::ConsoleResult,
        form::Form,
        page::{Shell, done, page, refused},
        show::count,
        visitor::Visitor,
    },
    state::AppState,
};

/// Field, setting, what a rejection calls it.
const FIELDS: [(&str, &str, &str); 3] = [
    ("max_removals", "GUARD_MAX_REMOVALS", "configuration.GUARD_MAX_REMOVALS"),
    ("max_percent", "GUARD_MAX_REMOVAL_PERCENT", "configuration.GUARD_MAX_REMOVAL_PERCENT"),
    ("window", "GUARD_WINDOW_MINUTES", "configuration.GUARD_WINDOW_MINUTES"),
];

#[derive(Template)]
#[template(path = "settings/guard.html")]
struct Edit {
    shell: Shell,
    form: Form,
    built_in: Limits,
    built_in_minutes: u64,
    /// What looser limits would let through, sentence by sentence.
    looser: Vec<String>,
    /// The limits that the sentences are about, so that no others are saved with them.
    about: String,
}

fn editing(visitor: &Visitor, form: Form, looser: Vec<String>) -> Edit {
    let built_in = Limits::default();
    Edit {
        shell: Shell::new(visitor, "Guard defaults"),
        built_in,
        built_in_minutes: built_in.window.as_secs() / 60,
        about: about(&form),
        form,
        looser,
    }
}

fn about(form: &Form) -> String {
    FIELDS.map(|(field, ..)| form.value(field)).join("/")
}

/// `GET /console/settings/guard`
pub(in crate::console) async fn edit(visitor: Visitor) -> ConsoleResult {
    let mut form = Form::default();
    for (field, setting, _) in FIELDS {
        if let Some(number) = visitor.environment.guard.get(setting) {
            form.set(field, number.to_string());
        }
    }
    page(&editing(&visitor, form, Vec::new()))
}

fn body(form: &Form) -> Body {
    let mut configuration = Map::new();
    for (field, setting, _) in FIELDS {
        if let Some(text) = form.some(field) {
            let number = text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number));
            configuration.insert(setting.to_owned(), number);
        }
    }
    Map::from_iter([("configuration".to_owned(), Value::Object(configuration))])
}

/// `POST /console/settings/guard`; looser limits need `seen`, which the page has that says what they let through
pub(in crate::console) async fn change(
    State(app): State<AppState>,
    visitor: Visitor,
    form: Form,
) -> ConsoleResult {
    let body = body(&form);
    if form.value("seen") != about(&form) {
        let looser = looser(&app, &visitor, &form).await?;
        if !looser.is_empty() {
            return refused(&editing(&visitor, form, looser));
        }
    }
    match app.directory.replace_guard_defaults(&visitor.by(), visitor.home(), &body).await {
        Ok(_) => done(&visitor, "/console/settings", "The guard goes by these limits from the next run on."),
        Err(DirectoryError::Rejected(why)) => {
            let targets = FIELDS.map(|(field, _, target)| (target, field));
            refused(&editing(&visitor, form.refused(&why, &targets), Vec::new()))
        }
        Err(error) => Err(error.into()),
    }
}

/// What would go through that waits for a person now. Numbers that are none are told when they are saved.
async fn looser(app: &AppState, visitor: &Visitor, form: &Form) -> ConsoleResult<Vec<String>> {
    let given = FIELDS.iter().filter_map(|(field, setting, _)| {
        Some(((*setting).to_owned(), form.some(field)?.parse::<u32>().ok()?))
    });
    let (was, new) = (&visitor.environment.guard, GuardDefaults(given.collect()));
    let mut told = Vec::new();
    for rule in app.reconciler.rules(visitor.home()).await? {
        let of = app.store.linked_counts(rule.id).await?.users;
        let (before, after) = (rule.limits(was), rule.limits(&new));
        let (few, many) = (before.lets_through(of), after.lets_through(of));
        if many > few {
            let whom = count(of, "account", "accounts");
            told.push(format!(
                "“{}” could take away {many} of its {whom} without asking anyone; now it is {few}.",
                rule.name
            ));
        } else if after.window < before.window && few > 0 {
            told.push(format!(
                "“{}” could take away {} again after {} minutes; now it is {} minutes.",
                rule.name,
                count(few, "account", "accounts"),
                after.window.as_secs() / 60,
                before.window.as_secs() / 60
            ));
        }
    }
    let (before, after) = (Limits::from(was), Limits::from(&new));
    let wider = after.max_removals > before.max_removals
        || after.max_percent > before.max_percent
        || after.window < before.window;
    if told.is_empty() && wider {
        told.push("No rule could take away more today; one that is made or grows later could.".to_owned());
    }
    Ok(told)
}
