//! What a sync remembers, written: a batch of records, and runs outside a lease.

use sqlx::QueryBuilder;
use usher_domain::{
    ConnectionId, GroupId, RuleId, RunId, UserId,
    ports::store::StoreResult,
    reconcile::{
        inbound::Provenance,
        links::{AccountLink, GroupLink},
        operation::Removal,
        outcome::Outcome,
        run::{Run, RunOperation},
        scope::Subject,
        status::SubjectStatus,
    },
};
use uuid::Uuid;

use super::{CHUNK, Connection, chain, commit, from_sqlx, insert, push_ids, watches};
use crate::{batch::Batch, columns, seal::Seal};

/// Writes a batch, within the transaction that holds the lease.
pub(super) async fn write(
    connection: &mut Connection,
    seal: &Seal,
    rule: RuleId,
    of: ConnectionId,
    batch: &Batch<'_>,
) -> StoreResult<()> {
    // First the directory, as every transaction that writes it does; what follows from it stands at the end.
    for changes in &batch.changes {
        commit::write_rows(connection, seal, changes).await?;
    }
    write_account_links(connection, of, batch).await?;
    write_group_links(connection, of, batch).await?;
    write_placements(connection, of, batch).await?;
    write_statuses(connection, rule, batch).await?;
    for run in batch.runs.values() {
        put_run(connection, run).await?;
    }
    let outcomes: Vec<(RunId, &RunOperation)> =
        batch.outcomes.iter().map(|((run, _), operation)| (*run, *operation)).collect();
    write_operations(connection, &outcomes).await?;
    if let Some(at) = batch.full_sync {
        watches::full_sync(connection, rule, at).await?;
    }
    write_provenance(connection, rule, of, batch).await?;
    if !batch.changes.is_empty() {
        commit::write_consequences(connection, seal, &batch.changes).await?;
    }
    chain::append(connection, seal, &[], &batch.events).await
}

async fn write_provenance(
    connection: &mut Connection,
    rule: RuleId,
    of: ConnectionId,
    batch: &Batch<'_>,
) -> StoreResult<()> {
    let gone = batch.provisioned.iter().filter(|(_, it)| it.is_none()).map(|(user, _)| user.uuid());
    let gone: Vec<Uuid> = gone.collect();
    let head = "DELETE FROM provisioned WHERE rule_id = ";
    delete_of(connection, head, rule.uuid(), " AND user_id IN ", &gone).await?;
    let kept: Vec<&Provenance> = batch.provisioned.values().copied().flatten().collect();
    insert(
        connection,
        "INSERT INTO provisioned (rule_id, user_id, account, has_left) ",
        &kept,
        " ON CONFLICT (rule_id, user_id) DO UPDATE SET account = excluded.account, has_left = excluded.has_left",
        |values, it| {
            values.push_bind(rule.uuid()).push_bind(it.user.uuid());
            values.push_bind(it.account.as_str()).push_bind(it.has_left);
            Ok(())
        },
    )
    .await?;
    let left: Vec<&str> = batch.left_behind.iter().copied().collect();
    insert(
        connection,
        "INSERT INTO left_behind (connection_id, account) ",
        &left,
        " ON CONFLICT DO NOTHING",
        |values, account| {
            values.push_bind(of.uuid()).push_bind(*account);
            Ok(())
        },
    )
    .await
}

/// Deletes the rows of these ids. `head` ends before the connection's id, `tail` before the list.
async fn delete_of(
    connection: &mut Connection,
    head: &str,
    owner: Uuid,
    tail: &str,
    ids: &[Uuid],
) -> StoreResult<()> {
    for chunk in ids.chunks(CHUNK) {
        let mut query = QueryBuilder::new(head);
        query.push_bind(owner).push(tail);
        push_ids(&mut query, chunk.iter().copied());
        query.build().execute(&mut *connection).await.map_err(from_sqlx)?;
    }
    Ok(())
}

/// Deleted, then inserted: so an account may go from one user to another within a batch, in any order.
async fn write_account_links(
    connection: &mut Connection,
    of: ConnectionId,
    batch: &Batch<'_>,
) -> StoreResult<()> {
    let users: Vec<Uuid> = batch.links.keys().map(|user| user.uuid()).collect();
    let head = "DELETE FROM account_links WHERE connection_id = ";
    delete_of(connection, head, of.uuid(), " AND user_id IN ", &users).await?;
    let links: Vec<&AccountLink> = batch.links.values().copied().flatten().collect();
    insert(
        connection,
        "INSERT INTO account_links (connection_id, user_id, account, rule_id, origin, suspended_by_us, remove_at) ",
        &links,
        "",
        |values, link| {
            values.push_bind(of.uuid()).push_bind(link.user.uuid()).push_bind(link.account.as_str());
            values.push_bind(link.rule.uuid()).push_bind(columns::word(&link.origin)?);
            values.push_bind(link.suspended_by_us).push_bind(link.remove_at.map(|at| at.to_datetime()));
            Ok(())
        },
    )
    .await
}

async fn write_group_links(
    connection: &mut Connection,
    of: ConnectionId,
    batch: &Batch<'_>,
) -> StoreResult<()> {
    let groups: Vec<Uuid> = batch.group_links.keys().map(|group| group.uuid()).collect();
    let head = "DELETE FROM group_links WHERE connection_id = ";
    delete_of(connection, head, of.uuid(), " AND group_id IN ", &groups).await?;
    let links: Vec<&GroupLink> = batch.group_links.values().copied().flatten().collect();
    insert(
        connection,
        "INSERT INTO group_links (connection_id, group_id, remote, rule_id, origin) ",
        &links,
        "",
        |values, link| {
            values.push_bind(of.uuid()).push_bind(link.group.uuid()).push_bind(link.remote.as_str());
            values.push_bind(link.rule.uuid()).push_bind(columns::word(&link.origin)?);
            Ok(())
        },
    )
    .await
}

