//! Due work and the right to do it for a while. No leader: servers share one table.

use crate::{RuleId, Timestamp, directory::change::DueSubject};

/// What is to be done for a rule. Each kind has a lease of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Reconcile it.
    Reconcile,
    /// Keep an eye on its source ([`super::watch`]).
    Watch,
}

/// The right to do one kind of work for one rule, fenced by `epoch`: every claim raises the epoch, and a write that names
/// an older one is refused. It ends when its holder gives it back, or does not renew it in time by the database's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What for.
    pub kind: JobKind,
    /// Which rule.
    pub rule: RuleId,
    /// Who holds it.
    pub owner: String,
    /// The fence.
    pub epoch: i64,
}

/// Who holds the right to reconcile a rule: what its status says while nobody else may take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// When the lease ends unless it is renewed, by the database's clock.
    pub until: Timestamp,
    /// Whether it was renewed when it should have been. If not, its holder has most likely stopped.
    pub renewed: bool,
    /// Whether it is over, and no server has taken the rule over yet.
    pub over: bool,
}

/// A subject of a claimed rule that is due, as it was read; settling names `mark` so that what became due again
/// meanwhile stays due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueMark {
    /// Which subject.
    pub subject: DueSubject,
    /// Rises with each time it is made due.
    pub mark: i64,
}
