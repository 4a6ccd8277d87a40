//! Runs, operations, statuses and previews.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use usher_domain::{
    ConnectionId,
    provisioning::{
        connection::Connection,
        rule::{Direction, Rule},
    },
    reconcile::{
        attributes::Attribute,
        census::{Belonging, Census},
        guard::Verdict,
        operation::{Action, Assignment},
        run::{Run, RunOperation},
        scope::{Scope, Subject},
        snapshot::AccountState,
        status::SubjectStatus,
    },
};

use usher_engine::reconcile::{Preview, explain::Explanation, sync_status::SyncStatus};

use super::{links, path, without_nulls};
use crate::{access::people::People, api::hal::Origin};

/// A run; what moved since its approval names people.
pub(crate) fn run(origin: &Origin, it: &Run, people: People) -> Value {
    let here = format!("/propagation/runs/{}", it.id);
    let mut shown = links(origin, it.environment, &here);
    shown["operations"] = origin.link(&path(it.environment, &format!("{here}/operations")));
    shown["rule"] = origin.link(&path(it.environment, &format!("/propagation/rules/{}", it.rule)));
    let hold: Vec<String> = it.hold.iter().map(ToString::to_string).collect();
    let scope = match &it.scope {
        Scope::Full => json!("FULL"),
        Scope::Subjects { users, groups } => json!({ "users": users.len(), "groups": groups.len() }),
        Scope::Accounts(accounts) => json!({ "accounts": accounts.len() }),
    };
    without_nulls(json!({
        "_links": shown,
        "id": it.id,
        "environment": { "id": it.environment },
        "rule": { "id": it.rule },
        "store": { "id": it.connection },
        "trigger": it.trigger,
        "scope": scope,
        "seats": it.seats.map(|seen| json!({
            "licensed": seen.seats.licensed,
            "used": seen.seats.used,
            "left": seen.seats.left(),
            "needed": seen.needed,
        })),
        "state": it.state,
        "digest": it.digest,
        "counts": it.counts,
        "manner": (!it.manner.is_empty()).then_some(&it.manner),
        "progress": { "done": it.done, "total": it.total },
        "guard": { "verdict": if it.hold.is_empty() { "CLEAR" } else { "HOLD" }, "reasons": hold },
        "moved": people.rows(&it.moved),
        "error": it.problem,
        "startedAt": it.started_at,
        "finishedAt": it.finished_at,
    }))
}

/// One operation of a run, with what became of it.
pub(crate) fn operation(it: &RunOperation) -> Value {
    let mut shown = planned(&it.operation);
    shown["seq"] = json!(it.seq);
    shown["outcome"] = match &it.outcome {
        None => json!("PENDING"),
        Some(outcome) => serde_json::to_value(outcome).map_or(Value::Null, |value| value["outcome"].clone()),
    };
    if let Some(problem) = it.outcome.as_ref().and_then(|outcome| outcome.problem()) {
        shown["error"] = json!(problem);
    }
    shown
}

/// An operation as it is planned: kind, subject, what is before and after.
fn planned(it: &usher_domain::reconcile::operation::Operation) -> Value {
    let kind = serde_json::to_value(&it.action).map_or(Value::Null, |value| value["kind"].clone());
    let (kind_of_subject, id) = match it.subject {
        Subject::User(id) => ("USER", id.uuid()),
        Subject::Group(id) => ("GROUP", id.uuid()),
    };
    let (before, after) = before_and_after(&it.action);
    without_nulls(json!({
        "kind": kind,
        "subject": { "type": kind_of_subject, "id": id, "name": it.label },
        "because": it.because,
        "before": before,
        "after": after,
    }))
}

