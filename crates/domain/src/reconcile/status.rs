//! Where each identity stands, in PingOne's words (facts/pingone.md §1.9).

use serde::{Deserialize, Serialize};

use super::scope::Subject;
use crate::{Problem, Timestamp};

/// Where one user or group stands with one rule. Ordered from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Standing {
    /// Fully synced.
    Success,
    /// The account exists, but may be out of sync.
    Partial,
    /// There is no account, and none is made.
    Unsynced,
    /// An error.
    Failed,
}

/// Where one subject stands, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectStatus {
    /// Who.
    pub subject: Subject,
    /// Where it stands.
    pub standing: Standing,
    /// Why it is not `Success`.
    pub problem: Option<Problem>,
    /// When it was last looked at.
    pub at: Timestamp,
    /// How often in a row it did not succeed; the wait before the next try grows with it.
    pub attempts: u32,
}

/// How many stand where. `impacted` is the sum of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusCounts {
    /// Targeted by the rule.
    pub impacted: u64,
    /// Fully synced.
    pub success: u64,
    /// No account, not synced.
    pub unsynced: u64,
    /// Account exists, may be out of sync.
    pub partial: u64,
    /// Error.
    pub failed: u64,
}

impl StatusCounts {
    /// Counts `n` more that stand there.
    pub fn add(&mut self, standing: Standing, n: u64) {
        self.impacted += n;
        match standing {
            Standing::Success => self.success += n,
            Standing::Partial => self.partial += n,
            Standing::Unsynced => self.unsynced += n,
            Standing::Failed => self.failed += n,
        }
    }
}
