//! The memory of syncs, read: links, runs, statuses.

use async_trait::async_trait;
use sqlx::QueryBuilder;
use usher_domain::{
    ConnectionId, EnvironmentId, GroupId, RuleId, RunId, Timestamp, UserId,
    directory::{audit::Event, change::Due},
    ports::{
        job::Lease,
        store::{Page, PageRequest, Record, StoreResult, SyncStore},
    },
    reconcile::{
        guard::Tally,
        inbound::Provenance,
        links::{AccountLink, GroupLink, Links},
        run::{Run, RunOperation},
        scope::{Scope, Subject},
        snapshot::AccountId,
        status::{Standing, StatusCounts, SubjectStatus},
    },
};
use uuid::Uuid;

use super::{
    CHUNK, Database, Row, chain, changed, from_sqlx, get, id, jobs, json, limit, optional_time, page,
    push_ids, push_texts, record, time, word,
};
use crate::{
    batch::Batch,
    columns::{self, GROUP, USER},
};

const ACCOUNT_LINK: &str = "SELECT connection_id, user_id, account, rule_id, origin, suspended_by_us, remove_at \
                            FROM account_links WHERE ";
const STATUS: &str =
    "SELECT rule_id, subject_kind, subject_id, standing, problem, looked_at, attempts FROM statuses WHERE ";

fn account_link(row: &Row) -> StoreResult<AccountLink> {
    Ok(AccountLink {
        user: id(row, "user_id")?,
        account: get::<&str>(row, "account")?.into(),
        rule: id(row, "rule_id")?,
        origin: word(row, "origin")?,
        suspended_by_us: get(row, "suspended_by_us")?,
        remove_at: optional_time(row, "remove_at")?,
    })
}

fn group_link(row: &Row) -> StoreResult<GroupLink> {
    Ok(GroupLink {
        group: id(row, "group_id")?,
        remote: get::<&str>(row, "remote")?.into(),
        rule: id(row, "rule_id")?,
        origin: word(row, "origin")?,
    })
}

fn provenance(row: &Row) -> StoreResult<Provenance> {
    Ok(Provenance {
        user: id(row, "user_id")?,
        account: get::<&str>(row, "account")?.into(),
        has_left: get(row, "has_left")?,
    })
}

fn placement(row: &Row) -> StoreResult<(UserId, GroupId)> {
    Ok((id(row, "user_id")?, id(row, "group_id")?))
}

fn status(row: &Row) -> StoreResult<SubjectStatus> {
    let problem: Option<&str> = get(row, "problem")?;
    let attempts = columns::from_count("attempts", get(row, "attempts")?)?;
    Ok(SubjectStatus {
        subject: columns::from_subject(get(row, "subject_kind")?, get(row, "subject_id")?)?,
        standing: word(row, "standing")?,
        problem: problem.map(|text| columns::from_json("problem", text)).transpose()?,
        at: time(row, "looked_at")?,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    })
}

fn run(row: &Row) -> StoreResult<Run> {
    json(row, "body")
}

impl Database {
    /// Rows of `table` of that connection: of these users, or all.
    async fn of_users<T>(
        &self,
        sql: &str,
        connection: ConnectionId,
        users: Option<&[UserId]>,
        read: impl Fn(&Row) -> StoreResult<T> + Copy,
    ) -> StoreResult<Vec<T>> {
        let of_connection = || {
            let mut query = QueryBuilder::new(sql);
            query.push("connection_id = ").push_bind(connection.uuid());
            query
        };
        let Some(users) = users else { return self.all(of_connection(), read).await };
        let mut found = Vec::new();
        for chunk in users.chunks(CHUNK) {
            let mut query = of_connection();
            query.push(" AND user_id IN ");
            push_ids(&mut query, chunk.iter().map(|user| user.uuid()));
            found.append(&mut self.all(query, read).await?);
        }
        Ok(found)
    }
}

