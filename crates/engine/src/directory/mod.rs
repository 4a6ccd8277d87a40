//! The one door for writes: load, decide, say what is due, commit; and once more when somebody was faster.
//!
//! What is decided stands in `usher_domain`; here are only the loads that the decisions need. Nothing else in Usher
//! commits a change set.

mod access;
mod activities;
mod bootstrap;
mod connections;
mod counts;
pub(crate) mod due;
mod groups;
mod import;
mod populations;
mod rules;
mod search;
mod subscriptions;
mod users;
mod whole_rule;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use usher_domain::{
    Clock, EnvironmentId, Ids, Rejection,
    directory::{
        audit::Actor,
        change::{ChangeSet, Write},
        commands::Stamp,
        environment::Environment,
    },
    ports::store::{Store, StoreError},
    targets::Targets,
};

pub use activities::ATTRIBUTES as ACTIVITY_ATTRIBUTES;
pub use bootstrap::Bootstrap;
use counts::Counts;
use due::Touched;
pub use import::{GroupRow, Imported, ImportedAs, UserRow};
pub use search::Matching;
pub use usher_domain::access::recovery::Recovery;

/// How often a command is decided at most, because somebody was faster; each time somebody got something done.
const ATTEMPTS: u32 = 20;

/// The directory and the provisioning set-up, as they are changed.
#[derive(Clone)]
pub struct Directory {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    /// How long a burst of changes is gathered before a run.
    quiet: Duration,
    /// Where service addresses and webhooks may lead.
    targets: Targets,
    counts: Arc<Counts>,
}

/// Who asks, and in which request.
#[derive(Clone, Debug)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// The request, for the audit.
    pub correlation_id: Option<String>,
}

/// Why a command came to nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DirectoryError {
    /// The request is at fault; tell the client.
    #[error("{0}")]
    Rejected(#[from] Rejection),
    /// The store is; try again later, and tell the operator.
    #[error("{0}")]
    Unavailable(StoreError),
}

impl From<StoreError> for DirectoryError {
    fn from(error: StoreError) -> Self {
        DirectoryError::Unavailable(error)
    }
}

/// What a command becomes, with what must be looked at again beside the users that it writes.
struct Decided<T> {
    answer: T,
    changes: ChangeSet,
    touched: Vec<Touched>,
}

impl<T> Decided<T> {
    /// Nothing is touched but the users that are written.
    fn plain((answer, changes): (T, ChangeSet)) -> Self {
        Decided { answer, changes, touched: Vec::new() }
    }

    /// Decided by a look at all that is in the environment: of two at once, the second is decided anew.
    fn alone_in(mut self, environment: &Environment) -> Self {
        let is_alone = self.changes.writes.iter().any(|write| matches!(write, Write::Environment(_)));
        if !is_alone && !self.changes.writes.is_empty() {
            self.changes.writes.insert(0, environment.alone());
        }
        self
    }
}

impl Directory {
    /// A directory over a store. `quiet` is how long a burst of changes is gathered before a run (300 ms is good).
    /// `targets` says where service addresses and webhooks may lead.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        quiet: Duration,
        targets: Targets,
    ) -> Self {
        Directory { store, clock, ids, quiet, targets, counts: Arc::default() }
    }

    fn stamp<'a>(&'a self, by: &'a By) -> Stamp<'a> {
        Stamp {
            now: self.clock.now(),
            actor: &by.actor,
            correlation_id: by.correlation_id.as_deref(),
            ids: &*self.ids,
        }
    }

    /// Loads and decides by `decide`, adds what is due, commits; decides again when the data changed meanwhile.
    async fn execute<'a, T, F, D>(
        &'a self,
        by: &'a By,
        environment: EnvironmentId,
        decide: D,
    ) -> Result<T, DirectoryError>
    where
        D: Fn(Stamp<'a>) -> F,
        F: Future<Output = Result<Decided<T>, DirectoryError>>,
    {
        let mut faster = String::new();
        for _ in 0..ATTEMPTS {
            let stamp = self.stamp(by);
            let Decided { answer, mut changes, touched } = decide(stamp).await?;
            if changes.writes.is_empty() {
                return Ok(answer);
            }
            changes.due = self.due(environment, &changes, &touched, stamp.now.plus(self.quiet)).await?;
            match self.store.commit(&changes).await {
                Ok(()) => return Ok(answer),
                Err(StoreError::Conflict(what)) => faster = what,
                Err(error) => return Err(error.into()),
            }
        }
        tracing::warn!(%environment, conflict = %faster, "gave up a change after {ATTEMPTS} attempts");
        Err(Rejection::conflict("The data was changed by others each time this was tried; nothing was done. Send the request again").into())
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("quiet", &self.quiet).finish_non_exhaustive()
    }
}

/// What was loaded, or the rejection that says it is not there.
fn found<T>(what: &str, id: impl fmt::Display, it: Option<T>) -> Result<T, DirectoryError> {
    it.ok_or_else(|| Rejection::not_found(what, id).into())
}
