//! Recovery when nobody is left who can give some role: an administrator and a client with every role.

use super::{Administrator, Role, WorkerClient, administrator, client, roles::Keyholders};
use crate::{
    AdministratorId, ClientId, Rejection,
    directory::commands::{Decision, Stamp, events::of_environment, population::same_name},
};

/// The credentials of the new administrator and client.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// A username that nobody has.
    pub username: String,
    /// The hash of the administrator's password (argon2id, PHC string).
    pub password_hash: String,
    /// The hash of the client's secret (argon2id, PHC string).
    pub secret_hash: String,
}

/// Makes an administrator and a client with every role.
///
/// # Errors
/// Every role has somebody who is enabled and can give it; the refusal names them.
pub fn recover(
    given: &Recovery,
    keyholders: Keyholders<'_>,
    stamp: &Stamp<'_>,
) -> Decision<(Administrator, WorkerClient)> {
    let lost = keyholders.lost();
    if lost.is_empty() {
        return Err(Rejection::conflict(format!(
            "Nothing was changed: every role of the environment {} has an enabled holder who can give it ({}). Let one of \
             them make the administrator or the client that you need, or set a new password",
            keyholders.environment.name,
            keyholders.givers().join(", ")
        )));
    }
    let environment = keyholders.environment;
    let names = (1u32..).map(|n| match n {
        1 => "Recovery client".to_owned(),
        n => format!("Recovery client {n}"),
    });
    let is_free = |name: &String| !keyholders.clients.iter().any(|it| same_name(&it.name, name));
    let client = WorkerClient {
        id: ClientId(stamp.ids.next()),
        environment: environment.id,
        name: names.into_iter().find(is_free).unwrap_or_default(),
        description: Some("Made by `usher recover-admin`.".into()),
        secret_hash: given.secret_hash.clone(),
        old_secret: None,
        token_generation: 0,
        roles: Role::ALL.to_vec(),
        enabled: true,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let administrator = Administrator {
        id: AdministratorId(stamp.ids.next()),
        environment: environment.id,
        username: given.username.clone(),
        password_hash: given.password_hash.clone(),
        roles: Role::ALL.to_vec(),
        enabled: true,
        totp: None,
        provider: None,
        created_at: stamp.now,
        updated_at: stamp.now,
        version: 1,
    };
    let names: Vec<&str> = lost.iter().map(|role| role.name()).collect();
    let description = format!(
        "Made Administrator {} and Application {} with every role, by recover-admin on the server's machine: nobody could \
         give {} any more",
        administrator.username,
        client.name,
        names.join(", ")
    );
    let event =
        stamp.event(environment.id, "ACCESS.RECOVERED", of_environment(environment), description, None);
    let mut changes = client::created(&client, stamp);
    let more = administrator::created(&administrator, stamp);
    changes.writes.extend(more.writes);
    changes.events.extend(more.events);
    changes.events.insert(0, event);
    Ok(((administrator, client), changes))
}
