//! PostgreSQL: how it is opened, and the few things in which it differs.

use std::{str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgPool},
};
use usher_domain::ports::store::StoreResult;

use crate::{error::from_sqlx, found::Found, seal::Seal};

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
/// The code of an error about a table that is not there.
const NO_TABLE: &str = "42P01";
/// Run before the connections are closed.
const SETTLE: Option<&str> = None;

/// The database's own time, that much ahead, in SQL.
fn time_ahead(by: Duration) -> String {
    format!("(clock_timestamp() + interval '{} milliseconds')", by.as_millis())
}

/// How many connections one server uses.
pub(crate) const CONNECTIONS: u32 = 16;

pub(crate) async fn open(url: &str, seal: Seal) -> StoreResult<queries::Database> {
    let pool = pool(CONNECTIONS, url).await?;
    queries::Database::over(pool.clone(), pool, seal).begun().await
}

/// A database that is only looked at.
pub(crate) async fn open_undisturbed(url: &str, seal: Seal) -> StoreResult<queries::Database> {
    let pool = pool(CONNECTIONS, url).await?;
    Ok(queries::Database::over(pool.clone(), pool, seal))
}

pub(crate) use queries::verify;

/// What there is at this URL.
pub(crate) async fn look(url: &str) -> StoreResult<Found> {
    let pool = pool(1, url).await?;
    let found = queries::look(&pool).await;
    pool.close().await;
    found
}

pub(crate) async fn migrate(url: &str) -> StoreResult<()> {
    let pool = pool(1, url).await?;
    let migrated = queries::migrate(&pool).await;
    pool.close().await;
    migrated
}

/// A pool of that many connections at most.
pub(crate) async fn pool(connections: u32, url: &str) -> StoreResult<Pool> {
    let options = PgConnectOptions::from_str(url).map_err(from_sqlx)?.disable_statement_logging();
    crate::pool::options(connections).connect_with(options).await.map_err(from_sqlx)
}
