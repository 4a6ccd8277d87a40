//! One HTTP request and its raw answer. Knows no route, no token and no meaning of a status.

use std::time::Duration;

use reqwest::{StatusCode, header::CONTENT_TYPE};
use usher_domain::{
    Problem, Secret,
    ports::{
        connector::ConnectorError,
        meter::{Answered, Meter},
    },
    targets::{Purpose, Targets},
};

use super::pace::Patience;
use crate::{
    guard::Guarded,
    http::{masked, reason, text},
    retry_after::retry_after,
};

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) status: StatusCode,
    /// `X-Dropbox-Request-Id`.
    pub(super) request_id: Option<String>,
    /// `Retry-After`, in any of its forms.
    pub(super) retry_after: Option<Duration>,
    html: bool,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct NoAnswer {
    /// The request never left: it cannot have had an effect.
    pub(super) unsent: bool,
    /// What happened, as the end of a sentence.
    pub(super) what: String,
}

/// The HTTP client: only where `targets` lets services lead, no redirects (they would carry the token elsewhere), timeouts
/// on everything.
pub(super) fn client(patience: &Patience, targets: &Targets) -> Result<reqwest::Client, ConnectorError> {
    reqwest::Client::builder()
        .user_agent(concat!("usher/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(std::sync::Arc::new(Guarded::new(targets.clone(), Purpose::Service)))
        .timeout(patience.timeout)
        .connect_timeout(patience.timeout.min(Duration::from_secs(10)))
        .build()
        .map_err(|error| ConnectorError::Protocol {
            problem: Problem::new(
                "HTTP_CLIENT_UNAVAILABLE",
                format!("An HTTPS client could not be set up: {}.", reason(&error.without_url())),
                "Check the system's certificate store and proxy settings.",
            ),
        })
}

/// Sends, and reads the answer to its end.
pub(super) async fn send(request: reqwest::RequestBuilder) -> Result<Raw, NoAnswer> {
    let response = request.send().await.map_err(no_answer)?;
    let status = response.status();
    let headers = response.headers();
    let request_id = text(headers, "x-dropbox-request-id").map(|id| id.chars().take(64).collect());
    let retry_after = retry_after(headers);
    let html = text(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("text/html"));
    let body = response.bytes().await.map_err(no_answer)?.to_vec();
    Ok(Raw { status, request_id, retry_after, html, body })
}

/// Counts a call, however it ended.
pub(super) fn count(meter: &dyn Meter, route: &'static str, answer: &Result<Raw, NoAnswer>, took: Duration) {
    let answered = answer.as_ref().map_or(Answered::Lost, |raw| Answered::of(raw.status.as_u16()));
    meter.called(route, answered, took);
}

impl Raw {
    /// Without what it repeats of these secrets, which it was sent.
    pub(super) fn without(mut self, secrets: &[&Secret]) -> Self {
        self.body = masked(self.body, secrets);
        self
    }

    /// A 429, for tests.
    #[cfg(test)]
    pub(super) fn throttled(retry_after: Option<Duration>, body: String) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Raw { status, request_id: None, retry_after, html: false, body: body.into_bytes() }
    }

    /// Whether it is a page for people, which only the network edge before Dropbox sends.
    pub(super) fn is_page(&self) -> bool {
        self.html || self.body.trim_ascii_start().starts_with(b"<")
    }

    /// The beginning of the body, as one line of text for an error.
    pub(super) fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut short: String = line.chars().take(300).collect();
        if short.len() < line.len() {
            short.push('…');
        }
        short
    }
}

fn no_answer(error: reqwest::Error) -> NoAnswer {
    let unsent = error.is_connect() || error.is_builder();
    let error = error.without_url();
    let what = if error.is_timeout() && !unsent {
        "did not answer in time".into()
    } else if unsent {
        format!("cannot be reached ({})", reason(&error))
    } else {
        format!("broke off ({})", reason(&error))
    };
    NoAnswer { unsent, what }
}
