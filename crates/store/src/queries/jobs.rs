//! The due work: who may reconcile which rule for how long, and which subjects wait for it.
//!
//! Every writer takes the rule's row in `jobs` before its rows in `dues`, and rules in id order, so that two
//! transactions never wait for each other.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, QueryBuilder};
use usher_domain::{
    RuleId, Timestamp,
    directory::change::{Due, DueSubject},
    ports::{
        job::{DueMark, Holding, JobKind, Lease},
        store::{JobStore, StoreError, StoreResult},
    },
};
use uuid::Uuid;

use super::{
    CHUNK, Connection, Database, Db, SKIP_LOCKED, from_sqlx, get, id, insert, optional_time, time, time_ahead,
};
use crate::columns;

/// A lease that was given further in the future than this was given before the database's clock was set back: it says
/// nothing about when its holder was last alive.
const SET_BACK: Duration = Duration::from_secs(5);

/// Of a row of jobs that somebody holds: that its lease was not renewed in time, by the database's clock.
pub(super) fn lapsed() -> String {
    format!("(leased_until <= {} OR leased_at > {})", time_ahead(Duration::ZERO), time_ahead(SET_BACK))
}

/// Of an update of jobs: a lease that long, from now on by the database's clock.
pub(super) fn leased_for(length: Duration) -> String {
    format!("leased_at = {}, leased_until = {}", time_ahead(Duration::ZERO), time_ahead(length))
}

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
    fenced(lease, held.rows_affected())
}

/// Narrows an update of jobs to the one that is held by this lease.
fn push_held(query: &mut QueryBuilder<Db>, lease: &Lease) {
    query.push(" WHERE kind = ").push_bind(name(lease.kind)).push(" AND key = ").push_bind(lease.rule.uuid());
    query.push(" AND owner = ").push_bind(lease.owner.clone()).push(" AND epoch = ").push_bind(lease.epoch);
}

/// What a write means that names a lease and wrote that many rows.
fn fenced(lease: &Lease, rows: u64) -> StoreResult<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Fenced(lease.rule)) }
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
    /// What is due of a rule that is reconciled stands beside the job. A watch has nothing but its job: while it is held
    /// it is due only if something wakes it.
    pub(super) async fn claim_job(
        &self,
        kind: JobKind,
        owner: &str,
        now: Timestamp,
        lease: Duration,
    ) -> StoreResult<Option<Lease>> {
        // The condition stands in both places: PostgreSQL chooses by the inner one, and once it has the row, which
        // another server may have taken meanwhile, looks again at the outer one only.
        let free = format!("kind = $1 AND (owner IS NULL AND due_at <= $2 OR owner <> $3 AND {})", lapsed());
        let due = match kind {
            JobKind::Reconcile => "due_at",
            JobKind::Watch => "NULL",
        };
        let leased = leased_for(lease);
        let sql = format!(
            "UPDATE jobs SET owner = $3, {leased}, due_at = {due}, epoch = epoch + 1 \
             WHERE {free} AND key = (SELECT key FROM jobs WHERE {free} ORDER BY due_at, key LIMIT 1 {SKIP_LOCKED}) \
             RETURNING key, epoch"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(name(kind)).bind(now.to_datetime());
        let Some(row) = query.bind(owner).fetch_optional(&self.write).await.map_err(from_sqlx)? else {
            return Ok(None);
        };
        let (rule, epoch) = (id(&row, "key")?, get(&row, "epoch")?);
        Ok(Some(Lease { kind, rule, owner: owner.to_owned(), epoch }))
    }
}

#[async_trait]
impl JobStore for Database {
    async fn make_due(&self, due: &[Due]) -> StoreResult<()> {
        let mut transaction = self.begin().await?;
        make_due(&mut transaction, due).await?;
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn claim(&self, owner: &str, now: Timestamp, lease: Duration) -> StoreResult<Option<Lease>> {
        self.claim_job(JobKind::Reconcile, owner, now, lease).await
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

    async fn renew(&self, lease: &Lease, length: Duration) -> StoreResult<()> {
        let mut query = QueryBuilder::new(format!("UPDATE jobs SET {}", leased_for(length)));
        push_held(&mut query, lease);
        fenced(lease, self.execute(query).await?)
    }

    async fn give_back(&self, lease: &Lease, again: Timestamp) -> StoreResult<()> {
        let mut query = QueryBuilder::new("UPDATE jobs SET owner = NULL, leased_until = NULL, due_at = ");
        query.push_bind(again.to_datetime());
        push_held(&mut query, lease);
        fenced(lease, self.execute(query).await?)
    }

    async fn end_leases(&self, now: Timestamp) -> StoreResult<u64> {
        let mut query = QueryBuilder::new(
            "UPDATE jobs SET owner = NULL, leased_until = NULL, due_at = CASE WHEN due_at < ",
        );
        query.push_bind(now.to_datetime()).push(" THEN due_at ELSE ").push_bind(now.to_datetime());
        query.push(" END WHERE owner IS NOT NULL");
        self.execute(query).await
    }

    async fn holding(&self, rule: RuleId) -> StoreResult<Option<Holding>> {
        let mut query = QueryBuilder::new(format!(
            "SELECT leased_at, leased_until, {} AS at FROM jobs WHERE owner IS NOT NULL AND kind = ",
            time_ahead(Duration::ZERO)
        ));
        query.push_bind(RULE).push(" AND key = ").push_bind(rule.uuid());
        self.one(query, |row| {
            let (until, now) = (time(row, "leased_until")?, time(row, "at")?);
            // It is renewed at a third of its length.
            let late = |at: Timestamp| now.since(at) > until.since(at) / 2;
            Ok(Holding {
                until,
                renewed: !optional_time(row, "leased_at")?.is_some_and(late),
                over: until <= now,
            })
        })
        .await
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
        let mut query =
            QueryBuilder::new("SELECT min(due_at) AS at FROM jobs WHERE owner IS NULL AND kind IN (");
        query.push_bind(RULE).push(", ").push_bind(name(JobKind::Watch)).push(")");
        Ok(self.one(query, |row| optional_time(row, "at")).await?.flatten())
    }

    async fn rule_due(&self, rule: RuleId) -> StoreResult<Option<Timestamp>> {
        let mut query = QueryBuilder::new("SELECT min(due_at) AS at FROM dues WHERE rule_id = ");
        query.push_bind::<Uuid>(rule.uuid());
        Ok(self.one(query, |row| optional_time(row, "at")).await?.flatten())
    }
}
