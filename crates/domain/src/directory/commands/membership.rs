//! Putting users into groups by hand, and taking them out.

use serde_json::json;

use super::{Stamp, body::Faults, user::membership};
use crate::{
    Detail, GroupId, Rejection,
    directory::{
        audit::{Event, Resource},
        change::{ChangeSet, Write},
        group::Group,
        user::User,
    },
};

/// The most direct memberships of an identity (facts §1.12).
pub const MAX_MEMBERSHIPS: usize = 10_000;

/// Puts a user into a group. `groups` are those in which the user is directly; being in it already changes nothing.
///
/// # Errors
/// The group is dynamic, is confined to a population in which the user does not live, or the user is in too many.
pub fn add(
    user: &User,
    group: &Group,
    groups: &[GroupId],
    stamp: &Stamp<'_>,
) -> Result<ChangeSet, Rejection> {
    if groups.contains(&group.id) {
        return Ok(ChangeSet::default());
    }
    let mut faults = Faults::default();
    if group.user_filter.is_some() {
        let message = format!(
            "Group `{}` is dynamic: its members are those who match its userFilter, and nobody is added by hand",
            group.name
        );
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "id", message));
    }
    if group.population.is_some_and(|home| home != user.population) {
        let message = format!(
            "Group `{}` belongs to a population in which user `{}` does not live; only its users can be members",
            group.name, user.username
        );
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "id", message));
    }
    if groups.len() >= MAX_MEMBERSHIPS {
        let message =
            format!("User `{}` is in {MAX_MEMBERSHIPS} groups, the most that are allowed", user.username);
        faults.add(
            Detail::new("SIZE_LIMIT_EXCEEDED", "id", message)
                .with_inner(json!({"maximumValue": MAX_MEMBERSHIPS})),
        );
    }
    faults.finish()?;
    Ok(ChangeSet {
        writes: vec![Write::Member(membership(user, group))],
        events: vec![event(user, group, "CREATED", "Created", stamp)],
        due: Vec::new(),
    })
}

/// Takes a user out of a group.
///
/// # Errors
/// The user is not in it by hand.
pub fn remove(
    user: &User,
    group: &Group,
    groups: &[GroupId],
    stamp: &Stamp<'_>,
) -> Result<ChangeSet, Rejection> {
    if !groups.contains(&group.id) {
        return Err(Rejection::not_found("direct membership of the user in group", group.id));
    }
    let mut changes = ChangeSet::default();
    leave(user, group, &mut changes, stamp);
    Ok(changes)
}

/// Adds to a change set that a user leaves a group.
pub(super) fn leave(user: &User, group: &Group, changes: &mut ChangeSet, stamp: &Stamp<'_>) {
    changes.writes.push(Write::MemberGone(membership(user, group)));
    changes.events.push(event(user, group, "DELETED", "Deleted", stamp));
}

fn event(user: &User, group: &Group, action: &str, verb: &str, stamp: &Stamp<'_>) -> Event {
    let resource = Resource {
        kind: "MEMBER_OF_GROUP".into(),
        id: group.id.to_string(),
        name: group.name.clone(),
        population: group.population.map(|id| id.to_string()),
        path: format!("/users/{}/memberOfGroups/{}", user.id, group.id),
    };
    let action = format!("MEMBER_OF_GROUP.{action}");
    let description = format!("{verb} Member Of Group {}", group.name);
    stamp.event(user.environment, &action, resource, description, None)
}
