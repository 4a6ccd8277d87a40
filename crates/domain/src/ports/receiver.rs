//! The port to whoever receives what a subscription delivers.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Problem, Timestamp, subscription::Subscription};

/// One attempt at a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// Identifies the delivery; the same for each attempt at it.
    pub message_id: &'a str,
    /// When it is made; signed with the body.
    pub at: Timestamp,
    /// A JSON array of events.
    pub body: &'a str,
    /// How long it may take in all.
    pub patience: Duration,
}

/// Why an attempt was not accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// What happened, and what to do.
    pub problem: Problem,
    /// How long the receiver asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Posts deliveries to webhooks.
///
/// **Must**: sign; end within the attempt's patience; connect only where [`crate::targets::Targets`] lets webhooks lead, and
/// follow no redirect; say `Ok` only when the receiver accepted. **Must not**: repeat anything, or let a header's value or
/// a secret into an error or a log.
#[async_trait]
pub trait Receiver: Send + Sync {
    async fn post(&self, subscription: &Subscription, attempt: Attempt<'_>) -> Result<(), Refused>;
}
