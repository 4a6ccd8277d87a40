//! The limits of this crate, for the page that tells all limits.

use usher_domain::{
    limits::{Amount, Area, Limit},
    problem::LONGEST_MESSAGE,
};

use crate::{
    dropbox::limits::{LARGEST_LISTING, LISTING_TIME, MOST_PAGES},
    http::{LONGEST_ANSWER, LONGEST_LISTING, LONGEST_REFUSAL, MOST_VALUES},
    retry_after::{LONGEST_REST, LONGEST_WAIT},
};

/// Every limit of what a remote system answers.
pub const LIMITS: &[Limit] = &[
    Limit {
        area: Area::Remote,
        what: "a wait that a remote side asks for (`Retry-After`)",
        amount: Amount::Time(LONGEST_WAIT),
        setting: None,
        beyond: "The call ends at once, the run as THROTTLED; other routes and people go on, and the rule is due again when the wait is over.",
    },
    Limit {
        area: Area::Remote,
        what: "how long a route is left alone, however long it asks for",
        amount: Amount::Time(LONGEST_REST),
        setting: None,
        beyond: "It is tried again, to see whether it still asks to wait.",
    },
    Limit {
        area: Area::Remote,
        what: "a page of a listing, after decompression",
        amount: Amount::Bytes(LONGEST_LISTING),
        setting: None,
        beyond: "It is asked for again in smaller pages. If the smallest is too long, the run ends with an error, and nothing is \
                 concluded about anybody.",
    },
    Limit {
        area: Area::Remote,
        what: "any other answer, after decompression",
        amount: Amount::Bytes(LONGEST_ANSWER),
        setting: None,
        beyond: "It is not read further. The run, the connection test or signing in by the provider ends with an error.",
    },
    Limit {
        area: Area::Remote,
        what: "JSON values in one answer",
        amount: Amount::Count(MOST_VALUES as u64, ""),
        setting: None,
        beyond: "As for an answer that is too long.",
    },
    Limit {
        area: Area::Remote,
        what: "the text of an error, and what a webhook's receiver answers",
        amount: Amount::Bytes(LONGEST_REFUSAL),
        setting: None,
        beyond: "The rest is not read.",
    },
    Limit {
        area: Area::Remote,
        what: "an error message that quotes a remote system",
        amount: Amount::Bytes(LONGEST_MESSAGE),
        setting: None,
        beyond: "It is cut.",
    },
    Limit {
        area: Area::Remote,
        what: "the pages of one listing",
        amount: Amount::Count(MOST_PAGES as u64, "pages"),
        setting: None,
        beyond: "The run ends with an error, and nothing is concluded about anybody. A cursor that comes twice does the same.",
    },
    Limit {
        area: Area::Remote,
        what: "all pages of one listing, in memory",
        amount: Amount::Bytes(LARGEST_LISTING),
        setting: None,
        beyond: "The run ends with an error, and nothing is concluded about anybody.",
    },
    Limit {
        area: Area::Remote,
        what: "the time for one listing",
        amount: Amount::Time(LISTING_TIME),
        setting: None,
        beyond: "The run ends with an error, and nothing is concluded about anybody.",
    },
];
