//! The first page: what needs a person now, how things went, and how each rule and team stands.

use askama::Template;
use axum::extract::State;
use usher_domain::{
    Timestamp,
    ports::store::StoreResult,
    provisioning::{
        connection::{Connection, ConnectionKind, Health},
        rule::Rule,
    },
    reconcile::{run::RunState, status::StatusCounts},
};
use usher_engine::reconcile::sync_status::SyncStatus;

use super::{
    chart,
    error::ConsoleResult,
    page::{Shell, page},
    show::{self, Badge, Time, count, number},
    visitor::Visitor,
};
use crate::{
    access::permission::Permission::{
        ReadConfiguration, ReadIdentities, WriteConfiguration, WriteIdentities,
    },
    state::AppState,
};

/// How many days the charts go back.
const DAYS: i64 = 30;
/// What changes people and groups in the directory.
const CHANGES: [&str; 9] = [
    "USER.CREATED",
    "USER.UPDATED",
    "USER.MOVED",
    "USER.DELETED",
    "GROUP.CREATED",
    "GROUP.UPDATED",
    "GROUP.DELETED",
    "MEMBER_OF_GROUP.CREATED",
    "MEMBER_OF_GROUP.DELETED",
];
/// A run started.
const STARTED: &str = "PROVISIONING_SYNC.STARTED";
/// What went wrong in syncs.
const FAILURES: [&str; 5] = [
    "PROVISIONING_SYNC.FAILURE",
    "PROVISIONING_POLL.FAILURE",
    "PROVISIONING_IDENTITY_SYNC.FAILURE",
    "PROVISIONING_GROUP_SYNC.FAILURE",
    "PROVISIONING_GROUP_MEMBERSHIP_SYNC.FAILURE",
];

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    shell: Shell,
    todo: Vec<Todo>,
    tiles: Vec<Tile>,
    rules: Vec<RuleRow>,
    teams: Vec<Team>,
    changes: String,
    syncs: String,
    any_change: bool,
    any_sync: bool,
    may_see: bool,
    may_set_up: bool,
    may_write: bool,
    empty_directory: bool,
}

/// Something that waits for a person.
struct Todo {
    badge: Badge,
    title: String,
    detail: String,
    href: String,
    action: &'static str,
}

struct Tile {
    label: &'static str,
    value: String,
    class: &'static str,
    href: &'static str,
}

struct RuleRow {
    id: String,
    name: String,
    direction: &'static str,
    state: Badge,
    users: StatusCounts,
    last: Option<Time>,
    next: Option<Time>,
    running: Option<(u64, u64)>,
}

struct Team {
    id: String,
    name: String,
    team: String,
    state: Badge,
    own: String,
}

/// `GET /console`
pub(super) async fn show(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let home = visitor.home();
    let may_see = visitor.may(ReadConfiguration);
    let mut rules = Vec::new();
    let mut connections = Vec::new();
    if may_see {
        connections = app.store.connections(home).await?;
        connections.retain(|it| it.kind != ConnectionKind::Directory);
        for rule in app.reconciler.rules(home).await? {
            let status = app.reconciler.sync_status(&rule).await?;
            rules.push((rule, status));
        }
    }
    let users = app.directory.count_users(home).await?;
    let mut tiles = Vec::new();
    if visitor.may(ReadIdentities) {
        let groups = app.store.groups(home).await?.len() as u64;
        tiles.push(Tile { label: "Users", value: number(users), class: "", href: "/console/users" });
        tiles.push(Tile { label: "Groups", value: number(groups), class: "", href: "/console/groups" });
    }
    let sum = |of: fn(&StatusCounts) -> u64| rules.iter().map(|(_, status)| of(&status.users)).sum::<u64>();
    if may_see {
        let (success, failed) = (sum(|it| it.success), sum(|it| it.failed));
        let class = |n: u64, class| if n > 0 { class } else { "" };
        tiles.push(Tile {
            label: "Synced",
            value: number(success),
            class: class(success, "good"),
            href: "/console/rules",
        });
        let failed_class = class(failed, "bad");
        tiles.push(Tile {
            label: "Failed",
            value: number(failed),
            class: failed_class,
            href: "/console/rules",
        });
    }
    let today = chart::day_of(app.clock.now());
    let (changes, syncs) = activity(&app, &visitor, today).await?;
    let total = |days: &[(u64, u64)]| days.iter().fold((0, 0), |sum, day| (sum.0 + day.0, sum.1 + day.1));
    let (changed, (started, failed)) = (total(&changes).0, total(&syncs));
    let changes_title = format!("Changes in the directory in the last {DAYS} days: {changed}");
    let syncs_title = format!("Runs in the last {DAYS} days: {started}; failures: {failed}");
    page(&Overview {
        shell: Shell::new(&visitor, "Overview"),
        todo: todo(&rules, &connections, visitor.may(ReadIdentities)),
        tiles,
        rules: rules.iter().map(|(rule, status)| row(rule, status)).collect(),
        teams: connections.iter().map(team).collect(),
        changes: chart::days(&changes_title, today, &changes),
        syncs: chart::days(&syncs_title, today, &syncs),
        any_change: changed > 0,
        any_sync: started + failed > 0,
        may_see,
        may_set_up: visitor.may(WriteConfiguration),
        may_write: visitor.may(WriteIdentities),
        empty_directory: users == 0,
    })
}

