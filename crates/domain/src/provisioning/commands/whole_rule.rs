//! A rule together with its mappings, as a form saves them: one decision, so that a rule never runs with half of what
//! was meant.

use serde_json::json;

use super::{mapping, plan, rule};
use crate::{
    EnvironmentId, Rejection,
    directory::{
        change::ChangeSet,
        commands::{Body, Decision, Stamp},
    },
    provisioning::{
        connection::Connection,
        mapping::Mapping,
        rule::{PropagationPlan, Rule},
    },
};

/// A rule with all its mappings.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeRule {
    /// The rule.
    pub rule: Rule,
    /// Its mappings; none are the defaults.
    pub mappings: Vec<Mapping>,
}

/// Makes the environment's plan, if it has none, so that a form need not speak of it.
///
/// # Errors
/// None that a person can be at fault for.
pub fn plan_for(
    environment: EnvironmentId,
    existing: Option<&PropagationPlan>,
    stamp: &Stamp<'_>,
) -> Decision<PropagationPlan> {
    match existing {
        Some(plan) => Ok((plan.clone(), ChangeSet::default())),
        None => {
            let body = json!({ "name": "Provisioning" }).as_object().cloned().unwrap_or_default();
            plan::create(environment, &body, None, stamp)
        }
    }
}

/// Makes or replaces a rule, and gives it exactly these mappings. One that maps to the same target as one that is there
/// replaces it. Faults of a mapping are told with its place: `mappings[1].expression`.
///
/// # Errors
/// Every fault of the rule's body, or of the mappings.
pub fn save(
    environment: EnvironmentId,
    current: Option<&Rule>,
    body: &Body,
    mappings: &[Body],
    facts: rule::Facts<'_>,
    stamp: &Stamp<'_>,
) -> Decision<WholeRule> {
    let (rule, mut changes) = match current {
        None => rule::create(environment, body, facts, stamp)?,
        // Judged anew below, with its mappings; what else is wrong is told first.
        Some(current) => rule::replace(current, &quiet(body), facts, stamp)?,
    };
    let (mappings, of_mappings) = replace_mappings(&rule, mappings, facts, stamp)?;
    let rule = match current {
        None => rule,
        Some(current) => {
            let facts = rule::Facts { mappings: &mappings, ..facts };
            let (rule, of_rule) = rule::replace(current, body, facts, stamp)?;
            changes = of_rule;
            rule
        }
    };
    if rule.active {
        rule::maps_email(rule.direction, &mappings)
            .map_err(|message| Rejection::field("CONSTRAINT_VIOLATION", "mappings", message))?;
    }
    changes.writes.extend(of_mappings.writes);
    changes.events.extend(of_mappings.events);
    Ok((WholeRule { rule, mappings }, changes))
}

/// The body of a rule that does not run, which no mapping is asked of.
fn quiet(body: &Body) -> Body {
    let mut body = body.clone();
    body.insert("active".to_owned(), false.into());
    body
}

fn replace_mappings(
    rule: &Rule,
    wanted: &[Body],
    facts: rule::Facts<'_>,
    stamp: &Stamp<'_>,
) -> Decision<Vec<Mapping>> {
    // Which attributes accounts have is the connection's business, so it is only asked of one that is there.
    let connection: &Connection =
        facts.connections.iter().find(|it| it.id == rule.connection()).ok_or_else(|| {
            Rejection::conflict(
                "The rule's connection is gone: delete the rule, or make the connection again",
            )
        })?;
    let asleep = Rule { active: false, ..rule.clone() };
    let target =
        |body: &Body| body.get("targetAttribute").and_then(|it| it.as_str()).unwrap_or("").to_owned();
    let mut changes = ChangeSet::default();
    let mut faults = Vec::new();
    let mut now: Vec<Mapping> = Vec::new();
    for old in facts.mappings {
        if wanted.iter().any(|body| target(body) == old.target) {
            continue;
        }
        let judged = mapping::Facts { rule: &asleep, connection, mappings: &[], custom: facts.custom };
        merge(&mut changes, mapping::delete(old, judged, stamp)?);
    }
    for (place, body) in wanted.iter().enumerate() {
        let judged = mapping::Facts { rule: &asleep, connection, mappings: &now, custom: facts.custom };
        let taken = now.iter().any(|it| it.target == target(body));
        let old = facts.mappings.iter().find(|it| !taken && it.target == target(body));
        let decided = match old {
            Some(old) => mapping::replace(old, body, judged, stamp),
            None => mapping::create(body, judged, stamp),
        };
        match decided {
            Ok((mapping, more)) => {
                now.push(mapping);
                merge(&mut changes, more);
            }
            Err(rejection) => faults.extend(rejection.details.into_iter().map(|mut fault| {
                fault.target = format!("mappings[{place}].{}", fault.target);
                fault
            })),
        }
    }
    if faults.is_empty() { Ok((now, changes)) } else { Err(Rejection::invalid(faults)) }
}

fn merge(changes: &mut ChangeSet, more: ChangeSet) {
    changes.writes.extend(more.writes);
    changes.events.extend(more.events);
}
