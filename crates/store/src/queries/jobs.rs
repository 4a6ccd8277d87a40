//! The due work: who may reconcile which rule for how long, and which subjects wait for it.
//!
//! Every writer takes the rule's row in `jobs` before its rows in `dues`, and rules in id order, so that two
//! transactions never wait for each other.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, QueryBuilder};
use usher_domain::{
    RuleId, Timestamp,
    directory::change::{Due, DueSubject},
    ports::{
        job::{DueMark, JobKind, Lease},
        store::{JobStore, StoreError, StoreResult},
    },
};
use uuid::Uuid;

use super::{CHUNK, Connection, Database, SKIP_LOCKED, from_sqlx, get, id, insert, optional_time, time};
use crate::columns;

/// The kind of job that reconciles a rule.
const RULE: &str = name(JobKind::Reconcile);

/// A kind of job, as its rows have it.
pub(super) const fn name(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Reconcile => "rule",
        JobKind::Watch => "watch",
    }
}

/// Of an insert into jobs: a due time moves only earlier.
pub(super) const EARLIER: &str = " ON CONFLICT (kind, key) DO UPDATE SET due_at = \
     CASE WHEN jobs.due_at IS NULL OR excluded.due_at < jobs.due_at THEN excluded.due_at ELSE jobs.due_at END";

/// Makes subjects due: moves a due time only earlier, and always raises the mark.
pub(super) async fn make_due(connection: &mut Connection, due: &[Due]) -> StoreResult<()> {
    let mut rules: BTreeMap<RuleId, Timestamp> = BTreeMap::new();
    let mut subjects: BTreeMap<(RuleId, DueSubject), Timestamp> = BTreeMap::new();
    for Due { rule, subject, at } in due {
        let earlier = |was: &mut Timestamp| *was = (*was).min(*at);
        rules.entry(*rule).and_modify(earlier).or_insert(*at);
        subjects.entry((*rule, subject.clone())).and_modify(earlier).or_insert(*at);
    }
    let rules: Vec<(RuleId, Timestamp)> = rules.into_iter().collect();
    insert(
        connection,
        "INSERT INTO jobs (kind, key, due_at, epoch) ",
        &rules,
        EARLIER,
        |values, (rule, at)| {
            values.push_bind(RULE).push_bind(rule.uuid()).push_bind(at.to_datetime()).push_bind(0_i64);
            Ok(())
        },
    )
    .await?;
    let subjects: Vec<((RuleId, DueSubject), Timestamp)> = subjects.into_iter().collect();
    insert(
        connection,
        "INSERT INTO dues (rule_id, subject_kind, subject_id, account, due_at, mark) ",
        &subjects,
        " ON CONFLICT (rule_id, subject_kind, subject_id) DO UPDATE SET mark = dues.mark + 1, due_at = \
         CASE WHEN excluded.due_at < dues.due_at THEN excluded.due_at ELSE dues.due_at END",
        |values, ((rule, subject), at)| {
            let (kind, id, account) = columns::due_subject(subject);
            values.push_bind(rule.uuid()).push_bind(kind).push_bind(id).push_bind(account);
            values.push_bind(at.to_datetime()).push_bind(1_i64);
            Ok(())
        },
    )
    .await
}

/// Takes hold of the lease until the end of the transaction, if it is still ours.
pub(super) async fn fence(connection: &mut Connection, lease: &Lease) -> StoreResult<()> {
    let query = sqlx::query(
        "UPDATE jobs SET epoch = epoch WHERE kind = $1 AND key = $2 AND owner = $3 AND epoch = $4",
    );
    let query = query.bind(name(lease.kind)).bind(lease.rule.uuid()).bind(&lease.owner).bind(lease.epoch);
    let held = query.execute(connection).await.map_err(from_sqlx)?;
    if held.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced(lease.rule)) }
}

/// Forgets the jobs of a rule that is gone, and what was due of it.
pub(super) async fn forget(connection: &mut Connection, rule: RuleId) -> StoreResult<()> {
    for kind in [JobKind::Reconcile, JobKind::Watch] {
        let job = sqlx::query("DELETE FROM jobs WHERE kind = $1 AND key = $2");
        job.bind(name(kind)).bind(rule.uuid()).execute(&mut *connection).await.map_err(from_sqlx)?;
    }
    let dues = sqlx::query("DELETE FROM dues WHERE rule_id = $1").bind(rule.uuid());
    dues.execute(connection).await.map_err(from_sqlx)?;
    Ok(())
}

async fn forget_done(connection: &mut Connection, rule: RuleId, done: &[DueMark]) -> StoreResult<()> {
    for chunk in done.chunks(CHUNK) {
        let mut query = QueryBuilder::new("DELETE FROM dues WHERE rule_id = ");
        query.push_bind(rule.uuid()).push(" AND (subject_kind, subject_id, mark) IN (");
        query.push_values(chunk, |mut values, DueMark { subject, mark }| {
            let (kind, id, _) = columns::due_subject(subject);
            values.push_bind(kind).push_bind(id).push_bind(*mark);
        });
        query.push(")");
        query.build().execute(&mut *connection).await.map_err(from_sqlx)?;
    }
    Ok(())
}

