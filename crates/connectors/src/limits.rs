//! The limits of this crate, for the page that tells all limits.

use usher_domain::limits::{Amount, Area, Limit};

/// Every limit of what a remote system answers.
pub const LIMITS: &[Limit] = &[
    Limit {
        area: Area::Remote,
        what: "a wait that a remote side asks for (`Retry-After`)",
        amount: Amount::Time(crate::retry_after::LONGEST_WAIT),
        setting: None,
        beyond: "The call ends at once, the run as THROTTLED; other routes and people go on, and the rule is due again when the wait is over.",
    },
    Limit {
        area: Area::Remote,
        what: "how long a route is left alone, however long it asks for",
        amount: Amount::Time(crate::retry_after::LONGEST_REST),
        setting: None,
        beyond: "It is tried again, to see whether it still asks to wait.",
    },
    Limit {
        area: Area::Remote,
        what: "an answer of an OpenID provider",
        amount: Amount::Bytes(crate::openid::LONGEST),
        setting: None,
        beyond: "Signing in by the provider fails and says so.",
    },
];
