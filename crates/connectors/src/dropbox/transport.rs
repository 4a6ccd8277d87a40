//! One HTTP request to Dropbox and its raw answer. Knows no route, no token and no meaning of a status.

use std::time::Duration;

use reqwest::StatusCode;
use usher_domain::{
    ports::{
        connector::ConnectorError,
        meter::{Answered, Meter},
    },
    targets::{Purpose, Targets},
};

use super::pace::Patience;
pub(super) use crate::http::{Answer as Raw, NoAnswer};
use crate::{
    guard::Guarded,
    http::{self, Expected},
    mask::Secrets,
};

/// The HTTP client: only where `targets` lets services lead, no redirects (they would carry the token elsewhere), timeouts
/// on everything.
pub(super) fn client(patience: &Patience, targets: &Targets) -> Result<reqwest::Client, ConnectorError> {
    let configure = |builder: reqwest::ClientBuilder| {
        builder
            .dns_resolver(std::sync::Arc::new(Guarded::new(targets.clone(), Purpose::Service)))
            .timeout(patience.timeout)
            .connect_timeout(patience.timeout.min(Duration::from_secs(10)))
    };
    http::client(configure).map_err(|problem| ConnectorError::Protocol { problem })
}

/// Sends, and reads the answer: a success or a refusal by the route whole, of any other the beginning. `grants` says that
/// a success gives a new token.
pub(super) async fn send(
    request: reqwest::RequestBuilder,
    longest: usize,
    grants: bool,
    secrets: &Secrets,
) -> Result<Raw, NoAnswer> {
    let whole = |status: StatusCode| status.is_success() || status == StatusCode::CONFLICT;
    http::ask(request, Expected { longest, whole, grants, secrets }).await
}

/// Counts a call, however it ended.
pub(super) fn count(meter: &dyn Meter, route: &'static str, answer: &Result<Raw, NoAnswer>, took: Duration) {
    let answered = answer.as_ref().map_or(Answered::Lost, |raw| Answered::of(raw.status.as_u16()));
    meter.called(route, answered, took);
}
