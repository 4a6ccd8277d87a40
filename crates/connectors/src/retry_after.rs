//! `Retry-After` (RFC 9110, 10.2.3), in whatever form a server sends it, and how long it is honoured.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use usher_domain::Timestamp;

use crate::http::text;

/// The longest that a call waits because the remote side asks for it. One that is asked to wait longer ends at once.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// The longest that a route is left alone, however long the remote side asks for.
pub(crate) const LONGEST_REST: Duration = Duration::from_hours(24);
/// A longer wait is read as this one, a hundred years: later times do not fit into every clock.
const FARTHEST: Duration = Duration::from_hours(100 * 365 * 24);

/// How long the answer with these headers asks to wait: a number of seconds or a date. A date is measured against the
/// answer's own `Date`, so that this machine's clock matters only where there is none. `None` for anything else.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER.as_str())?.trim();
    if let Some(wait) = seconds(value) {
        return Some(wait);
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let now = text(headers, DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
    Some(until.duration_since(now.unwrap_or_else(system_time)).unwrap_or_default().min(FARTHEST))
}

/// Seconds in digits, of any length and with a fraction if there is one.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    let digits = text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    digits.then(|| text.parse().ok()).flatten().and_then(whole_or_not)
}

/// A number of seconds; `None` for a negative one.
pub(crate) fn whole_or_not(seconds: f64) -> Option<Duration> {
    // What does not fit is too long, not wrong.
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(FARTHEST).min(FARTHEST))
}

/// When a wait of that length that begins now is over, to the second, for people.
pub(crate) fn until(wait: Duration) -> Timestamp {
    let now = system_time().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = now.saturating_add(wait).as_secs();
    Timestamp::from_millis(i64::try_from(seconds).unwrap_or(i64::MAX / 1000).saturating_mul(1000))
}

#[expect(clippy::disallowed_methods, reason = "a date that a server names is a date of the real world")]
fn system_time() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Option<Duration> {
        let headers = pairs.iter().map(|(name, value)| {
            (name.parse::<reqwest::header::HeaderName>().unwrap(), value.parse().unwrap())
        });
        retry_after(&headers.collect())
    }

    #[test]
    fn every_form_of_retry_after_is_read_and_none_overflows() {
        let seconds = |value: &str| asked(&[("retry-after", value)]);
        assert_eq!(seconds("7"), Some(Duration::from_secs(7)));
        assert_eq!(seconds(" 0 "), Some(Duration::ZERO));
        assert_eq!(seconds("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(seconds("1000000000"), Some(Duration::from_secs(1_000_000_000)));
        for far in ["4294967296", "99999999999999999999999999", &"9".repeat(400)] {
            assert_eq!(seconds(far), Some(FARTHEST), "{far}");
        }
        for garbage in ["soon", "", "-1", "1e9", "NaN", "inf", ".5", "1.2.3", "0x10", "1,5"] {
            assert_eq!(seconds(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn a_date_is_measured_against_the_answers_own_date_or_else_this_clock() {
        let date = ("retry-after", "Tue, 24 Nov 2026 02:00:30 GMT");
        assert_eq!(asked(&[date, ("date", "Tue, 24 Nov 2026 02:00:00 GMT")]), Some(Duration::from_secs(30)));
        assert_eq!(asked(&[date, ("date", "Tue, 24 Nov 2026 03:00:00 GMT")]), Some(Duration::ZERO));
        let far = httpdate::fmt_http_date(system_time() + Duration::from_hours(1));
        let wait = asked(&[("retry-after", &far)]).unwrap();
        assert!((3500..=3600).contains(&wait.as_secs()), "{wait:?}");
        assert!(
            asked(&[("retry-after", &far), ("date", "today")]).is_some(),
            "a Date that is none does not count"
        );
        assert_eq!(asked(&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")]), Some(FARTHEST));
    }
}
