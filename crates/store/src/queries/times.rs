//! Checks stored times again after the clock was set back: times that wrongly lie in the future were written by a clock
//! that was ahead, and would otherwise count until then.

use sqlx::QueryBuilder;
use usher_domain::{Timestamp, ports::store::StoreResult, reconcile::run::Run};

use super::{Database, Db, json, optional_time};
use crate::columns;

/// What is due, or may be tried again: now. It is looked at early once, and waits again if it must.
const DUE_NOW: [(&str, &str); 2] = [("jobs", "due_at"), ("dues", "due_at")];
/// When something happened: now at the latest, so that it ages from now on.
const HAPPENED: [(&str, &str); 3] =
    [("signing_keys", "created_at"), ("sessions", "seen_at"), ("attempts", "last_at")];
/// Exclusions that end in the future: they are lifted.
const FORGOTTEN: [(&str, &str); 2] = [("watches", "log_everything_at"), ("subscriptions", "not_before")];

impl Database {
    /// See [`usher_domain::ports::store::Store::judge_times_again`].
    pub(super) async fn judge_all_times_again(&self, now: Timestamp) -> StoreResult<()> {
        let at = now.to_datetime();
        // Sessions that began in the future are no good any more.
        let mut ended = QueryBuilder::<Db>::new("DELETE FROM sessions WHERE created_at > ");
        ended.push_bind(now.plus(usher_domain::CLOCK_SLACK).to_datetime());
        self.execute(ended).await?;
        for (table, column) in DUE_NOW.into_iter().chain(HAPPENED) {
            let mut query = QueryBuilder::<Db>::new(format!("UPDATE {table} SET {column} = "));
            query.push_bind(at).push(format!(" WHERE {column} > ")).push_bind(at);
            self.execute(query).await?;
        }
        for (table, column) in FORGOTTEN {
            let mut query =
                QueryBuilder::<Db>::new(format!("UPDATE {table} SET {column} = NULL WHERE {column} > "));
            query.push_bind(at);
            self.execute(query).await?;
        }
        self.judge_runs_again(now).await
    }

    /// Runs count towards the guard's window and the daily look by when they were.
    async fn judge_runs_again(&self, now: Timestamp) -> StoreResult<()> {
        let mut query = QueryBuilder::<Db>::new("SELECT body FROM runs WHERE started_at > ");
        query.push_bind(now.to_datetime()).push(" OR finished_at > ").push_bind(now.to_datetime());
        for mut run in self.all(query, |row| json::<Run>(row, "body")).await? {
            run.started_at = run.started_at.min(now);
            run.finished_at = run.finished_at.map(|at| at.min(now));
            let mut query = QueryBuilder::<Db>::new("UPDATE runs SET started_at = ");
            query.push_bind(run.started_at.to_datetime());
            query.push(", finished_at = ").push_bind(run.finished_at.map(Timestamp::to_datetime));
            query
                .push(", body = ")
                .push_bind(columns::json(&run)?)
                .push(" WHERE id = ")
                .push_bind(run.id.uuid());
            self.execute(query).await?;
        }
        Ok(())
    }

    /// See [`usher_domain::ports::store::Store::see_time`].
    pub(super) async fn see_and_keep_time(&self, now: Timestamp) -> StoreResult<Option<Timestamp>> {
        let query = QueryBuilder::<Db>::new("SELECT seen_at FROM clock WHERE id = 1");
        let before = self.one(query, |row| optional_time(row, "seen_at")).await?.flatten();
        let mut query = QueryBuilder::<Db>::new("INSERT INTO clock (id, seen_at) VALUES (1, ");
        query
            .push_bind(now.to_datetime())
            .push(") ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at");
        self.execute(query).await?;
        Ok(before)
    }
}
