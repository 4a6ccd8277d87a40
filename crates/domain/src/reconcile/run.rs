//! One reconciliation of one rule, as it is remembered and shown.

use serde::{Deserialize, Serialize};

use super::{
    guard::HoldReason, operation::Operation, outcome::Outcome, plan::Counts, scope::Scope, snapshot::Seats,
};
use crate::{ConnectionId, EnvironmentId, Problem, RuleId, RunId, Timestamp};

/// A run's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunState {
    /// Observing and planning.
    Planning,
    /// Waiting for a person's approval.
    Held,
    /// Changing the remote side.
    Applying,
    /// Ended; every operation succeeded.
    Succeeded,
    /// Ended; some operations did not succeed.
    Partial,
    /// Ended without doing what it was for.
    Failed,
    /// Ended by a person, overtaken by a later run, or cut off before it changed anything because the server stopped.
    Cancelled,
}

impl RunState {
    /// Whether it is over.
    pub fn is_final(self) -> bool {
        matches!(self, RunState::Succeeded | RunState::Partial | RunState::Failed | RunState::Cancelled)
    }
}

/// Why a run was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Trigger {
    /// Subjects of it were due.
    Change,
    /// A person asked for a full resync.
    Manual,
    /// A revision, a change of the rule, or its activation.
    Configuration,
    /// A slot of an inbound rule's schedule.
    Schedule,
    /// A person approved a held run.
    Approval,
    /// The rule is being deleted.
    Deletion,
}

/// The licences as a run saw them before it changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatsSeen {
    /// How many there were.
    #[serde(flatten)]
    pub seats: Seats,
    /// How many its plan needed.
    pub needed: u32,
}

impl SeatsSeen {
    /// How many were missing.
    pub fn missing(&self) -> u32 {
        self.needed.saturating_sub(self.seats.left())
    }
}

/// One reconciliation of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Its tenant.
    pub environment: EnvironmentId,
    /// Its rule.
    pub rule: RuleId,
    /// The remote system.
    pub connection: ConnectionId,
    /// Why it was started.
    pub trigger: Trigger,
    /// What it looks at.
    pub scope: Scope,
    /// Where it stands.
    pub state: RunState,
    /// Whether a worker has begun to plan it. Before that it sees every change that is committed.
    #[serde(default)]
    pub begun: bool,
    /// The plan's digest, once there is a plan.
    pub digest: Option<String>,
    /// The plan's counts.
    pub counts: Counts,
    /// What the plan's taking away does beside (see [`super::plan::Plan::manner`]).
    #[serde(default)]
    pub manner: Box<str>,
    /// The licences, if it looked at them.
    #[serde(default)]
    pub seats: Option<SeatsSeen>,
    /// Why it is held.
    pub hold: Vec<HoldReason>,
    /// What moved since the approval that it was started with.
    pub moved: Vec<String>,
    /// Operations that have an outcome.
    pub done: u64,
    /// Operations in all.
    pub total: u64,
    /// Why it failed, if it failed as a whole.
    pub problem: Option<Problem>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// One operation of a run, with its outcome once it has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOperation {
    /// Its place in the plan, from 0.
    pub seq: u64,
    /// What was to be done.
    pub operation: Operation,
    /// What became of it.
    pub outcome: Option<Outcome>,
}
