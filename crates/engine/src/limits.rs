//! The limits of this crate, for the page that lists all limits.

use usher_domain::limits::{Amount, Area, Limit};

/// Every limit of runs, schedules and deliveries.
pub const LIMITS: &[Limit] = &[
    Limit {
        area: Area::Work,
        what: "runs at a time in one server, not counting those that wait for a remote system",
        amount: Amount::Count(crate::worker::RULES_AT_ONCE as u64, ""),
        setting: Some("rules_at_once"),
        beyond: "Further runs wait for their turn.",
    },
    Limit {
        area: Area::Work,
        what: "runs at a time in one server, including those that wait; separately, as many checks of event logs",
        amount: Amount::Count(crate::worker::AT_WORK as u64, ""),
        setting: None,
        beyond: "Further rules wait until one ends.",
    },
    Limit {
        area: Area::Work,
        what: "how long a rule waits because a remote system asks it to",
        amount: Amount::Time(crate::reconcile::LONGEST_PAUSE),
        setting: None,
        beyond: "It runs again, to see whether the remote system still asks it to wait.",
    },
    Limit {
        area: Area::Work,
        what: "webhooks that one server delivers to at a time",
        amount: Amount::Count(crate::deliver::AT_ONCE as u64, ""),
        setting: None,
        beyond: "Further webhooks wait for their turn.",
    },
    Limit {
        area: Area::Work,
        what: "the time for calls in progress to finish when the server stops",
        amount: Amount::Time(crate::stop::LAST_CALLS),
        setting: None,
        beyond: "They are aborted; the next plan finds out what they did.",
    },
    Limit {
        area: Area::Work,
        what: "how long finished runs are kept",
        amount: Amount::Time(crate::upkeep::REMEMBERED),
        setting: None,
        beyond: "The run and its operations are deleted; the audit stays.",
    },
    Limit {
        area: Area::Work,
        what: "a server's lease on a rule or a webhook, renewed after a third of that time",
        amount: Amount::Time(crate::worker::LEASE),
        setting: Some("lease_ms"),
        beyond: "On PostgreSQL, another server takes over. On SQLite, the next server to start takes over at once.",
    },
    Limit {
        area: Area::Work,
        what: "a jump of the server's clock that is ignored",
        amount: Amount::Time(usher_domain::CLOCK_SLACK),
        setting: None,
        beyond: "It is logged and counted. After a jump back, stored times are checked again.",
    },
    Limit {
        area: Area::Work,
        what: "one attempt at a delivery to a webhook",
        amount: Amount::Time(crate::deliver::PATIENCE),
        setting: None,
        beyond: "The attempt fails and is repeated later.",
    },
];
