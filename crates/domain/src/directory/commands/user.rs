//! Making, changing, moving and deleting users.

use serde_json::json;

use super::{
    Body, Decision, Stamp,
    body::Faults,
    diff, events,
    user_body::{self, Read},
};
use crate::{
    Detail, EnvironmentId, PopulationId, Rejection, UserId,
    directory::{
        change::{ChangeSet, Write},
        group::{Group, Membership},
        population::Population,
        user::User,
    },
};

/// The attribute that says whether the account is locked.
const ACCOUNT: &str = "account";

pub use super::user_body::{MAX_CUSTOM, MAX_PROFILE_BYTES, is_custom_name};

/// The username that a body asks for, if it is one: what [`Facts`] are loaded by.
pub fn username(body: &Body) -> Option<&str> {
    body.get("username")?.as_str()
}

/// The population that a body names, if it is an id: what [`Facts`] are loaded by.
pub fn population(body: &Body) -> Option<PopulationId> {
    body.get("population")?.get("id")?.as_str()?.parse().ok()
}

/// What must be known of the directory to judge a user's body.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Who has the body's username, without regard to case.
    pub username_taken_by: Option<UserId>,
    /// The population that the body names, or the default one when it names none; `None` when it is not there.
    pub population: Option<Population>,
}

/// Makes a user from a body in PingOne's spelling. `enabled` is true unless the body says otherwise.
///
/// # Errors
/// Every fault of the body.
pub fn create(environment: EnvironmentId, body: &Body, facts: &Facts, stamp: &Stamp<'_>) -> Decision<User> {
    let mut faults = Faults::default();
    let Read { username, email, name, external_id, attributes } = user_body::read(body, &mut faults);
    check_unique(&username, None, facts, &mut faults);
    let named: Option<PopulationId> = faults.reference(body, "population");
    let enabled = faults.boolean(body, "enabled").unwrap_or(true);
    let population = facts.population.as_ref().map(|population| population.id);
    if let (Some(named), None) = (named, population) {
        faults.invalid("population.id", format!("There is no population {named} in this environment"));
    } else if population.is_none() && body.get("population").is_none_or(serde_json::Value::is_null) {
        faults.required("population.id", "the environment has no default population");
    }
    faults.finish()?;
    let user = User {
        id: stamp.ids.next().into(),
        environment,
        population: population.unwrap_or(PopulationId(uuid::Uuid::nil())),
        username,
        email,
        enabled,
        name,
        external_id,
        attributes,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let changes = created(&user, stamp);
    Ok((user, changes))
}

/// Makes a user of that id, whom an inbound rule brings in, from a body in PingOne's spelling.
///
/// # Errors
/// Every fault of the body.
pub fn provision(
    id: UserId,
    environment: EnvironmentId,
    population: PopulationId,
    enabled: bool,
    body: &Body,
    stamp: &Stamp<'_>,
) -> Decision<User> {
    let mut faults = Faults::default();
    let Read { username, email, name, external_id, attributes } = user_body::read(body, &mut faults);
    faults.finish()?;
    let user = User {
        id,
        environment,
        population,
        username,
        email,
        enabled,
        name,
        external_id,
        attributes,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let changes = created(&user, stamp);
    Ok((user, changes))
}

/// Whether a body could make a user, or be merged into `current`; uniqueness aside. For plans, which change nothing.
///
/// # Errors
/// Every fault of the user as they would be.
pub fn judge(current: Option<&User>, body: &Body) -> Result<(), Rejection> {
    let mut faults = Faults::default();
    match current {
        None => _ = user_body::read(body, &mut faults),
        Some(current) => {
            let mut whole = user_body::written(current);
            user_body::merge(&mut whole, body);
            _ = user_body::read(&whole, &mut faults);
        }
    }
    faults.finish()
}

fn created(user: &User, stamp: &Stamp<'_>) -> ChangeSet {
    ChangeSet {
        writes: vec![Write::User(user.clone())],
        events: vec![stamp.event(
            user.environment,
            "USER.CREATED",
            events::of_user(user),
            format!("Created User {}", user.username),
            None,
        )],
        due: Vec::new(),
    }
}

/// Replaces what a client may set: what the body leaves out is cleared. `enabled`, `population` and `mfaEnabled`
/// have commands of their own, and stay.
///
/// # Errors
/// Every fault of the body.
pub fn replace(current: &User, body: &Body, facts: &Facts, stamp: &Stamp<'_>) -> Decision<User> {
    let mut body = body.clone();
    if let (false, Some(mfa)) = (body.contains_key("mfaEnabled"), current.attributes.get("mfaEnabled")) {
        body.insert("mfaEnabled".into(), mfa.clone());
    }
    rewrite(current, &body, facts, stamp)
}

/// Merges a body into a user: what it leaves out stays, null clears.
///
/// # Errors
/// Every fault of the user as they would be.
pub fn patch(current: &User, body: &Body, facts: &Facts, stamp: &Stamp<'_>) -> Decision<User> {
    let mut whole = user_body::written(current);
    user_body::merge(&mut whole, body);
    rewrite(current, &whole, facts, stamp)
}

/// The same as [`patch`], and `enabled` counts: for rows of an import, which know nothing of commands.
///
/// # Errors
/// Every fault of the user as they would be.
pub fn import(current: &User, body: &Body, facts: &Facts, stamp: &Stamp<'_>) -> Decision<User> {
    let mut faults = Faults::default();
    let enabled = faults.boolean(body, "enabled").unwrap_or(current.enabled);
    let mut whole = user_body::written(current);
    user_body::merge(&mut whole, body);
    let user = reread(current, &whole, facts, faults)?;
    Ok(settle(current, User { enabled, ..user }, stamp))
}

fn rewrite(current: &User, body: &Body, facts: &Facts, stamp: &Stamp<'_>) -> Decision<User> {
    Ok(settle(current, reread(current, body, facts, Faults::default())?, stamp))
}

fn reread(current: &User, body: &Body, facts: &Facts, mut faults: Faults) -> Result<User, Rejection> {
    let Read { username, email, name, external_id, mut attributes } = user_body::read(body, &mut faults);
    check_unique(&username, Some(current.id), facts, &mut faults);
    faults.finish()?;
    // No body tells of the lock: it has commands of its own.
    if let Some(account) = current.attributes.get(ACCOUNT) {
        attributes.insert(ACCOUNT.into(), account.clone());
    }
    Ok(User { username, email, name, external_id, attributes, ..current.clone() })
}

/// Enables or disables a user.
pub fn set_enabled(current: &User, enabled: bool, stamp: &Stamp<'_>) -> (User, ChangeSet) {
    settle(current, User { enabled, ..current.clone() }, stamp)
}

/// Says whether a user has a second factor. Usher only keeps it.
pub fn set_mfa_enabled(current: &User, enabled: bool, stamp: &Stamp<'_>) -> (User, ChangeSet) {
    let mut user = current.clone();
    user.attributes.insert("mfaEnabled".into(), enabled.into());
    settle(current, user, stamp)
}

/// Locks or unlocks a user's account in the directory: whether they can sign in there. What is provisioned follows
/// `enabled` alone.
pub fn set_locked(current: &User, locked: bool, stamp: &Stamp<'_>) -> (User, ChangeSet) {
    let mut user = current.clone();
    match locked {
        true => user.attributes.insert(ACCOUNT.into(), json!({ "status": "LOCKED" })),
        false => user.attributes.remove(ACCOUNT),
    };
    settle(current, user, stamp)
}

/// The change set between two states of a user; empty when they are the same.
fn settle(current: &User, mut user: User, stamp: &Stamp<'_>) -> (User, ChangeSet) {
    let changed = diff::changed(current, &user);
    if changed.is_empty() {
        return (user, ChangeSet::default());
    }
    user.updated_at = stamp.now;
    user.version += 1;
    let changes = ChangeSet {
        writes: vec![Write::User(user.clone())],
        events: vec![stamp.event(
            user.environment,
            "USER.UPDATED",
            events::of_user(&user),
            format!("Updated {} for User {}", diff::fields(&changed), user.username),
            Some(changed),
        )],
        due: Vec::new(),
    };
    (user, changes)
}

/// Moves a user to another population, and out of the groups that are confined to the old one. `groups` are those
/// in which the user is directly.
pub fn set_population(
    current: &User,
    population: &Population,
    groups: &[Group],
    stamp: &Stamp<'_>,
) -> (User, ChangeSet) {
    if current.population == population.id {
        return (current.clone(), ChangeSet::default());
    }
    let mut user = User { population: population.id, ..current.clone() };
    let changed = diff::changed(current, &user);
    user.updated_at = stamp.now;
    user.version += 1;
    let mut changes = ChangeSet::default();
    let left = |group: &&Group| group.population.is_some_and(|home| home != population.id);
    for group in groups.iter().filter(left) {
        super::membership::leave(&user, group, &mut changes, stamp);
    }
    changes.writes.push(Write::User(user.clone()));
    changes.events.push(stamp.event(
        user.environment,
        "USER.MOVED",
        events::of_user(&user),
        format!("Moved User {} to Population {}", user.username, population.name),
        Some(changed),
    ));
    (user, changes)
}

/// Deletes a user, with their memberships (`groups`: those in which they are directly).
pub fn delete(current: &User, groups: &[Group], stamp: &Stamp<'_>) -> ChangeSet {
    let mut changes = ChangeSet::default();
    for group in groups {
        super::membership::leave(current, group, &mut changes, stamp);
    }
    changes.writes.push(Write::UserGone(current.id));
    changes.events.push(stamp.event(
        current.environment,
        "USER.DELETED",
        events::of_user(current),
        format!("Deleted User {}", current.username),
        None,
    ));
    changes
}

/// Refuses a population that is not there.
///
/// # Errors
/// When `found` is none.
pub fn known_population(asked: PopulationId, found: Option<Population>) -> Result<Population, Rejection> {
    found.ok_or_else(|| {
        Rejection::field("INVALID_VALUE", "id", format!("There is no population {asked} in this environment"))
    })
}

fn check_unique(username: &str, own: Option<UserId>, facts: &Facts, faults: &mut Faults) {
    if facts.username_taken_by.is_some() && facts.username_taken_by != own && !username.is_empty() {
        let message = format!("The username `{username}` is taken; usernames are unique in an environment");
        faults.add(Detail::new("UNIQUENESS_VIOLATION", "username", message));
    }
}

/// A user's direct membership of a group.
pub(super) fn membership(user: &User, group: &Group) -> Membership {
    Membership { user: user.id, group: group.id }
}
