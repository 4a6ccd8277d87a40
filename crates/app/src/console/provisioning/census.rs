//! The census of a connected team: whose the accounts are that are there, and adopting in bulk after a look. It reads the
//! team and changes nothing.

use askama::Template;
use axum::extract::State;
use usher_domain::{
    provisioning::{connection::ConnectionKind, rule::Direction},
    reconcile::{
        attributes::Attribute,
        census::{Belonging, Counted, census},
        operation::Action,
        snapshot::AccountState,
    },
};
use usher_engine::reconcile::{Draft, sync_status::not_running};

use super::{find_connection, looking, plan_view::Row};
use crate::{
    access::permission::Permission::WriteConfiguration,
    console::{
        error::{ConsoleError, ConsoleResult},
        page::{Shell, page},
        paging::Paging,
        show::number,
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

/// How many accounts are on a page.
const PAGE: usize = 100;
/// How many adoptions of a rule are named.
const NAMED: usize = 50;

/// What accounts can be narrowed to: as the query has it, and as people call it.
const STATES: [(&str, &str); 6] = [
    ("matched", "Matched"),
    ("unmatched", "Unmatched"),
    ("ambiguous", "Ambiguous"),
    ("invited", "Invited"),
    ("suspended", "Suspended"),
    ("protected", "Protected"),
];

#[derive(Template)]
#[template(path = "provisioning/census.html")]
struct Page {
    shell: Shell,
    id: String,
    name: String,
    total: String,
    sums: Vec<Sum>,
    seats: Option<(String, String)>,
    of: String,
    rows: Vec<AccountRow>,
    paging: Paging,
    adopters: Vec<Adopter>,
    may_write: bool,
}

struct Sum {
    value: &'static str,
    label: &'static str,
    count: String,
    current: bool,
}

struct AccountRow {
    email: String,
    name: String,
    state: &'static str,
    belonging: (&'static str, &'static str),
    protected: bool,
    user: Option<(String, String)>,
}

/// A rule, and what its next full run would adopt.
struct Adopter {
    id: String,
    name: String,
    plan: Result<Adoption, String>,
    not_running: Option<String>,
}

struct Adoption {
    count: String,
    rows: Vec<Row>,
    more: Option<String>,
    /// How many operations it has beside.
    beside: String,
}

fn is(counted: &Counted<'_>, what: &str) -> bool {
    match what {
        "matched" => counted.belonging == Belonging::Matched,
        "unmatched" => counted.belonging == Belonging::Unmatched,
        "ambiguous" => counted.belonging == Belonging::Ambiguous,
        "invited" => counted.account.state == AccountState::Invited,
        "suspended" => matches!(counted.account.state, AccountState::Suspended { .. }),
        "protected" => counted.protected,
        _ => true,
    }
}

/// `GET /console/connections/{id}/census`, with `of` and `after`
pub(in crate::console) async fn show(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let connection = find_connection(&app, &visitor, ids.id(0)).await?;
    if connection.kind != ConnectionKind::Dropbox {
        return Err(ConsoleError::no_such_page());
    }
    let title = format!("Census: {}", connection.name);
    if let Some(first) = looking::first(&app, &visitor, title.clone()).await? {
        return Ok(first);
    }
    let heads = app.reconciler.headcount(&connection).await?;
    let counted = census(&heads.seen, &heads.links, &heads.users, &heads.policy);
    let of = visitor.query("of").unwrap_or_default().to_owned();
    let from: usize = visitor.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
    let shown: Vec<&Counted<'_>> = counted.accounts.iter().filter(|it| is(it, &of)).collect();
    let next = (from + PAGE < shown.len()).then(|| (from + PAGE).to_string());
    let sums = STATES.into_iter().map(|(value, label)| Sum {
        value,
        label,
        count: number(counted.count(|it| is(it, value))),
        current: value == of,
    });
    page(&Page {
        shell: Shell::new(&visitor, title),
        id: connection.id.to_string(),
        name: connection.name.clone(),
        total: number(counted.accounts.len() as u64),
        sums: sums.collect(),
        seats: counted.seats.map(|seats| (number(u64::from(seats.used)), number(u64::from(seats.left())))),
        rows: shown.iter().skip(from).take(PAGE).map(|it| row(it)).collect(),
        paging: Paging::after(&visitor, next),
        adopters: adopters(&app, &visitor, &connection).await?,
        of,
        may_write: visitor.may(WriteConfiguration),
    })
}

fn row(it: &Counted<'_>) -> AccountRow {
    let text = |attribute| it.account.attributes.get(attribute);
    AccountRow {
        email: text(Attribute::Email).to_owned(),
        name: format!("{} {}", text(Attribute::GivenName), text(Attribute::Surname)).trim().to_owned(),
        state: match it.account.state {
            AccountState::Active => "Active",
            AccountState::Invited => "Invited",
            AccountState::Suspended { .. } => "Suspended",
            AccountState::Removed { .. } => "Removed",
            AccountState::Unknown => "Unknown",
        },
        belonging: match it.belonging {
            Belonging::Matched if it.linked => ("good", "Linked"),
            Belonging::Matched => ("busy", "Matched"),
            Belonging::Unmatched => ("", "Unmatched"),
            Belonging::Ambiguous => ("warn", "Ambiguous"),
        },
        protected: it.protected,
        user: it.user.map(|user| (user.id.to_string(), user.username.clone())),
    }
}

async fn adopters(
    app: &AppState,
    visitor: &Visitor,
    connection: &usher_domain::provisioning::connection::Connection,
) -> ConsoleResult<Vec<Adopter>> {
    let mut adopters = Vec::new();
    for rule in app.reconciler.rules(visitor.home()).await? {
        if rule.connection() != connection.id || rule.direction != Direction::Outbound {
            continue;
        }
        let plan = app.reconciler.preview(&rule, Draft::default()).await.map_err(|error| error.to_string());
        let plan = plan.map(|preview| {
            let adopts = |action: &Action| matches!(action, Action::Link { .. } | Action::LinkGroup { .. });
            let all = &preview.plan.operations;
            let links: Vec<_> = all.iter().filter(|it| adopts(&it.action)).collect();
            Adoption {
                count: number(links.len() as u64),
                rows: links.iter().take(NAMED).map(|it| Row::of(it, None)).collect(),
                more: links.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| number(more as u64)),
                beside: number((all.len() - links.len()) as u64),
            }
        });
        adopters.push(Adopter {
            id: rule.id.to_string(),
            not_running: not_running(&rule, Some(connection)),
            name: rule.name,
            plan,
        });
    }
    Ok(adopters)
}
