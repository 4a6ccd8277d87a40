//! Checking the audit of a database: the way in for `usher audit verify`, which changes nothing.

use std::path::Path;

use usher_domain::{
    directory::audit::verify::{Anchor, Report},
    ports::store::StoreResult,
};

use crate::{Kind, postgres, seal::Seal, sqlite};

/// A database whose audit is checked.
#[derive(Debug)]
pub struct Auditor {
    seal: Seal,
    pool: AnyPool,
}

#[derive(Debug)]
enum AnyPool {
    Sqlite(sqlite::Pool),
    Postgres(postgres::Pool),
}

impl Auditor {
    /// Opens the database that the URL names.
    ///
    /// # Errors
    /// It is not there, or cannot be reached.
    pub async fn open(database_url: &str, seal: Seal) -> StoreResult<Auditor> {
        let pool = match Kind::of(database_url)? {
            Kind::Sqlite => AnyPool::Sqlite(sqlite::readers(database_url).await?),
            Kind::Postgres => AnyPool::Postgres(postgres::pool(postgres::CONNECTIONS, database_url).await?),
        };
        Ok(Auditor { seal, pool })
    }

    /// Opens a copy of an SQLite database that nothing writes to; makes no file beside it.
    ///
    /// # Errors
    /// It is not there, or no database.
    pub async fn open_copy(file: &Path, seal: Seal) -> StoreResult<Auditor> {
        Ok(Auditor { seal, pool: AnyPool::Sqlite(sqlite::readers_of_copy(file).await?) })
    }

    /// Ends the connections.
    pub async fn close(&self) {
        match &self.pool {
            AnyPool::Sqlite(pool) => pool.close().await,
            AnyPool::Postgres(pool) => pool.close().await,
        }
    }

    /// Checks every chain, `side_by_side` stretches of one at a time. `anchors` are ends that were seen before.
    /// `progress` is told how many events were checked, of how many.
    ///
    /// # Errors
    /// The database cannot be read, or has no chains yet. What was tampered with is no error but the answer.
    pub async fn verify(
        &self,
        anchors: &[Anchor],
        side_by_side: usize,
        progress: &(dyn Fn(u64, u64) + Send + Sync),
    ) -> StoreResult<Report> {
        match &self.pool {
            AnyPool::Sqlite(pool) => sqlite::verify(pool, &self.seal, anchors, side_by_side, progress).await,
            AnyPool::Postgres(pool) => {
                postgres::verify(pool, &self.seal, anchors, side_by_side, progress).await
            }
        }
    }
}
