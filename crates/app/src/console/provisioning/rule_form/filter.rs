//! The filter of a rule as it is built: rows and groups, the SCIM text beside them, and who matches.

use askama::Template;
use axum::{
    extract::State,
    response::{Html, IntoResponse as _},
};
use usher_domain::{
    directory::{filter::Filter, view::UserView},
    provisioning::rule::Direction,
    reconcile::{
        attributes::Attribute,
        inbound,
        snapshot::{Account, AccountState},
    },
};
use usher_engine::directory::DirectoryError;

use super::draft;
use crate::{
    access::permission::Permission::ReadIdentities,
    console::{
        error::ConsoleResult,
        form::Form,
        provisioning::conditions::{self, Line},
        show::number,
        visitor::Visitor,
    },
    state::AppState,
};

/// How many of those who match are named.
const SAMPLE: u32 = 8;

/// The operators, as people call them.
pub(super) const OPERATORS: [(&str, &str); 10] = [
    ("eq", "Equals"),
    ("ne", "Does not equal"),
    ("co", "Contains"),
    ("sw", "Starts with"),
    ("ew", "Ends with"),
    ("pr", "Has a value"),
    ("gt", "Is more than"),
    ("ge", "Is at least"),
    ("lt", "Is less than"),
    ("le", "Is at most"),
];

/// What can be filtered on, for suggestions.
pub(super) fn attributes(direction: Direction) -> Vec<&'static str> {
    match direction {
        Direction::Outbound => UserView::ATTRIBUTES.to_vec(),
        Direction::Inbound => inbound::ATTRIBUTES.to_vec(),
    }
}

/// The editor: a part of the wizard, and by itself the answer to a change.
#[derive(Template)]
#[template(path = "provisioning/filter_editor.html")]
pub(super) struct Editor {
    pub(super) lines: Vec<Line>,
    pub(super) operators: [(&'static str, &'static str); 10],
    pub(super) attributes: Vec<&'static str>,
    pub(super) text: String,
    pub(super) text_was: String,
    pub(super) text_fault: Option<String>,
    pub(super) matches: Option<Matches>,
    pub(super) inbound: bool,
}

/// Who matches.
#[derive(Template)]
#[template(path = "provisioning/filter_matches.html")]
pub(super) struct Matches {
    pub(super) count: String,
    pub(super) of: String,
    pub(super) sample: Vec<(String, String, String)>,
    pub(super) fault: Option<String>,
    pub(super) may_see_people: bool,
}

impl Editor {
    pub(super) fn of(form: &Form, matches: Option<Matches>) -> Self {
        let direction = draft::direction(form);
        let held = conditions::read(form.all("c"));
        let fault = held.filter().err();
        let told = fault.as_ref().map(|fault| (fault.place.as_slice(), fault.message.as_str()));
        Editor {
            lines: conditions::lines(&held, told),
            operators: OPERATORS,
            attributes: attributes(direction),
            text: form.value("filter").to_owned(),
            text_was: form.value("filter_was").to_owned(),
            text_fault: form.fault_of("filter").map(str::to_owned),
            matches,
            inbound: direction == Direction::Inbound,
        }
    }
}

/// Makes rows and text agree, whichever was changed. A text that cannot be read is told of beside it.
pub(super) fn agree(form: &mut Form) {
    match draft::conditions(form) {
        Ok(conditions) => draft::set_conditions(form, &conditions),
        Err(fault) => form.fault("filter", fault),
    }
}

/// What the form's filter is; `Err` says what is wrong with it.
pub(super) fn filter(form: &Form) -> Result<Option<Filter>, String> {
    draft::conditions(form)?.filter().map_err(|fault| fault.message)
}

/// Who matches the form's filter.
pub(super) async fn matches(app: &AppState, visitor: &Visitor, form: &Form) -> ConsoleResult<Matches> {
    let may_see_people = visitor.may(ReadIdentities);
    let nothing = |fault: String| Matches {
        count: "–".to_owned(),
        of: String::new(),
        sample: Vec::new(),
        fault: Some(fault),
        may_see_people,
    };
    let filter = match filter(form) {
        Ok(filter) => filter,
        Err(fault) => return Ok(nothing(fault)),
    };
    if draft::direction(form) == Direction::Inbound {
        return members(app, visitor, form, filter.as_ref()).await;
    }
    let found = match app.directory.matching(visitor.home(), filter.as_ref(), SAMPLE).await {
        Ok(found) => found,
        Err(DirectoryError::Rejected(why)) => {
            return Ok(nothing(why.details.first().map_or(why.message.clone(), |it| it.message.clone())));
        }
        Err(error) => return Err(error.into()),
    };
    let sample = found.sample.iter().filter(|_| may_see_people).map(|user| {
        let name = [&user.name.given, &user.name.family]
            .into_iter()
            .flatten()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ");
        (user.id.to_string(), if name.is_empty() { user.username.clone() } else { name }, user.email.clone())
    });
    Ok(Matches {
        count: number(found.count),
        of: format!("of {} users", number(found.of)),
        sample: sample.collect(),
        fault: None,
        may_see_people,
    })
}

/// Which members of the team match.
async fn members(
    app: &AppState,
    visitor: &Visitor,
    form: &Form,
    filter: Option<&Filter>,
) -> ConsoleResult<Matches> {
    let may_see_people = visitor.may(ReadIdentities);
    let mut found =
        Matches {
            count: "–".to_owned(), of: String::new(), sample: Vec::new(), fault: None, may_see_people
        };
    let connection = match form.value("connection").parse() {
        Ok(id) => app.store.connection(visitor.home(), id).await?,
        Err(_) => None,
    };
    let Some(connection) = connection else {
        found.fault = Some("Choose a connection first.".to_owned());
        return Ok(found);
    };
    if let Some(Err(fault)) = filter.map(|filter| filter.check(&inbound::ATTRIBUTES)) {
        found.fault = Some(fault.to_string());
        return Ok(found);
    }
    let seen = match app.reconciler.headcount(&connection).await {
        Ok(heads) => heads.seen,
        Err(error) => {
            found.fault = Some(error.to_string());
            return Ok(found);
        }
    };
    let groups = inbound::Groups::of(&seen);
    let there: Vec<&Account> =
        seen.accounts.iter().filter(|it| !matches!(it.state, AccountState::Removed { .. })).collect();
    let meets = |it: &&&Account| {
        filter.is_none_or(|filter| filter.matches(&inbound::Member::new(it, &seen, &groups)))
    };
    let matching: Vec<&&Account> = there.iter().filter(meets).collect();
    found.count = number(matching.len() as u64);
    found.of = format!("of {} members", number(there.len() as u64));
    if may_see_people {
        let text = |it: &Account, attribute| it.attributes.get(attribute).to_owned();
        let named = matching.iter().take(SAMPLE as usize).map(|it| {
            let name = format!("{} {}", text(it, Attribute::GivenName), text(it, Attribute::Surname));
            (String::new(), name.trim().to_owned(), text(it, Attribute::Email))
        });
        found.sample = named.collect();
    }
    Ok(found)
}

/// `POST /console/rules/filter`: the editor anew, or with `part=matches` who matches; for the script
pub(in crate::console) async fn filter_part(
    State(app): State<AppState>,
    visitor: Visitor,
    mut form: Form,
) -> ConsoleResult {
    agree(&mut form);
    if visitor.query("part") == Some("matches") {
        return Ok(Html(matches(&app, &visitor, &form).await?.render()?).into_response());
    }
    Ok(Html(Editor::of(&form, None).render()?).into_response())
}
