//! Making, changing and deleting connections; which of their settings are secrets.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{events, status};
use crate::{
    Detail, EnvironmentId, Rejection, Secret,
    directory::{
        audit::Event,
        change::{ChangeSet, Write},
        commands::{
            Body, Decision, Stamp,
            body::{Chars, Faults, has_nul, range},
            diff,
        },
    },
    provisioning::{
        connection::{Connection, ConnectionKind, DropboxSettings, Health},
        rule::Rule,
    },
    secret::MASK,
    targets::{Targets, origin},
};

/// The largest configuration, as JSON.
pub const MAX_CONFIGURATION_BYTES: usize = 64 * 1024;

/// Where the service addresses of a Dropbox connection lead by default.
const DROPBOX: &str = "https://api.dropboxapi.com";

/// Settings that say what a synced account looks like; a change of one asks for a resync (facts §1.10), which a
/// change of an action toggle does not.
const PREFERENCES: [&str; 5] = [
    "UNDO_REMOTE_SUSPENSION",
    "FOREIGN_EXTERNAL_ID",
    "GROUP_MEMBERSHIP_HANDLING",
    "GROUP_NAME_CONFLICT",
    "PROTECTED_EMAILS",
];

/// Whether a setting of that name is a secret, whatever the kind of connection: sealed at rest, never answered.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_uppercase();
    let secret = ["SECRET", "PASSWORD", "TOKEN", "CREDENTIAL", "PRIVATE_KEY", "API_KEY"];
    let other = is_address(&key) || ["TYPE", "METHOD"].iter().any(|end| key.ends_with(end));
    secret.iter().any(|word| key.contains(word)) && !other
}

/// Whether a setting says where the remote system is and how to be let in.
fn is_authentication(key: &str) -> bool {
    let key = key.to_ascii_uppercase();
    is_secret(&key)
        || key.starts_with("OAUTH_")
        || key.starts_with("BASIC_AUTH_")
        || ["BASE_URL", "AUTHENTICATION_METHOD", "AUTHORIZATION_TYPE", "GRANT_TYPE", "SCIM_URL"]
            .contains(&key.as_str())
}

