//! Who counts what is done, for monitoring. The floors tell; what the numbers are called, and who reads them, is known
//! only above. Nothing here decides anything, and no word that is told is about a person.

use std::{fmt, time::Duration};

use crate::{
    ConnectionId,
    provisioning::rule::Direction,
    reconcile::{operation::Action, outcome::Outcome, run::RunState, snapshot::Seats},
};

/// Counts. It must be quick and cannot fail: whoever tells does not wait for it.
pub trait Meter: fmt::Debug + Send + Sync {
    /// A call to a remote system: its route, how it was answered, how long that took.
    fn called(&self, route: &'static str, answer: Answered, took: Duration);
    /// A run came to rest in this state: over, or held for a person.
    fn run_rested(&self, direction: Direction, state: RunState);
    /// An operation has an outcome, which is recorded.
    fn outcome(&self, action: &Action, outcome: &Outcome);
    /// A look at all of a team saw its seats.
    fn seats(&self, connection: ConnectionId, seats: Seats);
    /// A delivery to a webhook was accepted (so many events), or was not.
    fn delivery(&self, events: u64, accepted: bool);
    /// Events were given up, since their webhook was disabled for longer than they are kept.
    fn dropped(&self, events: u64);
    /// The clock was set by more than clocks differ: ahead, or back.
    fn clock_moved(&self, ahead: bool);
}

/// How a remote system answered, as far as monitoring wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answered {
    /// 2xx.
    Ok,
    /// 409: it will not, and says why.
    Refused,
    /// 429.
    Throttled,
    /// 401 or 403.
    Denied,
    /// Another 4xx, or a redirect.
    BadRequest,
    /// 5xx.
    ServerError,
    /// There was no answer, or none to the end.
    Lost,
}

impl Answered {
    /// What an HTTP status says.
    pub fn of(status: u16) -> Self {
        match status {
            200..=299 => Answered::Ok,
            409 => Answered::Refused,
            429 => Answered::Throttled,
            401 | 403 => Answered::Denied,
            500.. => Answered::ServerError,
            0..=199 => Answered::Lost,
            _ => Answered::BadRequest,
        }
    }

    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Answered::Ok => "ok",
            Answered::Refused => "refused",
            Answered::Throttled => "throttled",
            Answered::Denied => "denied",
            Answered::BadRequest => "bad_request",
            Answered::ServerError => "server_error",
            Answered::Lost => "lost",
        }
    }
}

/// Counts nothing: tests, and processes that nobody watches.
#[derive(Clone, Copy, Debug)]
pub struct Unmetered;

impl Meter for Unmetered {
    fn called(&self, _: &'static str, _: Answered, _: Duration) {}
    fn run_rested(&self, _: Direction, _: RunState) {}
    fn outcome(&self, _: &Action, _: &Outcome) {}
    fn seats(&self, _: ConnectionId, _: Seats) {}
    fn delivery(&self, _: u64, _: bool) {}
    fn dropped(&self, _: u64) {}
    fn clock_moved(&self, _: bool) {}
}
