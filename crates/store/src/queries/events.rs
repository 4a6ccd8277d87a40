//! Audit events, as they are read: by number, by time, by what they are about. How they are appended: `chain`.

use std::borrow::Cow;

use async_trait::async_trait;
use sqlx::{QueryBuilder, Row as _};
use usher_domain::{
    EnvironmentId, EventId, Timestamp,
    directory::audit::{
        Event,
        chain::{Entry, Hash, SUBJECTS, Span},
        verify::{ChainState, Checked, LastCheck},
    },
    ports::store::{AuditStore, EventQuery, Page, PageRequest, StoreError, StoreResult},
};
use uuid::Uuid;

use super::{Database, Row, chain, from_sqlx, get, json, limit, page, verify};
use crate::columns;

/// A day, in milliseconds.
const DAY: i64 = 24 * 3600 * 1000;

/// Every column, in the order in which [`entry`] reads them.
pub(super) const COLUMNS: &str = "environment_id, seq, id, recorded_at, action, correlation_id, actor_id, \
                                  subject_1, subject_2, subject_3, body, personal, hash";

/// A row as it is kept. By place, not by name: a chain of millions is read through here.
pub(super) fn entry(row: &Row) -> StoreResult<Entry<'_>> {
    let text = |at: usize| row.try_get::<&str, _>(at).map(Cow::Borrowed).map_err(from_sqlx);
    let correlation_id: Option<&str> = row.try_get(5).map_err(from_sqlx)?;
    let mut subjects = [None; SUBJECTS];
    for (at, subject) in (7..).zip(&mut subjects) {
        *subject = row.try_get::<Option<Uuid>, _>(at).map_err(from_sqlx)?;
    }
    Ok(Entry {
        environment: EnvironmentId(row.try_get(0).map_err(from_sqlx)?),
        seq: columns::from_count("seq", row.try_get(1).map_err(from_sqlx)?)?,
        id: row.try_get(2).map_err(from_sqlx)?,
        recorded_at: row.try_get(3).map_err(from_sqlx)?,
        action: text(4)?,
        correlation_id: correlation_id.map(Cow::Borrowed),
        actor: row.try_get(6).map_err(from_sqlx)?,
        subjects,
        body: text(10)?,
        personal: text(11)?,
        hash: hash(row.try_get(12).map_err(from_sqlx)?)?,
    })
}

/// A hash of a column.
pub(super) fn hash(bytes: &[u8]) -> StoreResult<Hash> {
    bytes.try_into().map_err(|_| StoreError::Corrupt("hash: not 32 bytes".into()))
}

/// The event of a row.
fn event(row: &Row) -> StoreResult<Event> {
    let entry = entry(row)?;
    // The error of serde_json may repeat a value: only the event's number is told.
    entry.event().map_err(|_| {
        StoreError::Corrupt(format!(
            "event {} of environment {} is not what was recorded. Run `usher audit verify`.",
            entry.seq, entry.environment
        ))
    })
}

fn numbered(row: &Row) -> StoreResult<(u64, Event)> {
    Ok((columns::from_count("seq", get(row, "seq")?)?, event(row)?))
}

/// `SELECT` of the events of an environment, up to further conditions.
fn events_of(environment: EnvironmentId) -> QueryBuilder<super::Db> {
    let mut query = QueryBuilder::new(format!("SELECT {COLUMNS} FROM events WHERE environment_id = "));
    query.push_bind(environment.uuid());
    query
}

#[async_trait]
impl AuditStore for Database {
    async fn events(&self, environment: EnvironmentId, request: &PageRequest) -> StoreResult<Page<Event>> {
        let mut query = events_of(environment);
        if let Some(after) = request.after {
            query.push(" AND seq > (SELECT seq FROM events WHERE id = ").push_bind(after).push(")");
        }
        query.push(" ORDER BY seq LIMIT ").push_bind(limit(request));
        let events = self.all(query, event).await?;
        Ok(page(events, request, |event: &Event| event.id.uuid()))
    }

