//! The limits of this crate, for the page that lists all limits.

use usher_domain::{
    limits::{Amount, Area, Limit},
    problem::LONGEST_MESSAGE,
};

use crate::{
    dropbox::limits::{LARGEST_LISTING, LISTING_TIME, MOST_PAGES, TEST_TIME},
    http::{LONGEST_ANSWER, LONGEST_LISTING, LONGEST_REFUSAL, MOST_VALUES},
    retry_after::{LONGEST_REST, LONGEST_WAIT},
};

/// Every limit of what a remote system answers.
pub const LIMITS: &[Limit] = &[
    Limit {
        area: Area::Remote,
        what: "a wait that a remote system asks for (`Retry-After`)",
        amount: Amount::Time(LONGEST_WAIT),
        setting: None,
        beyond: "The call ends at once, and the run ends as THROTTLED. Other routes and people continue, and the rule is \
                 due again when the wait is over.",
    },
    Limit {
        area: Area::Remote,
        what: "the longest pause before a route is called again",
        amount: Amount::Time(LONGEST_REST),
        setting: None,
        beyond: "It is called again, to see whether it still asks to wait.",
    },
    Limit {
        area: Area::Remote,
        what: "a page of a listing, after decompression",
        amount: Amount::Bytes(LONGEST_LISTING),
        setting: None,
        beyond: "It is requested again in smaller pages. If the smallest page is too long, the run ends with an error and \
                 plans nothing.",
    },
    Limit {
        area: Area::Remote,
        what: "any other answer, after decompression",
        amount: Amount::Bytes(LONGEST_ANSWER),
        setting: None,
        beyond: "It is not read further. The run, connection test or OpenID sign-in ends with an error.",
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
        what: "the body of an error, and of a webhook receiver's answer",
        amount: Amount::Bytes(LONGEST_REFUSAL),
        setting: None,
        beyond: "The rest is not read.",
    },
    Limit {
        area: Area::Remote,
        what: "an error message that quotes a remote system",
        amount: Amount::Bytes(LONGEST_MESSAGE),
        setting: None,
        beyond: "It is cut short.",
    },
    Limit {
        area: Area::Remote,
        what: "the pages of one listing",
        amount: Amount::Count(MOST_PAGES as u64, "pages"),
        setting: None,
        beyond: "The run ends with an error and plans nothing. A repeated cursor ends it too.",
    },
    Limit {
        area: Area::Remote,
        what: "all pages of one listing, in memory",
        amount: Amount::Bytes(LARGEST_LISTING),
        setting: None,
        beyond: "The run ends with an error and plans nothing.",
    },
    Limit {
        area: Area::Remote,
        what: "the time for one listing",
        amount: Amount::Time(LISTING_TIME),
        setting: None,
        beyond: "The run ends with an error and plans nothing.",
    },
    Limit {
        area: Area::Remote,
        what: "the time for a connection test",
        amount: Amount::Time(TEST_TIME),
        setting: None,
        beyond: "The check in progress fails, and the remaining checks are left out.",
    },
];
