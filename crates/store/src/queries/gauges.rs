//! What waits and what stands still, counted for monitoring: every query is short, by an index or over a small table.

use sqlx::QueryBuilder;
use usher_domain::{
    Timestamp,
    ports::{
        job::JobKind,
        store::{Gauges, StoreResult},
    },
    provisioning::connection::{ConnectionKind, Health},
    reconcile::run::RunState,
    subscription::Delivery,
};

use super::{Database, get, jobs, json, optional_time};
use crate::columns;

impl Database {
    /// See [`usher_domain::ports::store::Store::gauges`].
    pub(super) async fn all_gauges(&self, now: Timestamp) -> StoreResult<Gauges> {
        let mut held = QueryBuilder::new("SELECT COUNT(*) FROM runs WHERE is_open AND state = ");
        held.push_bind(columns::word(&RunState::Held)?);
        let mut gauges = Gauges { held_runs: self.number(held).await?, ..Gauges::default() };

        // The directory itself is a connection, too, that never fails.
        let mut active = QueryBuilder::new("SELECT health FROM connections WHERE active AND kind <> ");
        active.push_bind(ConnectionKind::Directory.name());
        for health in self.all(active, |row| json::<Health>(row, "health")).await? {
            gauges.active_connections += 1;
            gauges.failing_connections += u64::from(matches!(health, Health::Broken { .. }));
        }

        let mut due =
            QueryBuilder::new("SELECT COUNT(*) AS due, MIN(due_at) AS oldest FROM jobs WHERE kind = ");
        due.push_bind(jobs::name(JobKind::Reconcile)).push(" AND due_at <= ").push_bind(now.to_datetime());
        due.push(format!(" AND (owner IS NULL OR {})", jobs::lapsed()));
        let read = |row: &_| Ok((get::<i64>(row, "due")?, optional_time(row, "oldest")?));
        if let Some((due, oldest)) = self.one(due, read).await? {
            (gauges.due_jobs, gauges.oldest_due) = (columns::from_count("due", due)?, oldest);
        }

        let enabled = QueryBuilder::new(
            "SELECT d.body, d.position, h.seq FROM subscriptions s JOIN deliveries d ON d.subscription_id = s.id \
             JOIN event_heads h ON h.environment_id = s.environment_id WHERE s.enabled",
        );
        let read = |row: &_| {
            let seen = columns::from_count("position", get(row, "position")?)?;
            let newest = columns::from_count("seq", get(row, "seq")?)?;
            Ok((json::<Delivery>(row, "body")?.failures, newest.saturating_sub(seen)))
        };
        for (failures, pending) in self.all(enabled, read).await? {
            gauges.subscriptions += 1;
            gauges.failing_subscriptions += u64::from(failures > 0);
            gauges.pending_events += pending;
        }

        let heads = QueryBuilder::new("SELECT seq FROM event_heads");
        let events = self.all(heads, |row| columns::from_count("seq", get(row, "seq")?)).await?;
        gauges.audit_events = events.iter().sum();
        Ok(gauges)
    }
}
