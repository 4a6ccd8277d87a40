//! Audit events: appended in the transaction of what they tell, read in the order in which they were recorded.

use std::collections::BTreeMap;

use sqlx::QueryBuilder;
use usher_domain::{
    EnvironmentId,
    directory::audit::Event,
    ports::store::{Page, PageRequest, StoreResult},
};

use super::{Connection, Database, from_sqlx, get, insert, json, limit, page};
use crate::columns;

/// Appends events. Always the last thing in a transaction: it holds the environment's head until the end, which is
/// what makes the sequence that of the commits, without gaps.
pub(super) async fn append(connection: &mut Connection, events: &[&Event]) -> StoreResult<()> {
    let mut by_environment: BTreeMap<EnvironmentId, Vec<&Event>> = BTreeMap::new();
    for event in events {
        by_environment.entry(event.environment).or_default().push(event);
    }
    for (environment, events) in by_environment {
        let count = columns::count(events.len() as u64);
        let last: i64 = sqlx::query_scalar(
            "INSERT INTO event_heads (environment_id, seq) VALUES ($1, $2) \
             ON CONFLICT (environment_id) DO UPDATE SET seq = event_heads.seq + excluded.seq RETURNING seq",
        )
        .bind(environment.uuid())
        .bind(count)
        .fetch_one(&mut *connection)
        .await
        .map_err(from_sqlx)?;
        let numbered: Vec<(i64, &Event)> = (last - count + 1..).zip(events).collect();
        insert(
            connection,
            "INSERT INTO events (environment_id, seq, id, body) ",
            &numbered,
            "",
            |values, (seq, event)| {
                values.push_bind(environment.uuid()).push_bind(*seq).push_bind(event.id.uuid());
                values.push_bind(columns::json(event)?);
                Ok(())
            },
        )
        .await?;
    }
    Ok(())
}

impl Database {
    pub(super) async fn events_page(
        &self,
        environment: EnvironmentId,
        request: &PageRequest,
    ) -> StoreResult<Page<Event>> {
        let mut query = QueryBuilder::new("SELECT body FROM events WHERE environment_id = ");
        query.push_bind(environment.uuid());
        if let Some(after) = request.after {
            query.push(" AND seq > (SELECT seq FROM events WHERE id = ").push_bind(after).push(")");
        }
        query.push(" ORDER BY seq LIMIT ").push_bind(limit(request));
        let events = self.all(query, |row| json(row, "body")).await?;
        Ok(page(events, request, |event: &Event| event.id.uuid()))
    }

    pub(super) async fn numbered_events(
        &self,
        environment: EnvironmentId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<(u64, Event)>> {
        let mut query = QueryBuilder::new("SELECT seq, body FROM events WHERE environment_id = ");
        query.push_bind(environment.uuid()).push(" AND seq > ").push_bind(columns::count(after));
        query.push(" ORDER BY seq LIMIT ").push_bind(i64::from(limit));
        self.all(query, |row| Ok((columns::from_count("seq", get(row, "seq")?)?, json(row, "body")?))).await
    }
}
