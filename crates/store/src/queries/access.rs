//! Who may call: worker clients, administrators, signing keys.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::QueryBuilder;
use usher_domain::{
    ClientId, EnvironmentId,
    access::{Administrator, Role, SigningKey, WorkerClient},
    ports::store::{AccessStore, StoreResult},
};
use uuid::Uuid;

use super::{Connection, Database, Row, Stored, Values, from_sqlx, get, id, json, select, time};
use crate::{
    columns::{self, folded},
    seal::Seal,
};

/// Roles, kept as an object.
#[derive(Serialize, Deserialize)]
struct Roles {
    roles: Vec<Role>,
}

impl Stored for WorkerClient {
    const TABLE: &'static str = "clients";
    const COLUMNS: &'static str =
        "id, environment_id, name, secret_hash, roles, enabled, created_at, version";

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        values.push_bind(self.id.uuid()).push_bind(self.environment.uuid());
        values.push_bind(&self.name).push_bind(&self.secret_hash);
        values.push_bind(columns::json(&Roles { roles: self.roles.clone() })?).push_bind(self.enabled);
        values.push_bind(self.created_at.to_datetime()).push_bind(self.version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        Ok(WorkerClient {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            name: get(row, "name")?,
            secret_hash: get(row, "secret_hash")?,
            roles: json::<Roles>(row, "roles")?.roles,
            enabled: get(row, "enabled")?,
            created_at: time(row, "created_at")?,
            version: get(row, "version")?,
        })
    }
}

impl Stored for Administrator {
    const TABLE: &'static str = "administrators";
    const COLUMNS: &'static str =
        "id, environment_id, username, username_key, password_hash, roles, enabled, created_at, version";

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        values.push_bind(self.id.uuid()).push_bind(self.environment.uuid());
        values.push_bind(&self.username).push_bind(folded(&self.username)).push_bind(&self.password_hash);
        values.push_bind(columns::json(&Roles { roles: self.roles.clone() })?).push_bind(self.enabled);
        values.push_bind(self.created_at.to_datetime()).push_bind(self.version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        Ok(Administrator {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            username: get(row, "username")?,
            password_hash: get(row, "password_hash")?,
            roles: json::<Roles>(row, "roles")?.roles,
            enabled: get(row, "enabled")?,
            created_at: time(row, "created_at")?,
            version: get(row, "version")?,
        })
    }
}

/// What a signing key is sealed for.
fn place(key: Uuid) -> String {
    format!("signing_keys/{key}")
}

/// Adds a signing key, sealed.
pub(super) async fn add_signing_key(
    connection: &mut Connection,
    seal: &Seal,
    key: &SigningKey,
) -> StoreResult<()> {
    let query = sqlx::query("INSERT INTO signing_keys (id, sealed, created_at) VALUES ($1, $2, $3)");
    let sealed = seal.seal(&place(key.id), &key.key)?;
    let query = query.bind(key.id).bind(sealed).bind(key.created_at.to_datetime());
    query.execute(connection).await.map_err(from_sqlx)?;
    Ok(())
}

#[async_trait]
impl AccessStore for Database {
    async fn client(&self, environment: EnvironmentId, id: ClientId) -> StoreResult<Option<WorkerClient>> {
        self.entity(environment, id.uuid()).await
    }

    async fn clients(&self, environment: EnvironmentId) -> StoreResult<Vec<WorkerClient>> {
        self.entities(environment).await
    }

    async fn administrator(&self, username: &str) -> StoreResult<Option<Administrator>> {
        let mut query = select::<Administrator>("username_key = ");
        query.push_bind(folded(username));
        self.one(query, Administrator::read).await
    }

    async fn signing_keys(&self) -> StoreResult<Vec<SigningKey>> {
        let query = QueryBuilder::new(
            "SELECT id, sealed, created_at FROM signing_keys ORDER BY created_at DESC, id DESC",
        );
        self.all(query, |row| {
            let id: Uuid = get(row, "id")?;
            let key = self.seal.open(&place(id), get(row, "sealed")?)?;
            Ok(SigningKey { id, key, created_at: time(row, "created_at")? })
        })
        .await
    }
}
