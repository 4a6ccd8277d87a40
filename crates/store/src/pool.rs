//! Pools whose connections are sound: what both databases' pools have in common.

use std::{io, time::Duration};

use sqlx::{Connection, Database, Error, pool::PoolOptions};
use tokio::time::timeout;

/// How long to wait for a free connection, and for another process's write lock on SQLite.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection that is given back may take to end what it was in the middle of.
pub(crate) const GIVEN_BACK: Duration = Duration::from_secs(5);

/// A pool of that many connections at most, which throws away every connection that is given back in a bad state.
///
/// A commit or a rollback that failed (the disk was full, say) leaves a connection that believes itself in a transaction,
/// and refuses to begin another one. This is the one place that handles it, whatever code began the transaction.
pub(crate) fn options<Db: Database>(connections: u32) -> PoolOptions<Db> {
    PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .after_release(|connection, _| Box::pin(is_sound(connection)))
}

/// Whether a connection that was given back may be used again.
///
/// # Errors
/// It is broken, or does not end what it was in the middle of; it is then cut off without a goodbye.
async fn is_sound<C: Connection>(connection: &mut C) -> Result<bool, Error> {
    // A rollback that was begun when its transaction was dropped is done by the time this answers.
    match timeout(GIVEN_BACK, connection.ping()).await {
        Ok(answered) => answered.map(|()| !connection.is_in_transaction()),
        Err(_) => Err(Error::Io(io::ErrorKind::TimedOut.into())),
    }
}
