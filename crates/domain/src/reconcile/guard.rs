//! The judge of a plan: too many removals at once wait for a person.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::directory::environment::GuardDefaults;

/// The limits of a rule (`GUARD_MAX_REMOVALS`, `GUARD_MAX_REMOVAL_PERCENT`, `GUARD_WINDOW_MINUTES`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// More removals than this hold the run.
    pub max_removals: u32,
    /// A larger share of the rule's identities than this holds the run, once it has [`SHARE_COUNTS_FROM`] of them.
    pub max_percent: u32,
    /// How far back earlier removals are counted with this run's.
    pub window: Duration,
}

/// The share counts once there are this many identities: of 3 people, 1 is not a mass.
pub const SHARE_COUNTS_FROM: u64 = 10;

impl Default for Limits {
    fn default() -> Self {
        Limits { max_removals: 50, max_percent: 10, window: Duration::from_secs(3600) }
    }
}

impl From<&GuardDefaults> for Limits {
    /// What stands where a rule says nothing.
    fn from(environment: &GuardDefaults) -> Self {
        let built_in = Limits::default();
        let window = environment.get("GUARD_WINDOW_MINUTES");
        Limits {
            max_removals: environment.get("GUARD_MAX_REMOVALS").unwrap_or(built_in.max_removals),
            max_percent: environment.get("GUARD_MAX_REMOVAL_PERCENT").unwrap_or(built_in.max_percent),
            window: window.map_or(built_in.window, |minutes| Duration::from_secs(u64::from(minutes) * 60)),
        }
    }
}

impl Limits {
    /// How many of so many may be removed within the window before a person is asked.
    pub fn lets_through(&self, of: u64) -> u64 {
        let number = u64::from(self.max_removals).min(of);
        if of < SHARE_COUNTS_FROM {
            return number;
        }
        number.min(of.saturating_mul(u64::from(self.max_percent)) / 100)
    }
}

/// Removals by kind; each kind is judged apart, by the same limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Accounts suspended, removed, or whose invitation was cancelled.
    pub users: u64,
    /// Accounts taken out of groups.
    pub memberships: u64,
    /// Groups deleted.
    pub groups: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Tally) -> Tally {
        Tally {
            users: self.users.saturating_add(other.users),
            memberships: self.memberships.saturating_add(other.memberships),
            groups: self.groups.saturating_add(other.groups),
        }
    }
}

/// The guard's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Go on.
    Clear,
    /// Wait for a person.
    Hold {
        /// Why; never empty.
        reasons: Vec<HoldReason>,
    },
}

/// One limit that was exceeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldReason {
    /// What is removed: `users`, `memberships` or `groups`.
    pub what: String,
    /// How many this run would remove.
    pub planned: u64,
    /// How many were removed in the window before it.
    pub recent: u64,
    /// Of how many.
    pub of: u64,
    /// The number that is allowed.
    pub allowed: u64,
    /// Which limit it is: `GUARD_MAX_REMOVALS` or `GUARD_MAX_REMOVAL_PERCENT`.
    pub limit: String,
}

/// Judges what a run would remove, together with what was removed in the window before it, against how many
/// there are (`of`: the rule's linked users, memberships that it put in, linked groups, as they were before the
/// removals of the window). A run that removes nothing is always clear.
pub fn judge(planned: Tally, recent: Tally, of: Tally, limits: &Limits) -> Verdict {
    let mut reasons = Vec::new();
    let kinds = [
        ("users", planned.users, recent.users, of.users),
        ("memberships", planned.memberships, recent.memberships, of.memberships),
        ("groups", planned.groups, recent.groups, of.groups),
    ];
    for (what, planned, recent, of) in kinds {
        if planned == 0 {
            continue;
        }
        let total = planned.saturating_add(recent);
        let mut hold = |allowed: u64, limit: &str| {
            reasons.push(HoldReason { what: what.into(), planned, recent, of, allowed, limit: limit.into() });
        };
        if total > u64::from(limits.max_removals) {
            hold(u64::from(limits.max_removals), "GUARD_MAX_REMOVALS");
        }
        let share = of.saturating_mul(u64::from(limits.max_percent));
        if of >= SHARE_COUNTS_FROM && total.saturating_mul(100) > share {
            hold(share / 100, "GUARD_MAX_REMOVAL_PERCENT");
        }
    }
    if reasons.is_empty() { Verdict::Clear } else { Verdict::Hold { reasons } }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HoldReason { what, planned, recent, of, allowed, limit } = self;
        write!(f, "This run would remove {planned} {what}")?;
        if *recent > 0 {
            write!(f, ", after {recent} in the window before it,")?;
        }
        write!(f, " of {of}; {limit} allows {allowed}. Look at the plan, then approve or cancel the run.")
    }
}