    async fn events_after(
        &self,
        environment: EnvironmentId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<(u64, Event)>> {
        let mut query = events_of(environment);
        query.push(" AND seq > ").push_bind(columns::count(after));
        query.push(" ORDER BY seq LIMIT ").push_bind(i64::from(limit));
        self.all(query, numbered).await
    }

    async fn last_event(&self, environment: EnvironmentId) -> StoreResult<u64> {
        let mut query = QueryBuilder::new("SELECT seq FROM event_heads WHERE environment_id = ");
        query.push_bind(environment.uuid());
        self.number(query).await
    }

    async fn event(&self, environment: EnvironmentId, id: EventId) -> StoreResult<Option<Event>> {
        let mut query = events_of(environment);
        query.push(" AND id = ").push_bind(id.uuid());
        self.one(query, event).await
    }

    async fn find_events(
        &self,
        environment: EnvironmentId,
        wanted: &EventQuery,
        before: Option<(Timestamp, u64)>,
        limit: u32,
    ) -> StoreResult<Vec<(u64, Event)>> {
        let mut query = events_of(environment);
        if let Some(from) = wanted.from {
            query.push(" AND recorded_at >= ").push_bind(from.as_millis());
        }
        if let Some(until) = wanted.until {
            query.push(" AND recorded_at < ").push_bind(until.as_millis());
        }
        if let Some(actions) = &wanted.actions {
            query.push(" AND action IN (");
            let mut values = query.separated(", ");
            for action in actions {
                values.push_bind(action.clone());
            }
            // An empty list is an error to PostgreSQL.
            values.push("NULL");
            query.push(")");
        }
        for subject in &wanted.about {
            query.push(" AND (subject_1 = ").push_bind(*subject);
            query.push(" OR subject_2 = ").push_bind(*subject);
            query.push(" OR subject_3 = ").push_bind(*subject).push(")");
        }
        if let Some(actor) = wanted.actor {
            query.push(" AND actor_id = ").push_bind(actor);
        }
        if let Some(id) = &wanted.correlation_id {
            query.push(" AND correlation_id = ").push_bind(id.clone());
        }
        if let Some((at, seq)) = before {
            query.push(" AND (recorded_at, seq) < (").push_bind(at.as_millis());
            query.push(", ").push_bind(columns::count(seq)).push(")");
        }
        query.push(" ORDER BY recorded_at DESC, seq DESC LIMIT ").push_bind(i64::from(limit));
        self.all(query, numbered).await
    }

    async fn activity(
        &self,
        environment: EnvironmentId,
        actions: &[&str],
        since: Timestamp,
    ) -> StoreResult<Vec<(i64, String, u64)>> {
        // The day is a division in whole numbers on both databases, and all of it is in the index by action.
        let mut query = QueryBuilder::new(format!(
            "SELECT recorded_at / {DAY} AS day, action, count(*) AS n FROM events WHERE environment_id = "
        ));
        query.push_bind(environment.uuid()).push(" AND recorded_at >= ").push_bind(since.as_millis());
        query.push(" AND action IN (");
        let mut values = query.separated(", ");
        for action in actions {
            values.push_bind((*action).to_owned());
        }
        // An empty list is an error to PostgreSQL.
        values.push("NULL");
        query.push(format!(") GROUP BY action, recorded_at / {DAY} ORDER BY 1, 2"));
        self.all(query, |row| {
            Ok((get(row, "day")?, get(row, "action")?, columns::from_count("n", get(row, "n")?)?))
        })
        .await
    }

    async fn redact(&self, about: Uuid, told: &Event) -> StoreResult<Vec<Span>> {
        let mut transaction = self.begin().await?;
        let redacted = chain::redact(&mut transaction, &self.seal, about, told).await?;
        transaction.commit().await.map_err(from_sqlx)?;
        Ok(redacted)
    }

    async fn chain_state(&self, environment: EnvironmentId) -> StoreResult<ChainState> {
        verify::chain_state(&self.read, environment).await
    }

    async fn check_chain(
        &self,
        environment: EnvironmentId,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> StoreResult<Checked> {
        verify::verify_one(&self.read, &self.seal, environment, progress).await
    }

    async fn last_check(&self, environment: EnvironmentId) -> StoreResult<Option<LastCheck>> {
        let mut query = QueryBuilder::new("SELECT body FROM audit_checks WHERE environment_id = ");
        query.push_bind(environment.uuid());
        self.one(query, |row| json(row, "body")).await
    }

    async fn keep_check(&self, environment: EnvironmentId, check: &LastCheck) -> StoreResult<()> {
        let mut query =
            QueryBuilder::new("INSERT INTO audit_checks (environment_id, checked_at, body) VALUES (");
        let mut values = query.separated(", ");
        values.push_bind(environment.uuid()).push_bind(check.at.to_datetime());
        values.push_bind(columns::json(check)?);
        query.push(
            ") ON CONFLICT (environment_id) DO UPDATE SET checked_at = excluded.checked_at, body = excluded.body",
        );
        self.execute(query).await?;
        Ok(())
    }
}