impl Database {
    /// Takes the lease of the job of that kind that has been due longest and that nobody holds.
    ///
    /// What is due of a rule that is reconciled stands beside the job. A watch has nothing but its job: it becomes due
    /// when the lease ends, so that it is not lost with a server, and an earlier time tells that it was woken.
    pub(super) async fn claim_job(
        &self,
        kind: JobKind,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> StoreResult<Option<Lease>> {
        // The condition stands in both places: PostgreSQL chooses by the inner one, and once it has the row, which
        // another server may have taken meanwhile, looks again at the outer one only.
        const FREE: &str = "kind = $1 AND due_at <= $2 AND (owner IS NULL OR leased_until <= $2)";
        let due = match kind {
            JobKind::Reconcile => "due_at",
            JobKind::Watch => "$4",
        };
        let sql = format!(
            "UPDATE jobs SET owner = $3, leased_until = $4, due_at = {due}, epoch = epoch + 1 \
             WHERE {FREE} AND key = (SELECT key FROM jobs WHERE {FREE} ORDER BY due_at, key LIMIT 1 {SKIP_LOCKED}) \
             RETURNING key, epoch"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(name(kind)).bind(now.to_datetime());
        let query = query.bind(owner).bind(until.to_datetime());
        let Some(row) = query.fetch_optional(&self.write).await.map_err(from_sqlx)? else {
            return Ok(None);
        };
        let (rule, epoch) = (id(&row, "key")?, get(&row, "epoch")?);
        Ok(Some(Lease { kind, rule, owner: owner.to_owned(), epoch, until }))
    }
}

#[async_trait]
impl JobStore for Database {
    async fn make_due(&self, due: &[Due]) -> StoreResult<()> {
        let mut transaction = self.begin().await?;
        make_due(&mut transaction, due).await?;
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn claim(&self, owner: &str, now: Timestamp, until: Timestamp) -> StoreResult<Option<Lease>> {
        self.claim_job(JobKind::Reconcile, owner, now, until).await
    }

    async fn due(&self, lease: &Lease, now: Timestamp) -> StoreResult<Vec<DueMark>> {
        let mut held = QueryBuilder::new("SELECT epoch FROM jobs WHERE kind = ");
        held.push_bind(RULE).push(" AND key = ").push_bind(lease.rule.uuid());
        held.push(" AND owner = ").push_bind(&lease.owner).push(" AND epoch = ").push_bind(lease.epoch);
        if self.one(held, |_| Ok(())).await?.is_none() {
            return Err(StoreError::Fenced(lease.rule));
        }
        let mut query =
            QueryBuilder::new("SELECT subject_kind, subject_id, account, mark FROM dues WHERE rule_id = ");
        query.push_bind(lease.rule.uuid()).push(" AND due_at <= ").push_bind(now.to_datetime());
        query.push(" ORDER BY subject_kind, subject_id");
        self.all(query, |row| {
            let account = get::<Option<&str>>(row, "account")?;
            let subject =
                columns::from_due_subject(get(row, "subject_kind")?, get(row, "subject_id")?, account)?;
            Ok(DueMark { subject, mark: get(row, "mark")? })
        })
        .await
    }

    async fn renew(&self, lease: &Lease, until: Timestamp) -> StoreResult<Lease> {
        let query = sqlx::query(
            "UPDATE jobs SET leased_until = CASE WHEN leased_until < $1 THEN $1 ELSE leased_until END \
             WHERE kind = $2 AND key = $3 AND owner = $4 AND epoch = $5 RETURNING leased_until",
        );
        let query = query.bind(until.to_datetime()).bind(name(lease.kind)).bind(lease.rule.uuid());
        let query = query.bind(&lease.owner).bind(lease.epoch);
        match query.fetch_optional(&self.write).await.map_err(from_sqlx)? {
            Some(row) => Ok(Lease { until: time(&row, "leased_until")?, ..lease.clone() }),
            None => Err(StoreError::Fenced(lease.rule)),
        }
    }

    async fn settle(&self, lease: &Lease, done: &[DueMark], again: &[Due]) -> StoreResult<()> {
        let mut transaction = self.begin().await?;
        fence(&mut transaction, lease).await?;
        forget_done(&mut transaction, lease.rule, done).await?;
        make_due(&mut transaction, again).await?;
        let query = sqlx::query(
            "UPDATE jobs SET owner = NULL, leased_until = NULL, \
             due_at = (SELECT min(due_at) FROM dues WHERE rule_id = $1) WHERE kind = $2 AND key = $1",
        );
        query.bind(lease.rule.uuid()).bind(RULE).execute(&mut *transaction).await.map_err(from_sqlx)?;
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn next_due(&self) -> StoreResult<Option<Timestamp>> {
        // A held rule counts from when its lease ends: its holder may never come back.
        let mut query = QueryBuilder::new(
            "SELECT min(CASE WHEN owner IS NULL OR leased_until <= due_at THEN due_at ELSE leased_until END) AS at \
             FROM jobs WHERE due_at IS NOT NULL AND kind IN (",
        );
        query.push_bind(RULE).push(", ").push_bind(name(JobKind::Watch)).push(")");
        Ok(self.one(query, |row| optional_time(row, "at")).await?.flatten())
    }

    async fn rule_due(&self, rule: RuleId) -> StoreResult<Option<Timestamp>> {
        let mut query = QueryBuilder::new("SELECT min(due_at) AS at FROM dues WHERE rule_id = ");
        query.push_bind::<Uuid>(rule.uuid());
        Ok(self.one(query, |row| optional_time(row, "at")).await?.flatten())
    }
}
