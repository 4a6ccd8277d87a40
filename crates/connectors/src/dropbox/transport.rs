//! One HTTP request and its raw answer. Knows no route, no token and no meaning of a status.

use std::time::Duration;

use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER},
};
use usher_domain::{Problem, ports::connector::ConnectorError};

use super::pace::Patience;

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) status: StatusCode,
    /// `X-Dropbox-Request-Id`.
    pub(super) request_id: Option<String>,
    /// `Retry-After`, in either of its forms.
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

/// The HTTP client: no redirects (they would carry the token elsewhere), timeouts on everything.
pub(super) fn client(patience: &Patience) -> Result<reqwest::Client, ConnectorError> {
    reqwest::Client::builder()
        .user_agent(concat!("usher/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
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

impl Raw {
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

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Seconds, or a date; a date is measured against the answer's own `Date`, so that no clock here matters.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(text(headers, DATE.as_str())?).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
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

/// The innermost cause, which is the one that says something.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_against_the_answers_own_date() {
        let seconds = headers(&[("retry-after", "7")]);
        assert_eq!(retry_after(&seconds), Some(Duration::from_secs(7)));
        let date = headers(&[
            ("retry-after", "Tue, 24 Nov 2026 02:00:30 GMT"),
            ("date", "Tue, 24 Nov 2026 02:00:00 GMT"),
        ]);
        assert_eq!(retry_after(&date), Some(Duration::from_secs(30)));
        assert_eq!(retry_after(&headers(&[("retry-after", "soon")])), None);
    }
}
