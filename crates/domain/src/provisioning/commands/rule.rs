//! Making, changing, activating and deleting rules.

use serde_json::{Map, Value, json};

use super::{events, rule_settings};
use crate::{
    ConnectionId, Detail, EnvironmentId, GroupId, PlanId, PopulationId, Rejection, RuleId,
    directory::{
        change::{ChangeSet, Due, DueSubject, Write},
        commands::{
            Body, Decision, Stamp,
            body::{Chars, Faults},
            diff,
        },
        filter::Filter,
        view::UserView,
    },
    provisioning::{
        connection::{Connection, ConnectionKind},
        mapping::Mapping,
        rule::{Direction, PropagationPlan, Rule},
    },
    reconcile::{inbound, plan::Retiring, scope::Subject},
};

/// What must be known to judge a rule's body.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The environment's plan.
    pub plan: Option<&'a PropagationPlan>,
    /// The environment's connections.
    pub connections: &'a [Connection],
    /// Those of the groups that the body names ([`groups`]) that are there.
    pub groups: &'a [GroupId],
    /// The rule's mappings.
    pub mappings: &'a [Mapping],
    /// Custom attributes that users have; asked for only when [`uses_custom_attributes`] says so.
    pub custom: &'a [String],
}

/// The groups that a body names, as far as they are ids: what [`Facts::groups`] is loaded by.
pub fn groups(body: &Body) -> Vec<GroupId> {
    let named = body.get("groups").and_then(Value::as_array).into_iter().flatten();
    named.filter_map(|group| group.get("id")?.as_str()?.parse().ok()).collect()
}

/// Whether a body's filter uses attributes that must be looked for among the users' custom ones.
pub fn uses_custom_attributes(body: &Body) -> bool {
    body.get("populationExpression").and_then(Value::as_str).is_some_and(UserView::needs_custom)
}

