//! How long a door stays shut after failures: not at all at first, then twice as long each time, and never for long.
//!
//! The delay is capped, so that nobody can lock anybody out for ever; and whoever stays away is forgotten.

use std::time::Duration;

use super::Attempts;
use crate::Timestamp;

/// The first delay.
const FIRST: Duration = Duration::from_secs(5);
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Failures older than this do not count any more.
pub const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// How much longer the door stays shut, when `free` failures in a row cost nothing. `None`: it is open.
pub fn shut_for(free: u32, attempts: Option<Attempts>, now: Timestamp) -> Option<Duration> {
    let Attempts { failures, last_at } = attempts?;
    // A clock that was ahead must not keep anybody out until its time comes.
    if last_at.is_of_a_clock_ahead(now) {
        return None;
    }
    let over = failures.checked_sub(free)?;
    let delay = FIRST.saturating_mul(2u32.saturating_pow(over.min(16))).min(LONGEST);
    delay.checked_sub(now.since(last_at)).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(failures: u32, seconds: u64) -> Option<u64> {
        let last_at = Timestamp::from_millis(1_800_000_000_000);
        let now = last_at.plus(Duration::from_secs(seconds));
        shut_for(5, Some(Attempts { failures, last_at }), now).map(|left| left.as_secs())
    }

    #[test]
    fn the_first_failures_cost_nothing_and_the_next_ones_ever_more_up_to_a_quarter_of_an_hour() {
        assert_eq!(shut_for(5, None, Timestamp::default()), None);
        assert_eq!([after(1, 0), after(4, 0)], [None; 2]);
        let delays: Vec<_> = (5..15).map(|failures| after(failures, 0).unwrap_or_default()).collect();
        assert_eq!(delays, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
        assert_eq!(after(u32::MAX, 0), Some(900));
    }

    #[test]
    fn a_failure_under_a_clock_that_was_ahead_shuts_no_door() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let failed = |last_at| Some(Attempts { failures: 99, last_at });
        assert_eq!(shut_for(5, failed(now.plus(Duration::from_secs(2 * 365 * 24 * 3600))), now), None);
        assert_eq!(shut_for(5, failed(now.plus(Duration::from_secs(2))), now), Some(LONGEST));
    }

    #[test]
    fn a_door_opens_by_itself() {
        assert_eq!(after(6, 9), Some(1));
        assert_eq!([after(6, 10), after(6, 11), after(u32::MAX, 900)], [None; 3]);
    }
}
