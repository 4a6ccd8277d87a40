//! The audit: who did what, the newest first, narrowed by what, when and whom.

use askama::Template;
use axum::extract::State;
use usher_domain::{
    Timestamp,
    directory::audit::{Actor, Event},
    ports::store::{EventQuery, StoreResult},
};
use uuid::Uuid;

use super::{
    error::ConsoleResult,
    event_kinds::KINDS,
    form::Choice,
    page::{Shell, done, page},
    paging::Paging,
    show::{Time, count, number},
    visitor::Visitor,
};
use crate::{
    access::permission::Permission::{ReadConfiguration, ReadIdentities, WriteConfiguration},
    state::AppState,
    verifier::Going,
};

/// How many events are on a page.
const PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    shell: Shell,
    kinds: Vec<Choice>,
    kind: String,
    from: String,
    until: String,
    about: String,
    rows: Vec<Row>,
    paging: Paging,
    chain: Chain,
}

/// How the chain stands, and what was last found out of it.
struct Chain {
    events: String,
    checkpoint: Option<(String, Time)>,
    last: Option<Checked>,
    going: Option<(u64, u64)>,
    progress: String,
    trouble: Option<String>,
    may_verify: bool,
}

struct Checked {
    at: Time,
    by: String,
    events: String,
    end: Option<String>,
    tampering: Option<String>,
}

#[derive(Template)]
#[template(path = "audit.html", block = "chain")]
struct ChainPart {
    shell: Shell,
    chain: Chain,
}

/// `POST /console/audit/verify`: checks the chain, beside everything else
pub(super) async fn verify(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    app.verifier.start(visitor.home(), visitor.administrator.username.clone());
    done(&visitor, "/console/audit", "The audit is being verified; what is found out stands at the top.")
}

async fn chain(app: &AppState, visitor: &Visitor) -> StoreResult<Chain> {
    // What goes on first: when it ends meanwhile, what it found out is kept already.
    let going = app.verifier.going(visitor.home());
    let state = app.store.chain_state(visitor.home()).await?;
    let last = app.store.last_check(visitor.home()).await?;
    let (going, trouble) = match going {
        Some(Going::Checking(done, all)) => (Some((done, all.max(1))), None),
        Some(Going::Failed(why)) => (None, Some(why)),
        None => (None, None),
    };
    Ok(Chain {
        events: count(state.events, "event", "events"),
        checkpoint: state.checkpoint.map(|(at, when)| (number(at), Time(when))),
        last: last.map(|it| Checked {
            at: Time(it.at),
            by: it.by,
            events: count(it.events, "event", "events"),
            end: it.end,
            tampering: it.tampering,
        }),
        progress: going.map(|(done, all)| format!("{} of {}", number(done), number(all))).unwrap_or_default(),
        going,
        trouble,
        may_verify: visitor.may(WriteConfiguration),
    })
}

struct Row {
    at: Time,
    number: String,
    actor: String,
    action: String,
    description: String,
    failed: bool,
    link: Option<String>,
}

/// `GET /console/audit`, with `kind`, `from` and `until` (days), `about` (an id) and `after`
pub(super) async fn list(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let shell = Shell::new(&visitor, "Audit");
    let chain = chain(&app, &visitor).await?;
    if visitor.query("part") == Some("chain") {
        return page(&ChainPart { shell, chain });
    }
    let word = visitor.query("kind").unwrap_or_default();
    let kind = KINDS.iter().find(|(known, ..)| *known == word);
    let about = visitor.query("about").and_then(|id| Uuid::parse_str(id).ok());
    let query = EventQuery {
        from: visitor.query("from").and_then(day),
        // Including the day that is named.
        until: visitor
            .query("until")
            .and_then(day)
            .map(|day| day.plus(std::time::Duration::from_secs(24 * 3600))),
        actions: kind.map(|(.., actions)| actions.iter().map(|action| (*action).to_owned()).collect()),
        about: about.into_iter().collect(),
        ..EventQuery::default()
    };
    let before = visitor.query("after").and_then(place);
    let mut found = app.store.find_events(visitor.home(), &query, before, PAGE + 1).await?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let next = found
        .last()
        .filter(|_| more)
        .map(|(number, event)| format!("{}.{number}", event.recorded_at.as_millis()));
    let mut kinds = vec![Choice::new("", "Everything")];
    kinds.extend(KINDS.iter().map(|(word, label, _)| Choice::new(*word, *label)));
    page(&Audit {
        shell,
        kinds,
        kind: word.to_owned(),
        from: visitor.query("from").unwrap_or_default().to_owned(),
        until: visitor.query("until").unwrap_or_default().to_owned(),
        about: visitor.query("about").unwrap_or_default().to_owned(),
        rows: found.iter().map(|(number, event)| row(&visitor, *number, event)).collect(),
        paging: Paging::after(&visitor, next),
        chain,
    })
}

/// The beginning of a day, in UTC.
fn day(text: &str) -> Option<Timestamp> {
    format!("{text}T00:00:00Z").parse().ok()
}

/// Where a page goes on: `milliseconds.number`.
fn place(text: &str) -> Option<(Timestamp, u64)> {
    let (at, number) = text.split_once('.')?;
    Some((Timestamp::from_millis(at.parse().ok()?), number.parse().ok()?))
}

fn row(visitor: &Visitor, place: u64, event: &Event) -> Row {
    let actor = match &event.actor {
        Actor::Client { name, .. } => format!("{name} (client)"),
        Actor::User { name, .. } => name.clone(),
        Actor::System => "Usher".to_owned(),
    };
    let first = event.resources.first();
    let link = first.and_then(|resource| {
        let (page, needs) = match resource.kind.as_str() {
            "USER" => ("users", ReadIdentities),
            "GROUP" => ("groups", ReadIdentities),
            "POPULATION" => ("populations", ReadConfiguration),
            "PROVISIONING_IDENTITY_RULE" => ("rules", ReadConfiguration),
            "PROVISIONING_IDENTITY_CONNECTION" => ("connections", ReadConfiguration),
            _ => return None,
        };
        // A test may be of a connection that was never made.
        let may_be_gone = event.action.ends_with(".DELETED") || event.action.ends_with(".TESTED");
        (visitor.may(needs) && !may_be_gone).then(|| format!("/console/{page}/{}", resource.id))
    });
    Row {
        at: Time(event.recorded_at),
        number: number(place),
        actor,
        action: event.action.clone(),
        description: event.description.clone(),
        failed: event.status == "FAILED",
        link,
    }
}
