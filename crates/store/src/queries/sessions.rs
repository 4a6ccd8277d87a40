//! The sessions of the console.

use async_trait::async_trait;
use sqlx::QueryBuilder;
use usher_domain::{
    AdministratorId, Timestamp,
    access::Administrator,
    ports::{
        session::SessionStore,
        store::{AccessStore as _, StoreResult},
    },
    session::{Ended, Session, Stage},
};

use super::{Connection, Database, Db, Row, access::provider_account, from_sqlx, get, id, time};

const COLUMNS: &str = "digest, environment_id, administrator_id, signed_in, provider_issuer, provider_subject, agent, \
                       created_at, seen_at";

fn read(row: &Row) -> StoreResult<Session> {
    Ok(Session {
        digest: get(row, "digest")?,
        environment: id(row, "environment_id")?,
        administrator: id(row, "administrator_id")?,
        stage: if get(row, "signed_in")? { Stage::SignedIn } else { Stage::SecondFactor },
        provider: provider_account(row)?,
        agent: get(row, "agent")?,
        created_at: time(row, "created_at")?,
        seen_at: time(row, "seen_at")?,
    })
}

fn select(condition: &str) -> QueryBuilder<Db> {
    QueryBuilder::new(format!("SELECT {COLUMNS} FROM sessions WHERE {condition}"))
}

/// Ends these sessions of an administrator.
pub(super) async fn end(
    connection: &mut Connection,
    administrator: AdministratorId,
    ended: &Ended,
) -> StoreResult<()> {
    let mut query = QueryBuilder::<Db>::new("DELETE FROM sessions WHERE administrator_id = ");
    query.push_bind(administrator.uuid());
    match ended {
        Ended::All => {}
        Ended::AllBut(digest) => drop(query.push(" AND digest <> ").push_bind(digest.as_str())),
        Ended::One(digest) => drop(query.push(" AND digest = ").push_bind(digest.as_str())),
        Ended::OfProvider => drop(query.push(" AND provider_issuer IS NOT NULL")),
    }
    query.build().execute(connection).await.map_err(from_sqlx)?;
    Ok(())
}

impl Database {
    async fn write_session(&self, query: QueryBuilder<Db>) -> StoreResult<()> {
        self.execute(query).await.map(|_| ())
    }
}

#[async_trait]
impl SessionStore for Database {
    async fn open_session(&self, session: &Session, version: i64) -> StoreResult<bool> {
        let mut transaction = self.begin().await?;
        // Locks the administrator: a change of them that comes second finds this session, and ends it.
        let held = sqlx::query(
            "UPDATE administrators SET version = version WHERE id = $1 AND version = $2 AND enabled",
        );
        let held = held.bind(session.administrator.uuid()).bind(version);
        if held.execute(&mut *transaction).await.map_err(from_sqlx)?.rows_affected() == 0 {
            return Ok(false);
        }
        let mut query = QueryBuilder::new(format!("INSERT INTO sessions ({COLUMNS}) VALUES ("));
        let mut values = query.separated(", ");
        values.push_bind(session.digest.as_str()).push_bind(session.environment.uuid());
        values.push_bind(session.administrator.uuid()).push_bind(session.stage == Stage::SignedIn);
        let provider = session.provider.as_ref();
        values.push_bind(provider.map(|it| it.issuer.as_str()));
        values.push_bind(provider.map(|it| it.subject.as_str()));
        values.push_bind(session.agent.as_str()).push_bind(session.created_at.to_datetime());
        values.push_bind(session.seen_at.to_datetime());
        query.push(")");
        query.build().execute(&mut *transaction).await.map_err(from_sqlx)?;
        transaction.commit().await.map_err(from_sqlx)?;
        Ok(true)
    }

    async fn session(&self, digest: &str) -> StoreResult<Option<(Session, Administrator)>> {
        let mut query = select("digest = ");
        query.push_bind(digest);
        let Some(session) = self.one(query, read).await? else { return Ok(None) };
        let administrator = self.administrator_by_id(session.environment, session.administrator).await?;
        Ok(administrator.map(|administrator| (session, administrator)))
    }

    async fn touch_session(&self, digest: &str, at: Timestamp) -> StoreResult<()> {
        let mut query = QueryBuilder::new("UPDATE sessions SET seen_at = ");
        query.push_bind(at.to_datetime()).push(" WHERE digest = ").push_bind(digest);
        self.write_session(query).await
    }

    async fn end_session(&self, digest: &str) -> StoreResult<()> {
        let mut query = QueryBuilder::new("DELETE FROM sessions WHERE digest = ");
        query.push_bind(digest);
        self.write_session(query).await
    }

    async fn sessions_of(&self, administrator: AdministratorId) -> StoreResult<Vec<Session>> {
        let mut query = select("administrator_id = ");
        query.push_bind(administrator.uuid()).push(" ORDER BY created_at DESC, digest");
        self.all(query, read).await
    }

    async fn forget_sessions(&self, seen: Timestamp, born: Timestamp) -> StoreResult<()> {
        let mut query = QueryBuilder::new("DELETE FROM sessions WHERE seen_at < ");
        query.push_bind(seen.to_datetime()).push(" OR created_at < ").push_bind(born.to_datetime());
        self.write_session(query).await
    }
}
