//! SQLite: how it is opened, and the few things in which it differs.
//!
//! One connection writes, several read (WAL lets them). `synchronous=FULL`: a commit is on the disk before it is
//! acknowledged, so that neither `kill -9` nor a power cut loses it; `NORMAL` would be safe against the former only.

use std::{
    fs, io,
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePool, SqliteSynchronous},
};
use usher_domain::ports::store::{StoreError, StoreResult};

use crate::{error::from_sqlx, found::Found, pool::PATIENCE, seal::Seal};

#[path = "queries/mod.rs"]
mod queries;

/// Which database `queries` is compiled for.
type Db = sqlx::Sqlite;

/// A write transaction takes the write lock at once: one that began as a reader could not take it later.
const BEGIN: &str = "BEGIN IMMEDIATE";
/// Appended to the choice of a job: there is one writer, nothing to skip.
const SKIP_LOCKED: &str = "";
/// The code of an error about a table that is not there (and of others, none of which a fixed query meets).
const NO_TABLE: &str = "1";
/// Run before the connections are closed: brings what was committed from the log into the database's own file.
const SETTLE: Option<&str> = Some("PRAGMA wal_checkpoint(TRUNCATE)");

/// The database's own time, that much ahead, in SQL.
fn time_ahead(by: Duration) -> String {
    // Texts are compared: this is how sqlx writes an instant.
    format!(
        "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '+{}.{:03} seconds')",
        by.as_secs(),
        by.subsec_millis()
    )
}

/// How many rows the thread that reads may be ahead of who asked for them: a page, so that neither waits for the other.
const ROWS_AHEAD: usize = 1_000;
/// How many read at once.
const READERS: u32 = 8;

pub(crate) async fn open(url: &str, seal: Seal) -> StoreResult<queries::Database> {
    let options = options(url)?;
    let write = pool(1, options.clone()).await?;
    let read = pool(READERS, options).await?;
    queries::Database::over(read, write, seal).begun().await
}

/// A database that is only looked at; see [`undisturbed`].
pub(crate) async fn open_undisturbed(url: &str, seal: Seal) -> StoreResult<queries::Database> {
    let pool = pool(READERS, undisturbed(url)?).await?;
    Ok(queries::Database::over(pool.clone(), pool, seal))
}

/// A pool that only reads.
pub(crate) async fn readers(url: &str) -> StoreResult<Pool> {
    pool(READERS, options(url)?).await
}

/// A pool that reads a copy, which nobody writes to.
pub(crate) async fn readers_of_copy(file: &Path) -> StoreResult<Pool> {
    pool(READERS, SqliteConnectOptions::new().filename(file).read_only(true).immutable(true)).await
}

pub(crate) use queries::verify;

/// What there is at this URL. A file that is not there is not made.
pub(crate) async fn look(url: &str) -> StoreResult<Found> {
    let file = file(url)?;
    match fs::metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
        Err(error) => return Err(unavailable(&file, &error)),
        Ok(metadata) if metadata.len() == 0 && !beside(&file, LOG).exists() => return Ok(Found::default()),
        Ok(_) => {}
    }
    let pool = pool(1, undisturbed(url)?).await?;
    let found = queries::look(&pool).await;
    pool.close().await;
    found
}

/// What there is in a copy.
pub(crate) async fn look_at_copy(file: &Path) -> StoreResult<Found> {
    let pool = readers_of_copy(file).await?;
    let found = queries::look(&pool).await;
    pool.close().await;
    found
}

pub(crate) async fn migrate(url: &str) -> StoreResult<()> {
    let file = file(url)?;
    create_private(&file).map_err(|error| unavailable(&file, &error))?;
    let pool = pool(1, options(url)?).await?;
    let migrated = queries::migrate(&pool).await;
    pool.close().await;
    migrated
}

/// Writes a copy of the database, of one moment, while others write. `into` must be empty or not there.
///
/// `VACUUM INTO` reads in one transaction, which keeps no writer waiting, and leaves out what was deleted.
pub(crate) async fn copy(url: &str, into: &Path) -> StoreResult<()> {
    let unnameable = || StoreError::Unavailable(format!("{} is not UTF-8", into.display()));
    let text = into.to_str().ok_or_else(unnameable)?;
    create_private(into).map_err(|error| unavailable(into, &error))?;
    let options = SqliteConnectOptions::from_str(url).map_err(from_sqlx)?.busy_timeout(PATIENCE);
    let mut connection = options.disable_statement_logging().connect().await.map_err(from_sqlx)?;
    let copied = sqlx::query("VACUUM INTO $1").bind(text).execute(&mut connection).await;
    connection.close().await.map_err(from_sqlx)?;
    copied.map(drop).map_err(from_sqlx)
}

/// Makes sure that no other process has the database open; a log is brought into its one file.
///
/// # Errors
/// Another process has it open. A database that cannot be read is not an error: no process can be using it.
pub(crate) async fn alone(url: &str) -> StoreResult<()> {
    let options = SqliteConnectOptions::from_str(url).map_err(from_sqlx)?;
    let options = options.locking_mode(SqliteLockingMode::Exclusive).busy_timeout(Duration::ZERO);
    let mut connection = match options.disable_statement_logging().connect().await {
        Ok(connection) => connection,
        Err(error) => return is_busy(&error),
    };
    let tried = sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await;
    let tried = match tried {
        Ok(_) => sqlx::query("ROLLBACK").execute(&mut connection).await,
        failed => failed,
    };
    // A damaged one may not close well.
    let _ = connection.close().await;
    tried.map_or_else(|error| is_busy(&error), |_| Ok(()))
}

/// An error, if it says that somebody else has the database (`SQLITE_BUSY` and its kind).
fn is_busy(error: &sqlx::Error) -> StoreResult<()> {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i64>().ok());
    match code {
        Some(code) if code & 0xff == 5 => Err(StoreError::Unavailable("another process has it open".into())),
        _ => Ok(()),
    }
}

/// The file that the URL names.
pub(crate) fn file(url: &str) -> StoreResult<PathBuf> {
    Ok(SqliteConnectOptions::from_str(url).map_err(from_sqlx)?.get_filename().to_owned())
}

/// What SQLite calls the log of what is committed, beside the database.
const LOG: &str = "-wal";

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes an empty file, readable only by its owner, if there is none. SQLite gives the files that it makes beside a
/// database the database's own mode.
fn create_private(file: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

fn unavailable(file: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", file.display()))
}

async fn pool(connections: u32, options: SqliteConnectOptions) -> StoreResult<Pool> {
    let pool = crate::pool::options(connections).idle_timeout(None).max_lifetime(None);
    pool.connect_with(options.disable_statement_logging()).await.map_err(from_sqlx)
}

/// Reads without changing a byte. Without a log no process has the database open, and the file is complete; SQLite would
/// still make a log to look at it, unless it is told that nothing changes.
fn undisturbed(url: &str) -> StoreResult<SqliteConnectOptions> {
    let options = SqliteConnectOptions::from_str(url).map_err(from_sqlx)?;
    let at_rest = !beside(options.get_filename(), LOG).exists();
    Ok(options.read_only(true).immutable(at_rest).busy_timeout(PATIENCE))
}

fn options(url: &str) -> StoreResult<SqliteConnectOptions> {
    Ok(SqliteConnectOptions::from_str(url)
        .map_err(from_sqlx)?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .row_buffer_size(ROWS_AHEAD))
}

/// Which pool `queries` uses.
pub(crate) type Pool = SqlitePool;
