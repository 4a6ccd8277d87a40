//! Making and changing environments.

use super::{
    Body, Decision, Stamp,
    body::{Chars, Faults},
    diff, events,
};
use crate::{
    EnvironmentId,
    directory::{
        change::{ChangeSet, Write},
        environment::Environment,
    },
};

/// Makes an environment of that id: `name` (required), `description`. It needs a population and the connection to the
/// directory beside it.
///
/// # Errors
/// Every fault of the body.
pub fn create(id: EnvironmentId, body: &Body, stamp: &Stamp<'_>) -> Decision<Environment> {
    let (name, description) = read(body)?;
    let environment =
        Environment { id, name, description, created_at: stamp.now, updated_at: stamp.now, version: 1 };
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

/// Replaces an environment's name and description.
///
/// # Errors
/// Every fault of the body.
pub fn replace(current: &Environment, body: &Body, stamp: &Stamp<'_>) -> Decision<Environment> {
    let (name, description) = read(body)?;
    let mut environment = Environment { name, description, ..current.clone() };
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