#[async_trait]
impl SyncStore for Database {
    async fn links(&self, connection: ConnectionId, scope: &Scope) -> StoreResult<Links> {
        let (users, accounts) = match scope {
            Scope::Full => (None, self.of_users(ACCOUNT_LINK, connection, None, account_link).await?),
            Scope::Subjects { users, .. } => {
                let users: Vec<UserId> = users.iter().copied().collect();
                let accounts = self.of_users(ACCOUNT_LINK, connection, Some(&users), account_link).await?;
                (Some(users), accounts)
            }
            Scope::Accounts(accounts) => {
                let accounts: Vec<&AccountId> = accounts.iter().collect();
                let mut links = Vec::new();
                for chunk in accounts.chunks(CHUNK) {
                    let mut query = QueryBuilder::new(ACCOUNT_LINK);
                    query.push("connection_id = ").push_bind(connection.uuid()).push(" AND account IN (");
                    push_texts(&mut query, chunk.iter().map(|account| account.as_str()));
                    query.push(")");
                    links.append(&mut self.all(query, account_link).await?);
                }
                (Some(links.iter().map(|link| link.user).collect()), links)
            }
        };
        let users = users.as_deref();
        let mut groups = QueryBuilder::new(
            "SELECT group_id, remote, rule_id, origin FROM group_links WHERE connection_id = ",
        );
        groups.push_bind(connection.uuid());
        let groups = self.all(groups, group_link).await?;
        let placements = "SELECT user_id, group_id FROM placements WHERE ";
        let placed = self.of_users(placements, connection, users, placement).await?;
        Ok(Links::new(accounts, groups, placed))
    }

    async fn links_of(&self, user: UserId) -> StoreResult<Vec<(ConnectionId, AccountLink)>> {
        let mut query = QueryBuilder::new(ACCOUNT_LINK);
        query.push("user_id = ").push_bind(user.uuid()).push(" ORDER BY connection_id");
        self.all(query, |row| Ok((id(row, "connection_id")?, account_link(row)?))).await
    }

    async fn provisioned(
        &self,
        rule: RuleId,
        accounts: Option<&[AccountId]>,
    ) -> StoreResult<Vec<Provenance>> {
        let of_rule = || {
            let mut query =
                QueryBuilder::new("SELECT user_id, account, has_left FROM provisioned WHERE rule_id = ");
            query.push_bind(rule.uuid());
            query
        };
        let mut found = Vec::new();
        match accounts {
            None => found = self.all(of_rule(), provenance).await?,
            Some(accounts) => {
                for chunk in accounts.chunks(CHUNK) {
                    let mut query = of_rule();
                    query.push(" AND account IN (");
                    push_texts(&mut query, chunk.iter().map(AccountId::as_str));
                    query.push(")");
                    found.append(&mut self.all(query, provenance).await?);
                }
            }
        }
        found.sort_unstable_by_key(|it| it.user);
        Ok(found)
    }

    async fn left_behind(&self, connection: ConnectionId) -> StoreResult<Vec<AccountId>> {
        let mut query = QueryBuilder::new("SELECT account FROM left_behind WHERE connection_id = ");
        query.push_bind(connection.uuid());
        self.all(query, |row| Ok(get::<&str>(row, "account")?.into())).await
    }

