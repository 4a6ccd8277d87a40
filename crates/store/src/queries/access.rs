//! Who may call: worker clients, administrators, signing keys.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sqlx::QueryBuilder;
use usher_domain::{
    AdministratorId, ClientId, EnvironmentId, Timestamp,
    access::{Administrator, Attempts, OldSecret, ProviderAccount, Role, SigningKey, Totp, WorkerClient},
    ports::store::{AccessStore, StoreResult},
};
use uuid::Uuid;

use super::{
    Connection, Database, Row, Stored, Values, from_sqlx, get, id, insert, json, optional_time, select, time,
};
use crate::{
    columns::{self, folded},
    seal::Seal,
    sealed::{Place, Sealed},
};

/// Roles, kept as an object.
#[derive(Serialize, Deserialize)]
struct Roles {
    roles: Vec<Role>,
}

impl Stored for WorkerClient {
    const TABLE: &'static str = "clients";
    const COLUMNS: &'static str = "id, environment_id, name, description, secret_hash, old_secret_hash, old_secret_until, \
                                   token_generation, roles, enabled, created_at, updated_at, version";

    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        values.push_bind(self.id.uuid()).push_bind(self.environment.uuid());
        values.push_bind(&self.name).push_bind(&self.description).push_bind(&self.secret_hash);
        values.push_bind(self.old_secret.as_ref().map(|old| &old.hash));
        values.push_bind(self.old_secret.as_ref().map(|old| old.until.to_datetime()));
        values.push_bind(self.token_generation);
        values.push_bind(columns::json(&Roles { roles: self.roles.clone() })?).push_bind(self.enabled);
        values.push_bind(self.created_at.to_datetime()).push_bind(self.updated_at.to_datetime());
        values.push_bind(self.version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        let old: (Option<String>, Option<Timestamp>) =
            (get(row, "old_secret_hash")?, optional_time(row, "old_secret_until")?);
        let created_at = time(row, "created_at")?;
        Ok(WorkerClient {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            name: get(row, "name")?,
            description: get(row, "description")?,
            secret_hash: get(row, "secret_hash")?,
            old_secret: match old {
                (Some(hash), Some(until)) => Some(OldSecret { hash, until }),
                _ => None,
            },
            token_generation: get(row, "token_generation")?,
            roles: json::<Roles>(row, "roles")?.roles,
            enabled: get(row, "enabled")?,
            created_at,
            updated_at: optional_time(row, "updated_at")?.unwrap_or(created_at),
            version: get(row, "version")?,
        })
    }
}

/// An administrator as they are kept: the second factor sealed, and none in `administrator`.
pub(super) struct SealedAdministrator {
    administrator: Administrator,
    sealed: Option<String>,
    confirmed: bool,
}

impl SealedAdministrator {
    pub(super) fn new(administrator: &Administrator, seal: &Seal) -> StoreResult<Self> {
        let totp = administrator.totp.as_ref();
        let place = Sealed::Totp.place(administrator.id.uuid(), "");
        Ok(SealedAdministrator {
            administrator: Administrator { totp: None, ..administrator.clone() },
            sealed: totp.map(|totp| seal.seal(&place, &totp.secret)).transpose()?,
            confirmed: totp.is_some_and(|totp| totp.confirmed),
        })
    }

    fn open(self, seal: &Seal) -> StoreResult<Administrator> {
        let place = Sealed::Totp.place(self.administrator.id.uuid(), "");
        let secret = self.sealed.map(|sealed| seal.open(&place, &sealed)).transpose()?;
        let totp = secret.map(|secret| Totp { secret, confirmed: self.confirmed });
        Ok(Administrator { totp, ..self.administrator })
    }
}

impl Stored for SealedAdministrator {
    const TABLE: &'static str = "administrators";
    const COLUMNS: &'static str = "id, environment_id, username, username_key, password_hash, roles, enabled, totp, \
                                   totp_confirmed, provider_issuer, provider_subject, created_at, updated_at, \
                                   version";

    fn id(&self) -> Uuid {
        self.administrator.id.uuid()
    }

    fn version(&self) -> i64 {
        self.administrator.version
    }

    fn bind(&self, values: &mut Values<'_>) -> StoreResult<()> {
        let Administrator { id, environment, username, password_hash, roles, enabled, .. } =
            &self.administrator;
        values.push_bind(id.uuid()).push_bind(environment.uuid());
        values.push_bind(username).push_bind(folded(username)).push_bind(password_hash);
        values.push_bind(columns::json(&Roles { roles: roles.clone() })?).push_bind(*enabled);
        values.push_bind(&self.sealed).push_bind(self.confirmed);
        let provider = self.administrator.provider.as_ref();
        values.push_bind(provider.map(|it| &it.issuer)).push_bind(provider.map(|it| &it.subject));
        values.push_bind(self.administrator.created_at.to_datetime());
        values.push_bind(self.administrator.updated_at.to_datetime()).push_bind(self.administrator.version);
        Ok(())
    }

