//! Environments, populations, groups and memberships.

use serde_json::{Value, json};
use usher_domain::{
    GroupId, UserId,
    directory::{environment::Environment, group::Group, population::Population},
    reconcile::guard::Limits,
};

use super::{links, path, without_nulls};
use crate::api::hal::Origin;

/// The guard's limits for rules that set none of their own: what was given, and what follows.
pub(crate) fn guard_defaults(origin: &Origin, it: &Environment) -> Value {
    let limits = Limits::from(&it.guard);
    json!({
        "_links": links(origin, it.id, "/guardDefaults"),
        "environment": { "id": it.id },
        "configuration": it.guard,
        "limits": {
            "GUARD_MAX_REMOVALS": limits.max_removals,
            "GUARD_MAX_REMOVAL_PERCENT": limits.max_percent,
            "GUARD_WINDOW_MINUTES": limits.window.as_secs() / 60,
        },
    })
}

/// An environment, with the links that clients follow.
pub(crate) fn environment(origin: &Origin, it: &Environment) -> Value {
    let link = |rest: &str| origin.link(&path(it.id, rest));
    without_nulls(json!({
        "_links": {
            "self": link(""),
            "populations": link("/populations"),
            "users": link("/users"),
            "groups": link("/groups"),
            "propagation/plans": link("/propagation/plans"),
            "propagation/stores": link("/propagation/stores"),
            "propagation/rules": link("/propagation/rules"),
            "propagation/revisions/id:latest": link("/propagation/revisions/id:latest"),
        },
        "id": it.id,
        "name": it.name,
        "description": it.description,
        "createdAt": it.created_at,
        "updatedAt": it.updated_at,
    }))
}

/// A population; `users` is how many live in it.
pub(crate) fn population(origin: &Origin, it: &Population, users: u64) -> Value {
    without_nulls(json!({
        "_links": links(origin, it.environment, &format!("/populations/{}", it.id)),
        "id": it.id,
        "environment": { "id": it.environment },
        "name": it.name,
        "description": it.description,
        "default": it.default,
        "userCount": users,
        "createdAt": it.created_at,
        "updatedAt": it.updated_at,
    }))
}

/// A group; `users` and `groups` are its direct members.
pub(crate) fn group(origin: &Origin, it: &Group, users: u64, groups: u64) -> Value {
    without_nulls(json!({
        "_links": links(origin, it.environment, &format!("/groups/{}", it.id)),
        "id": it.id,
        "environment": { "id": it.environment },
        "population": it.population.map(|id| json!({ "id": id })),
        "name": it.name,
        "description": it.description,
        "externalId": it.external_id,
        "customData": it.custom_data,
        "userFilter": it.user_filter,
        "directMemberCounts": { "users": users, "groups": groups },
        "createdAt": it.created_at,
        "updatedAt": it.updated_at,
    }))
}

/// A user's membership. `full` shows the group itself too (`expand=group`).
pub(crate) fn membership(origin: &Origin, user: UserId, it: &Group, kind: &str, full: bool) -> Value {
    let group_path = path(it.environment, &format!("/groups/{}", it.id));
    let user_path = path(it.environment, &format!("/users/{user}"));
    let mut shown = json!({
        "_links": {
            "self": origin.link(&format!("{user_path}/memberOfGroups/{}", it.id)),
            "user": origin.link(&user_path),
            "environment": origin.link(&path(it.environment, "")),
            "group": origin.link(&group_path),
        },
        "id": it.id,
        "environment": { "id": it.environment },
        "name": it.name,
        "type": kind,
    });
    if full {
        let whole = group(origin, it, 0, 0);
        shown["_embedded"] = json!({ "group": without(whole, "directMemberCounts") });
    }
    shown
}

/// A group's membership in another.
pub(crate) fn nesting(origin: &Origin, child: GroupId, parent: &Group, kind: &str) -> Value {
    let child_path = path(parent.environment, &format!("/groups/{child}"));
    json!({
        "_links": {
            "self": origin.link(&format!("{child_path}/memberOfGroups/{}", parent.id)),
            "group": origin.link(&child_path),
            "environment": origin.link(&path(parent.environment, "")),
        },
        "id": parent.id,
        "environment": { "id": parent.environment },
        "name": parent.name,
        "type": kind,
    })
}

fn without(mut value: Value, member: &str) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.remove(member);
    }
    value
}