/// Makes a rule: `name`, `sourceStore.id`, `targetStore.id` (required), `plan.id`, `description`, `active` (false
/// unless given), `populationExpression`, `groups`, `configuration`.
///
/// # Errors
/// Every fault of the body; it is to be active, and cannot be.
pub fn create(
    environment: EnvironmentId,
    body: &Body,
    facts: Facts<'_>,
    stamp: &Stamp<'_>,
) -> Decision<Rule> {
    let mut faults = Faults::default();
    let plan = plan(None, body, facts, &mut faults);
    let source = end(body, "sourceStore", facts, &mut faults);
    let target = end(body, "targetStore", facts, &mut faults);
    let is_directory = |end: &Connection| end.kind == ConnectionKind::Directory;
    let direction = match (source, target) {
        (Some(source), Some(target)) => match (is_directory(source), is_directory(target)) {
            (true, false) => Direction::Outbound,
            (false, true) => Direction::Inbound,
            (directory, _) => {
                let both = if directory { "both are the directory" } else { "neither is the directory" };
                let message = format!("A rule joins the directory and one other store, and {both}");
                faults.add(Detail::new("CONSTRAINT_VIOLATION", "targetStore.id", message));
                Direction::Outbound
            }
        },
        _ => Direction::Outbound,
    };
    let nil = ConnectionId(uuid::Uuid::nil());
    let blank = Rule {
        id: stamp.ids.next().into(),
        environment,
        plan,
        name: String::new(),
        description: None,
        source: source.map_or(nil, |it| it.id),
        target: target.map_or(nil, |it| it.id),
        direction,
        active: false,
        filter: None,
        groups: Vec::new(),
        configuration: std::collections::BTreeMap::new(),
        retiring: None,
        consent: None,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let rule = read(&blank, body, facts, &mut faults);
    faults.finish()?;
    let changes = written(&rule, "CREATED", "Created", Map::new(), stamp);
    Ok((rule, changes))
}

/// Replaces a rule: what the body leaves out is cleared. Source, target and plan never change.
///
/// # Errors
/// Every fault of the body; it is to become active, and cannot.
pub fn replace(current: &Rule, body: &Body, facts: Facts<'_>, stamp: &Stamp<'_>) -> Decision<Rule> {
    let mut faults = Faults::default();
    plan(Some(current), body, facts, &mut faults);
    for (key, own) in [("sourceStore", current.source), ("targetStore", current.target)] {
        let named: Option<ConnectionId> = faults.reference(body, key);
        if named.is_some_and(|named| named != own) {
            let message =
                format!("A rule's source and target never change; this one has {own}. Make another rule");
            faults.add(Detail::new("CONSTRAINT_VIOLATION", format!("{key}.id"), message));
        }
    }
    let mut rule = read(current, body, facts, &mut faults);
    faults.finish()?;
    let changed = diff::changed(current, &rule);
    if changed.is_empty() {
        return Ok((rule, ChangeSet::default()));
    }
    rule.updated_at = stamp.now;
    rule.version += 1;
    let changes = written(&rule, "UPDATED", "Updated", changed, stamp);
    Ok((rule, changes))
}

/// The onboarding settings that choose whom and what an inbound rule brings in.
const ONBOARDING: [&str; 4] = ["POPULATION_ID", "AUTHORITY", "SYNC_ONLY_ACTIVE_USERS", "SYNC_GROUPS"];

/// Whether the rule must look at everything again: it became active, or chooses other users or groups.
pub fn asks_for_resync(before: Option<&Rule>, after: &Rule) -> bool {
    after.active
        && before.is_none_or(|before| {
            let differs = |key: &str| before.configuration.get(key) != after.configuration.get(key);
            !before.active
                || before.filter != after.filter
                || before.groups != after.groups
                || after.direction == Direction::Inbound && ONBOARDING.into_iter().any(differs)
        })
}

/// Deletes a rule: it retires, and is gone for good when its last run is done. Its accounts are deprovisioned when
/// the connection is `managed` or `deprovision` says so, else left and forgotten. `consent` is the digest of the
/// plan that the person saw, with `deprovision`.
///
/// A rule that retires already is not there any more, unless its accounts are now to be left: the way out when the
/// remote system can never be reached again.
///
/// # Errors
/// It is not there any more.
pub fn delete(
    current: &Rule,
    connection: Option<&Connection>,
    deprovision: bool,
    consent: Option<String>,
    stamp: &Stamp<'_>,
) -> Result<ChangeSet, Rejection> {
    let managed = connection.is_some_and(|connection| connection.managed);
    // `managed` speaks of the accounts of the connection, which an inbound rule does not touch.
    let outbound = current.direction == Direction::Outbound;
    let retiring = if deprovision || outbound && managed { Retiring::Deprovision } else { Retiring::Unlink };
    let let_go = current.retiring == Some(Retiring::Deprovision) && retiring == Retiring::Unlink;
    if current.retiring.is_some() && !let_go {
        return Err(not_found(current.id));
    }
    let rule = Rule {
        retiring: Some(retiring),
        consent: consent.filter(|_| deprovision),
        updated_at: stamp.now,
        version: current.version + 1,
        ..current.clone()
    };
    Ok(written(&rule, "DELETED", "Deleted", Map::new(), stamp))
}

/// Asks for another look at one subject of a rule, at once: what it waits for may be there.
pub fn look_again(rule: &Rule, subject: Subject, stamp: &Stamp<'_>) -> ChangeSet {
    let due = match subject {
        Subject::User(user) => DueSubject::User(user),
        Subject::Group(group) => DueSubject::Group(group),
    };
    ChangeSet {
        writes: Vec::new(),
        events: vec![stamp.event(
            rule.environment,
            "PROVISIONING_SYNC.STARTED",
            events::of_rule(rule),
            format!("Started a sync of {subject} by rule {}.", rule.name),
            None,
        )],
        due: vec![Due { rule: rule.id, subject: due, at: stamp.now }],
    }
}

/// There is no such rule.
pub fn not_found(id: RuleId) -> Rejection {
    Rejection::not_found("rule", id)
}

fn plan(current: Option<&Rule>, body: &Body, facts: Facts<'_>, faults: &mut Faults) -> PlanId {
    let named: Option<PlanId> = faults.reference(body, "plan");
    let own = current.map(|rule| rule.plan).or(facts.plan.map(|plan| plan.id));
    match (named, own) {
        (None, None) => faults.required("plan.id", "make the environment's plan first"),
        (Some(named), own) if own != Some(named) => {
            let message = match (current, own) {
                (Some(_), Some(own)) => format!("A rule's plan never changes; this one has {own}"),
                (None, Some(own)) => {
                    format!("There is no plan {named} in this environment; its one plan is {own}")
                }
                (_, None) => format!("There is no plan {named} in this environment; make its one plan first"),
            };
            faults.invalid("plan.id", message);
        }
        _ => {}
    }
    own.unwrap_or(PlanId(uuid::Uuid::nil()))
}

fn end<'a>(body: &Body, key: &str, facts: Facts<'a>, faults: &mut Faults) -> Option<&'a Connection> {
    let target = format!("{key}.id");
    if matches!(body.get(key), None | Some(Value::Null)) {
        faults.required(&target, "the id of a store");
        return None;
    }
    let id: ConnectionId = faults.reference(body, key)?;
    let found = facts.connections.iter().find(|connection| connection.id == id);
    if found.is_none() {
        faults.invalid(&target, format!("There is no store {id} in this environment"));
    }
    found
}

fn read(current: &Rule, body: &Body, facts: Facts<'_>, faults: &mut Faults) -> Rule {
    let rule = Rule {
        name: faults.required_text(body, "name", 256, Chars::Printable),
        description: faults.text(body, "description", 1024, Chars::Lines),
        active: faults.boolean(body, "active").unwrap_or(false),
        filter: filter(current, body, facts, faults),
        groups: read_groups(current, body, facts, faults),
        configuration: rule_settings::read(body, current.direction, faults),
        ..current.clone()
    };
    if rule.active && !current.active {
        check_activation(&rule, facts, faults);
    }
    rule
}

