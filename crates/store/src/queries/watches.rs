//! What is remembered of watching the sources of inbound rules: slots, and positions in logs of events.
//!
//! Jobs of the kind `watch` are taken after those that reconcile (see [`super::jobs`]), and rows here after both, so that
//! no two transactions wait for each other.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use usher_domain::{
    RuleId, Timestamp,
    directory::change::{ChangeSet, Write},
    ports::{
        connector::LogPosition,
        job::{JobKind, Lease},
        store::StoreResult,
        watch::{LogState, Watch, WatchStore, Watched},
    },
    provisioning::{rule::Direction, schedule::Slots},
};

use super::{Connection, Database, Row, from_sqlx, get, insert, jobs, optional_time};
use crate::columns;

fn read(row: &Row) -> StoreResult<Watch> {
    let slots = optional_time(row, "anchored_at")?.zip(optional_time(row, "served_at")?);
    let problem: Option<&str> = get(row, "log_problem")?;
    Ok(Watch {
        slots: slots.map(|(anchor, served)| Slots { anchor, served }),
        slot_waits: get(row, "slot_waits")?,
        log: LogState {
            position: get::<Option<String>>(row, "log_position")?.map(LogPosition),
            read_at: optional_time(row, "log_read_at")?,
            everything_at: optional_time(row, "log_everything_at")?,
            problem: problem.map(|text| columns::from_json("log_problem", text)).transpose()?,
        },
    })
}

/// Has rules watched by then, if not before.
pub(super) async fn wake(connection: &mut Connection, rules: &[(RuleId, Timestamp)]) -> StoreResult<()> {
    insert(
        connection,
        "INSERT INTO jobs (kind, key, due_at, epoch) ",
        rules,
        jobs::EARLIER,
        |values, (rule, at)| {
            values.push_bind(jobs::name(JobKind::Watch)).push_bind(rule.uuid());
            values.push_bind(at.to_datetime()).push_bind(0_i64);
            Ok(())
        },
    )
    .await
}

/// Has the inbound rules watched that were written.
pub(super) async fn wake_written(connection: &mut Connection, committed: &[&ChangeSet]) -> StoreResult<()> {
    let writes = committed.iter().flat_map(|changes| &changes.writes);
    let inbound = writes.filter_map(|write| match write {
        Write::Rule(rule) if rule.direction == Direction::Inbound => Some((rule.id, rule.updated_at)),
        _ => None,
    });
    let inbound: BTreeSet<(RuleId, Timestamp)> = inbound.collect();
    let mut once: Vec<(RuleId, Timestamp)> = inbound.into_iter().collect();
    once.dedup_by_key(|(rule, _)| *rule);
    wake(connection, &once).await
}

/// A full sync of the rule completed, within the transaction that holds its lease.
pub(super) async fn full_sync(connection: &mut Connection, rule: RuleId, at: Timestamp) -> StoreResult<()> {
    wake(connection, &[(rule, at)]).await?;
    let query = sqlx::query(
        "INSERT INTO watches (rule_id, anchored_at, served_at, slot_waits) VALUES ($1, $2, $2, FALSE) \
         ON CONFLICT (rule_id) DO UPDATE SET slot_waits = FALSE, \
         anchored_at = coalesce(watches.anchored_at, excluded.anchored_at), \
         served_at = coalesce(watches.served_at, excluded.served_at)",
    );
    query.bind(rule.uuid()).bind(at.to_datetime()).execute(connection).await.map_err(from_sqlx)?;
    Ok(())
}

#[async_trait]
impl WatchStore for Database {
    async fn watch(&self, rule: RuleId) -> StoreResult<Watch> {
        let mut query = sqlx::QueryBuilder::new(
            "SELECT anchored_at, served_at, slot_waits, log_position, log_read_at, log_everything_at, log_problem \
             FROM watches WHERE rule_id = ",
        );
        query.push_bind(rule.uuid());
        Ok(self.one(query, read).await?.unwrap_or_default())
    }

    async fn wake(&self, rules: &[RuleId], at: Timestamp) -> StoreResult<()> {
        let rules: BTreeSet<RuleId> = rules.iter().copied().collect();
        let rules: Vec<(RuleId, Timestamp)> = rules.into_iter().map(|rule| (rule, at)).collect();
        let mut transaction = self.begin().await?;
        wake(&mut transaction, &rules).await?;
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn claim_watch(&self, owner: &str, now: Timestamp, lease: Duration) -> StoreResult<Option<Lease>> {
        self.claim_job(JobKind::Watch, owner, now, lease).await
    }

    async fn watched(&self, lease: &Lease, watched: &Watched) -> StoreResult<()> {
        let Watched { slot, set_back, log, due, again } = watched;
        let mut transaction = self.begin().await?;
        jobs::make_due(&mut transaction, due).await?;
        jobs::fence(&mut transaction, lease).await?;
        let query = sqlx::query(
            "INSERT INTO watches (rule_id, slot_waits, log_position, log_read_at, log_everything_at, log_problem) \
             VALUES ($1, FALSE, $2, $3, $4, $5) ON CONFLICT (rule_id) DO UPDATE SET \
             log_position = excluded.log_position, log_read_at = excluded.log_read_at, \
             log_everything_at = excluded.log_everything_at, log_problem = excluded.log_problem",
        );
        let query = query.bind(lease.rule.uuid());
        let query = query.bind(log.position.as_ref().map(|position| position.0.as_str()));
        let query = query.bind(log.read_at.map(Timestamp::to_datetime));
        let query = query.bind(log.everything_at.map(Timestamp::to_datetime));
        let query = query.bind(log.problem.as_ref().map(columns::json).transpose()?);
        query.execute(&mut *transaction).await.map_err(from_sqlx)?;
        if let Some(slot) = slot {
            let query =
                sqlx::query("UPDATE watches SET served_at = $1, slot_waits = TRUE WHERE rule_id = $2");
            let query = query.bind(slot.to_datetime()).bind(lease.rule.uuid());
            query.execute(&mut *transaction).await.map_err(from_sqlx)?;
        }
        if let Some(served) = set_back {
            let query = sqlx::query("UPDATE watches SET served_at = $1 WHERE rule_id = $2");
            let query = query.bind(served.to_datetime()).bind(lease.rule.uuid());
            query.execute(&mut *transaction).await.map_err(from_sqlx)?;
        }
        // While it was held it was not due, unless something woke it: that counts.
        let query = sqlx::query(
            "UPDATE jobs SET owner = NULL, leased_until = NULL, due_at = \
             CASE WHEN $1 IS NULL OR due_at < $1 THEN due_at ELSE $1 END WHERE kind = $2 AND key = $3",
        );
        let query = query.bind(again.map(Timestamp::to_datetime));
        let query = query.bind(jobs::name(JobKind::Watch)).bind(lease.rule.uuid());
        query.execute(&mut *transaction).await.map_err(from_sqlx)?;
        transaction.commit().await.map_err(from_sqlx)
    }
}
