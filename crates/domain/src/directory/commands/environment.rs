//! Making and changing environments.

use serde_json::{Value, json};

use super::{
    Body, Decision, Stamp,
    body::{Chars, Faults},
    diff, events,
};
use crate::{
    Detail, EnvironmentId,
    directory::{
        audit::Event,
        change::{ChangeSet, Write},
        environment::{Environment, GUARD_SETTINGS, GuardDefaults},
    },
};

/// Makes an environment of that id: `name` (required), `description`. It needs a population and the connection to the
/// directory beside it.
///
/// # Errors
/// Every fault of the body.
pub fn create(id: EnvironmentId, body: &Body, stamp: &Stamp<'_>) -> Decision<Environment> {
    let (name, description) = read(body)?;
    let environment = Environment {
        id,
        name,
        description,
        guard: GuardDefaults::default(),
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let event = stamp.event(
        environment.id,
        "ENVIRONMENT.CREATED",
        events::of_environment(&environment),
        format!("Created Environment {}", environment.name),
        None,
    );
    let changes = ChangeSet {
        writes: vec![Write::Environment(environment.clone())],
        events: vec![event],
        due: Vec::new(),
    };
    Ok((environment, changes))
}

/// The audit event for an export of the whole configuration.
pub fn exported(environment: &Environment, stamp: &Stamp<'_>) -> Event {
    let description = format!("Exported the configuration of Environment {}", environment.name);
    stamp.event(
        environment.id,
        "ENVIRONMENT.EXPORTED",
        events::of_environment(environment),
        description,
        None,
    )
}

/// Replaces an environment's name and description.
///
/// # Errors
/// Every fault of the body.
pub fn replace(current: &Environment, body: &Body, stamp: &Stamp<'_>) -> Decision<Environment> {
    let (name, description) = read(body)?;
    changed(current, Environment { name, description, ..current.clone() }, stamp)
}

/// Replaces the guard's limits for rules that set none of their own: `configuration`, by the names of
/// [`GUARD_SETTINGS`]. What is left out is as Usher has it.
///
/// # Errors
/// Every fault of the body.
pub fn replace_guard(current: &Environment, body: &Body, stamp: &Stamp<'_>) -> Decision<Environment> {
    let mut faults = Faults::default();
    if matches!(body.get("configuration"), None | Some(Value::Null)) {
        faults.required(
            "configuration",
            "an object such as {\"GUARD_MAX_REMOVALS\": 20}; {} is as Usher has it",
        );
    }
    let given = faults.object(body, "configuration");
    let mut guard = GuardDefaults::default();
    for (key, value) in given.into_iter().flatten() {
        let target = format!("configuration.{key}");
        let Some((_, max)) = GUARD_SETTINGS.iter().find(|(name, _)| name == key) else {
            let names = GUARD_SETTINGS.map(|(name, _)| name);
            let message = format!("`{key}` is not a setting of the guard; there are {}", names.join(", "));
            faults.add(
                Detail::new("INVALID_VALUE", target, message).with_inner(json!({"allowedValues": names})),
            );
            continue;
        };
        if value.is_null() {
            continue;
        }
        if let Some(number) = faults.guard_setting(&target, key, value, *max) {
            guard.0.insert(key.clone(), number);
        }
    }
    faults.finish()?;
    changed(current, Environment { guard, ..current.clone() }, stamp)
}

/// Writes it, if it differs.
fn changed(current: &Environment, mut environment: Environment, stamp: &Stamp<'_>) -> Decision<Environment> {
    let changed = diff::changed(current, &environment);
    if changed.is_empty() {
        return Ok((environment, ChangeSet::default()));
    }
    environment.updated_at = stamp.now;
    environment.version += 1;
    let event = stamp.event(
        environment.id,
        "ENVIRONMENT.UPDATED",
        events::of_environment(&environment),
        format!("Updated {} for Environment {}", diff::fields(&changed), environment.name),
        Some(changed),
    );
    let changes = ChangeSet {
        writes: vec![Write::Environment(environment.clone())],
        events: vec![event],
        due: Vec::new(),
    };
    Ok((environment, changes))
}

fn read(body: &Body) -> Result<(String, Option<String>), crate::Rejection> {
    let mut faults = Faults::default();
    let name = faults.required_text(body, "name", 256, Chars::Printable);
    let description = faults.text(body, "description", 1024, Chars::Lines);
    faults.finish()?;
    Ok((name, description))
}
