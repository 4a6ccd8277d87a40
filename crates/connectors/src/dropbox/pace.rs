//! How fast calls go out: a ceiling on calls per second that falls by half when Dropbox says 429 and climbs by one
//! call per second each second (AIMD), a ceiling on calls in flight, and the waits between attempts.
//! What a call says never matters here.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep_until},
};

/// How long to go on trying. The defaults suit a run in the background.
#[derive(Clone, Debug)]
pub struct Patience {
    /// How often one call is tried in all, when its answers are lost, nonsense or server errors.
    pub attempts: u32,
    /// How often the first page of a listing is tried before the page is made smaller.
    pub page_attempts: u32,
    /// The first wait between two attempts; doubles with each, with jitter.
    pub first_wait: Duration,
    /// The longest wait between two attempts.
    pub longest_wait: Duration,
    /// How long one call may take with all its attempts and all waiting for a 429 to pass.
    pub total: Duration,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// The first wait before a job that Dropbox started is asked for; doubles up to `longest_wait`.
    pub poll: Duration,
    /// How long a job that Dropbox started is waited for.
    pub job: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            attempts: 6,
            page_attempts: 2,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            total: Duration::from_mins(5),
            timeout: Duration::from_mins(1),
            poll: Duration::from_millis(500),
            job: Duration::from_mins(3),
        }
    }
}

/// Below this rate (calls per second) no 429 pushes.
const SLOWEST: f64 = 0.5;
/// The wait after a 429 that does not say how long.
const UNSAID: Duration = Duration::from_secs(5);

/// The pace of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    in_flight: Semaphore,
    /// Calls per second; infinite without a ceiling.
    ceiling: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: f64,
    /// When the next call may go out.
    next: Instant,
    /// When the rate last fell: 429s of calls that went out before it say nothing new.
    fell: Option<Instant>,
    /// Calls since `since`, to know a rate where there is no ceiling.
    sent: u32,
    since: Instant,
    dice: StdRng,
}

/// Leave to make one call; the place is free again when it is dropped.
#[derive(Debug)]
pub(super) struct Leave<'a> {
    _permit: Option<SemaphorePermit<'a>>,
    /// When the call went out.
    pub(super) at: Instant,
}

impl Pace {
    /// A pace with these ceilings; 0 calls per second is none.
    pub(super) fn new(calls_per_second: u32, in_flight: u32) -> Self {
        let ceiling = if calls_per_second == 0 { f64::INFINITY } else { f64::from(calls_per_second) };
        let now = Instant::now();
        Pace {
            in_flight: Semaphore::new(in_flight.max(1) as usize),
            ceiling,
            state: Mutex::new(State {
                rate: ceiling,
                next: now,
                fell: None,
                sent: 0,
                since: now,
                dice: StdRng::from_rng(&mut rand::rng()),
            }),
        }
    }

    /// Waits for a place and for the turn.
    pub(super) async fn leave(&self) -> Leave<'_> {
        // The semaphore is never closed, so there is always a permit.
        let permit = self.in_flight.acquire().await.ok();
        let turn = self.turn();
        sleep_until(turn).await;
        Leave { _permit: permit, at: turn }
    }

    fn turn(&self) -> Instant {
        let mut state = self.state();
        let now = Instant::now();
        let turn = state.next.max(now);
        state.next =
            if state.rate.is_finite() { turn + Duration::from_secs_f64(1.0 / state.rate) } else { turn };
        if turn.duration_since(state.since) > Duration::from_secs(1) {
            state.since = turn;
            state.sent = 0;
        }
        state.sent += 1;
        turn
    }

    /// A call went through: the rate climbs by one call per second each second.
    pub(super) fn went_through(&self) {
        let mut state = self.state();
        if state.rate < self.ceiling {
            state.rate = (state.rate + 1.0 / state.rate.max(1.0)).min(self.ceiling);
        }
    }

    /// A call that went out at `sent` was throttled: nothing goes out for `wait`, and then more slowly. Returns the
    /// wait.
    pub(super) fn throttled(&self, sent: Instant, wait: Option<Duration>) -> Duration {
        let wait = wait.unwrap_or(UNSAID);
        let mut state = self.state();
        let now = Instant::now();
        if state.fell.is_none_or(|fell| sent > fell) {
            let rate = if state.rate.is_finite() { state.rate } else { f64::from(state.sent.max(1)) };
            state.rate = (rate / 2.0).max(SLOWEST);
            state.fell = Some(now);
        }
        state.next = state.next.max(now + wait);
        wait
    }

    /// The wait before attempt `attempt` (2 is the first repetition): doubled each time, half of it by chance.
    pub(super) fn back_off(&self, patience: &Patience, attempt: u32) -> Duration {
        let doubled = patience.first_wait.saturating_mul(1 << attempt.saturating_sub(2).min(16));
        let most = doubled.min(patience.longest_wait);
        most.mul_f64(self.state().dice.random_range(0.5..=1.0))
    }

    #[cfg(test)]
    fn rate(&self) -> f64 {
        self.state().rate
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway; a poisoned pace is still a pace.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_go_out_no_faster_than_the_ceiling() {
        let pace = Pace::new(10, 8);
        let start = Instant::now();
        for _ in 0..11 {
            drop(pace.leave().await);
        }
        assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_halves_the_rate_once_for_all_calls_that_were_in_flight() {
        let pace = Pace::new(16, 8);
        let (first, second) = (pace.leave().await, pace.leave().await);
        pace.throttled(first.at, Some(Duration::from_secs(3)));
        pace.throttled(second.at.min(first.at), Some(Duration::from_secs(1)));
        assert!((pace.rate() - 8.0).abs() < 0.01);
        drop((first, second));
        let start = Instant::now();
        let third = pace.leave().await;
        assert!(start.elapsed() >= Duration::from_millis(2900), "{:?}", start.elapsed());
        pace.throttled(third.at, None);
        assert!((pace.rate() - 4.0).abs() < 0.01);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_climbs_back_to_the_ceiling_and_not_beyond() {
        let pace = Pace::new(4, 8);
        pace.throttled(Instant::now(), Some(Duration::ZERO));
        for _ in 0..50 {
            pace.went_through();
        }
        assert!((pace.rate() - 4.0).abs() < 0.01);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_ceiling_a_429_sets_one_from_what_was_sent() {
        let pace = Pace::new(0, 8);
        for _ in 0..20 {
            drop(pace.leave().await);
        }
        assert!(pace.rate().is_infinite());
        pace.throttled(Instant::now(), Some(Duration::ZERO));
        assert!((pace.rate() - 10.0).abs() < 0.01);
    }

    #[tokio::test]
    async fn waits_double_up_to_the_longest() {
        let pace = Pace::new(0, 1);
        let patience = Patience::default();
        let second = pace.back_off(&patience, 2);
        assert!(second >= Duration::from_millis(250) && second <= Duration::from_millis(500));
        assert!(pace.back_off(&patience, 60) <= patience.longest_wait);
    }
}