    fn read(row: &Row) -> StoreResult<Self> {
        let created_at = time(row, "created_at")?;
        let administrator = Administrator {
            id: id(row, "id")?,
            environment: id(row, "environment_id")?,
            username: get(row, "username")?,
            password_hash: get(row, "password_hash")?,
            roles: json::<Roles>(row, "roles")?.roles,
            enabled: get(row, "enabled")?,
            totp: None,
            provider: provider_account(row)?,
            created_at,
            updated_at: optional_time(row, "updated_at")?.unwrap_or(created_at),
            version: get(row, "version")?,
        };
        let (sealed, confirmed) = (get(row, "totp")?, get(row, "totp_confirmed")?);
        Ok(SealedAdministrator { administrator, sealed, confirmed })
    }
}

/// The account at an OpenID provider that a row names.
pub(super) fn provider_account(row: &Row) -> StoreResult<Option<ProviderAccount>> {
    let named: (Option<String>, Option<String>) =
        (get(row, "provider_issuer")?, get(row, "provider_subject")?);
    Ok(match named {
        (Some(issuer), Some(subject)) => Some(ProviderAccount { issuer, subject }),
        _ => None,
    })
}

/// What a signing key is sealed for.
fn place(key: Uuid) -> Place {
    Sealed::SigningKey.place(key, "")
}

/// Puts recovery codes in place of those of before.
pub(super) async fn put_recovery_codes(
    connection: &mut Connection,
    administrator: AdministratorId,
    hashes: &[String],
) -> StoreResult<()> {
    let query = sqlx::query("DELETE FROM recovery_codes WHERE administrator_id = $1");
    query.bind(administrator.uuid()).execute(&mut *connection).await.map_err(from_sqlx)?;
    let head = "INSERT INTO recovery_codes (administrator_id, hash) ";
    insert(connection, head, hashes, "", |values, hash| {
        values.push_bind(administrator.uuid()).push_bind(hash.clone());
        Ok(())
    })
    .await
}