/// By day: changes in the directory; runs that started, and failures.
async fn activity(
    app: &AppState,
    visitor: &Visitor,
    today: i64,
) -> StoreResult<(Vec<(u64, u64)>, Vec<(u64, u64)>)> {
    let first = today - DAYS + 1;
    let all = [&CHANGES[..], &[STARTED], &FAILURES].concat();
    let since = Timestamp::from_millis(first * 24 * 3600 * 1000);
    let days = usize::try_from(DAYS).unwrap_or(0);
    let (mut changes, mut syncs) = (vec![(0, 0); days], vec![(0, 0); days]);
    for (day, action, n) in app.store.activity(visitor.home(), &all, since).await? {
        let Some(at) = usize::try_from(day - first).ok().filter(|at| *at < days) else { continue };
        if action == STARTED {
            syncs[at].0 += n;
        } else if FAILURES.contains(&action.as_str()) {
            syncs[at].1 += n;
        } else {
            changes[at].0 += n;
        }
    }
    Ok((changes, syncs))
}

/// What waits for a person, the most pressing first. Who failed is named to who may see people.
fn todo(rules: &[(Rule, SyncStatus)], connections: &[Connection], may_see_people: bool) -> Vec<Todo> {
    let mut todo = Vec::new();
    for (rule, status) in rules {
        let held = status.current.as_ref().filter(|run| run.state == RunState::Held);
        if let Some(run) = held {
            todo.push(Todo {
                badge: show::run_state(RunState::Held),
                title: format!("A run of “{}” waits for approval", rule.name),
                detail: show::hold(&run.hold).join(" "),
                href: format!("/console/runs/{}", run.id),
                action: "Look at the run",
            });
        }
    }
    for connection in connections {
        let (word, what) = match &connection.health {
            Health::Broken { problem, .. } => ("Failed", problem.to_string()),
            Health::Untested => ("Not tested", "It was never tested, and no rule runs on it.".to_owned()),
            Health::Valid { .. } if !connection.active => {
                ("Inactive", "It is switched off, and no rule runs on it.".to_owned())
            }
            Health::Valid { .. } => continue,
        };
        todo.push(Todo {
            badge: Badge { class: if word == "Failed" { "bad" } else { "warn" }, word },
            title: format!("The connection “{}” needs you", connection.name),
            detail: what,
            href: format!("/console/connections/{}", connection.id),
            action: "To the connection",
        });
    }
    for (rule, status) in rules {
        let failed = status.users.failed + status.groups.failed;
        if failed > 0 {
            todo.push(Todo {
                badge: Badge { class: "bad", word: "Failed" },
                title: format!("{} of “{}” failed", count(failed, "identity", "identities"), rule.name),
                detail: "Each has its reason and what to do about it.".into(),
                href: if may_see_people {
                    format!("/console/rules/{}/directory?of=users&standing=failed", rule.id)
                } else {
                    format!("/console/rules/{}", rule.id)
                },
                action: "Show them",
            });
        }
    }
    todo
}

fn row(rule: &Rule, status: &SyncStatus) -> RuleRow {
    let running = status.current.as_ref().filter(|run| run.state != RunState::Held);
    RuleRow {
        id: rule.id.to_string(),
        name: rule.name.clone(),
        direction: show::direction(rule.direction),
        state: show::rule_state(status.state),
        users: status.users,
        last: status.last_sync_at.map(Time),
        next: status.next_sync_at.map(Time),
        running: running.map(|run| (run.done, run.total)),
    }
}

fn team(connection: &Connection) -> Team {
    let (team, own) = match &connection.health {
        Health::Valid { team, own_email, .. } => (team.clone(), own_email.clone()),
        _ => (String::new(), String::new()),
    };
    Team {
        id: connection.id.to_string(),
        name: connection.name.clone(),
        team,
        own,
        state: show::connection(connection),
    }
}
