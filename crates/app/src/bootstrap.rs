//! What an empty database starts with: an environment, one worker client with every role, one console administrator,
//! a key that signs tokens. What is not configured is generated, and printed once.

use anyhow::{Context, Result};
use usher_domain::{
    AdministratorId, ClientId, Clock, ConnectionId, EnvironmentId, Ids, PopulationId,
    access::{Administrator, Role, SigningKey, WorkerClient},
    directory::{
        change::{ChangeSet, Write},
        environment::Environment,
        population::Population,
    },
    ports::store::{Store, StoreError},
    provisioning::connection::{Connection, ConnectionKind, Health},
};

use crate::{access::password, config::Bootstrap, log::announce, system::random_secret};

/// Makes the first environment, if there is none.
pub(crate) async fn ensure(
    store: &dyn Store,
    given: &Bootstrap,
    clock: &dyn Clock,
    ids: &dyn Ids,
) -> Result<()> {
    if !store.environments().await?.is_empty() {
        return Ok(());
    }
    let now = clock.now();
    let environment = given.environment_id.unwrap_or_else(|| EnvironmentId(ids.next()));
    let client = ClientId(given.client_id.unwrap_or_else(|| ids.next()));
    let client_secret = given.client_secret.clone().unwrap_or_else(random_secret);
    let username = given.admin_username.clone().unwrap_or_else(|| "admin".into());
    let password = given.admin_password.clone().unwrap_or_else(random_secret);
    let writes = vec![
        Write::Environment(Environment {
            id: environment,
            name: "Default".into(),
            description: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }),
        Write::Population(Population {
            id: PopulationId(ids.next()),
            environment,
            name: "Default".into(),
            description: None,
            default: true,
            created_at: now,
            updated_at: now,
            version: 1,
        }),
        Write::Connection(Connection {
            id: ConnectionId(ids.next()),
            environment,
            kind: ConnectionKind::Directory,
            name: "PingOne Directory".into(),
            description: Some("The directory itself.".into()),
            active: true,
            managed: false,
            configuration: Default::default(),
            secrets: Default::default(),
            health: Health::Untested,
            created_at: now,
            updated_at: now,
            version: 1,
        }),
        Write::Client(WorkerClient {
            id: client,
            environment,
            name: "Bootstrap client".into(),
            secret_hash: password::hash(client_secret.clone()).await?,
            roles: Role::ALL.to_vec(),
            enabled: true,
            created_at: now,
            version: 1,
        }),
        Write::Administrator(Administrator {
            id: AdministratorId(ids.next()),
            environment,
            username: username.clone(),
            password_hash: password::hash(password.clone()).await?,
            roles: Role::ALL.to_vec(),
            enabled: true,
            created_at: now,
            version: 1,
        }),
        Write::SigningKey(SigningKey { id: ids.next(), key: random_secret(), created_at: now }),
    ];
    match store.commit(&ChangeSet { writes, ..ChangeSet::default() }).await {
        Ok(()) => {}
        // Another server was faster, and made it.
        Err(StoreError::Conflict(_)) => return Ok(()),
        Err(error) => return Err(error).context("making the first environment"),
    }
    let mut told = format!("A new database: environment {environment}, worker client {client}.");
    if given.client_secret.is_none() {
        told.push_str(&format!(" The client's secret, shown this once: {}", client_secret.expose()));
    }
    announce(told);
    if given.admin_password.is_none() && given.admin_username.is_some() {
        announce(format!(
            "Console administrator {username}; the password, shown this once: {}",
            password.expose()
        ));
    }
    Ok(())
}
