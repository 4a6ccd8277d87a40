//! How fast calls go out: a ceiling on calls per second that falls by half when Dropbox says 429 and climbs again while it
//! answers, a ceiling on calls in flight, routes that are left alone for a while, and the waits between attempts.
//! What a call says never matters here.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep_until},
};
use usher_domain::Timestamp;

use crate::retry_after::{self, LONGEST_REST, LONGEST_WAIT};

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
    /// How long one call may take with all its attempts and all waiting that Dropbox asks for. A call that is asked to
    /// wait longer ends at once.
    pub total: Duration,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// The first wait before a job that Dropbox started is asked for; doubles up to `longest_wait`.
    pub poll: Duration,
    /// How long a job that Dropbox started is waited for.
    pub job: Duration,
    /// How long a connection test may take in all: a person waits for it.
    pub test: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            attempts: 6,
            page_attempts: 2,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            total: LONGEST_WAIT,
            timeout: Duration::from_mins(1),
            poll: Duration::from_millis(500),
            job: Duration::from_mins(3),
            test: TEST_TIME,
        }
    }
}

/// How long a connection test may take in all.
pub(crate) const TEST_TIME: Duration = Duration::from_mins(1);
/// Below this rate (calls per second) no 429 pushes.
const SLOWEST: f64 = 0.5;
/// Without a ceiling, a 429 counts as one at this rate (calls per second) at least.
const LEAST_CEILING: f64 = 16.0;
/// The wait after a 429 that does not say how long.
const UNSAID: Duration = Duration::from_secs(5);

/// The pace of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    in_flight: Semaphore,
    /// Held while waiting for the next turn. Others queue for it, so that each turn uses the rate of its own moment.
    next: tokio::sync::Mutex<()>,
    /// Calls per second; infinite without a ceiling.
    ceiling: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Calls per second.
    rate: f64,
    /// The rate that was too high, or the ceiling: up to half of it the rate doubles with each call that goes through.
    too_high: f64,
    /// When the last call went out.
    last: Option<Instant>,
    /// When the rate last fell: answers to calls that went out before it say nothing new.
    fell: Option<Instant>,
    /// Calls since `since`, to know a rate where there is no ceiling.
    sent: u32,
    since: Instant,
    /// Routes that Dropbox asked to leave alone.
    resting: HashMap<&'static str, Rest>,
    dice: StdRng,
}

/// A route is left alone.
#[derive(Clone, Copy, Debug)]
struct Rest {
    /// When it may be called again: when Dropbox said, but at most [`LONGEST_REST`] later.
    over: Instant,
    /// Until when Dropbox asked to wait.
    until: Timestamp,
}

