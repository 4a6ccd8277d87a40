//! PostgreSQL: how it is opened, and the few things in which it differs.

use std::{str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use usher_domain::ports::store::StoreResult;

use crate::{error::from_sqlx, seal::Seal};

#[path = "queries/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "one SQL text, compiled for each database")]
mod queries;

/// Which database `queries` is compiled for.
type Db = sqlx::Postgres;
/// Which pool `queries` uses.
pub(crate) type Pool = PgPool;

/// How a write transaction begins.
const BEGIN: &str = "BEGIN";
/// Appended to the choice of a job: what another server is just taking is passed by.
const SKIP_LOCKED: &str = "FOR UPDATE SKIP LOCKED";

/// The database's own time, that much ahead, in SQL.
fn time_ahead(by: Duration) -> String {
    format!("(clock_timestamp() + interval '{} milliseconds')", by.as_millis())
}

/// How long to wait for a connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How many connections one server uses.
pub(crate) const CONNECTIONS: u32 = 16;

pub(crate) async fn open(url: &str, seal: Seal) -> StoreResult<queries::Database> {
    let pool = pool(CONNECTIONS, url).await?;
    queries::Database::open(pool.clone(), pool, seal).await
}

pub(crate) use queries::verify;

pub(crate) async fn migrate(url: &str) -> StoreResult<()> {
    queries::migrate(&pool(1, url).await?).await
}

/// A pool of that many connections at most.
pub(crate) async fn pool(connections: u32, url: &str) -> StoreResult<Pool> {
    let options = PgConnectOptions::from_str(url).map_err(from_sqlx)?.disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .connect_with(options)
        .await
        .map_err(from_sqlx)
}
