//! The state of the database as a whole: its schema, the keys that it needs, and whether it can be written to.

use std::collections::BTreeSet;

use sqlx::Row as _;
use usher_domain::ports::store::{StoreError, StoreResult};

use super::{Database, Pool, begin};
use crate::{error::from_sqlx, found::Found, migrations, seal};

/// Where key ids stand: the audit's signatures, and the keys that sign tokens, of which every used database has one.
const KEYED: [(i64, &str); 3] = [
    (1, "SELECT DISTINCT sealed FROM signing_keys"),
    (2, "SELECT DISTINCT signature FROM event_heads"),
    (2, "SELECT DISTINCT signature FROM event_roll"),
];

/// Finds out what there is.
pub(crate) async fn look(pool: &Pool) -> StoreResult<Found> {
    let migrated =
        sqlx::query("SELECT max(version) FROM _sqlx_migrations WHERE success").fetch_one(pool).await;
    let schema = match migrated {
        Ok(row) => row.try_get::<Option<i64>, _>(0).map_err(from_sqlx)?,
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(super::NO_TABLE) => None,
        Err(error) => return Err(from_sqlx(error)),
    };
    Ok(Found { schema, keys: keys(pool, schema.unwrap_or(0)).await? })
}

async fn keys(pool: &Pool, schema: i64) -> StoreResult<BTreeSet<String>> {
    let mut keys = BTreeSet::new();
    for (_, query) in KEYED.iter().filter(|(since, _)| *since <= schema) {
        for row in sqlx::query(*query).fetch_all(pool).await.map_err(from_sqlx)? {
            // What is in no form of ours is the audit's to judge.
            let sealed: Option<&str> = row.try_get(0).ok();
            keys.extend(sealed.and_then(seal::key_of).map(str::to_owned));
        }
    }
    Ok(keys)
}

impl Database {
    /// Whether the schema is this version's and the seal has the keys that the database needs.
    pub(super) async fn is_current(&self) -> StoreResult<()> {
        let found = look(&self.read).await?;
        match found.schema {
            Some(version) if version == migrations::LATEST => {}
            Some(version) if version > migrations::LATEST => {
                return Err(StoreError::Unavailable(migrations::made_later(version)));
            }
            _ => {
                return Err(StoreError::Unavailable(
                    "the database's schema is not current. Run `usher migrate`.".into(),
                ));
            }
        }
        match found.keys.iter().find(|key| !self.seal.has(key)) {
            None => Ok(()),
            Some(key) => Err(StoreError::Corrupt(format!(
                "it is sealed with the key {key}, which is not in the key file. Put back the key file that the \
                 database was used with."
            ))),
        }
    }

    /// Writes and commits, as everything that is kept does: a disk that is full is full at the commit.
    pub(super) async fn write_probe(&self) -> StoreResult<()> {
        let mut transaction = begin(&self.write).await?;
        let query = sqlx::query("UPDATE write_probe SET probes = probes + 1");
        query.execute(&mut *transaction).await.map_err(from_sqlx)?;
        transaction.commit().await.map_err(from_sqlx)
    }

    /// Ends all connections, and lets SQLite leave everything in the one file.
    pub(super) async fn close_all(&self) {
        if let Some(statement) = super::SETTLE {
            // Another process may read just now: then the log is kept, and nothing is lost.
            let _ = sqlx::query(statement).execute(&self.write).await;
        }
        self.read.close().await;
        self.write.close().await;
    }
}
