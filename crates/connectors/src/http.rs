//! What every HTTP exchange here has in common: what an answer asks, and why there is none.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use usher_domain::{Secret, secret::MASK};

/// A repeated secret is known by so many bytes of its beginning: an echo may be cut off.
const BEGINNING: usize = 8;

/// A header's text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Seconds, or a date; a date is measured against the answer's own `Date`, so that no clock here matters.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(text(headers, DATE.as_str())?).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

/// The same bytes with every one of these secrets masked, also where only its beginning is repeated. Whoever refuses a
/// request may say in its answer what it was sent, and answers are told to people.
pub(crate) fn masked(body: Vec<u8>, secrets: &[&Secret]) -> Vec<u8> {
    secrets.iter().fold(body, |body, secret| {
        let secret = secret.expose().as_bytes();
        let beginning = secret.len().min(BEGINNING);
        if beginning == 0 || !body.windows(beginning).any(|window| window == &secret[..beginning]) {
            return body;
        }
        let mut kept = Vec::with_capacity(body.len());
        let mut at = 0;
        while let Some(first) = body.get(at) {
            let repeated = body[at..].iter().zip(secret).take_while(|(one, other)| one == other).count();
            if repeated >= beginning {
                kept.extend_from_slice(MASK.as_bytes());
                at += repeated;
            } else {
                kept.push(*first);
                at += 1;
            }
        }
        kept
    })
}

/// The innermost cause, which is the one that says something.
pub(crate) fn reason(error: &reqwest::Error) -> String {
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

    #[test]
    fn a_secret_that_is_repeated_is_masked_and_nothing_else_is_changed() {
        let (secret, other) = (Secret::new("refresh-9f31c2"), Secret::new("hush"));
        let masked = |text: &str| {
            String::from_utf8(super::masked(text.as_bytes().to_vec(), &[&secret, &other])).unwrap()
        };
        assert_eq!(masked("{\"error\":\"refresh token\"}"), "{\"error\":\"refresh token\"}");
        assert_eq!(masked("no refresh-9f31c2 is hush, refresh-9f31c2"), "no ******** is ********, ********");
        assert_eq!(masked("cut off: refresh-9f3"), "cut off: ********");
        assert_eq!(super::masked(b"any".to_vec(), &[&Secret::new("")]), b"any");
    }
}
