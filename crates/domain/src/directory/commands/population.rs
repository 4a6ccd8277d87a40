//! Making, changing and deleting populations. There is always one, and exactly one of them is the default.

use serde_json::json;

use super::{
    Body, Decision, Stamp,
    body::{Chars, Faults},
    diff, events,
};
use crate::{
    Detail, EnvironmentId, Rejection,
    directory::{
        change::{ChangeSet, Write},
        population::Population,
    },
};

/// The most populations of an environment (facts §1.12).
pub const MAX_POPULATIONS: usize = 10_000;

/// Makes a population: `name` (required, unique), `description`, `default`. The first one is the default, whatever
/// it says. `all` are those of the environment.
///
/// # Errors
/// Every fault of the body.
pub fn create(
    environment: EnvironmentId,
    body: &Body,
    all: &[Population],
    stamp: &Stamp<'_>,
) -> Decision<Population> {
    let mut faults = Faults::default();
    let read = read(body, None, all, &mut faults);
    if all.len() >= MAX_POPULATIONS {
        let message = format!("The environment has {MAX_POPULATIONS} populations, the most that are allowed");
        faults.add(
            Detail::new("SIZE_LIMIT_EXCEEDED", "environment", message)
                .with_inner(json!({"maximumValue": MAX_POPULATIONS})),
        );
    }
    faults.finish()?;
    let population = Population {
        id: stamp.ids.next().into(),
        environment,
        name: read.name,
        description: read.description,
        default: read.default == Some(true) || all.is_empty(),
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let mut changes = dethrone(&population, all, stamp);
    changes.writes.push(Write::Population(population.clone()));
    changes.events.push(stamp.event(
        environment,
        "POPULATION.CREATED",
        events::of_population(&population),
        format!("Created Population {}", population.name),
        None,
    ));
    Ok((population, changes))
}

/// Replaces a population. `default: true` makes it the default in place of the one before.
///
/// # Errors
/// Every fault of the body; `default: false` for the default is one.
pub fn replace(
    current: &Population,
    body: &Body,
    all: &[Population],
    stamp: &Stamp<'_>,
) -> Decision<Population> {
    let mut faults = Faults::default();
    let read = read(body, Some(current), all, &mut faults);
    if current.default && read.default == Some(false) {
        let message =
            "There is exactly one default population, and this is it; make another one the default instead";
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "default", message));
    }
    faults.finish()?;
    let mut population = Population {
        name: read.name,
        description: read.description,
        default: current.default || read.default == Some(true),
        ..current.clone()
    };
    let changed = diff::changed(current, &population);
    if changed.is_empty() {
        return Ok((population, ChangeSet::default()));
    }
    population.updated_at = stamp.now;
    population.version += 1;
    let mut changes = dethrone(&population, all, stamp);
    changes.writes.push(Write::Population(population.clone()));
    changes.events.push(stamp.event(
        population.environment,
        "POPULATION.UPDATED",
        events::of_population(&population),
        format!("Updated {} for Population {}", diff::fields(&changed), population.name),
        Some(changed),
    ));
    Ok((population, changes))
}

/// Deletes a population in which nobody lives and to which no group is confined.
///
/// # Errors
/// Why it must stay.
pub fn delete(
    current: &Population,
    all: &[Population],
    users: u64,
    groups: usize,
    stamp: &Stamp<'_>,
) -> Result<ChangeSet, Rejection> {
    let mut faults = Faults::default();
    let mut stays = |target: &str, message: String| {
        faults.add(Detail::new("CONSTRAINT_VIOLATION", target, message));
    };
    if all.iter().all(|other| other.id == current.id) {
        stays(
            "environment",
            "The environment must contain at least one population, and this is the last".into(),
        );
    } else if current.default {
        stays(
            "default",
            "This is the default population; make another one the default, then delete it".into(),
        );
    }
    if users > 0 {
        stays("users", format!("{users} users live in this population; move or delete them, then delete it"));
    }
    if groups > 0 {
        stays("groups", format!("{groups} groups belong to this population; delete them, then delete it"));
    }
    faults.finish()?;
    Ok(ChangeSet {
        writes: vec![Write::PopulationGone(current.id)],
        events: vec![stamp.event(
            current.environment,
            "POPULATION.DELETED",
            events::of_population(current),
            format!("Deleted Population {}", current.name),
            None,
        )],
        due: Vec::new(),
    })
}

struct Read {
    name: String,
    description: Option<String>,
    default: Option<bool>,
}

fn read(body: &Body, current: Option<&Population>, all: &[Population], faults: &mut Faults) -> Read {
    let name = faults.required_text(body, "name", 256, Chars::Printable);
    let taken =
        |other: &&Population| Some(other.id) != current.map(|it| it.id) && same_name(&other.name, &name);
    if let Some(other) = all.iter().find(taken) {
        let message =
            format!("The environment has a population named `{}` already; names are unique", other.name);
        faults.add(Detail::new("UNIQUENESS_VIOLATION", "name", message));
    }
    Read {
        name,
        description: faults.text(body, "description", 1024, Chars::Lines),
        default: faults.boolean(body, "default"),
    }
}

/// Takes the crown from the default population of before, when the new one claims it.
fn dethrone(new: &Population, all: &[Population], stamp: &Stamp<'_>) -> ChangeSet {
    let mut changes = ChangeSet::default();
    if new.default {
        for old in all.iter().filter(|old| old.default && old.id != new.id) {
            let other =
                Population { default: false, updated_at: stamp.now, version: old.version + 1, ..old.clone() };
            changes.events.push(stamp.event(
                other.environment,
                "POPULATION.UPDATED",
                events::of_population(&other),
                format!("Updated default for Population {}", other.name),
                Some(diff::changed(old, &other)),
            ));
            changes.writes.push(Write::Population(other));
        }
    }
    changes
}

/// Names are compared without regard to case.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}
