//! The limits of this crate, for the page that lists all limits.

use usher_domain::limits::{Amount, Area, Limit};

/// Every limit of the database's connections and waits.
pub const LIMITS: &[Limit] = &[
    Limit {
        area: Area::Storage,
        what: "connections of one server to PostgreSQL",
        amount: Amount::Count(crate::postgres::CONNECTIONS as u64, ""),
        setting: None,
        beyond: "Further requests wait for a free connection.",
    },
    Limit {
        area: Area::Storage,
        what: "the wait for a database connection or for SQLite's write lock",
        amount: Amount::Time(crate::pool::PATIENCE),
        setting: None,
        beyond: "The request is answered with 503, or the run is planned again later.",
    },
    Limit {
        area: Area::Storage,
        what: "the time for a returned database connection to answer",
        amount: Amount::Time(crate::pool::GIVEN_BACK),
        setting: None,
        beyond: "The connection is closed and replaced.",
    },
];
