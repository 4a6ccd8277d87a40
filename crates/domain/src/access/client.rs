//! Making, changing and deleting worker clients, and giving them new secrets.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    OldSecret, Role, WorkerClient, events,
    roles::{self, Holder, Keyholders},
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
        token_generation: 0,
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
/// Every fault of the body; a role that the caller does not have would be given, or woken; a role would be left without a
/// holder.
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
    let after = (client.enabled, client.roles.as_slice());
    let touched = roles::stepping_down(Holder::Client(current), after, keyholders)?;
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

/// What becomes of what is out when a client gets a new secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// How much longer the old secret is good, so that it can be replaced where it is used.
    pub overlap: Duration,
    /// Whether the access tokens that were given so far are void at once.
    pub end_tokens: bool,
}

/// Gives a client a new secret.
///
/// # Errors
/// The overlap is too long, or there is one although tokens end; the client has a role that the caller does not have.
pub fn rotate_secret(
    current: &WorkerClient,
    secret_hash: &str,
    rotation: Rotation,
    giver: &[Role],
    stamp: &Stamp<'_>,
) -> Decision<WorkerClient> {
    let Rotation { overlap, end_tokens } = rotation;
    roles::must_have(giver, &current.roles)?;
    if end_tokens && !overlap.is_zero() {
        let message = "cannot be true with overlapSeconds above 0: the old secret would get new tokens";
        return Err(Rejection::field("CONSTRAINT_VIOLATION", "endTokens", message));
    }
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
        token_generation: current.token_generation + i64::from(end_tokens),
        updated_at: stamp.now,
        version: current.version + 1,
        ..current.clone()
    };
    let tokens = if end_tokens { "; its tokens are void" } else { "" };
    let description = format!("Updated Secret of Application {}{tokens}", client.name);
    let event =
        stamp.event(client.environment, "SECRET.UPDATED", events::of_secret(&client), description, None);
    let changes =
        ChangeSet { writes: vec![Write::Client(client.clone())], events: vec![event], due: Vec::new() };
    Ok((client, changes))
}

/// Deletes a client. Its tokens are good for nothing at once.
///
/// # Errors
/// A role would be left without a holder.
pub fn delete(
    current: &WorkerClient,
    keyholders: Keyholders<'_>,
    stamp: &Stamp<'_>,
) -> Result<ChangeSet, Rejection> {
    let touched = roles::stepping_down(Holder::Client(current), (false, &[]), keyholders)?;
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