/// The connection that every environment has: the directory itself.
pub fn directory(environment: EnvironmentId, stamp: &Stamp<'_>) -> (Connection, ChangeSet) {
    let connection = Connection {
        id: stamp.ids.next().into(),
        environment,
        kind: ConnectionKind::Directory,
        name: "PingOne Directory".into(),
        description: Some("The directory itself.".into()),
        active: true,
        managed: false,
        configuration: BTreeMap::new(),
        secrets: BTreeMap::new(),
        health: Health::Untested,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let changes = written(&connection, "CREATED", "Created", Map::new(), stamp);
    (connection, changes)
}

/// The connection as a body would have it, with stored secrets in place of masked or absent ones, and not tested
/// since when it is let in otherwise than before. Nothing is decided: this is what a test tests.
/// `targets`: where service URIs may lead.
///
/// # Errors
/// Every fault of the body.
pub fn draft(
    environment: EnvironmentId,
    current: Option<&Connection>,
    body: &Body,
    targets: &Targets,
    stamp: &Stamp<'_>,
) -> Result<Connection, Rejection> {
    let mut faults = Faults::default();
    let kind = kind(current, body, &mut faults);
    let name = faults.required_text(body, "name", 256, Chars::Printable);
    let description = faults.text(body, "description", 1024, Chars::Lines);
    let active = status(body, &mut faults).unwrap_or(false);
    let managed = faults.boolean(body, "managed").unwrap_or(false);
    let mut draft = Connection {
        id: current.map_or_else(|| stamp.ids.next().into(), |it| it.id),
        environment,
        kind,
        name,
        description,
        active,
        managed,
        configuration: BTreeMap::new(),
        secrets: BTreeMap::new(),
        health: current.map(|it| it.health.clone()).unwrap_or_default(),
        created_at: current.map_or(stamp.now, |it| it.created_at),
        updated_at: current.map_or(stamp.now, |it| it.updated_at),
        version: current.map_or(1, |it| it.version),
    };
    if draft.kind == ConnectionKind::Directory {
        if body.contains_key("status") && !active {
            faults.add(Detail::new(
                "CONSTRAINT_VIOLATION",
                "status",
                "The directory itself is always ACTIVE",
            ));
        }
        (draft.active, draft.managed) = (true, false);
    } else {
        read_configuration(current, body, &mut draft, &mut faults);
    }
    if draft.kind == ConnectionKind::Dropbox
        && let Err(details) = DropboxSettings::parse(&draft.configuration, &draft.secrets, targets)
    {
        details.into_iter().for_each(|detail| faults.add(detail));
    }
    faults.finish()?;
    if current.is_some_and(|current| authentication_changed(current, &draft)) {
        draft.health = Health::Untested;
    }
    Ok(draft)
}

/// Whether a draft can be saved only with a test that succeeded: it is to be active, and was not before, or is let
/// in otherwise than before.
pub fn needs_test(current: Option<&Connection>, draft: &Connection) -> bool {
    let new = current.is_none_or(|current| !current.active || authentication_changed(current, draft));
    draft.active
        && new
        && draft.kind != ConnectionKind::Directory
        && !matches!(draft.health, Health::Valid { .. })
}

/// Makes a connection. `tested` is what a test of the [`draft`] said, where there was one.
///
/// # Errors
/// Every fault of the body; it is to be active, and no test succeeded.
pub fn create(
    environment: EnvironmentId,
    body: &Body,
    tested: Option<&Health>,
    targets: &Targets,
    stamp: &Stamp<'_>,
) -> Decision<Connection> {
    let connection = admitted(None, draft(environment, None, body, targets, stamp)?, tested)?;
    let changes = written(&connection, "CREATED", "Created", Map::new(), stamp);
    Ok((connection, changes))
}

/// Replaces a connection. A secret that is masked or left out stays as it is.
///
/// # Errors
/// Every fault of the body; it is to become active, and no test succeeded.
pub fn replace(
    current: &Connection,
    body: &Body,
    tested: Option<&Health>,
    targets: &Targets,
    stamp: &Stamp<'_>,
) -> Decision<Connection> {
    let draft = draft(current.environment, Some(current), body, targets, stamp)?;
    let mut connection = admitted(Some(current), draft, tested)?;
    if connection == *current {
        return Ok((connection, ChangeSet::default()));
    }
    let mut changed = diff::changed(&shown(current), &shown(&connection));
    for key in connection.secrets.keys().chain(current.secrets.keys()) {
        if connection.secrets.get(key) != current.secrets.get(key) {
            changed.insert(format!("configuration.{key}"), json!({"from": MASK, "to": MASK}));
        }
    }
    connection.updated_at = stamp.now;
    connection.version += 1;
    let changes = written(&connection, "UPDATED", "Updated", changed, stamp);
    Ok((connection, changes))
}

/// Deletes a connection that no rule names.
///
/// # Errors
/// It is the directory itself, or a rule names it.
pub fn delete(current: &Connection, rules: &[Rule], stamp: &Stamp<'_>) -> Result<ChangeSet, Rejection> {
    let mut faults = Faults::default();
    if current.kind == ConnectionKind::Directory {
        let message = "The directory itself is a connection of every environment, and cannot be deleted";
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "type", message));
    }
    for rule in rules.iter().filter(|rule| rule.source == current.id || rule.target == current.id) {
        let message = match rule.retiring {
            None => format!("Rule `{}` ({}) uses this connection; delete the rule first", rule.name, rule.id),
            Some(_) => format!(
                "Rule `{}` ({}) is still being deleted and needs this connection; wait until its last run is done",
                rule.name, rule.id
            ),
        };
        let detail = Detail::new("CONSTRAINT_VIOLATION", "rules", message);
        faults.add(detail.with_inner(json!({"referencedValues": [rule.id]})));
    }
    faults.finish()?;
    let mut changes = written(current, "DELETED", "Deleted", Map::new(), stamp);
    changes.writes = vec![Write::ConnectionGone(current.id)];
    Ok(changes)
}

/// Whether rules on the connection must look at everything again: it became active, is let in otherwise, or wants
/// something else of accounts.
pub fn asks_for_resync(before: &Connection, after: &Connection) -> bool {
    after.active
        && (!before.active
            || before.secrets != after.secrets
            || settings(before, needs_resync) != settings(after, needs_resync))
}

/// Whether rules on the connection must look at everything again when this setting changes.
pub(super) fn needs_resync(key: &str) -> bool {
    is_authentication(key) || PREFERENCES.contains(&key)
}

/// The connection for people, audit and revisions: secrets masked.
pub(super) fn shown(it: &Connection) -> Value {
    let mut configuration: Map<String, Value> =
        it.configuration.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    configuration.extend(it.secrets.keys().map(|key| (key.clone(), json!(MASK))));
    json!({
        "id": it.id,
        "type": it.kind.name(),
        "name": it.name,
        "description": it.description,
        "status": if it.active { "ACTIVE" } else { "INACTIVE" },
        "managed": it.managed,
        "configuration": configuration,
    })
}

