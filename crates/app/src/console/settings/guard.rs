//! The guard's limits for rules that set none of their own. Whoever makes them looser sees first what that lets through.

use askama::Template;
use axum::extract::State;
use serde_json::{Map, Value, json};
use usher_domain::{
    directory::{commands::Body, environment::GuardDefaults},
    provisioning::rule::Rule,
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
    /// The rules that have limits of their own, which these do not touch.
    apart: Vec<String>,
}

async fn editing(app: &AppState, visitor: &Visitor, form: Form, looser: Vec<String>) -> ConsoleResult<Edit> {
    let built_in = Limits::default();
    let rules = app.reconciler.rules(visitor.home()).await?;
    let apart = rules
        .iter()
        .filter(|rule| FIELDS.iter().any(|(_, setting, _)| rule.configuration.contains_key(*setting)));
    Ok(Edit {
        apart: apart.map(|rule| of_its_own(rule, &visitor.environment.guard)).collect(),
        shell: Shell::new(visitor, "Guard defaults"),
        built_in,
        built_in_minutes: built_in.window.as_secs() / 60,
        about: about(&form),
        form,
        looser,
    })
}

fn of_its_own(rule: &Rule, defaults: &GuardDefaults) -> String {
    let Limits { max_removals, max_percent, window } = rule.limits(defaults);
    let minutes = window.as_secs() / 60;
    format!("“{}”: {max_removals} removals, {max_percent} %, {minutes} minutes", rule.name)
}

fn about(form: &Form) -> String {
    FIELDS.map(|(field, ..)| form.value(field)).join("/")
}

/// `GET /console/settings/guard`
pub(in crate::console) async fn edit(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let mut form = Form::default();
    for (field, setting, _) in FIELDS {
        if let Some(number) = visitor.environment.guard.get(setting) {
            form.set(field, number.to_string());
        }
    }
    page(&editing(&app, &visitor, form, Vec::new()).await?)
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
            return refused(&editing(&app, &visitor, form, looser).await?);
        }
    }
    match app.directory.replace_guard_defaults(&visitor.by(), visitor.home(), &body).await {
        Ok(_) => done(
            &visitor,
            "/console/settings",
            "From the next run on the guard goes by these limits, for every rule that sets none of its own.",
        ),
        Err(DirectoryError::Rejected(why)) => {
            let targets = FIELDS.map(|(field, _, target)| (target, field));
            refused(&editing(&app, &visitor, form.refused(&why, &targets), Vec::new()).await?)
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
        let of = app.store.linked_counts(rule.id).await?;
        let (before, after) = (rule.limits(was), rule.limits(&new));
        let (then, now) = (after.window.as_secs() / 60, before.window.as_secs() / 60);
        for (of, one, many) in [
            (of.users, "account", "accounts"),
            (of.memberships, "membership", "memberships"),
            (of.groups, "group", "groups"),
        ] {
            let (few, more) = (before.lets_through(of), after.lets_through(of));
            if more > few {
                told.push(format!(
                    "“{}” could take away {more} of its {} without asking anyone; now it is {few}.",
                    rule.name,
                    count(of, one, many)
                ));
            }
            if then < now && few > 0 {
                told.push(format!(
                    "“{}” could take away {} again after {then} minutes; now it is {now} minutes.",
                    rule.name,
                    count(more, one, many)
                ));
            }
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
