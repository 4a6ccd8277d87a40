//! Time as a value: milliseconds, UTC. Nobody in this crate asks what time it is.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use uuid::Uuid;

/// An instant, in whole milliseconds since 1970-01-01T00:00:00Z. Printed as `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'`,
/// the form that PingOne's API uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// How far a kept instant may lie in the future before it counts as one of a clock that was ahead: clocks of several
/// servers differ by this much, and one that is being set moves by this much, without any harm.
pub const CLOCK_SLACK: Duration = Duration::from_secs(5);

impl Timestamp {
    /// The instant that many milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// For storage: the same instant as the type that databases know. Instants beyond chrono's range
    /// (year 262000) become the epoch.
    pub fn to_datetime(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// From storage; anything finer than a millisecond is cut off.
    pub fn from_datetime(datetime: DateTime<Utc>) -> Self {
        Timestamp(datetime.timestamp_millis())
    }

    /// This instant, later by that much.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Timestamp(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This instant, earlier by that much.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Timestamp(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Whether this says when something happened and yet lies in the future: a clock that was ahead wrote it.
    pub fn is_of_a_clock_ahead(self, now: Timestamp) -> bool {
        self > now.plus(CLOCK_SLACK)
    }

    /// Whether this is an end that is still to come, and that was set at most `longest` before it. One that is further away
    /// was set by a clock that was ahead, and is over: nothing lasts longer than it may.
    pub fn is_to_come(self, now: Timestamp, longest: Duration) -> bool {
        now < self && self.since(now) <= longest.saturating_add(CLOCK_SLACK)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_datetime().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DateTime::parse_from_rfc3339(text).map(|at| Timestamp::from_datetime(at.to_utc()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Who says what time it is. The application has the system's clock; tests have one that they set.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// Who makes new ids. They should rise with time, so that listings in id order are listings in creation order.
pub trait Ids: Send + Sync + fmt::Debug {
    /// An id that was never given out before.
    fn next(&self) -> Uuid;
}