    async fn record(&self, lease: &Lease, connection: ConnectionId, records: &[Record]) -> StoreResult<()> {
        let batch = Batch::of(records);
        let mut transaction = self.begin().await?;
        jobs::fence(&mut transaction, lease).await?;
        record::write(&mut transaction, &self.seal, lease.rule, connection, &batch).await?;
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn run(&self, environment: EnvironmentId, id: RunId) -> StoreResult<Option<Run>> {
        let mut query = QueryBuilder::new("SELECT body FROM runs WHERE id = ");
        query.push_bind(id.uuid()).push(" AND environment_id = ").push_bind(environment.uuid());
        self.one(query, run).await
    }

    async fn runs(&self, rule: RuleId, request: &PageRequest) -> StoreResult<Page<Run>> {
        let mut query = QueryBuilder::new("SELECT body FROM runs WHERE rule_id = ");
        query.push_bind(rule.uuid());
        if let Some(after) = request.after {
            query.push(" AND id < ").push_bind(after);
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(limit(request));
        Ok(page(self.all(query, run).await?, request, |run| run.id.uuid()))
    }

    async fn operations(&self, run: RunId, from: u64, limit: u32) -> StoreResult<Vec<RunOperation>> {
        let mut query = QueryBuilder::new("SELECT body FROM run_operations WHERE run_id = ");
        query.push_bind(run.uuid()).push(" AND seq >= ").push_bind(columns::count(from));
        query.push(" ORDER BY seq LIMIT ").push_bind(i64::from(limit));
        self.all(query, |row| json(row, "body")).await
    }

    async fn problems(&self, run: RunId) -> StoreResult<Vec<(String, u64)>> {
        let mut query = QueryBuilder::new(
            "SELECT problem, count(*) AS n FROM run_operations WHERE problem IS NOT NULL AND run_id = ",
        );
        query.push_bind(run.uuid()).push(" GROUP BY problem ORDER BY n DESC, problem");
        let read = |row: &Row| Ok((get(row, "problem")?, columns::from_count("problems", get(row, "n")?)?));
        self.all(query, read).await
    }

    async fn operations_with(
        &self,
        run: RunId,
        problem: &str,
        from: u64,
        limit: u32,
    ) -> StoreResult<Vec<RunOperation>> {
        let mut query = QueryBuilder::new("SELECT body FROM run_operations WHERE run_id = ");
        query.push_bind(run.uuid()).push(" AND problem = ").push_bind(problem.to_owned());
        query.push(" AND seq >= ").push_bind(columns::count(from));
        query.push(" ORDER BY seq LIMIT ").push_bind(i64::from(limit));
        self.all(query, |row| json(row, "body")).await
    }

    async fn begin_run(&self, run: &Run, event: Option<&Event>, due: &[Due]) -> StoreResult<()> {
        let mut transaction = self.begin().await?;
        record::put_run(&mut transaction, run).await?;
        jobs::make_due(&mut transaction, due).await?;
        chain::append(&mut transaction, &self.seal, &[], event.as_slice()).await?;
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn replace_run(&self, was: &Run, run: &Run, event: Option<&Event>, due: &[Due]) -> StoreResult<()> {
        let mut transaction = self.begin().await?;
        let held = sqlx::query("UPDATE runs SET state = state WHERE id = $1 AND state = $2");
        let held = held.bind(was.id.uuid()).bind(columns::word(&was.state)?);
        if held.execute(&mut *transaction).await.map_err(from_sqlx)?.rows_affected() == 0 {
            return Err(changed("runs"));
        }
        record::put_run(&mut transaction, run).await?;
        jobs::make_due(&mut transaction, due).await?;
        chain::append(&mut transaction, &self.seal, &[], event.as_slice()).await?;
        transaction.commit().await.map_err(from_sqlx)
    }

    async fn open_runs(&self, rule: RuleId) -> StoreResult<Vec<Run>> {
        let mut query = QueryBuilder::new("SELECT body FROM runs WHERE is_open AND rule_id = ");
        query.push_bind(rule.uuid()).push(" ORDER BY id DESC");
        self.all(query, run).await
    }

    async fn full_runs(&self, rule: RuleId, limit: u32) -> StoreResult<Vec<Run>> {
        let mut query = QueryBuilder::new("SELECT body FROM runs WHERE is_full AND rule_id = ");
        query
            .push_bind(rule.uuid())
            .push(" ORDER BY started_at DESC, id DESC LIMIT ")
            .push_bind(i64::from(limit));
        self.all(query, run).await
    }

    async fn forget_runs(&self, before: Timestamp) -> StoreResult<()> {
        let query = sqlx::query("DELETE FROM runs WHERE NOT is_open AND finished_at < $1");
        query.bind(before.to_datetime()).execute(&self.write).await.map_err(from_sqlx)?;
        Ok(())
    }

    async fn removed_since(&self, rule: RuleId, since: Timestamp) -> StoreResult<Tally> {
        // A run counts whole while any part of it may lie in the window. An approval that was held again, or
        // cancelled, changed nothing and starts no window.
        let mut query = QueryBuilder::new(
            "SELECT o.removal, count(*) AS n FROM runs r JOIN run_operations o ON o.run_id = r.id \
             WHERE o.removal IS NOT NULL AND r.cause <> 'APPROVAL' AND r.rule_id = ",
        );
        query.push_bind(rule.uuid());
        query.push(" AND (r.finished_at IS NULL OR r.finished_at >= ").push_bind(since.to_datetime());
        query.push(
            ") AND NOT EXISTS (SELECT 1 FROM runs a WHERE a.cause = 'APPROVAL' \
             AND a.state NOT IN ('HELD', 'CANCELLED') AND a.rule_id = r.rule_id AND a.started_at >= r.started_at) \
             GROUP BY o.removal",
        );
        let mut tally = Tally::default();
        let counts = self.all(query, |row| {
            Ok((get::<String>(row, "removal")?, columns::from_count("removals", get(row, "n")?)?))
        });
        for (removal, n) in counts.await? {
            match removal.as_str() {
                "users" => tally.users = n,
                "memberships" => tally.memberships = n,
                _ => tally.groups = n,
            }
        }
        Ok(tally)
    }

    async fn linked_counts(&self, rule: RuleId) -> StoreResult<Tally> {
        let of_rule = |sql: &str| {
            let mut query = QueryBuilder::new(sql);
            query.push_bind(rule.uuid());
            query
        };
        let users = of_rule("SELECT count(*) FROM account_links WHERE rule_id = ");
        let memberships = of_rule(
            "SELECT count(*) FROM placements p JOIN account_links l ON l.connection_id = p.connection_id \
             AND l.user_id = p.user_id WHERE l.rule_id = ",
        );
        let groups = of_rule("SELECT count(*) FROM group_links WHERE rule_id = ");
        // An inbound rule may have made users whose accounts another rule has linked since.
        let made = of_rule("SELECT count(*) FROM provisioned WHERE rule_id = ");
        Ok(Tally {
            users: self.number(users).await?.max(self.number(made).await?),
            memberships: self.number(memberships).await?,
            groups: self.number(groups).await?,
        })
    }

    async fn status_counts(&self, rule: RuleId) -> StoreResult<(StatusCounts, StatusCounts)> {
        let mut query =
            QueryBuilder::new("SELECT subject_kind, standing, count(*) AS n FROM statuses WHERE rule_id = ");
        query.push_bind(rule.uuid()).push(" GROUP BY subject_kind, standing");
        let (mut users, mut groups) = (StatusCounts::default(), StatusCounts::default());
        let counts = self.all(query, |row| {
            let n = columns::from_count("statuses", get(row, "n")?)?;
            Ok((get::<i64>(row, "subject_kind")?, word::<Standing>(row, "standing")?, n))
        });
        for (kind, standing, n) in counts.await? {
            if kind == GROUP { groups.add(standing, n) } else { users.add(standing, n) }
        }
        Ok((users, groups))
    }

    async fn status(&self, rule: RuleId, subject: Subject) -> StoreResult<Option<SubjectStatus>> {
        let (kind, id) = columns::subject(subject);
        let mut query = QueryBuilder::new(STATUS);
        query.push("rule_id = ").push_bind(rule.uuid());
        query.push(" AND subject_kind = ").push_bind(kind).push(" AND subject_id = ").push_bind(id);
        self.one(query, status).await
    }

    async fn statuses(
        &self,
        rule: RuleId,
        groups: bool,
        standing: Option<Standing>,
        request: &PageRequest,
    ) -> StoreResult<Page<SubjectStatus>> {
        let mut query = QueryBuilder::new(STATUS);
        query.push("rule_id = ").push_bind(rule.uuid());
        query.push(" AND subject_kind = ").push_bind(if groups { GROUP } else { USER });
        if let Some(standing) = standing {
            query.push(" AND standing = ").push_bind(columns::word(&standing)?);
        }
        if let Some(after) = request.after {
            query.push(" AND subject_id > ").push_bind(after);
        }
        query.push(" ORDER BY subject_id LIMIT ").push_bind(limit(request));
        let statuses = self.all(query, status).await?;
        Ok(page(statuses, request, |status| columns::subject(status.subject).1))
    }

    async fn statuses_of(
        &self,
        rule: RuleId,
        subjects: Option<&[Subject]>,
    ) -> StoreResult<Vec<SubjectStatus>> {
        let of_rule = || {
            let mut query = QueryBuilder::new(STATUS);
            query.push("rule_id = ").push_bind(rule.uuid());
            query
        };
        let Some(subjects) = subjects else { return self.all(of_rule(), status).await };
        let mut statuses = Vec::with_capacity(subjects.len());
        for kind in [USER, GROUP] {
            let ids: Vec<Uuid> = subjects
                .iter()
                .map(|subject| columns::subject(*subject))
                .filter_map(|(of, id)| (of == kind).then_some(id))
                .collect();
            for chunk in ids.chunks(CHUNK) {
                let mut query = of_rule();
                query.push(" AND subject_kind = ").push_bind(kind).push(" AND subject_id IN ");
                push_ids(&mut query, chunk.iter().copied());
                statuses.append(&mut self.all(query, status).await?);
            }
        }
        Ok(statuses)
    }

    async fn statuses_by_subject(&self, subject: Subject) -> StoreResult<Vec<(RuleId, SubjectStatus)>> {
        let (kind, id_of) = columns::subject(subject);
        let mut query = QueryBuilder::new(STATUS);
        query.push("subject_id = ").push_bind(id_of).push(" AND subject_kind = ").push_bind(kind);
        query.push(" ORDER BY rule_id");
        self.all(query, |row| Ok((id(row, "rule_id")?, status(row)?))).await
    }
}
