//! A rule's page, in tabs: Overview (sync status), Directory (each user and group), Attribute Mapping, Onboarding
//! Settings, Runs.

use askama::Template;
use axum::{
    extract::State,
    http::HeaderValue,
    response::{Html, IntoResponse as _},
};
use serde_json::Value;
use usher_domain::{
    ports::store::PageRequest,
    provisioning::{
        mapping::{MappingSource, defaults},
        rule::{Direction, Rule},
    },
    reconcile::{
        scope::Subject,
        status::{Standing, StatusCounts, SubjectStatus},
    },
};

use super::{find_rule, runs::RunRow};
use crate::{
    access::permission::Permission::{ReadIdentities, WriteConfiguration},
    console::{
        error::ConsoleResult,
        page::{Shell, page},
        paging::Paging,
        show::{self, Badge, Time, number},
        standings::Problem,
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

const PAGE: u32 = 50;

/// What is above every tab.
struct Head {
    id: String,
    name: String,
    description: String,
    state: Badge,
    is_active: bool,
    is_inbound: bool,
    may_write: bool,
    may_see_people: bool,
    tab: &'static str,
}

impl Head {
    async fn of(app: &AppState, visitor: &Visitor, rule: &Rule, tab: &'static str) -> ConsoleResult<Head> {
        let status = app.reconciler.sync_status(rule).await?;
        Ok(Head {
            id: rule.id.to_string(),
            name: rule.name.clone(),
            description: rule.description.clone().unwrap_or_default(),
            state: show::rule_state(status.state),
            is_active: rule.active,
            is_inbound: rule.direction == Direction::Inbound,
            may_write: visitor.may(WriteConfiguration),
            may_see_people: visitor.may(ReadIdentities),
            tab,
        })
    }
}

/// One box of the summary.
struct Sum {
    label: &'static str,
    value: String,
    class: &'static str,
    href: String,
}

#[derive(Template)]
#[template(path = "provisioning/rule_overview.html", blocks = ["status"])]
struct Overview {
    shell: Shell,
    head: Head,
    detail: Option<String>,
    users: Vec<Sum>,
    groups: Vec<Sum>,
    bar: Vec<Part>,
    last: Option<Time>,
    next: Option<Time>,
    /// When the log of events was last read, if the rule follows it.
    followed: Option<Option<Time>>,
    /// Why that log cannot be read.
    deaf: Option<Problem>,
    direction: &'static str,
    source: String,
    target: String,
    connection: String,
    filter: Option<String>,
    running: Option<Running>,
    held: Option<String>,
}

struct Running {
    id: String,
    state: Badge,
    done: u64,
    total: u64,
    progress: String,
}

/// `GET /console/rules/{id}`
pub(in crate::console) async fn overview(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let status = app.reconciler.sync_status(&rule).await?;
    let name = |end: &Option<usher_domain::provisioning::connection::Connection>| {
        end.as_ref().map_or_else(|| "gone".to_owned(), |it| it.name.clone())
    };
    let current = status.current.as_ref();
    let held = current.filter(|run| run.state == usher_domain::reconcile::run::RunState::Held);
    let running = current.filter(|run| !run.state.is_final() && held.is_none());
    let shown = Overview {
        shell: Shell::new(&visitor, rule.name.clone()),
        head: Head::of(&app, &visitor, &rule, "overview").await?,
        detail: status.detail.clone(),
        users: summary(&rule, "users", &status.users),
        groups: if status.groups.impacted > 0 {
            summary(&rule, "groups", &status.groups)
        } else {
            Vec::new()
        },
        bar: bar(&status.users),
        last: status.last_sync_at.map(Time),
        next: status.next_sync_at.map(Time),
        followed: status.following.as_ref().map(|log| log.read_at.map(Time)),
        deaf: status.following.as_ref().and_then(|log| log.problem.as_ref()).map(Problem::from),
        direction: show::direction(rule.direction),
        source: name(&status.source),
        target: name(&status.target),
        connection: rule.connection().to_string(),
        filter: rule.filter.clone().filter(|text| !text.trim().is_empty()),
        running: running.map(|run| Running {
            id: run.id.to_string(),
            state: show::run_state(run.state),
            done: run.done,
            total: run.total,
            progress: format!("{} of {}", number(run.done), number(run.total)),
        }),
        held: held.map(|run| run.id.to_string()),
    };
    if visitor.query("part") == Some("status") {
        let mut response = Html(shown.as_status().render()?).into_response();
        if shown.running.is_none() {
            response.headers_mut().insert("hx-refresh", HeaderValue::from_static("true"));
        }
        return Ok(response);
    }
    page(&shown)
}

fn summary(rule: &Rule, kind: &str, counts: &StatusCounts) -> Vec<Sum> {
    let sum = |label, n: u64, class: &'static str, standing: &str| Sum {
        label,
        value: number(n),
        class: if n > 0 { class } else { "" },
        href: match standing {
            "" => format!("/console/rules/{}/directory?of={kind}", rule.id),
            standing => format!("/console/rules/{}/directory?of={kind}&standing={standing}", rule.id),
        },
    };
    vec![
        sum("Impacted", counts.impacted, "", ""),
        sum("Success", counts.success, "good", "success"),
        sum("Unsynced", counts.unsynced, "warn", "unsynced"),
        sum("Partial Synced", counts.partial, "warn", "partial"),
        sum("Failed", counts.failed, "bad", "failed"),
    ]
}

/// A part of a bar, in thousandths of its width.
struct Part {
    class: &'static str,
    from: u64,
    width: u64,
}

/// How the impacted are shared out: success, what waits, failed.
fn bar(counts: &StatusCounts) -> Vec<Part> {
    let share = |n: u64| n.saturating_mul(1000).checked_div(counts.impacted).unwrap_or(0);
    let mut from = 0;
    let parts =
        [("good", counts.success), ("warn", counts.unsynced + counts.partial), ("bad", counts.failed)];
    parts
        .into_iter()
        .map(|(class, n)| {
            let part = Part { class, from, width: share(n) };
            from += part.width;
            part
        })
        .collect()
}

#[derive(Template)]
#[template(path = "provisioning/rule_directory.html")]
struct Directory {
    shell: Shell,
    head: Head,
    of_groups: bool,
    standing: String,
    standings: Vec<(&'static str, &'static str)>,
    rows: Vec<StatusRow>,
    paging: Paging,
    back: String,
}

struct StatusRow {
    name: String,
    href: Option<String>,
    subject: String,
    standing: Badge,
    problem: Option<Problem>,
    at: Time,
    attempts: u32,
}

/// `GET /console/rules/{id}/directory`, with `of` (`users` or `groups`), `standing`, `after`
pub(in crate::console) async fn directory(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let of_groups = visitor.query("of") == Some("groups");
    let standing = match visitor.query("standing") {
        Some("success") => Some(Standing::Success),
        Some("unsynced") => Some(Standing::Unsynced),
        Some("partial") => Some(Standing::Partial),
        Some("failed") => Some(Standing::Failed),
        _ => None,
    };
    let request = PageRequest { after: visitor.visit.id("after"), limit: PAGE };
    let found = app.store.statuses(rule.id, of_groups, standing, &request).await?;
    let names = app.reconciler.names(visitor.home(), &found.items).await?;
    let row = |it: &SubjectStatus| {
        let name = names.get(&it.subject).cloned();
        let (subject, href) = match it.subject {
            Subject::User(id) => (format!("user:{id}"), Some(format!("/console/users/{id}"))),
            Subject::Group(id) => (format!("group:{id}"), Some(format!("/console/groups/{id}"))),
        };
        StatusRow {
            href: href.filter(|_| name.is_some()),
            name: name.unwrap_or_else(|| format!("{} (gone from the directory)", it.subject)),
            subject,
            standing: show::standing(it.standing),
            problem: it.problem.as_ref().map(Problem::from),
            at: Time(it.at),
            attempts: it.attempts,
        }
    };
    let back = match (visitor.query("of"), visitor.query("standing")) {
        (of, Some(standing)) => format!("?of={}&standing={standing}", of.unwrap_or("users")),
        (of, None) => format!("?of={}", of.unwrap_or("users")),
    };
    page(&Directory {
        shell: Shell::new(&visitor, format!("{}: directory", rule.name)),
        head: Head::of(&app, &visitor, &rule, "directory").await?,
        of_groups,
        standing: visitor.query("standing").unwrap_or_default().to_owned(),
        standings: vec![
            ("", "Every state"),
            ("success", "Success"),
            ("unsynced", "Unsynced"),
            ("partial", "Partial Synced"),
            ("failed", "Failed"),
        ],
        rows: found.items.iter().map(row).collect(),
        paging: Paging::new(&visitor, found.next),
        back: format!("/console/rules/{}/directory{back}", rule.id),
    })
}

#[derive(Template)]
#[template(path = "provisioning/rule_mapping.html")]
struct MappingTab {
    shell: Shell,
    head: Head,
    rows: Vec<(String, bool, String)>,
    are_defaults: bool,
    filter: Option<String>,
    groups: Vec<(String, String)>,
}

/// `GET /console/rules/{id}/mapping`
pub(in crate::console) async fn mapping(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let own = app.store.mappings(rule.id).await?;
    let rows = match own.as_slice() {
        [] => defaults(rule.direction)
            .iter()
            .map(|(source, target)| ((*target).to_owned(), false, (*source).to_owned()))
            .collect(),
        own => own
            .iter()
            .map(|it| match &it.source {
                MappingSource::SourceAttribute(path) => (it.target.clone(), false, path.clone()),
                MappingSource::Expression(text) => (it.target.clone(), true, text.clone()),
            })
            .collect(),
    };
    let mut groups = Vec::new();
    for id in &rule.groups {
        if let Some(group) = app.store.group(visitor.home(), *id).await? {
            groups.push((group.id.to_string(), group.name));
        }
    }
    page(&MappingTab {
        shell: Shell::new(&visitor, format!("{}: attribute mapping", rule.name)),
        head: Head::of(&app, &visitor, &rule, "mapping").await?,
        rows,
        are_defaults: own.is_empty(),
        filter: rule.filter.clone().filter(|text| !text.trim().is_empty()),
        groups,
    })
}

#[derive(Template)]
#[template(path = "provisioning/rule_onboarding.html")]
struct OnboardingTab {
    shell: Shell,
    head: Head,
    facts: Vec<(String, String)>,
    guard: Vec<(&'static str, String)>,
}

/// `GET /console/rules/{id}/onboarding`
pub(in crate::console) async fn onboarding(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let limits = app.reconciler.limits(&rule).await?;
    let from = |key: &str| match (rule.configuration.contains_key(key), visitor.environment.guard.get(key)) {
        (true, _) => "this rule's own",
        (false, Some(_)) => "the environment's, from Settings",
        (false, None) => "Usher's own",
    };
    let (removals, percent) = (number(u64::from(limits.max_removals)), limits.max_percent);
    let minutes = limits.window.as_secs() / 60;
    let guard = vec![
        ("Removals in one window, at most", format!("{removals} ({})", from("GUARD_MAX_REMOVALS"))),
        ("Of the rule's identities, at most", format!("{percent} % ({})", from("GUARD_MAX_REMOVAL_PERCENT"))),
        ("Window", format!("{minutes} minutes ({})", from("GUARD_WINDOW_MINUTES"))),
    ];
    let mut facts = Vec::new();
    if rule.direction == Direction::Inbound {
        let given = |key: &str| rule.configuration.get(key);
        let switch = |key: &str, default: bool| match given(key) {
            Some(Value::Bool(on)) => *on,
            Some(Value::String(text)) => text == "true",
            _ => default,
        };
        let on = |on: bool| if on { "On".to_owned() } else { "Off".to_owned() };
        let text =
            |key: &str, default: &str| given(key).and_then(Value::as_str).unwrap_or(default).to_owned();
        let home = text("POPULATION_ID", "");
        let homes = app.store.populations(visitor.home()).await?;
        let home = homes.iter().find(|it| it.id.to_string() == home).map(|it| it.name.clone());
        let mut fact = |label: &str, value: String| facts.push((label.to_owned(), value));
        fact("Population", home.unwrap_or_else(|| "not chosen yet".to_owned()));
        let authority = given("AUTHORITY").and_then(Value::as_object);
        let side = authority.and_then(|it| it.get("*")).and_then(Value::as_str);
        let named = authority.map_or(0, |it| it.keys().filter(|key| *key != "*").count());
        let others = match named {
            0 => String::new(),
            n => {
                format!("; {} decided on their own", show::count(n as u64, "attribute is", "attributes are"))
            }
        };
        fact("Authority", format!("{}{others}", side.unwrap_or("By use")));
        fact("Allow users to be created", on(switch("CREATE_USERS", true)));
        fact("Allow users to be updated", on(switch("UPDATE_USERS", true)));
        fact("Allow users to be disabled", on(switch("DISABLE_USERS", true)));
        fact("Allow users to be deprovisioned", on(switch("DEPROVISION_USERS", false)));
        fact("Remove action", text("REMOVE_ACTION", "Disable"));
        fact("Sync only active users", on(switch("SYNC_ONLY_ACTIVE_USERS", false)));
        fact("Sync groups", on(switch("SYNC_GROUPS", false)));
        fact("Schedule", text("SCHEDULE", "daily"));
        fact("Follow events between syncs", on(switch("FOLLOW_EVENTS", false)));
    }
    page(&OnboardingTab {
        shell: Shell::new(&visitor, format!("{}: settings", rule.name)),
        head: Head::of(&app, &visitor, &rule, "onboarding").await?,
        facts,
        guard,
    })
}

#[derive(Template)]
#[template(path = "provisioning/rule_runs.html")]
struct RunsTab {
    shell: Shell,
    head: Head,
    rows: Vec<RunRow>,
    paging: Paging,
}

/// `GET /console/rules/{id}/runs`
pub(in crate::console) async fn runs(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let rule = find_rule(&app, &visitor, ids.id(0)).await?;
    let request = PageRequest { after: visitor.visit.id("after"), limit: PAGE };
    let found = app.store.runs(rule.id, &request).await?;
    page(&RunsTab {
        shell: Shell::new(&visitor, format!("{}: runs", rule.name)),
        head: Head::of(&app, &visitor, &rule, "runs").await?,
        rows: found.items.iter().map(|run| RunRow::of(run, &rule.name)).collect(),
        paging: Paging::new(&visitor, found.next),
    })
}
