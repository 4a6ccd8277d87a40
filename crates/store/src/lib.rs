//! The truth, kept: SQLite or PostgreSQL behind [`usher_domain::ports::store::Store`].
//!
//! There is one SQL text. The files of `queries/` are compiled twice, once inside `sqlite` and once inside `postgres`,
//! each of which says what `Db` is and the few things in which the databases differ. What needs neither (the seal,
//! errors, what a value looks like in a column) stands beside them and is compiled once.
//!
//! To add a column: a migration (never change one that was released), then `COLUMNS`, `bind` and `read` of the entity,
//! which stand together. To add a query: in `queries/`, in words that both databases speak; the conformance suite in
//! `tests/` runs it on both. No SQL anywhere else, and no `if` about which database it is.

mod anchor;
mod auditor;
mod batch;
mod columns;
mod error;
mod found;
pub mod keyfile;
mod limits;
mod migrations;
mod pool;
mod postgres;
mod seal;
mod sealed;
mod sqlite;
mod worker_lock;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use usher_domain::ports::store::{Store, StoreError, StoreResult};

pub use crate::{
    auditor::Auditor,
    found::Found,
    limits::LIMITS,
    seal::{Seal, SealError},
    worker_lock::WorkerLock,
};

/// The way in: opens a database as a [`Store`].
#[derive(Debug)]
pub struct Storage;

impl Storage {
    /// Opens the database that the URL names: `sqlite://path/usher.db` or `postgres://user@host/name`. It must exist
    /// (see [`Storage::migrate`]); whether its schema is current is what [`Store::ready`] says.
    pub async fn open(database_url: &str, seal: Seal) -> StoreResult<Arc<dyn Store>> {
        match Kind::of(database_url)? {
            Kind::Sqlite => Ok(Arc::new(sqlite::open(database_url, seal).await?)),
            Kind::Postgres => Ok(Arc::new(postgres::open(database_url, seal).await?)),
        }
    }

    /// Makes this process the only worker of an SQLite database for as long as the lock is kept; the database need not
    /// exist yet. `None` on PostgreSQL, where several servers share the work by leases.
    ///
    /// # Errors
    /// When another process is its worker, with what to do.
    pub fn lock_worker(database_url: &str) -> StoreResult<Option<WorkerLock>> {
        match Kind::of(database_url)? {
            Kind::Sqlite => worker_lock::take(&sqlite::file(database_url)?).map(Some),
            Kind::Postgres => Ok(None),
        }
    }

    /// Opens a database to look at it: nothing is made and nothing is written, in it or beside it.
    pub async fn open_undisturbed(database_url: &str, seal: Seal) -> StoreResult<Arc<dyn Store>> {
        match Kind::of(database_url)? {
            Kind::Sqlite => Ok(Arc::new(sqlite::open_undisturbed(database_url, seal).await?)),
            Kind::Postgres => Ok(Arc::new(postgres::open_undisturbed(database_url, seal).await?)),
        }
    }

    /// What there is at this URL, found out without changing anything.
    pub async fn look(database_url: &str) -> StoreResult<Found> {
        match Kind::of(database_url)? {
            Kind::Sqlite => sqlite::look(database_url).await,
            Kind::Postgres => postgres::look(database_url).await,
        }
    }

    /// The schema that this version speaks.
    pub const SCHEMA: i64 = migrations::LATEST;

    /// Writes a consistent copy of an SQLite database while others write to it. `into` must not be there, or be empty.
    pub async fn copy(database_url: &str, into: &Path) -> StoreResult<()> {
        sqlite::copy(database_url, into).await
    }

    /// What there is in a copy of an SQLite database, which nobody writes to.
    pub async fn look_at_copy(file: &Path) -> StoreResult<Found> {
        sqlite::look_at_copy(file).await
    }

    /// Makes sure that no other process has an SQLite database open. What was committed is then in its one file.
    ///
    /// # Errors
    /// Another process has it open. A database that cannot be read is not an error: no process can be using it.
    pub async fn alone(database_url: &str) -> StoreResult<()> {
        sqlite::alone(database_url).await
    }

    /// The file of an SQLite database; `None` for another one.
    pub fn file(database_url: &str) -> StoreResult<Option<PathBuf>> {
        match Kind::of(database_url)? {
            Kind::Sqlite => sqlite::file(database_url).map(Some),
            Kind::Postgres => Ok(None),
        }
    }

    /// Brings the schema up to this version's; makes the file first when it is SQLite. Does nothing when it is current;
    /// several servers may do it at once.
    pub async fn migrate(database_url: &str) -> StoreResult<()> {
        match Kind::of(database_url)? {
            Kind::Sqlite => sqlite::migrate(database_url).await,
            Kind::Postgres => postgres::migrate(database_url).await,
        }
    }
}

enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    fn of(url: &str) -> StoreResult<Kind> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "sqlite" if url.contains(":memory:") || url.contains("mode=memory") => Err(StoreError::Unavailable(
                "a database in memory would be another one for each connection. Name a file: sqlite://usher.db".into(),
            )),
            "sqlite" => Ok(Kind::Sqlite),
            "postgres" | "postgresql" => Ok(Kind::Postgres),
            // The URL may hold a password: it is not repeated.
            _ => Err(StoreError::Unavailable(
                "the database URL must begin with sqlite:// or postgres://. Set database_url.".into(),
            )),
        }
    }
}
