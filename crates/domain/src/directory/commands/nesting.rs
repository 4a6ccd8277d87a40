//! Nesting groups in groups, without going round in circles.

use rustc_hash::FxHashSet;
use serde_json::json;

use super::{Stamp, body::Faults};
use crate::{
    Detail, GroupId, Rejection,
    directory::{
        audit::{Event, Resource},
        change::{ChangeSet, Write},
        group::{Group, Nesting},
    },
};

/// The most groups nested directly in one group (facts §1.12).
pub const MAX_NESTED: usize = 250;

/// Nests `child` in `parent`. `all` are the nestings of the environment; being nested already changes nothing.
///
/// # Errors
/// It would make a circle, the parent is dynamic or full, or is confined to a population that the child is not.
pub fn add(
    child: &Group,
    parent: &Group,
    all: &[Nesting],
    stamp: &Stamp<'_>,
) -> Result<ChangeSet, Rejection> {
    let nesting = Nesting { child: child.id, parent: parent.id };
    if all.contains(&nesting) {
        return Ok(ChangeSet::default());
    }
    let mut faults = Faults::default();
    let mut refuse = |message: String| faults.add(Detail::new("CONSTRAINT_VIOLATION", "id", message));
    if child.id == parent.id {
        refuse(format!("Group `{}` cannot be nested in itself", child.name));
    } else if is_within(parent.id, child.id, all) {
        refuse(format!(
            "Group `{}` is itself nested, directly or indirectly, in `{}`: nesting must not go round in a circle",
            parent.name, child.name
        ));
    }
    if parent.user_filter.is_some() {
        refuse(format!(
            "Group `{}` is dynamic: its members are those who match its userFilter, and no group is nested in it",
            parent.name
        ));
    }
    if parent.population.is_some() && parent.population != child.population {
        refuse(format!(
            "Group `{}` belongs to a population, and group `{}` does not belong to the same one",
            parent.name, child.name
        ));
    }
    if all.iter().filter(|other| other.parent == parent.id).count() >= MAX_NESTED {
        let message =
            format!("Group `{}` has {MAX_NESTED} nested groups, the most that are allowed", parent.name);
        faults.add(
            Detail::new("SIZE_LIMIT_EXCEEDED", "id", message).with_inner(json!({"maximumValue": MAX_NESTED})),
        );
    }
    faults.finish()?;
    Ok(ChangeSet {
        writes: vec![Write::Nested(nesting)],
        events: vec![event(child, parent, "CREATED", "Created", stamp)],
        due: Vec::new(),
    })
}

/// Takes `child` out of `parent`.
///
/// # Errors
/// It is not nested directly in it.
pub fn remove(
    child: &Group,
    parent: &Group,
    all: &[Nesting],
    stamp: &Stamp<'_>,
) -> Result<ChangeSet, Rejection> {
    let nesting = Nesting { child: child.id, parent: parent.id };
    if !all.contains(&nesting) {
        return Err(Rejection::not_found("nesting of the group in group", parent.id));
    }
    Ok(ChangeSet {
        writes: vec![Write::NestedGone(nesting)],
        events: vec![event(child, parent, "DELETED", "Deleted", stamp)],
        due: Vec::new(),
    })
}

/// Whether `inner` is nested, however deep, in `outer`.
fn is_within(inner: GroupId, outer: GroupId, all: &[Nesting]) -> bool {
    let mut seen = FxHashSet::default();
    let mut open = vec![inner];
    while let Some(group) = open.pop() {
        for nesting in all.iter().filter(|nesting| nesting.child == group) {
            if nesting.parent == outer {
                return true;
            }
            if seen.insert(nesting.parent) {
                open.push(nesting.parent);
            }
        }
    }
    false
}

fn event(child: &Group, parent: &Group, action: &str, verb: &str, stamp: &Stamp<'_>) -> Event {
    let resource = Resource {
        kind: "MEMBER_OF_GROUP".into(),
        id: parent.id.to_string(),
        name: parent.name.clone(),
        population: parent.population.map(|id| id.to_string()),
        path: format!("/groups/{}/memberOfGroups/{}", child.id, parent.id),
    };
    let action = format!("MEMBER_OF_GROUP.{action}");
    let description = format!("{verb} Member Of Group {}", parent.name);
    stamp.event(child.environment, &action, resource, description, None)
}
