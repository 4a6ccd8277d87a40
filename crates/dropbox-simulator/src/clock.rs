//! The simulator's own time. Nothing else here knows what time it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// 2026-01-01T00:00:00Z, in milliseconds since 1970: when a simulated team's time begins unless told otherwise.
pub const DEFAULT_START_MS: u64 = 1_767_225_600_000;

/// One day, in milliseconds.
pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A clock in milliseconds since 1970-01-01T00:00:00Z. Copies tell the same time.
///
/// ```
/// use dropbox_simulator::{Clock, DAY_MS};
/// let clock = Clock::standing(1_000);
/// clock.advance(DAY_MS);
/// assert_eq!(clock.now_ms(), 86_401_000);
/// ```
#[derive(Clone, Debug)]
pub struct Clock {
    ms: Arc<AtomicU64>,
    runs_since: Option<Instant>,
}

impl Clock {
    /// A clock that moves only when [`Clock::advance`] moves it.
    pub fn standing(start_ms: u64) -> Self {
        Self { ms: Arc::new(AtomicU64::new(start_ms)), runs_since: None }
    }

    /// A clock that goes on by itself from `start_ms`, and can be moved forward besides.
    pub fn running(start_ms: u64) -> Self {
        Self { ms: Arc::new(AtomicU64::new(start_ms)), runs_since: Some(Instant::now()) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by_ms: u64) {
        self.ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// What time it is, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        let ran = self.runs_since.map_or(0, |since| u64::try_from(since.elapsed().as_millis()).unwrap_or(0));
        self.ms.load(Ordering::SeqCst) + ran
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::standing(DEFAULT_START_MS)
    }
}

/// A time as Dropbox writes it: seconds, no fraction.
pub(crate) fn timestamp(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    match chrono::DateTime::from_timestamp(seconds, 0) {
        Some(time) => time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        None => "9999-12-31T23:59:59Z".to_owned(),
    }
}
