//! SQLite: how it is opened, and the few things in which it differs.
//!
//! One connection writes, several read (WAL lets them). `synchronous=FULL`: a commit is on the disk before it is
//! acknowledged, so that neither `kill -9` nor a power cut loses it; `NORMAL` would be safe against the former only.

use std::{path::PathBuf, str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous},
};
use usher_domain::ports::store::StoreResult;

use crate::{error::from_sqlx, seal::Seal};

#[path = "queries/mod.rs"]
mod queries;

/// Which database `queries` is compiled for.
type Db = sqlx::Sqlite;

/// A write transaction takes the write lock at once: one that began as a reader could not take it later.
const BEGIN: &str = "BEGIN IMMEDIATE";
/// Appended to the choice of a job: there is one writer, nothing to skip.
const SKIP_LOCKED: &str = "";

/// The database's own time, that much ahead, in SQL.
fn time_ahead(by: Duration) -> String {
    // Texts are compared: this is how sqlx writes an instant.
    format!(
        "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '+{}.{:03} seconds')",
        by.as_secs(),
        by.subsec_millis()
    )
}

/// How long to wait for another process's write lock, and for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many rows the thread that reads may be ahead of who asked for them: a page, so that neither waits for the other.
const ROWS_AHEAD: usize = 1_000;
/// How many read at once.
const READERS: u32 = 8;

pub(crate) async fn open(url: &str, seal: Seal) -> StoreResult<queries::Database> {
    let options = options(url)?;
    let write = pool(1).connect_with(options.clone()).await.map_err(from_sqlx)?;
    let read = pool(READERS).connect_with(options).await.map_err(from_sqlx)?;
    queries::Database::open(read, write, seal).await
}

/// A pool that only reads.
pub(crate) async fn readers(url: &str) -> StoreResult<Pool> {
    pool(READERS).connect_with(options(url)?).await.map_err(from_sqlx)
}

pub(crate) use queries::verify;

pub(crate) async fn migrate(url: &str) -> StoreResult<()> {
    let pool = pool(1).connect_with(options(url)?.create_if_missing(true)).await.map_err(from_sqlx)?;
    queries::migrate(&pool).await
}

/// The database's file.
pub(crate) fn file(url: &str) -> StoreResult<PathBuf> {
    Ok(options(url)?.get_filename().to_owned())
}

fn pool(connections: u32) -> sqlx::pool::PoolOptions<Db> {
    let options: SqlitePoolOptions = sqlx::pool::PoolOptions::new();
    options.max_connections(connections).acquire_timeout(PATIENCE).idle_timeout(None).max_lifetime(None)
}

fn options(url: &str) -> StoreResult<SqliteConnectOptions> {
    Ok(SqliteConnectOptions::from_str(url)
        .map_err(from_sqlx)?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging())
}

/// Which pool `queries` uses.
pub(crate) type Pool = SqlitePool;
