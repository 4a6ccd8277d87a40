//! The first things: an environment with its default population and the connection to itself, and who may call.

use serde_json::json;
use usher_domain::{
    AdministratorId, ClientId, EnvironmentId, Secret,
    access::{Administrator, Role, WorkerClient, administrator, client, keys},
    directory::{
        change::ChangeSet,
        commands::{Body, Stamp, environment, population},
        environment::Environment,
    },
    ports::store::StoreResult,
    provisioning::commands::connection,
};

use super::{By, Decided, Directory, DirectoryError};

/// What an empty database begins with. Secrets come hashed (argon2id, PHC string).
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The environment's id.
    pub environment: EnvironmentId,
    /// Its name.
    pub name: String,
    /// The worker client's id.
    pub client: ClientId,
    /// The hash of its secret.
    pub client_secret_hash: String,
    /// The console administrator's username.
    pub administrator: String,
    /// The hash of their password.
    pub administrator_password_hash: String,
    /// The first key that signs access tokens.
    pub signing_key: Secret,
}

impl Directory {
    /// Whether there is no environment yet.
    ///
    /// # Errors
    /// What the store says.
    pub async fn is_empty(&self) -> StoreResult<bool> {
        Ok(self.store.environments().await?.is_empty())
    }

    /// On an empty database: makes the environment, its default population, the connection to the directory, a worker
    /// client and an administrator with all roles, and a key that signs tokens; in one change set. `None` when there is an environment already.
    ///
    /// # Errors
    /// The name of the environment cannot be one.
    pub async fn bootstrap(&self, by: &By, first: &Bootstrap) -> Result<Option<Environment>, DirectoryError> {
        self.execute(by, first.environment, move |stamp| async move {
            if !self.is_empty().await? {
                return Ok(Decided::plain((None, ChangeSet::default())));
            }
            let mut body = Body::new();
            body.insert("name".into(), first.name.clone().into());
            let (environment, mut changes) = found_environment(first.environment, &body, &stamp)?;
            let client = WorkerClient {
                id: first.client,
                environment: environment.id,
                name: "Bootstrap client".into(),
                description: Some("Made with the environment.".into()),
                secret_hash: first.client_secret_hash.clone(),
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
                username: first.administrator.clone(),
                password_hash: first.administrator_password_hash.clone(),
                roles: Role::ALL.to_vec(),
                enabled: true,
                totp: None,
                provider: None,
                created_at: stamp.now,
                updated_at: stamp.now,
                version: 1,
            };
            let (_, key) = keys::rotate(&first.signing_key, &[environment.id], &stamp);
            let access =
                [client::created(&client, &stamp), administrator::created(&administrator, &stamp), key];
            for more in access {
                changes.writes.extend(more.writes);
                changes.events.extend(more.events);
            }
            Ok(Decided::plain((Some(environment), changes)))
        })
        .await
    }

    /// Makes an environment, its default population and the connection to the directory.
    ///
    /// # Errors
    /// Every fault of the body.
    pub async fn create_environment(&self, by: &By, body: &Body) -> Result<Environment, DirectoryError> {
        let id = EnvironmentId(self.ids.next());
        self.execute(
            by,
            id,
            move |stamp| async move { Ok(Decided::plain(found_environment(id, body, &stamp)?)) },
        )
        .await
    }
}

fn found_environment(
    id: EnvironmentId,
    body: &Body,
    stamp: &Stamp<'_>,
) -> Result<(Environment, ChangeSet), DirectoryError> {
    let (environment, mut changes) = environment::create(id, body, stamp)?;
    let mut home = Body::new();
    home.insert("name".into(), json!("Default"));
    home.insert("default".into(), json!(true));
    let (_, population) = population::create(id, &home, &[], stamp)?;
    let (_, directory) = connection::directory(id, stamp);
    for more in [population, directory] {
        changes.writes.extend(more.writes);
        changes.events.extend(more.events);
    }
    Ok((environment, changes))
}