fn filter(current: &Rule, body: &Body, facts: Facts<'_>, faults: &mut Faults) -> Option<String> {
    let text = match faults.text(body, "populationExpression", 8 * 1024, Chars::Lines) {
        Some(text) => text,
        None => by_populations(body, faults)?,
    };
    // What stood before is not judged again: an attribute that nobody has any more must not stop a change of name.
    if current.filter.as_ref() != Some(&text) {
        let checked = Filter::parse(&text).and_then(|filter| match current.direction {
            Direction::Outbound => UserView::check(&filter, facts.custom),
            Direction::Inbound => filter.check(&inbound::ATTRIBUTES),
        });
        if let Err(error) = checked {
            faults.invalid("populationExpression", error.to_string());
        }
    }
    Some(text)
}

/// The older way to say `population.id eq "…" or …` (facts §1.3).
fn by_populations(body: &Body, faults: &mut Faults) -> Option<String> {
    let ids: Vec<PopulationId> = list(body, "populations", faults);
    let parts: Vec<String> = ids.iter().map(|id| format!("population.id eq \"{id}\"")).collect();
    (!parts.is_empty()).then(|| parts.join(" or "))
}

fn read_groups(current: &Rule, body: &Body, facts: Facts<'_>, faults: &mut Faults) -> Vec<GroupId> {
    let groups: Vec<GroupId> = list(body, "groups", faults);
    if current.direction == Direction::Inbound && !groups.is_empty() {
        let message = "Groups are provisioned outbound only; leave `groups` out of an inbound rule";
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "groups", message));
        return groups;
    }
    for (place, group) in groups.iter().enumerate() {
        let target = format!("groups[{place}].id");
        if groups.iter().take(place).any(|other| other == group) {
            let message = format!("Group {group} is named twice; a group is provisioned once");
            faults.add(Detail::new("UNIQUENESS_VIOLATION", target, message));
        } else if !facts.groups.contains(group) {
            faults.invalid(&target, format!("There is no group {group} in this environment"));
        }
    }
    groups
}

/// `[{"id": "…"}, …]`; absent and null are none.
fn list<T: From<uuid::Uuid>>(body: &Body, key: &str, faults: &mut Faults) -> Vec<T> {
    let items = match body.get(key) {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(items)) => items,
        Some(other) => {
            faults.wrong_type(key, "a list of objects with an `id`", other);
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for (place, item) in items.iter().enumerate() {
        match item {
            Value::Object(object) => found.extend(faults.id_of(object, &format!("{key}[{place}].id"))),
            other => faults.wrong_type(&format!("{key}[{place}]"), "an object with an `id`", other),
        }
    }
    found
}

fn check_activation(rule: &Rule, facts: Facts<'_>, faults: &mut Faults) {
    if rule.direction == Direction::Inbound && rule.onboarding().population.is_none() {
        let message = "An active inbound rule says in which population new users live: give `configuration.POPULATION_ID`";
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "configuration.POPULATION_ID", message));
    }
    let mut refuse = |message: String| faults.add(Detail::new("CONSTRAINT_VIOLATION", "active", message));
    if let Some(connection) = facts.connections.iter().find(|it| it.id == rule.connection()) {
        if let ConnectionKind::Other(kind) = &connection.kind {
            refuse(format!(
                "Connection `{}` is of type `{kind}`, which Usher can keep but not drive; save the rule with active false",
                connection.name
            ));
        } else if !connection.active {
            refuse(format!(
                "Connection `{}` is INACTIVE; test it, make it ACTIVE, then make the rule active",
                connection.name
            ));
        }
    }
    if let Err(message) = maps_email(rule.direction, facts.mappings) {
        refuse(message);
    }
}

/// Accounts are made and found by e-mail: among the mappings that an active rule has, one gives it.
pub(super) fn maps_email(direction: Direction, mappings: &[Mapping]) -> Result<(), String> {
    let mapped = |target: &str| mappings.iter().any(|mapping| mapping.target == target);
    if mappings.is_empty() || mapped("email") && (direction == Direction::Outbound || mapped("username")) {
        return Ok(());
    }
    if direction == Direction::Inbound {
        return Err("An active inbound rule maps `username` and `email`, without which no user is made; map both, or give no mapping at all, so that the defaults stand".into());
    }
    Err("An active rule maps `email`, by which accounts are made and found; map it, or give no mapping at all, so that the defaults stand".into())
}

fn written(
    rule: &Rule,
    action: &str,
    verb: &str,
    changed: Map<String, Value>,
    stamp: &Stamp<'_>,
) -> ChangeSet {
    let mut changed = changed;
    if let Some(retiring) = rule.retiring {
        changed.insert("retiring".into(), json!({"from": null, "to": retiring}));
    }
    ChangeSet {
        writes: vec![Write::Rule(rule.clone())],
        events: vec![stamp.event(
            rule.environment,
            &format!("PROVISIONING_RULE.{action}"),
            events::of_rule(rule),
            format!("{verb} provisioning rule {}.", rule.name),
            Some(changed),
        )],
        due: Vec::new(),
    }
}