fn before_and_after(action: &Action) -> (Value, Value) {
    let state = |before: &str, after: &str| (json!({ "status": before }), json!({ "status": after }));
    match action {
        Action::Suspend { .. } => state("active", "suspended"),
        Action::CancelInvitation { .. } => state("invited", "removed"),
        Action::Remove { account } => (json!({ "account": account }), Value::Null),
        Action::Unsuspend { .. } => state("suspended", "active"),
        Action::Recover { .. } => (json!({ "status": "removed" }), Value::Null),
        Action::Create { attributes } => (Value::Null, json!(attributes)),
        Action::Update { changes, .. } => {
            let side = |of: fn(&usher_domain::reconcile::operation::Change) -> &str| {
                changes
                    .iter()
                    .map(|change| (change.attribute.name(), of(change)))
                    .collect::<std::collections::BTreeMap<_, _>>()
            };
            (json!(side(|change| &change.before)), json!(side(|change| &change.after)))
        }
        Action::RemoveMember { group_name, .. } => (json!({ "group": group_name }), Value::Null),
        Action::AddMember { group_name, .. } => (Value::Null, json!({ "group": group_name })),
        Action::ForgetMember { group_name, .. } => (json!({ "group": group_name }), Value::Null),
        Action::CreateGroup { name } => (Value::Null, json!({ "name": name })),
        Action::RenameGroup { before, after, .. } => (json!({ "name": before }), json!({ "name": after })),
        Action::DeleteGroup { remote } => (json!({ "group": remote }), Value::Null),
        Action::Unlink { account } => (json!({ "account": account }), Value::Null),
        Action::Link { account, from: Some(from), .. } => {
            (json!({ "account": account, "user": from }), json!({ "account": account }))
        }
        Action::Link { account, .. } => (Value::Null, json!({ "account": account })),
        Action::LinkGroup { remote, .. } => (Value::Null, json!({ "group": remote })),
        Action::UnlinkGroup { remote } => (json!({ "group": remote }), Value::Null),
        Action::Amend { suspended_by_us, remove_at, .. } => {
            (Value::Null, json!({ "suspendedByUsher": suspended_by_us, "removeAt": remove_at }))
        }
        Action::DisableUser { .. } => (json!({ "enabled": true }), json!({ "enabled": false })),
        Action::EnableUser { .. } => (json!({ "enabled": false }), json!({ "enabled": true })),
        Action::DeleteUser { account } => (json!({ "account": account }), Value::Null),
        Action::CreateUser { account, population, enabled, values } => {
            let mut after = json!(assigned(values, |set| &set.after));
            after["account"] = json!(account);
            after["population"] = json!(population);
            after["enabled"] = json!(enabled);
            (Value::Null, after)
        }
        Action::UpdateUser { changes, .. } => {
            (json!(assigned(changes, |set| &set.before)), json!(assigned(changes, |set| &set.after)))
        }
        Action::LeaveGroup { group_name, .. } => (json!({ "group": group_name }), Value::Null),
        Action::JoinGroup { group_name, .. } => (Value::Null, json!({ "group": group_name })),
        Action::CreateDirectoryGroup { name, .. } => (Value::Null, json!({ "name": name })),
        Action::RenameDirectoryGroup { before, after, .. } => {
            (json!({ "name": before }), json!({ "name": after }))
        }
        Action::DeleteDirectoryGroup { remote } => (json!({ "group": remote }), Value::Null),
    }
}

/// Attributes of a user, by path.
fn assigned(values: &[Assignment], side: fn(&Assignment) -> &str) -> BTreeMap<&str, &str> {
    values.iter().map(|set| (&*set.attribute, side(set))).collect()
}

/// A plan that was not applied; without its people, in numbers only.
pub(crate) fn preview(it: &Preview, people: People) -> Value {
    let plan = &it.plan;
    let guard = match &it.verdict {
        Verdict::Clear => json!({ "verdict": "CLEAR", "reasons": [] }),
        Verdict::Hold { reasons } => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            json!({ "verdict": "HOLD", "reasons": reasons })
        }
    };
    let operations: Vec<Value> = people.rows(&plan.operations).iter().map(planned).collect();
    let text = match people {
        People::Shown => plan.to_string(),
        People::Counted => format!("{} {}", plan.in_numbers(), People::left_out()),
    };
    without_nulls(json!({
        "digest": it.digest,
        "counts": plan.counts(),
        "manner": (!plan.manner.is_empty()).then_some(&plan.manner),
        "guard": guard,
        "calls": it.calls,
        "seats": plan.seats.map(|seats| json!({
            "licensed": seats.licensed,
            "used": seats.used,
            "left": seats.left(),
            "needed": plan.seats_needed,
        })),
        "operations": operations,
        "findings": people.rows(&plan.findings),
        "text": text,
    }))
}

/// Accounts counted against the directory; `only` and `limit` narrow the list, not the counts.
pub(crate) fn census(
    origin: &Origin,
    connection: &Connection,
    it: &Census<'_>,
    only: Option<Belonging>,
    limit: usize,
    people: People,
) -> Value {
    let listed: Vec<Value> = people
        .rows(&it.accounts)
        .iter()
        .filter(|counted| only.is_none_or(|only| only == counted.belonging))
        .take(limit)
        .map(|counted| {
            without_nulls(json!({
                "id": counted.account.id,
                "email": counted.account.attributes.get(Attribute::Email),
                "state": state(&counted.account.state),
                "belonging": counted.belonging,
                "linked": counted.linked,
                "protected": counted.protected,
                "user": counted.user.map(|user| json!({ "id": user.id, "username": user.username })),
            }))
        })
        .collect();
    let belong = |belonging: Belonging| it.count(|counted| counted.belonging == belonging);
    let is = |word: &'static str| it.count(|counted| state(&counted.account.state) == word);
    let here = path(connection.environment, &format!("/propagation/stores/{}/census", connection.id));
    without_nulls(json!({
        "_links": { "self": origin.link(&here) },
        "accounts": it.accounts.len(),
        "matched": belong(Belonging::Matched),
        "unmatched": belong(Belonging::Unmatched),
        "ambiguous": belong(Belonging::Ambiguous),
        "active": is("ACTIVE"),
        "invited": is("INVITED"),
        "suspended": is("SUSPENDED"),
        "protected": it.count(|counted| counted.protected),
        "seats": it.seats.map(|seats| json!({
            "licensed": seats.licensed,
            "used": seats.used,
            "left": seats.left(),
        })),
        "_embedded": { "accounts": listed },
    }))
}

