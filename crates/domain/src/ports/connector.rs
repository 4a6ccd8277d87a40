//! The port to a remote system: read it whole, change it step by step.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use futures_util::stream::Stream;

use crate::{
    Problem, Timestamp,
    reconcile::{
        operation::Operation,
        outcome::Outcome,
        snapshot::{AccountId, RemoteGroupId, Snapshot},
    },
};

/// What an observation is to cover, in the remote system's terms. The engine translates a
/// [`crate::reconcile::scope::Scope`] into this by the links it has.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// Everything: all accounts (also removed ones that can be recovered), all groups, seats.
    Whole,
    /// Only these.
    At {
        /// Accounts by id, for users that are linked.
        accounts: Vec<AccountId>,
        /// Accounts by external id or e-mail, for users that are not.
        people: Vec<Person>,
        /// Whether groups must be looked at: `All` when a group of ours is not linked yet.
        groups: LookAtGroups,
    },
}

/// How to find someone who is not linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Our user id, as external id.
    pub external_id: String,
    /// Their e-mail; not a valid one for the remote system is simply not looked for.
    pub email: String,
}

/// Which groups to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookAtGroups {
    /// None; group ids still come with the accounts.
    None,
    /// These, by id. One that is not there is left out of the snapshot.
    These(Vec<RemoteGroupId>),
    /// The whole list.
    All,
}

/// How far the remote system's log of events was read. Only the connector that gave it understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPosition(pub String);

/// What the remote system's log of events tells: hints of what to look at again, in no order, some of them old or told
/// twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Accounts of which something became.
    pub accounts: BTreeSet<AccountId>,
    /// Groups that are new, gone, or otherwise than they were; who only came or went is among the accounts.
    pub groups: BTreeSet<RemoteGroupId>,
    /// The log cannot say what changed: nothing but a look at everything tells.
    pub everything: bool,
    /// Where to go on.
    pub position: LogPosition,
    /// Whether there is more to be read at once.
    pub more: bool,
}

/// Told while an observation or an application is under way.
pub trait Progress: Send + Sync {
    /// So many accounts (or groups) were read so far.
    fn observed(&self, so_far: u64);
}

/// Nobody listens.
impl Progress for () {
    fn observed(&self, _so_far: u64) {}
}

/// What a connection test found: one entry per thing that was tried, in order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CheckReport {
    /// Every check that was reached.
    pub checks: Vec<Check>,
    /// The team's name, if it was read.
    pub team: Option<String>,
    /// The account whose authorisation the connection uses: id and e-mail, if it was read.
    pub own_account: Option<(AccountId, String)>,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// `token`, `team`, `administrator`, or a scope's name such as `members.write`.
    pub name: String,
    /// How it went.
    pub status: CheckStatus,
    /// What was found; on failure what to do.
    pub detail: String,
    /// The remote system's request id, if there was a request.
    #[serde(rename = "requestId", skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CheckStatus {
    /// It works.
    Success,
    /// It does not.
    Failed,
    /// It was not reached, or cannot be proved without changing something; says nothing.
    NotChecked,
}

impl CheckReport {
    /// Whether nothing failed.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.status != CheckStatus::Failed)
    }
}

/// The code of the problem that the remote system asks to wait for longer than a run waits. It stands in a
/// [`ConnectorError::Busy`], or in an outcome `Postponed` of an operation that was certainly not done.
pub const THROTTLED: &str = "THROTTLED";

/// Why a call as a whole came to nothing. Each names what the caller does next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// Busy, throttled, unreachable, or answering nonsense after all patience: plan again after `after`.
    #[error("{problem}")]
    Busy {
        /// When to try again.
        after: Duration,
        /// What happened.
        problem: Problem,
    },
    /// The authorisation is gone or does not suffice: stop the connection and tell a person.
    #[error("{problem}")]
    Unauthorized {
        /// What happened, and what to do.
        problem: Problem,
    },
    /// The listing is not whole (short, or it changed while it was read): nothing may be concluded from it.
    #[error("{problem}")]
    Incomplete {
        /// What is missing.
        problem: Problem,
    },
    /// The remote system says that we speak wrongly: our fault, nothing was done.
    #[error("{problem}")]
    Protocol {
        /// What it said.
        problem: Problem,
    },
}

impl ConnectorError {
    /// What happened, and what to do.
    pub fn problem(&self) -> &Problem {
        match self {
            ConnectorError::Busy { problem, .. }
            | ConnectorError::Unauthorized { problem }
            | ConnectorError::Incomplete { problem }
            | ConnectorError::Protocol { problem } => problem,
        }
    }
}

/// What became of the operation at `index` of the slice given to [`Connector::apply`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its place in the slice.
    pub index: usize,
    /// What became of it.
    pub outcome: Outcome,
}

/// A boxed stream of what became of operations; an error ends it.
pub type Outcomes<'a> =
    std::pin::Pin<Box<dyn Stream<Item = Result<Vec<Applied>, ConnectorError>> + Send + 'a>>;

/// One configured remote system.
///
/// **Must**: answer [`Connector::observe`] of [`Look::Whole`] whole or with an error; resolve every lost answer by
/// reading back before it says `Done`, `AlreadyTrue` or `Refused`; make one bad subject that subject's failure.
/// **May**: batch, reorder and run together what it is given, which is always of one [`Stage`]
/// [`crate::reconcile::operation::Stage`].
/// **Must not**: decide anything that planning or the guard decides, remember anything across calls but tokens,
/// pacing and page sizes, or let a secret into an error or a log.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Tests the connection; never changes anything at the remote side.
    async fn check(&self) -> CheckReport;

    /// Reads the remote side.
    async fn observe(&self, look: &Look, progress: &dyn Progress) -> Result<Snapshot, ConnectorError>;

    /// Applies operations of one stage, none of them local, all remote ids filled in. Yields outcomes as they
    /// come, each index exactly once unless it ends with an error; what has no outcome then was not done, or
    /// will be found by the next observation. Dropping the stream stops after the calls in hand.
    fn apply<'a>(&'a self, operations: &'a [Operation]) -> Outcomes<'a>;

    /// Reads the log of events from that position on; without one, or when the remote system does not take it any
    /// more, from `since` on. Everything changed then, unless there was no position at all.
    ///
    /// Nothing is decided by what the log tells, only what to look at: it may be late, and it may leave out.
    async fn changes(
        &self,
        position: Option<&LogPosition>,
        since: Timestamp,
    ) -> Result<Changes, ConnectorError>;

    /// How many calls these operations will take at least, polls and retries aside; for previews and for choosing
    /// between a scoped and a full run.
    fn calls(&self, operations: &[Operation]) -> u64;
}