/// Forgets where an administrator signed in.
pub(super) async fn forget_places(
    connection: &mut Connection,
    administrator: AdministratorId,
) -> StoreResult<()> {
    let query = sqlx::query("DELETE FROM known_places WHERE administrator_id = $1");
    query.bind(administrator.uuid()).execute(connection).await.map_err(from_sqlx)?;
    Ok(())
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
        let mut query = select::<SealedAdministrator>("username_key = ");
        query.push_bind(folded(username));
        let found = self.one(query, SealedAdministrator::read).await?;
        found.map(|sealed| sealed.open(&self.seal)).transpose()
    }

    async fn administrator_of(&self, account: &ProviderAccount) -> StoreResult<Option<Administrator>> {
        let mut query = select::<SealedAdministrator>("provider_issuer = ");
        query.push_bind(account.issuer.as_str());
        query.push(" AND provider_subject = ").push_bind(account.subject.as_str());
        let found = self.one(query, SealedAdministrator::read).await?;
        found.map(|sealed| sealed.open(&self.seal)).transpose()
    }

    async fn administrator_by_id(
        &self,
        environment: EnvironmentId,
        id: AdministratorId,
    ) -> StoreResult<Option<Administrator>> {
        let found = self.entity::<SealedAdministrator>(environment, id.uuid()).await?;
        found.map(|sealed| sealed.open(&self.seal)).transpose()
    }

    async fn administrators(&self, environment: EnvironmentId) -> StoreResult<Vec<Administrator>> {
        let found = self.entities::<SealedAdministrator>(environment).await?;
        found.into_iter().map(|sealed| sealed.open(&self.seal)).collect()
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

    async fn use_totp_step(&self, id: AdministratorId, step: u64) -> StoreResult<bool> {
        let mut query = QueryBuilder::new("UPDATE administrators SET totp_step = ");
        query.push_bind(columns::count(step)).push(" WHERE id = ").push_bind(id.uuid());
        query.push(" AND (totp_step IS NULL OR totp_step < ").push_bind(columns::count(step)).push(")");
        Ok(self.execute(query).await? == 1)
    }

    async fn use_recovery_code(&self, id: AdministratorId, hash: &str) -> StoreResult<bool> {
        let mut query = QueryBuilder::new("DELETE FROM recovery_codes WHERE administrator_id = ");
        query.push_bind(id.uuid()).push(" AND hash = ").push_bind(hash);
        Ok(self.execute(query).await? == 1)
    }

    async fn recovery_codes_left(&self, id: AdministratorId) -> StoreResult<u64> {
        let mut query = QueryBuilder::new("SELECT count(*) FROM recovery_codes WHERE administrator_id = ");
        query.push_bind(id.uuid());
        self.number(query).await
    }

    async fn known_places(&self, username: &str, places: &[&str]) -> StoreResult<Vec<String>> {
        let mut query = QueryBuilder::new(
            "SELECT p.place FROM known_places p JOIN administrators a ON a.id = p.administrator_id \
             WHERE a.username_key = ",
        );
        query.push_bind(folded(username)).push(" AND p.place IN (");
        let mut values = query.separated(", ");
        for place in places {
            values.push_bind(*place);
        }
        query.push(")");
        if places.is_empty() {
            return Ok(Vec::new());
        }
        self.all(query, |row| get(row, "place")).await
    }

    async fn know_places(
        &self,
        id: AdministratorId,
        places: &[&str],
        now: Timestamp,
        most: u32,
    ) -> StoreResult<()> {
        for place in places {
            let mut query =
                QueryBuilder::new("INSERT INTO known_places (administrator_id, place, seen_at) VALUES (");
            query.push_bind(id.uuid()).push(", ").push_bind(*place).push(", ").push_bind(now.to_datetime());
            query.push(") ON CONFLICT (administrator_id, place) DO UPDATE SET seen_at = excluded.seen_at");
            self.execute(query).await?;
        }
        let mut query = QueryBuilder::new("DELETE FROM known_places WHERE administrator_id = ");
        query
            .push_bind(id.uuid())
            .push(" AND place NOT IN (SELECT place FROM known_places WHERE administrator_id = ");
        query
            .push_bind(id.uuid())
            .push(" ORDER BY seen_at DESC, place LIMIT ")
            .push_bind(i64::from(most))
            .push(")");
        self.execute(query).await.map(|_| ())
    }

    async fn forget_places_before(&self, before: Timestamp) -> StoreResult<()> {
        let mut query = QueryBuilder::new("DELETE FROM known_places WHERE seen_at < ");
        query.push_bind(before.to_datetime());
        self.execute(query).await.map(|_| ())
    }

    async fn attempts(&self, key: &str) -> StoreResult<Option<Attempts>> {
        let mut query = QueryBuilder::new("SELECT failures, last_at FROM attempts WHERE key = ");
        query.push_bind(key);
        self.one(query, |row| {
            let failures = columns::from_count("failures", get(row, "failures")?)?;
            let failures = u32::try_from(failures).unwrap_or(u32::MAX);
            Ok(Attempts { failures, last_at: time(row, "last_at")? })
        })
        .await
    }

    async fn count_attempt(&self, key: &str, known: Option<Attempts>, now: Timestamp) -> StoreResult<bool> {
        let mut query = match known {
            None => {
                let mut query = QueryBuilder::new("INSERT INTO attempts (key, failures, last_at) VALUES (");
                query.push_bind(key).push(", 1, ").push_bind(now.to_datetime());
                query.push(") ON CONFLICT DO NOTHING");
                return Ok(self.execute(query).await? == 1);
            }
            Some(_) => QueryBuilder::new("UPDATE attempts SET failures = failures + 1, last_at = "),
        };
        query.push_bind(now.to_datetime()).push(" WHERE key = ").push_bind(key).push(" AND failures = ");
        query.push_bind(known.map_or(0, |known| i64::from(known.failures)));
        Ok(self.execute(query).await? == 1)
    }

    async fn uncount_attempt(&self, key: &str, known: Option<Attempts>, at: Timestamp) -> StoreResult<()> {
        let before = known.map_or(Timestamp::default(), |known| known.last_at);
        let mut query =
            QueryBuilder::new("UPDATE attempts SET failures = failures - 1, last_at = CASE WHEN last_at = ");
        query.push_bind(at.to_datetime()).push(" THEN ").push_bind(before.to_datetime());
        query.push(" ELSE last_at END WHERE failures > 0 AND key = ").push_bind(key);
        self.execute(query).await.map(|_| ())
    }

    async fn forget_attempts(&self, key: &str) -> StoreResult<()> {
        let mut query = QueryBuilder::new("DELETE FROM attempts WHERE key = ");
        query.push_bind(key);
        self.execute(query).await.map(|_| ())
    }

    async fn forget_attempts_before(&self, before: Timestamp) -> StoreResult<()> {
        let mut query = QueryBuilder::new("DELETE FROM attempts WHERE last_at < ");
        query.push_bind(before.to_datetime());
        self.execute(query).await.map(|_| ())
    }
}
