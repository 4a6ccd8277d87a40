//! Whether this server can do its work: the database answers, its schema and the seal key fit, and it takes a write.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use usher_domain::ports::store::{Store, StoreError};

/// How long the database may take to answer and to take a write.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
/// How long an answer is reused before the database is checked again: many requests at once cost one write.
pub(crate) const FRESH: Duration = Duration::from_secs(1);

/// Why this server is not ready. The log has the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotReady {
    #[error("The database does not answer.")]
    Silent,
    #[error("The database cannot be read, or its schema is not this version's.")]
    Unreadable,
    #[error("The seal key does not fit the database.")]
    Sealed,
    #[error("The database cannot be written to; its disk may be full.")]
    Unwritable,
}

type Answer = Result<(), NotReady>;

/// Asks the database, and keeps its answer for a moment.
#[derive(Clone)]
pub(crate) struct Readiness {
    store: Arc<dyn Store>,
    last: Arc<Mutex<Option<(Instant, Answer)>>>,
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("last", &self.last).finish_non_exhaustive()
    }
}

impl Readiness {
    /// That of a server with this store.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Readiness { store, last: Arc::default() }
    }

    /// Whether this server is ready, by an answer no older than [`FRESH`]; returns shortly after [`PATIENCE`] at the
    /// latest.
    pub(crate) async fn check(&self) -> Answer {
        let this = self.clone();
        // A task of its own: the check is finished even if the first caller goes away.
        tokio::spawn(async move { this.ask().await }).await.unwrap_or(Err(NotReady::Silent))
    }

    async fn ask(&self) -> Answer {
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = *last
            && at.elapsed() < FRESH
        {
            return answer;
        }
        let was = last.is_none_or(|(_, answer)| answer.is_ok());
        let answer = match timeout(PATIENCE, self.try_it()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err((why, error))) => {
                if was {
                    tracing::error!(%error, "not ready: {why}");
                }
                Err(why)
            }
            Err(_) => {
                if was {
                    tracing::error!(
                        "not ready: the database does not answer within {} s",
                        PATIENCE.as_secs()
                    );
                }
                Err(NotReady::Silent)
            }
        };
        if !was && answer.is_ok() {
            tracing::info!("ready again");
        }
        *last = Some((Instant::now(), answer));
        answer
    }

    async fn try_it(&self) -> Result<(), (NotReady, StoreError)> {
        self.store.ready().await.map_err(|error| match error {
            StoreError::Corrupt(_) => (NotReady::Sealed, error),
            _ => (NotReady::Unreadable, error),
        })?;
        self.store.try_write().await.map_err(|error| (NotReady::Unwritable, error))
    }
}