fn authentication_changed(before: &Connection, after: &Connection) -> bool {
    before.secrets != after.secrets
        || settings(before, is_authentication) != settings(after, is_authentication)
}

fn settings(it: &Connection, which: fn(&str) -> bool) -> BTreeMap<&String, &Value> {
    it.configuration.iter().filter(|(key, _)| which(key)).collect()
}

fn admitted(
    current: Option<&Connection>,
    draft: Connection,
    tested: Option<&Health>,
) -> Result<Connection, Rejection> {
    let mut connection = draft;
    let must = needs_test(current, &connection);
    if let (Some(health), true) = (tested, must) {
        connection.health = health.clone();
    }
    if !must || matches!(connection.health, Health::Valid { .. }) {
        return Ok(connection);
    }
    let message = match (&connection.kind, &connection.health) {
        (ConnectionKind::Other(kind), _) => format!(
            "Usher can keep a connection of type `{kind}`, but cannot drive it; save it with status INACTIVE"
        ),
        (_, Health::Broken { problem, .. }) => format!(
            "The connection cannot be made ACTIVE, because its test failed: {problem} Or save it with status INACTIVE"
        ),
        _ => "The connection cannot be made ACTIVE before a test of it succeeds; save it with status INACTIVE and test it"
            .to_owned(),
    };
    Err(Rejection::field("CONSTRAINT_VIOLATION", "status", message))
}

fn kind(current: Option<&Connection>, body: &Body, faults: &mut Faults) -> ConnectionKind {
    let Some(current) = current else {
        let name = faults.required_text(body, "type", 64, Chars::Printable);
        let Some(kind) = ConnectionKind::named(&name) else {
            if !name.is_empty() {
                let message = format!("`type` is `{name}`; it must be {}", ConnectionKind::allowed());
                faults.add(Detail::new("INVALID_VALUE", "type", message));
            }
            return ConnectionKind::Other(name);
        };
        if kind == ConnectionKind::Directory {
            let message =
                "Every environment has exactly one connection of type `directory` already; use that one";
            faults.add(Detail::new("UNIQUENESS_VIOLATION", "type", message));
        }
        return kind;
    };
    if let Some(asked) = faults.text(body, "type", 64, Chars::Printable)
        && !asked.eq_ignore_ascii_case(current.kind.name())
    {
        let message =
            format!("A connection's type never changes; this one is of type `{}`", current.kind.name());
        faults.add(Detail::new("CONSTRAINT_VIOLATION", "type", message));
    }
    current.kind.clone()
}

fn read_configuration(
    current: Option<&Connection>,
    body: &Body,
    draft: &mut Connection,
    faults: &mut Faults,
) {
    if matches!(body.get("configuration"), None | Some(Value::Null)) {
        faults.required("configuration", "an object of settings, such as {\"BASE_URL\": \"…\"}");
        return;
    }
    let Some(given) = faults.object(body, "configuration") else { return };
    let size: usize = given.iter().map(|(key, value)| key.len() + value.to_string().len()).sum();
    if size > MAX_CONFIGURATION_BYTES {
        let message =
            format!("`configuration` has {size} bytes; at most {MAX_CONFIGURATION_BYTES} are allowed");
        let detail = Detail::new("SIZE_LIMIT_EXCEEDED", "configuration", message);
        faults.add(detail.with_inner(range(0, MAX_CONFIGURATION_BYTES)));
        return;
    }
    let stored = current.map(|current| &current.secrets);
    // Stored secrets go only where they were entered for.
    let moved = current.and_then(|current| moved(current, given));
    for (key, value) in given {
        let target = format!("configuration.{key}");
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            faults.invalid("configuration", "The name of a setting has only letters, digits, `_` and `-`");
        } else if value.is_null() {
            // Cleared: as if it were not given, and a secret is forgotten.
        } else if is_secret(key) {
            match value {
                Value::String(text) if text == MASK => match stored.and_then(|stored| stored.get(key)) {
                    Some(_) if moved.is_some() => {}
                    Some(secret) => _ = draft.secrets.insert(key.clone(), secret.clone()),
                    None => faults.invalid(
                        &target,
                        format!("`{key}` is masked, and no secret is stored that this could mean; give the secret itself"),
                    ),
                },
                Value::String(text) if text.contains('\0') => {
                    faults.invalid(&target, format!("`{key}` has the character U+0000"));
                }
                Value::String(text) if text.is_empty() => {}
                Value::String(text) => _ = draft.secrets.insert(key.clone(), Secret::new(text.as_str())),
                // The value is not repeated: it was meant to be secret.
                _ => faults.invalid(&target, format!("`{key}` is a secret; a string is allowed")),
            }
        } else if has_nul(value) {
            faults.invalid(&target, format!("`{key}` has the character U+0000"));
        } else {
            draft.configuration.insert(key.clone(), value.clone());
        }
    }
    for (key, secret) in stored.into_iter().flatten() {
        let kept = given.get(key).is_none_or(|value| value.as_str() == Some(MASK));
        match moved {
            Some(address) if kept => {
                let message = format!(
                    "`{key}` must be given again: `{address}` names another server than before, and a stored secret \
                     is not sent to a server that it was not entered for"
                );
                faults.add(Detail::new("CONSTRAINT_VIOLATION", format!("configuration.{key}"), message));
                // In its place, so that nothing else is said of it.
                draft.secrets.insert(key.clone(), secret.clone());
            }
            _ if !given.contains_key(key) => _ = draft.secrets.insert(key.clone(), secret.clone()),
            _ => {}
        }
    }
}

