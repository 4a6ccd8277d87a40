//! The limits of this crate, for the page that tells all limits.

use usher_domain::limits::{Amount, Area, Limit};

/// Every limit of runs, schedules and deliveries.
pub const LIMITS: &[Limit] = &[
    Limit {
        area: Area::Work,
        what: "runs at a time in a server, without those that wait for a remote side",
        amount: Amount::Count(crate::worker::RULES_AT_ONCE as u64, ""),
        setting: Some("rules_at_once"),
        beyond: "A further run waits for its turn.",
    },
    Limit {
        area: Area::Work,
        what: "runs in hand in a server, waiting ones included; and as many looks at event logs",
        amount: Amount::Count(crate::worker::AT_WORK as u64, ""),
        setting: None,
        beyond: "A further rule waits until a run ends.",
    },
    Limit {
        area: Area::Work,
        what: "how long a rule waits because a remote side asks for it",
        amount: Amount::Time(crate::reconcile::LONGEST_PAUSE),
        setting: None,
        beyond: "It runs again, to see whether the remote side still asks to wait.",
    },
    Limit {
        area: Area::Work,
        what: "webhooks that are delivered to at once by a server",
        amount: Amount::Count(crate::deliver::AT_ONCE as u64, ""),
        setting: None,
        beyond: "A further webhook waits for its turn.",
    },
    Limit {
        area: Area::Work,
        what: "calls in hand when the server is stopped",
        amount: Amount::Time(crate::stop::LAST_CALLS),
        setting: None,
        beyond: "They are broken off; what came of them is found out by the next plan.",
    },
    Limit {
        area: Area::Work,
        what: "how long ended runs are kept",
        amount: Amount::Time(crate::upkeep::REMEMBERED),
        setting: None,
        beyond: "The run and its operations are deleted; the audit stays.",
    },
    Limit {
        area: Area::Work,
        what: "a server's lease on a rule or a webhook, renewed at a third",
        amount: Amount::Time(crate::worker::LEASE),
        setting: Some("lease_ms"),
        beyond: "On PostgreSQL, another server takes over. On SQLite, whoever starts takes over at once.",
    },
    Limit {
        area: Area::Work,
        what: "a step of the clock that nothing is made of",
        amount: Amount::Time(usher_domain::CLOCK_SLACK),
        setting: None,
        beyond: "It is logged and counted; after a step back, every kept time is judged again.",
    },
    Limit {
        area: Area::Work,
        what: "one attempt at a delivery to a webhook",
        amount: Amount::Time(crate::deliver::PATIENCE),
        setting: None,
        beyond: "The attempt has failed, and is made again later.",
    },
];
