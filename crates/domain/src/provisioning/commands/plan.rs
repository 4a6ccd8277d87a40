//! The one plan of an environment.

use super::{events, status};
use crate::{
    Detail, EnvironmentId, Rejection,
    directory::{
        change::{ChangeSet, Write},
        commands::{
            Body, Decision, Stamp,
            body::{Chars, Faults},
            diff,
        },
    },
    provisioning::{
        connection::Connection,
        rule::{PropagationPlan, Rule},
    },
};

/// Makes the plan: `name` (required), `status` (`INACTIVE` unless given).
///
/// # Errors
/// There is one already; every fault of the body.
pub fn create(
    environment: EnvironmentId,
    body: &Body,
    existing: Option<&PropagationPlan>,
    stamp: &Stamp<'_>,
) -> Decision<PropagationPlan> {
    let mut faults = Faults::default();
    let name = faults.required_text(body, "name", 256, Chars::Printable);
    let active = status(body, &mut faults).unwrap_or(false);
    if let Some(plan) = existing {
        let message =
            format!("The environment has an existing plan, `{}` ({}); use that one", plan.name, plan.id);
        faults.add(Detail::new("UNIQUENESS_VIOLATION", "environment", message.clone()));
        // Clients look for these words in the message of the whole, too.
        let rejection = faults.finish().map_err(|rejection| Rejection { message, ..rejection });
        rejection?;
        return Ok((plan.clone(), ChangeSet::default()));
    }
    faults.finish()?;
    let plan = PropagationPlan {
        id: stamp.ids.next().into(),
        environment,
        name,
        active,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let changes = ChangeSet {
        writes: vec![Write::Plan(plan.clone())],
        events: vec![stamp.event(
            environment,
            "PROVISIONING_PLAN.CREATED",
            events::of_plan(&plan),
            format!("Created provisioning plan {}.", plan.name),
            None,
        )],
        due: Vec::new(),
    };
    Ok((plan, changes))
}

/// Replaces the plan's name and status.
///
/// # Errors
/// Every fault of the body.
pub fn replace(current: &PropagationPlan, body: &Body, stamp: &Stamp<'_>) -> Decision<PropagationPlan> {
    let mut faults = Faults::default();
    let name = faults.required_text(body, "name", 256, Chars::Printable);
    let active = status(body, &mut faults).unwrap_or(false);
    faults.finish()?;
    let mut plan = PropagationPlan { name, active, ..current.clone() };
    let changed = diff::changed(current, &plan);
    if changed.is_empty() {
        return Ok((plan, ChangeSet::default()));
    }
    plan.updated_at = stamp.now;
    plan.version += 1;
    let changes = ChangeSet {
        writes: vec![Write::Plan(plan.clone())],
        events: vec![stamp.event(
            plan.environment,
            "PROVISIONING_PLAN.UPDATED",
            events::of_plan(&plan),
            format!("Updated provisioning plan {}.", plan.name),
            Some(changed),
        )],
        due: Vec::new(),
    };
    Ok((plan, changes))
}

/// Deletes the plan with its rules and their mappings; the accounts that the rules made are left as they are.
///
/// # Errors
/// A rule's accounts are to be deprovisioned when it is deleted: such rules are deleted one by one before.
pub fn delete(
    current: &PropagationPlan,
    rules: &[Rule],
    connections: &[Connection],
    stamp: &Stamp<'_>,
) -> Result<ChangeSet, Rejection> {
    let managed = |rule: &&Rule| {
        rule.retiring.is_some()
            || connections.iter().any(|connection| connection.id == rule.connection() && connection.managed)
    };
    let mut faults = Faults::default();
    for rule in rules.iter().filter(|rule| rule.plan == current.id).filter(managed) {
        let message = if rule.retiring.is_some() {
            format!(
                "Rule `{}` of the plan is still being deleted; wait until its last run is done",
                rule.name
            )
        } else {
            format!(
                "Rule `{}` of the plan is on a connection that deprovisions on rule deletion (managed); delete the rule first",
                rule.name
            )
        };
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "rules", message));
    }
    faults.finish()?;
    Ok(ChangeSet {
        writes: vec![Write::PlanGone(current.id)],
        events: vec![stamp.event(
            current.environment,
            "PROVISIONING_PLAN.DELETED",
            events::of_plan(current),
            format!("Deleted provisioning plan {}.", current.name),
            None,
        )],
        due: Vec::new(),
    })
}