/// The audit event for a test of a connection, as it is stored or as a draft.
pub fn tested(it: &Connection, health: &Health, stamp: &Stamp<'_>) -> Event {
    let (status, said) = match health {
        Health::Broken { problem, .. } => ("FAILED", problem.message.as_str()),
        Health::Valid { .. } | Health::Untested => ("SUCCESS", "It can be used."),
    };
    let description = format!("Tested connection {} of type {}. {said}", it.name, it.kind.name());
    let resource = events::of_connection(it);
    let mut event =
        stamp.event(it.environment, "PROVISIONING_CONNECTION.TESTED", resource, description, None);
    event.status = status.into();
    event
}

/// What is told of a connection that was found usable, or not usable any more; nothing when that is no news.
pub fn found(it: &Connection, health: &Health, stamp: &Stamp<'_>) -> Option<Event> {
    let (status, said) = match (&it.health, health) {
        (Health::Valid { .. }, Health::Valid { .. }) | (_, Health::Untested) => return None,
        (_, Health::Valid { team, .. }) => ("SUCCESS", format!("can be used: it reaches the team {team}")),
        (Health::Broken { problem: old, .. }, Health::Broken { problem, .. }) if old == problem => {
            return None;
        }
        (_, Health::Broken { problem, .. }) => ("FAILED", format!("cannot be used. {problem}")),
    };
    let description = format!("Connection {} of type {} {said}", it.name, it.kind.name());
    let mut event = stamp.event(
        it.environment,
        "PROVISIONING_CONNECTION.UPDATED",
        events::of_connection(it),
        description,
        None,
    );
    event.status = status.into();
    Some(event)
}

/// The setting by which the secrets would go to another server than before, if there is one. What is not given stands
/// at its default, before as after.
fn moved<'a>(current: &Connection, given: &'a Map<String, Value>) -> Option<&'a str> {
    let server = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())?;
        Some(origin(text).unwrap_or_else(|| text.to_owned()))
    };
    let default = |key: &str| match (&current.kind, key) {
        (ConnectionKind::Dropbox, "BASE_URL" | "OAUTH_TOKEN_URL") => origin(DROPBOX),
        _ => None,
    };
    let names = given.keys().chain(current.configuration.keys());
    let mut addresses = names.filter(|key| is_address(key));
    let moves = |key: &&String| {
        let before = server(current.configuration.get(*key)).or_else(|| default(key));
        before != server(given.get(*key)).or_else(|| default(key))
    };
    let key = addresses.find(moves)?;
    Some(given.get_key_value(key).map_or("BASE_URL", |(key, _)| key.as_str()))
}

/// Whether a setting of that name says where secrets are sent.
fn is_address(key: &str) -> bool {
    ["URL", "URI", "ENDPOINT"].iter().any(|end| key.to_ascii_uppercase().ends_with(end))
}

fn written(
    it: &Connection,
    action: &str,
    verb: &str,
    changed: Map<String, Value>,
    stamp: &Stamp<'_>,
) -> ChangeSet {
    ChangeSet {
        writes: vec![Write::Connection(it.clone())],
        events: vec![stamp.event(
            it.environment,
            &format!("PROVISIONING_CONNECTION.{action}"),
            events::of_connection(it),
            format!("{verb} connection {} of type {}.", it.name, it.kind.name()),
            Some(changed),
        )],
        due: Vec::new(),
    }
}
