//! The limits of the service. Each is a constant beside the code that enforces it, and a row of a table that says what
//! happens beyond it. `docs/guide/limits.md` and the table in SECURITY.md are made from these tables.

use std::{fmt, time::Duration};

/// One limit, as people read it.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Which part of the service it protects.
    pub area: Area,
    /// What is limited, as the beginning of a table row: "the body of a listing".
    pub what: &'static str,
    /// How much is allowed.
    pub amount: Amount,
    /// The configuration key or setting that changes it, if one does.
    pub setting: Option<&'static str>,
    /// What happens beyond it, as a sentence.
    pub beyond: &'static str,
}

/// Where a limit counts; the sections of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// What a remote system answers.
    Remote,
    /// Connections, and the heads and bodies of requests, before and after sign-in.
    Requests,
    /// Passwords, tokens and sessions.
    Access,
    /// Runs, leases and schedules.
    Work,
    /// The database and its files.
    Storage,
    /// What the directory and its rules may hold.
    Directory,
}

impl Area {
    /// Every area, in the order of the page.
    pub const ALL: [Area; 6] =
        [Area::Remote, Area::Requests, Area::Access, Area::Work, Area::Storage, Area::Directory];

    /// The heading of its section.
    pub const fn heading(self) -> &'static str {
        match self {
            Area::Remote => "What a remote system answers",
            Area::Requests => "Connections and requests",
            Area::Access => "Passwords, tokens and sessions",
            Area::Work => "Runs and schedules",
            Area::Storage => "The database",
            Area::Directory => "The directory and its rules",
        }
    }
}

/// How much, with its unit.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// Bytes; shown in KiB or MiB where they are whole numbers.
    Bytes(usize),
    /// Things that are counted; the unit stands after the number.
    Count(u64, &'static str),
    /// A time.
    Time(Duration),
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KIB: usize = 1024;
        const MIB: usize = 1024 * KIB;
        match *self {
            Amount::Bytes(bytes) if bytes >= MIB && bytes % MIB == 0 => write!(f, "{} MiB", bytes / MIB),
            Amount::Bytes(bytes) if bytes >= KIB && bytes % KIB == 0 => write!(f, "{} KiB", bytes / KIB),
            Amount::Bytes(bytes) => write!(f, "{bytes} bytes"),
            Amount::Count(count, "") => write!(f, "{count}"),
            Amount::Count(count, unit) => write!(f, "{count} {unit}"),
            Amount::Time(time) => match time.as_millis() {
                millis if millis % 1000 != 0 => write!(f, "{millis} ms"),
                millis if millis % 86_400_000 == 0 => write!(f, "{} d", millis / 86_400_000),
                millis if millis % 3_600_000 == 0 => write!(f, "{} h", millis / 3_600_000),
                millis if millis % 60_000 == 0 => write!(f, "{} min", millis / 60_000),
                millis => write!(f, "{} s", millis / 1000),
            },
        }
    }
}

/// The limits of this crate.
pub const LIMITS: &[Limit] = &[
    Limit {
        area: Area::Directory,
        what: "the text of a filter",
        amount: Amount::Bytes(crate::directory::filter::MAX_FILTER_BYTES),
        setting: None,
        beyond: "The filter is refused.",
    },
    Limit {
        area: Area::Directory,
        what: "the text of an expression",
        amount: Amount::Bytes(crate::provisioning::expression::MAX_EXPRESSION_BYTES),
        setting: None,
        beyond: "The mapping is refused.",
    },
    Limit {
        area: Area::Directory,
        what: "steps to evaluate an expression",
        amount: Amount::Count(crate::provisioning::expression::MAX_STEPS as u64, ""),
        setting: None,
        beyond: "The value is an error for that one user; no other user is affected.",
    },
    Limit {
        area: Area::Directory,
        what: "the value of an expression",
        amount: Amount::Bytes(crate::provisioning::expression::MAX_OUTPUT_BYTES),
        setting: None,
        beyond: "The value is an error for that one user; no other user is affected.",
    },
    Limit {
        area: Area::Directory,
        what: "groups in an environment",
        amount: Amount::Count(crate::directory::commands::group::MAX_GROUPS as u64, ""),
        setting: None,
        beyond: "Creating another group is refused.",
    },
    Limit {
        area: Area::Directory,
        what: "groups of one user",
        amount: Amount::Count(crate::directory::commands::membership::MAX_MEMBERSHIPS as u64, ""),
        setting: None,
        beyond: "The membership is refused.",
    },
    Limit {
        area: Area::Directory,
        what: "populations in an environment",
        amount: Amount::Count(crate::directory::commands::population::MAX_POPULATIONS as u64, ""),
        setting: None,
        beyond: "Creating another population is refused.",
    },
    Limit {
        area: Area::Directory,
        what: "the attributes of one user",
        amount: Amount::Bytes(crate::directory::commands::user_body::MAX_PROFILE_BYTES),
        setting: None,
        beyond: "The user is refused.",
    },
    Limit {
        area: Area::Directory,
        what: "webhooks in an environment",
        amount: Amount::Count(crate::subscription::MAX_SUBSCRIPTIONS as u64, ""),
        setting: None,
        beyond: "Creating another webhook is refused.",
    },
    Limit {
        area: Area::Access,
        what: "an idle session",
        amount: Amount::Time(crate::session::IDLE),
        setting: None,
        beyond: "The administrator signs in again.",
    },
    Limit {
        area: Area::Access,
        what: "a session",
        amount: Amount::Time(crate::session::ABSOLUTE),
        setting: None,
        beyond: "The administrator signs in again.",
    },
    Limit {
        area: Area::Access,
        what: "an access token",
        amount: Amount::Time(crate::access::keys::TOKEN_LIFETIME),
        setting: None,
        beyond: "The client is answered with 401 and asks for a new token.",
    },
    Limit {
        area: Area::Access,
        what: "a password",
        amount: Amount::Count(crate::access::administrator::LONGEST_PASSWORD as u64, "characters"),
        setting: None,
        beyond: "The password is refused.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_shown_in_the_largest_unit_that_keeps_it_whole() {
        let shown = [
            Amount::Bytes(32 * 1024 * 1024),
            Amount::Bytes(8 * 1024),
            Amount::Bytes(1500),
            Amount::Count(1000, "pages"),
            Amount::Time(Duration::from_secs(15 * 60)),
            Amount::Time(Duration::from_millis(250)),
            Amount::Time(Duration::from_secs(36 * 3600)),
            Amount::Time(Duration::from_secs(90)),
        ]
        .map(|amount| amount.to_string());
        assert_eq!(
            shown,
            ["32 MiB", "8 KiB", "1500 bytes", "1000 pages", "15 min", "250 ms", "36 h", "90 s"]
        );
    }
}
