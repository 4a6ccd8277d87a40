//! What became of one operation.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::snapshot::{AccountId, RemoteGroupId};
use crate::Problem;

/// What became of one operation. *Already true* is said only after reading back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// Done by this call.
    Done {
        /// What was made, when something was made.
        #[serde(skip_serializing_if = "Option::is_none")]
        made: Option<Made>,
    },
    /// It was so already (or a lost answer turned out to have been a success).
    AlreadyTrue {
        /// What was found, when the operation would have made it.
        #[serde(skip_serializing_if = "Option::is_none")]
        made: Option<Made>,
    },
    /// This subject only: the remote system will not, and says why. Tried again later with growing patience.
    Refused {
        /// Why, and what to do.
        problem: Problem,
    },
    /// Not now: tried again after a while; `problem` says what it waits for (an invitation, a licence, a recovery).
    Postponed {
        /// Why, and what to do.
        problem: Problem,
        /// How long to wait before trying again; `None` leaves it to the engine.
        after: Option<Duration>,
        /// A full observation is needed to know what to do (for example: the address belongs to a member that
        /// was removed and can be recovered).
        needs_full: bool,
    },
    /// Not tried, because an earlier step that it needs did not succeed.
    Skipped {
        /// Which step.
        problem: Problem,
    },
}

/// What an operation made, or found in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Made {
    /// An account; whether it still waits for its invitation to be accepted.
    Account {
        /// Its id.
        id: AccountId,
        /// Whether it is only invited.
        invited: bool,
    },
    /// A group.
    Group {
        /// Its id.
        id: RemoteGroupId,
    },
}

impl Outcome {
    /// Done, with nothing made.
    pub fn done() -> Self {
        Outcome::Done { made: None }
    }

    /// Whether the world is now as the operation wanted it.
    pub fn is_success(&self) -> bool {
        matches!(self, Outcome::Done { .. } | Outcome::AlreadyTrue { .. })
    }

    /// What was made or found.
    pub fn made(&self) -> Option<&Made> {
        match self {
            Outcome::Done { made } | Outcome::AlreadyTrue { made } => made.as_ref(),
            _ => None,
        }
    }

    /// Why not, if not.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Outcome::Done { .. } | Outcome::AlreadyTrue { .. } => None,
            Outcome::Refused { problem }
            | Outcome::Postponed { problem, .. }
            | Outcome::Skipped { problem } => Some(problem),
        }
    }
}