fn state(state: &AccountState) -> &'static str {
    match state {
        AccountState::Active => "ACTIVE",
        AccountState::Invited => "INVITED",
        AccountState::Suspended { .. } => "SUSPENDED",
        AccountState::Removed { .. } => "REMOVED",
        _ => "UNKNOWN",
    }
}

/// Where one user or group stands with one rule, in a listing of the rule.
pub(crate) fn subject_status(it: &SubjectStatus, name: Option<&str>) -> Value {
    let (kind, id) = match it.subject {
        Subject::User(id) => ("user", id.uuid()),
        Subject::Group(id) => ("group", id.uuid()),
    };
    without_nulls(json!({
        kind: without_nulls(json!({ "id": id, "name": name })),
        "status": it.standing,
        "details": it.problem.as_ref().map(ToString::to_string).unwrap_or_default(),
        "error": it.problem,
        "attempts": it.attempts,
        "lastSyncAt": it.at,
    }))
}

/// Where one user or group stands with one rule, as PingOne shows it.
pub(crate) fn synced_rule(
    origin: &Origin,
    rule: &Rule,
    connections: &[Connection],
    here: &str,
    it: &SubjectStatus,
) -> Value {
    let store = |id| end(id, connections.iter().find(|connection| connection.id == id));
    json!({
        "_links": links(origin, rule.environment, here),
        "rule": { "id": rule.id, "name": rule.name },
        "sourceStore": store(rule.source),
        "targetStore": store(rule.target),
        "environment": { "id": rule.environment },
        "type": match rule.direction { Direction::Outbound => "OUTBOUND", Direction::Inbound => "INBOUND" },
        "status": it.standing,
        "lastSyncAt": it.at,
        "details": it.problem.as_ref().map(ToString::to_string).unwrap_or_default(),
    })
}

/// How a rule stands.
pub(crate) fn sync_status(origin: &Origin, rule: &Rule, it: &SyncStatus, people: People) -> Value {
    let here = format!("/propagation/rules/{}/syncStatus", rule.id);
    json!({
        "_links": { "self": origin.link(&path(rule.environment, &here)) },
        "status": it.state.name(),
        "detail": it.detail,
        "worker": it.worker.name(),
        "direction": rule.direction,
        "source": end(rule.source, it.source.as_ref()),
        "target": end(rule.target, it.target.as_ref()),
        "lastSyncAt": it.last_sync_at,
        "nextSyncAt": it.next_sync_at,
        "followedEvents": it.following.as_ref().map(|it| {
            without_nulls(json!({ "lastReadAt": it.read_at, "error": it.problem }))
        }),
        "users": it.users,
        "groups": it.groups,
        "currentRun": it.current.as_ref().map(|it| run(origin, it, people)),
    })
}

/// One end of a rule.
fn end(id: ConnectionId, it: Option<&Connection>) -> Value {
    let kind = it.map_or("", |connection| connection.kind.name());
    json!({ "id": id, "name": it.map(|connection| &connection.name), "type": kind })
}

/// What one rule makes of one user.
pub(crate) fn explanation(it: &Explanation) -> Value {
    let values: Vec<Value> = it
        .values
        .iter()
        .map(|value| {
            json!({
                "attribute": value.attribute,
                "value": value.wanted,
                "inputs": value.inputs,
                "remote": value.remote,
            })
        })
        .collect();
    without_nulls(json!({
        "rule": { "id": it.rule.id, "name": it.rule.name },
        "scope": without_nulls(json!({ "inScope": it.in_scope, "clause": it.clause })),
        "link": it.link.as_ref().map(|link| json!({
            "account": link.account,
            "origin": link.origin,
            "suspendedByUsher": link.suspended_by_us,
            "removeAt": link.remove_at,
        })),
        "values": values,
        "remote": it.remote,
        "next": it.next,
        "problems": it.problems,
        "status": it.status.as_ref().map(|status| status.standing),
        "steps": it.steps,
    }))
}
