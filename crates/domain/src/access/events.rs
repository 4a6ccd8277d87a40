//! What the audit is told of access, in PingOne's action types. Administrators are users of PingOne's console, so their
//! actions are `USER.…`; the resource type tells them from people of the directory.

use uuid::Uuid;

use super::{Administrator, Role, WorkerClient};
use crate::{
    EnvironmentId,
    directory::{
        audit::{Event, Resource},
        commands::Stamp,
    },
};

fn resource(kind: &str, id: Uuid, name: &str, path: String) -> Resource {
    Resource { kind: kind.into(), id: id.to_string(), name: name.into(), population: None, path }
}

pub(super) fn of_client(client: &WorkerClient) -> Resource {
    resource("APPLICATION", client.id.uuid(), &client.name, format!("/clients/{}", client.id))
}

pub(super) fn of_secret(client: &WorkerClient) -> Resource {
    resource("SECRET", client.id.uuid(), &client.name, format!("/clients/{}/secret", client.id))
}

pub(super) fn of_administrator(administrator: &Administrator) -> Resource {
    let path = format!("/administrators/{}", administrator.id);
    resource("ADMINISTRATOR", administrator.id.uuid(), &administrator.username, path)
}

pub(super) fn of_key(id: Uuid) -> Resource {
    resource("KEY", id, "Access token signing key", format!("/signingKeys/{id}"))
}

pub(super) fn of_seal_key(id: &str) -> Resource {
    Resource {
        kind: "KEY".into(),
        id: id.into(),
        name: "Sealing key".into(),
        population: None,
        path: String::new(),
    }
}

/// One event for each role that was given or taken.
pub(super) fn of_roles(
    stamp: &Stamp<'_>,
    environment: EnvironmentId,
    whose: &Resource,
    before: &[Role],
    after: &[Role],
) -> Vec<Event> {
    let told = |action: &str, verb: &str, role: &Role| {
        let assignment = Resource { kind: "ROLE_ASSIGNMENT".into(), ..whose.clone() };
        let description = format!("{verb} role {} of {}", role.name(), whose.name);
        stamp.event(environment, action, assignment, description, None)
    };
    let given = after.iter().filter(|role| !before.contains(role));
    let taken = before.iter().filter(|role| !after.contains(role));
    let given = given.map(|role| told("ROLE_ASSIGNMENT.CREATED", "Created", role));
    given.chain(taken.map(|role| told("ROLE_ASSIGNMENT.DELETED", "Deleted", role))).collect()
}
