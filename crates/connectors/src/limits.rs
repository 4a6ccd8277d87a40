//! The limits of this crate, for the page that tells all limits.

use usher_domain::limits::{Amount, Area, Limit};

/// Every limit of what a remote system answers.
pub const LIMITS: &[Limit] = &[Limit {
    area: Area::Remote,
    what: "an answer of an OpenID provider",
    amount: Amount::Bytes(crate::openid::LONGEST),
    setting: None,
    beyond: "Signing in by the provider fails and says so.",
}];