/// A route may not be called for longer than the caller can wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    /// How long it is still left alone.
    pub(super) left: Duration,
    /// Until when Dropbox asked to wait.
    pub(super) until: Timestamp,
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
        Pace {
            in_flight: Semaphore::new(in_flight.max(1) as usize),
            next: tokio::sync::Mutex::default(),
            ceiling,
            state: Mutex::new(State {
                rate: ceiling,
                too_high: ceiling,
                last: None,
                fell: None,
                sent: 0,
                since: Instant::now(),
                resting: HashMap::new(),
                dice: StdRng::from_rng(&mut rand::rng()),
            }),
        }
    }

    /// Waits until the route may be called, for a place and for the turn.
    ///
    /// # Errors
    /// When the route may not be called before `deadline`.
    pub(super) async fn leave(&self, route: &'static str, deadline: Instant) -> Result<Leave<'_>, Resting> {
        loop {
            // Without a place: other routes may go on.
            self.rested(route, deadline).await?;
            // The semaphore is never closed, so there is always a permit.
            let permit = self.in_flight.acquire().await.ok();
            let turn = self.next.lock().await;
            sleep_until(self.turn()).await;
            // Another call of the route may have been throttled meanwhile.
            if self.resting(route).is_none() {
                let at = self.goes_out();
                drop(turn);
                return Ok(Leave { _permit: permit, at });
            }
        }
    }

    /// Waits until the route is not to be left alone any more.
    ///
    /// # Errors
    /// When that is not before `deadline`.
    pub(super) async fn rested(&self, route: &'static str, deadline: Instant) -> Result<(), Resting> {
        while let Some(resting) = self.resting(route) {
            let over = Instant::now() + resting.left;
            if over > deadline {
                return Err(resting);
            }
            sleep_until(over).await;
        }
        Ok(())
    }

    fn resting(&self, route: &str) -> Option<Resting> {
        let Rest { over, until } = *self.state().resting.get(route)?;
        let left = over.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(Resting { left, until })
    }

    /// When the next call may go out.
    fn turn(&self) -> Instant {
        let state = self.state();
        let now = Instant::now();
        match state.last {
            Some(last) if state.rate.is_finite() => {
                (last + Duration::from_secs_f64(1.0 / state.rate)).max(now)
            }
            _ => now,
        }
    }

    fn goes_out(&self) -> Instant {
        let mut state = self.state();
        let now = Instant::now();
        state.last = Some(now);
        if now.duration_since(state.since) > Duration::from_secs(1) {
            state.since = now;
            state.sent = 0;
        }
        state.sent += 1;
        now
    }

    /// A call that went out at `sent` went through: the rate climbs, within four seconds from [`SLOWEST`] to half of what
    /// was too high, then by about a quarter each second.
    pub(super) fn went_through(&self, sent: Instant) {
        let mut state = self.state();
        if state.rate < self.ceiling && state.fell.is_none_or(|fell| sent > fell) {
            let half = (state.too_high / 2.0).max(state.rate + 0.25);
            state.rate = (state.rate * 2.0).min(half).min(self.ceiling);
        }
    }

    /// A call of the route that went out at `sent` was throttled: the route is left alone for `wait`, and everything goes
    /// more slowly.
    pub(super) fn throttled(&self, route: &'static str, sent: Instant, wait: Option<Duration>) {
        self.rest(route, wait.unwrap_or(UNSAID));
        let mut state = self.state();
        if state.fell.is_none_or(|fell| sent > fell) {
            let rate = if state.rate.is_finite() { state.rate } else { f64::from(state.sent.max(1)) };
            // When it falls again before it has climbed, what was too high at first still counts.
            let climbed = state.fell.is_none() || rate > state.too_high / 2.0;
            if climbed {
                state.too_high = if self.ceiling.is_finite() { rate } else { rate.max(LEAST_CEILING) };
            }
            state.rate = (rate / 2.0).max(SLOWEST);
            state.fell = Some(Instant::now());
            // Nothing more than what was asked for is waited for before the first call at the new rate.
            state.last = None;
        }
    }

    /// Dropbox asks to leave the route alone for `wait`.
    pub(super) fn rest(&self, route: &'static str, wait: Duration) {
        let rest = Rest { over: Instant::now() + wait.min(LONGEST_REST), until: retry_after::until(wait) };
        let mut state = self.state();
        let kept = state.resting.entry(route).or_insert(rest);
        if kept.over < rest.over {
            *kept = rest;
        }
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

    const ROUTE: &str = "team/members/suspend";

    async fn leave(pace: &Pace) -> Leave<'_> {
        pace.leave(ROUTE, Instant::now() + Duration::from_hours(1)).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn calls_go_out_no_faster_than_the_ceiling() {
        let pace = Pace::new(10, 8);
        let start = Instant::now();
        for _ in 0..11 {
            drop(leave(&pace).await);
        }
        assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_halves_the_rate_once_for_all_calls_that_were_in_flight() {
        let pace = Pace::new(16, 8);
        let (first, second) = (leave(&pace).await, leave(&pace).await);
        pace.throttled(ROUTE, second.at, Some(Duration::from_secs(3)));
        pace.throttled(ROUTE, first.at, Some(Duration::from_secs(1)));
        assert!((pace.rate() - 8.0).abs() < 0.01);
        drop((first, second));
        let start = Instant::now();
        let third = leave(&pace).await;
        assert!(start.elapsed() >= Duration::from_millis(2900), "{:?}", start.elapsed());
        pace.throttled(ROUTE, third.at, None);
        assert!((pace.rate() - 4.0).abs() < 0.01);
    }

    #[tokio::test(start_paused = true)]
    async fn a_route_that_is_told_to_wait_stops_no_other_route() {
        let pace = Pace::new(0, 1);
        let deadline = Instant::now() + LONGEST_WAIT;
        pace.rest(ROUTE, Duration::from_secs(600));
        // Somebody who waits for the route does not keep the only place.
        let waiting = pace.leave(ROUTE, deadline);
        let start = Instant::now();
        let other = async { drop(pace.leave("team/members/add_v2", deadline).await.unwrap()) };
        tokio::select! {
            _ = waiting => panic!("the route is left alone"),
            () = other => assert!(start.elapsed() < Duration::from_secs(1)),
        }
        drop(pace.leave(ROUTE, deadline).await.unwrap());
        assert!(start.elapsed() >= Duration::from_secs(600));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_beyond_the_deadline_is_refused_at_once_and_forgotten_after_a_day() {
        let pace = Pace::new(0, 1);
        let start = Instant::now();
        pace.rest(ROUTE, Duration::from_secs(1_000_000_000));
        let resting = pace.leave(ROUTE, start + LONGEST_WAIT).await.unwrap_err();
        assert_eq!((start.elapsed(), resting.left), (Duration::ZERO, LONGEST_REST));
        tokio::time::advance(LONGEST_REST).await;
        assert!(pace.leave(ROUTE, Instant::now()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn from_the_slowest_pace_the_ceiling_is_reached_again_within_seconds_of_answers() {
        for (ceiling, expected) in [(25, 25.0), (4, 4.0), (0, 16.0)] {
            let pace = Pace::new(ceiling, 8);
            for _ in 0..20 {
                let call = leave(&pace).await;
                tokio::time::advance(Duration::from_millis(10)).await;
                pace.throttled(ROUTE, call.at, Some(Duration::ZERO));
            }
            assert!((pace.rate() - SLOWEST).abs() < 0.01, "{}", pace.rate());
            let start = Instant::now();
            while pace.rate() < expected {
                let call = leave(&pace).await;
                pace.went_through(call.at);
            }
            assert!(start.elapsed() < Duration::from_secs(8), "{ceiling}: {:?}", start.elapsed());
            assert!(ceiling == 0 || pace.rate() <= expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_to_a_call_from_before_the_429_does_not_speed_it_up() {
        let pace = Pace::new(16, 8);
        let (early, late) = (leave(&pace).await, leave(&pace).await);
        tokio::time::advance(Duration::from_millis(10)).await;
        pace.throttled(ROUTE, late.at, Some(Duration::ZERO));
        pace.went_through(early.at);
        assert!((pace.rate() - 8.0).abs() < 0.01);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_ceiling_a_429_sets_one_from_what_was_sent() {
        let pace = Pace::new(0, 8);
        let mut last = Instant::now();
        for _ in 0..20 {
            last = leave(&pace).await.at;
        }
        assert!(pace.rate().is_infinite());
        pace.throttled(ROUTE, last, Some(Duration::ZERO));
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
