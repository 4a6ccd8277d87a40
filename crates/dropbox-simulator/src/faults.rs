//! Faults to order: what goes wrong, on which call, and whether before or after the work was done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::ids::Ids;
use crate::routes::Route;
pub use crate::routes::jobs::JobEnd;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 429 `too_many_requests`, as JSON or in plain text, with a `Retry-After` in seconds (0 is allowed).
    Throttle {
        /// Seconds to wait.
        retry_after: u64,
        /// In plain text, as Dropbox's edge says it.
        #[serde(default)]
        plain: bool,
    },
    /// 429 `too_many_write_operations`, without `retry_after` in the body.
    TooManyWrites {
        /// Seconds to wait, in the header.
        retry_after: u64,
    },
    /// A 5xx with an empty body.
    ServerError {
        /// The status, such as 500 or 503.
        status: u16,
    },
    /// An HTML page from the edge, with 400 or 502.
    EdgeHtml {
        /// The status.
        status: u16,
    },
    /// The connection is reset without an answer.
    Reset,
    /// The answer breaks off in the middle of its body. Always after the work was done.
    Truncated,
    /// The answer takes this much longer.
    Slow(#[serde(deserialize_with = "milliseconds")] Duration),
    /// 401 `expired_access_token`, whatever the token.
    ExpiredToken,
    /// 401 `invalid_access_token`, whatever the token.
    InvalidToken,
    /// The token endpoint answers `invalid_grant`.
    InvalidGrant,
    /// 403 `team_access_denied`.
    Forbidden,
    /// 409 with this tag of the route's error union.
    Refused(String),
    /// A listing leaves out so many, and says nothing about it.
    ShortList {
        /// How many are missing from the page.
        missing: usize,
    },
    /// A listing answers with an empty page that says there is more; the cursor goes on where it was.
    EmptyPage,
    /// A listing shows its first entry once more at the end of the page.
    DuplicateMember,
    /// The answer has fields that no specification knows, and one status or union tag.
    UnknownTag,
    /// `members/add`, `members/remove` and `groups/delete` answer with a job.
    AsyncJob {
        /// How often it is `in_progress` before it ends.
        polls: u32,
        /// How it ends.
        end: JobEnd,
    },
    /// A listing's cursor is refused.
    InvalidCursor,
    /// The event log's cursor is out of date: `reset`, with the present as the point to resume from.
    ResetCursor,
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

impl Fault {
    /// 429 in JSON with this `Retry-After`.
    pub fn throttle(retry_after: u64) -> Self {
        Fault::Throttle { retry_after, plain: false }
    }

    /// Whether the fault is an answer in itself, which stands for the real one.
    pub(crate) fn replaces_answer(&self) -> bool {
        matches!(
            self,
            Fault::Throttle { .. }
                | Fault::TooManyWrites { .. }
                | Fault::ServerError { .. }
                | Fault::EdgeHtml { .. }
                | Fault::Reset
                | Fault::ExpiredToken
                | Fault::InvalidToken
                | Fault::InvalidGrant
                | Fault::Forbidden
                | Fault::Refused(_)
        )
    }
}

/// Whether the work is done before things go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Nothing was done.
    BeforeEffect,
    /// Everything was done, and the caller is not told.
    AfterEffect,
}

/// Which calls a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Target {
    /// Every call except to the token endpoint.
    Any,
    /// Calls that change the team.
    Writes,
    /// Calls that only read.
    Reads,
    /// Calls of one route.
    Route(Route),
    /// The token endpoint.
    Token,
}

impl From<Route> for Target {
    fn from(route: Route) -> Self {
        Target::Route(route)
    }
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "any" => Ok(Target::Any),
            "writes" => Ok(Target::Writes),
            "reads" => Ok(Target::Reads),
            "token" => Ok(Target::Token),
            path => Route::at(path).map(Target::Route).ok_or_else(|| {
                format!("{path:?} is none of any, writes, reads, token and the routes that are served")
            }),
        }
    }
}

impl Target {
    /// `None` is the token endpoint.
    fn matches(self, route: Option<Route>) -> bool {
        match (self, route) {
            (Target::Token, route) => route.is_none(),
            (_, None) => false,
            (Target::Any, Some(_)) => true,
            (Target::Writes, Some(route)) => route.is_write(),
            (Target::Reads, Some(route)) => !route.is_write(),
            (Target::Route(wanted), Some(route)) => wanted == route,
        }
    }
}

/// On which of the calls that match, counted from when the fault was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The next one.
    Next,
    /// The n-th from now; 1 is the next.
    Nth(u64),
    /// The first n from now.
    First(u64),
    /// Every n-th.
    Every(u64),
    /// All of them.
    Always,
    /// Each with this chance, 0 to 1, drawn from the team's seed.
    Chance(f64),
}

#[derive(Debug)]
struct Rule {
    target: Target,
    trigger: Trigger,
    fault: Fault,
    when: When,
    seen: u64,
}

#[derive(Debug)]
struct Rules {
    rules: Vec<Rule>,
    ids: Ids,
    fired: u64,
}

/// The faults of a running simulator; see [`crate::Simulator::faults`]. Copies order for the same simulator.
#[derive(Clone, Debug)]
pub struct Faults(Arc<Mutex<Rules>>);

impl Faults {
    pub(crate) fn seeded(ids: Ids) -> Self {
        Self(Arc::new(Mutex::new(Rules { rules: Vec::new(), ids, fired: 0 })))
    }

    /// Orders a fault. Several on one call all happen, as far as they go together; of those that stand for the
    /// answer, the first that was ordered wins.
    pub fn on(&self, target: impl Into<Target>, trigger: Trigger, fault: Fault, when: When) -> &Self {
        self.lock().rules.push(Rule { target: target.into(), trigger, fault, when, seen: 0 });
        self
    }

    /// Orders a fault for the next such call, before anything is done.
    pub fn next(&self, target: impl Into<Target>, fault: Fault) -> &Self {
        self.on(target, Trigger::Next, fault, When::BeforeEffect)
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// How many faults happened so far.
    pub fn fired(&self) -> u64 {
        self.lock().fired
    }

    /// What goes wrong with this call; `None` is the token endpoint.
    pub(crate) fn for_call(&self, route: Option<Route>) -> Vec<(Fault, When)> {
        let mut rules = self.lock();
        let Rules { rules, ids, fired } = &mut *rules;
        let mut due = Vec::new();
        rules.retain_mut(|rule| {
            if !rule.target.matches(route) {
                return true;
            }
            rule.seen += 1;
            let (fires, over) = match rule.trigger {
                Trigger::Next => (true, true),
                Trigger::Nth(n) => (rule.seen == n, rule.seen >= n),
                Trigger::First(n) => (rule.seen <= n, rule.seen >= n),
                Trigger::Every(n) => (rule.seen.is_multiple_of(n.max(1)), false),
                Trigger::Always => (true, false),
                Trigger::Chance(chance) => (ids.happens(chance), false),
            };
            if fires {
                *fired += 1;
                due.push((rule.fault.clone(), rule.when));
            }
            !over
        });
        due
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
