//! The limits of this crate, for the page that tells all limits.

use usher_domain::limits::{Amount, Area, Limit};

/// Every limit of runs, schedules and deliveries.
pub const LIMITS: &[Limit] = &[Limit {
    area: Area::Work,
    what: "how long ended runs are kept",
    amount: Amount::Time(crate::upkeep::REMEMBERED),
    setting: None,
    beyond: "The run and its operations are deleted; the audit stays.",
}];
