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
use usher_engine::reconcile::{seats::TeamSeats, sync_status::SyncStatus};

use super::{
    chart,
    error::ConsoleResult,
    page::{Shell, page},
    show::{self, Badge, Time, count, number},
    visitor::Visitor,
};
use crate::{
    access::permission::Permission::{
        ReadActivities, ReadConfiguration, ReadIdentities, WriteConfiguration, WriteIdentities,
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
    /// Impacted, success, unsynced, partial, failed.
    users: [String; 5],
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
    seats: Option<SeatsShown>,
}

/// A team's licences, as last seen.
struct SeatsShown {
    used: String,
    licensed: String,
    left: u32,
    at: Time,
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
    let mut seats = Vec::new();
    for connection in &connections {
        let all = rules.iter().map(|(rule, _)| rule);
        let ours: Vec<&Rule> = all.filter(|rule| rule.connection() == connection.id).collect();
        seats.push(app.reconciler.team_seats(&ours).await?);
    }
    let mut todo = todo(&rules, &connections, &seats, visitor.may(ReadIdentities));
    if visitor.may(ReadActivities) {
        let check = app.store.last_check(home).await?;
        if let Some(what) = check.and_then(|check| check.tampering) {
            todo.insert(0, tampered(what));
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
        todo,
        tiles,
        rules: rules.iter().map(|(rule, status)| row(rule, status)).collect(),
        teams: connections.iter().zip(&seats).map(|(it, seats)| team(it, seats.as_ref())).collect(),
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
fn todo(
    rules: &[(Rule, SyncStatus)],
    connections: &[Connection],
    seats: &[Option<TeamSeats>],
    may_see_people: bool,
) -> Vec<Todo> {
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
    for (connection, seats) in connections.iter().zip(seats) {
        todo.extend(seats.as_ref().and_then(|seats| too_few(connection, seats, rules)));
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

fn tampered(what: String) -> Todo {
    Todo {
        badge: Badge { class: "bad", word: "Tampered" },
        title: "The audit was tampered with".into(),
        detail: format!("{what}. Keep this database as it is, and compare it with a backup."),
        href: "/console/audit".into(),
        action: "To the audit",
    }
}

/// What is to be bought or freed, while somebody still waits for it.
fn too_few(connection: &Connection, seats: &TeamSeats, rules: &[(Rule, SyncStatus)]) -> Option<Todo> {
    let waits = |of: &Rule| {
        let status = rules.iter().find(|(rule, _)| rule.id == of.id).map(|(_, status)| status);
        of.active && status.is_some_and(|status| status.users.success < status.users.impacted)
    };
    let short: Vec<_> = seats.short.iter().filter(|(rule, _)| waits(rule)).collect();
    let missing: u32 = short.iter().map(|(_, seen)| seen.missing()).sum();
    let (rule, seen) = short.first()?;
    let needed = count(seen.needed.into(), "licence", "licences");
    Some(Todo {
        badge: Badge { class: "warn", word: "Licences" },
        title: format!("{} of “{}” missing", count(missing.into(), "licence", "licences"), connection.name),
        detail: format!(
            "“{}” needs {needed}, and {} of {} were left when it last looked at the whole team. Buy licences, or free \
             some by removing members; whoever has none waits, and is tried again by itself.",
            rule.name,
            number(seen.seats.left().into()),
            number(seen.seats.licensed.into()),
        ),
        href: format!("/console/rules/{}/preview", rule.id),
        action: "Preview the rule",
    })
}

fn row(rule: &Rule, status: &SyncStatus) -> RuleRow {
    let running = status.current.as_ref().filter(|run| run.state != RunState::Held);
    RuleRow {
        id: rule.id.to_string(),
        name: rule.name.clone(),
        direction: show::direction(rule.direction),
        state: show::rule_state(status.state),
        users: {
            let StatusCounts { impacted, success, unsynced, partial, failed } = status.users;
            [impacted, success, unsynced, partial, failed].map(number)
        },
        last: status.last_sync_at.map(Time),
        next: status.next_sync_at.map(Time),
        running: running.map(|run| (run.done, run.total)),
    }
}

fn team(connection: &Connection, seats: Option<&TeamSeats>) -> Team {
    let (team, own) = match &connection.health {
        Health::Valid { team, own_email, .. } => (team.clone(), own_email.clone()),
        _ => (String::new(), String::new()),
    };
    Team {
        id: connection.id.to_string(),
        name: connection.name.clone(),
        team,
        own,
        seats: seats.map(|seen| SeatsShown {
            used: number(seen.seats.used.into()),
            licensed: number(seen.seats.licensed.into()),
            left: seen.seats.left(),
            at: Time(seen.at),
        }),
        state: show::connection(connection),
    }
}
