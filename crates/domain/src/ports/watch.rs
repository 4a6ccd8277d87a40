//! The port to what keeps an eye on the source of an inbound rule: the slots of its schedule, and how far the remote
//! system's log of events was read.
//!
//! Watching is due work of its own kind, beside reconciling: it is claimed, leased and fenced in the same way, so that of
//! several servers one watches a rule, and a slot is served once.

use std::time::Duration;

use async_trait::async_trait;

use super::{connector::LogPosition, job::Lease, store::StoreResult};
use crate::{Problem, RuleId, Timestamp, directory::change::Due, provisioning::schedule::Slots};

/// What is remembered of watching a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// The slots of its schedule; `None` until the initial full sync has completed.
    pub slots: Option<Slots>,
    /// A slot was served by making everything due, and no full sync has completed since.
    pub slot_waits: bool,
    /// How its log is followed.
    pub log: LogState,
}

/// How the log of a rule's source is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogState {
    /// Up to where it was read; what it told up to there is due.
    pub position: Option<LogPosition>,
    /// When it was last read.
    pub read_at: Option<Timestamp>,
    /// When it last could not say what changed, so that everything was made due.
    pub everything_at: Option<Timestamp>,
    /// Why it cannot be read at present.
    pub problem: Option<Problem>,
}

/// What a look at a rule's source came to. Written whole or not at all: a position is never kept without what it made
/// due.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// Slots up to then are served, by what is due.
    pub slot: Option<Timestamp>,
    /// Slots are served up to then only, as the clock was ahead when more of them were.
    pub set_back: Option<Timestamp>,
    /// How the log is followed from now on.
    pub log: LogState,
    /// What the slot and the log made due.
    pub due: Vec<Due>,
    /// When to look again; `None` when there is nothing to watch until the rule changes.
    pub again: Option<Timestamp>,
}

/// What is remembered of watching, and the right to do it.
#[async_trait]
pub trait WatchStore: Send + Sync {
    /// What is remembered of watching the rule.
    async fn watch(&self, rule: RuleId) -> StoreResult<Watch>;
    /// Has these rules watched by `at`, if not before. A change of an inbound rule does so by itself.
    async fn wake(&self, rules: &[RuleId], at: Timestamp) -> StoreResult<()>;
    /// Takes the lease of watching the rule that has waited longest and that nobody holds, if there is one; as
    /// [`super::store::JobStore::claim`].
    async fn claim_watch(&self, owner: &str, now: Timestamp, lease: Duration) -> StoreResult<Option<Lease>>;
    /// Writes what a look came to, makes due what follows from it, and ends the lease.
    async fn watched(&self, lease: &Lease, watched: &Watched) -> StoreResult<()>;
}