async fn write_placements(
    connection: &mut Connection,
    of: ConnectionId,
    batch: &Batch<'_>,
) -> StoreResult<()> {
    let head = "DELETE FROM placements WHERE connection_id = ";
    let users: Vec<Uuid> = batch.displaced_users.iter().map(|user| user.uuid()).collect();
    delete_of(connection, head, of.uuid(), " AND user_id IN ", &users).await?;
    let groups: Vec<Uuid> = batch.displaced_groups.iter().map(|group| group.uuid()).collect();
    delete_of(connection, head, of.uuid(), " AND group_id IN ", &groups).await?;

    let keys = |placed: bool| -> Vec<(UserId, GroupId)> {
        batch.placements.iter().filter(|(_, is)| **is == placed).map(|(key, _)| *key).collect()
    };
    for chunk in keys(false).chunks(CHUNK) {
        let mut query = QueryBuilder::new(head);
        query.push_bind(of.uuid()).push(" AND (user_id, group_id) IN (");
        query.push_values(chunk, |mut values, (user, group)| {
            values.push_bind(user.uuid()).push_bind(group.uuid());
        });
        query.push(")");
        query.build().execute(&mut *connection).await.map_err(from_sqlx)?;
    }
    insert(
        connection,
        "INSERT INTO placements (connection_id, user_id, group_id) ",
        &keys(true),
        " ON CONFLICT DO NOTHING",
        |values, (user, group)| {
            values.push_bind(of.uuid()).push_bind(user.uuid()).push_bind(group.uuid());
            Ok(())
        },
    )
    .await
}

async fn write_statuses(connection: &mut Connection, rule: RuleId, batch: &Batch<'_>) -> StoreResult<()> {
    let gone = |groups: bool| -> Vec<Uuid> {
        let gone = batch.statuses.iter().filter(|(_, status)| status.is_none());
        gone.filter(|(subject, _)| matches!(subject, Subject::Group(_)) == groups)
            .map(|(subject, _)| columns::subject(*subject).1)
            .collect()
    };
    let head = "DELETE FROM statuses WHERE rule_id = ";
    delete_of(connection, head, rule.uuid(), " AND subject_kind = 1 AND subject_id IN ", &gone(false))
        .await?;
    delete_of(connection, head, rule.uuid(), " AND subject_kind = 2 AND subject_id IN ", &gone(true)).await?;
    let statuses: Vec<&SubjectStatus> = batch.statuses.values().copied().flatten().collect();
    insert(
        connection,
        "INSERT INTO statuses (rule_id, subject_kind, subject_id, standing, problem, looked_at, attempts) ",
        &statuses,
        " ON CONFLICT (rule_id, subject_kind, subject_id) DO UPDATE SET standing = excluded.standing, \
         problem = excluded.problem, looked_at = excluded.looked_at, attempts = excluded.attempts",
        |values, status| {
            let (kind, id) = columns::subject(status.subject);
            values.push_bind(rule.uuid()).push_bind(kind).push_bind(id);
            values.push_bind(columns::word(&status.standing)?);
            values.push_bind(status.problem.as_ref().map(columns::json).transpose()?);
            values.push_bind(status.at.to_datetime()).push_bind(i64::from(status.attempts));
            Ok(())
        },
    )
    .await
}

/// Adds a run, or replaces what is remembered of it.
pub(super) async fn put_run(connection: &mut Connection, run: &Run) -> StoreResult<()> {
    let query = sqlx::query(
        "INSERT INTO runs (id, environment_id, rule_id, cause, state, is_open, is_full, started_at, finished_at, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET \
         cause = excluded.cause, state = excluded.state, is_open = excluded.is_open, is_full = excluded.is_full, \
         started_at = excluded.started_at, finished_at = excluded.finished_at, body = excluded.body",
    );
    let query = query.bind(run.id.uuid()).bind(run.environment.uuid()).bind(run.rule.uuid());
    let query = query.bind(columns::word(&run.trigger)?).bind(columns::word(&run.state)?);
    let query =
        query.bind(!run.state.is_final()).bind(run.scope.is_full()).bind(run.started_at.to_datetime());
    let query = query.bind(run.finished_at.map(|at| at.to_datetime())).bind(columns::json(run)?);
    query.execute(connection).await.map_err(from_sqlx)?;
    Ok(())
}

async fn write_operations(
    connection: &mut Connection,
    outcomes: &[(RunId, &RunOperation)],
) -> StoreResult<()> {
    insert(
        connection,
        "INSERT INTO run_operations (run_id, seq, removal, problem, body) ",
        outcomes,
        " ON CONFLICT (run_id, seq) DO UPDATE SET removal = excluded.removal, problem = excluded.problem, \
         body = excluded.body",
        |values, (run, operation)| {
            values.push_bind(run.uuid()).push_bind(columns::count(operation.seq));
            let problem = operation.outcome.as_ref().and_then(Outcome::problem).map(|problem| &*problem.code);
            values.push_bind(removal(operation)).push_bind(problem).push_bind(columns::json(operation)?);
            Ok(())
        },
    )
    .await
}

/// What the guard counts the operation as, when it was done.
fn removal(operation: &RunOperation) -> Option<&'static str> {
    if !operation.outcome.as_ref().is_some_and(|outcome| outcome.is_success()) {
        return None;
    }
    Some(match operation.operation.action.removal()? {
        Removal::User => "users",
        Removal::Membership => "memberships",
        Removal::Group => "groups",
    })
}
