//! Making, changing and deleting worker clients, and giving them new secrets.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    OldSecret, Role, WorkerClient, events,
    roles::{self, Keyholders},
};
use crate::{
    Detail, EnvironmentId, Rejection,
    directory::{
        change::{ChangeSet, Write},
        commands::{
            Body, Decision, Stamp,
            body::{Chars, Faults},
            diff,
            population::same_name,
        },
    },
};

/// The longest overlap of an old secret with its successor.
pub const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 24 * 3600);

struct Read {
    name: String,
    description: Option<String>,
    roles: Vec<Role>,
    enabled: bool,
}

fn read(body: &Body, current: Option<&WorkerClient>, all: &[WorkerClient]) -> Result<Read, Rejection> {
    let mut faults = Faults::default();
    let name = faults.required_text(body, "name", 256, Chars::Printable);
    let taken =
        |other: &&WorkerClient| Some(other.id) != current.map(|it| it.id) && same_name(&other.name, &name);
    if let Some(other) = all.iter().find(taken) {
        let message =
            format!("The environment has a client named `{}` already; names are unique", other.name);
        faults.add(Detail::new("UNIQUENESS_VIOLATION", "name", message));
    }
    let read = Read {
        name,
        description: faults.text(body, "description", 1024, Chars::Lines),
        roles: roles::read(body, &mut faults),
        enabled: faults.boolean(body, "enabled").unwrap_or(true),
    };
    faults.finish()?;
    Ok(read)
}

/// Makes a client: `name` (required, unique), `description`, `roles` (required), `enabled` (true). `giver` are the
/// caller's roles.
///
/// # Errors
/// Every fault of the body; a role that the caller does not have.
pub fn create(
    environment: EnvironmentId,
    body: &Body,
    secret_hash: &str,
    giver: &[Role],
    all: &[WorkerClient],
    stamp: &Stamp<'_>,
) -> Decision<WorkerClient> {
    let Read { name, description, roles, enabled } = read(body, None, all)?;
    roles::must_have(giver, &roles)?;
    let client = WorkerClient {
        id: stamp.ids.next().into(),
        environment,
        name,
        description,
        secret_hash: secret_hash.to_owned(),
        old_secret: None,
        roles,
        enabled,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let changes = created(&client, stamp);
    Ok((client, changes))
}

/// What a new client is written and told as.
pub fn created(client: &WorkerClient, stamp: &Stamp<'_>) -> ChangeSet {
    let resource = events::of_client(client);
    let mut told = events::of_roles(stamp, client.environment, &resource, &[], &client.roles);
    let description = format!("Created Application {}", client.name);
    told.insert(0, stamp.event(client.environment, "APPLICATION.CREATED", resource, description, None));
    ChangeSet { writes: vec![Write::Client(client.clone())], events: told, due: Vec::new() }
}

/// Replaces a client's name, description, roles and whether it is enabled; not its secret.
///
/// # Errors
/// Every fault of the body; a role that the caller does not have would be given, or woken; the last Environment Admin
/// would be gone.
pub fn replace(
    current: &WorkerClient,
    body: &Body,
    giver: &[Role],
    keyholders: Keyholders<'_>,
    stamp: &Stamp<'_>,
) -> Decision<WorkerClient> {
    let Read { name, description, roles, enabled } = read(body, Some(current), keyholders.clients)?;
    if enabled && !current.enabled {
        roles::must_have(giver, &roles)?;
    }
    let added: Vec<Role> = roles.iter().filter(|role| !current.roles.contains(role)).copied().collect();
    roles::must_have(giver, &added)?;
    let mut client = WorkerClient { name, description, roles, enabled, ..current.clone() };
    let changed = diff::changed(&shown(current), &shown(&client));
    if changed.is_empty() {
        return Ok((client, ChangeSet::default()));
    }
    let touched =
        roles::stepping_down((current.enabled, &current.roles), (client.enabled, &client.roles), keyholders)?;
    client.updated_at = stamp.now;
    client.version += 1;
    let resource = events::of_client(&client);
    let description = format!("Updated {} for Application {}", diff::fields(&changed), client.name);
    let mut told = vec![stamp.event(
        client.environment,
        "APPLICATION.UPDATED",
        resource.clone(),
        description,
        Some(changed),
    )];
    told.extend(events::of_roles(stamp, client.environment, &resource, &current.roles, &client.roles));
    let writes = touched.into_iter().chain([Write::Client(client.clone())]).collect();
    Ok((client, ChangeSet { writes, events: told, due: Vec::new() }))
}

/// Gives a client a new secret. The old one is good for `overlap` longer, so that it can be replaced where it is used.
///
/// # Errors
/// The overlap is too long; the client has a role that the caller does not have.
pub fn rotate_secret(
    current: &WorkerClient,
    secret_hash: &str,
    overlap: Duration,
    giver: &[Role],
    stamp: &Stamp<'_>,
) -> Decision<WorkerClient> {
    roles::must_have(giver, &current.roles)?;
    if overlap > LONGEST_OVERLAP {
        let most = LONGEST_OVERLAP.as_secs();
        let message = format!("must be 0 to {most} (seconds)");
        let inner = json!({ "rangeMinimumValue": 0, "rangeMaximumValue": most });
        return Err(Rejection::invalid(vec![
            Detail::new("INVALID_VALUE", "overlapSeconds", message).with_inner(inner),
        ]));
    }
    let old = OldSecret { hash: current.secret_hash.clone(), until: stamp.now.plus(overlap) };
    let client = WorkerClient {
        secret_hash: secret_hash.to_owned(),
        old_secret: (!overlap.is_zero()).then_some(old),
        updated_at: stamp.now,
        version: current.version + 1,
        ..current.clone()
    };
    let description = format!("Updated Secret of Application {}", client.name);
    let event =
        stamp.event(client.environment, "SECRET.UPDATED", events::of_secret(&client), description, None);
    let changes =
        ChangeSet { writes: vec![Write::Client(client.clone())], events: vec![event], due: Vec::new() };
    Ok((client, changes))
}

/// Deletes a client. Its tokens are good for nothing at once.
///
/// # Errors
/// It is the last Environment Admin.
pub fn delete(
    current: &WorkerClient,
    keyholders: Keyholders<'_>,
    stamp: &Stamp<'_>,
) -> Result<ChangeSet, Rejection> {
    let touched = roles::stepping_down((current.enabled, &current.roles), (false, &[]), keyholders)?;
    let description = format!("Deleted Application {}", current.name);
    let resource = events::of_client(current);
    let event = stamp.event(current.environment, "APPLICATION.DELETED", resource, description, None);
    let writes = touched.into_iter().chain([Write::ClientGone(current.id)]).collect();
    Ok(ChangeSet { writes, events: vec![event], due: Vec::new() })
}

/// What may be told of a client's changes.
fn shown(client: &WorkerClient) -> Map<String, Value> {
    let WorkerClient { name, description, roles, enabled, .. } = client;
    let mut shown = Map::new();
    shown.insert("name".into(), json!(name));
    shown.insert("description".into(), json!(description));
    shown.insert("roles".into(), json!(roles));
    shown.insert("enabled".into(), json!(enabled));
    shown
}
