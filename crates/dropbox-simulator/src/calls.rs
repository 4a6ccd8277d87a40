//! What was asked of the simulator, and what it answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

/// The token endpoint's name in the log.
pub(crate) const TOKEN: &str = "oauth2/token";

/// One call.
#[derive(Clone, Debug, Serialize)]
pub struct Call {
    /// The path below `/2/`, or `oauth2/token`.
    pub route: String,
    /// What was sent: JSON, or a string when it was none. The token endpoint's requests are left out: null.
    pub request: Value,
    /// The answer's status; none when the connection was reset instead.
    pub status: Option<u16>,
    /// The answer's `X-Dropbox-Request-Id`.
    pub request_id: String,
    /// Whether what was asked was done, also when a fault kept that from the caller.
    pub done: bool,
}

#[derive(Debug, Default)]
struct Calls {
    log: Vec<Call>,
    limit: usize,
    counts: BTreeMap<String, u64>,
}

/// The calls of a running simulator; see [`crate::Simulator::calls`]. Copies show the same log.
#[derive(Clone, Debug)]
pub struct CallLog(Arc<Mutex<Calls>>);

impl CallLog {
    pub(crate) fn keeping(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Calls { limit, ..Calls::default() })))
    }

    pub(crate) fn push(&self, call: Call) {
        let mut calls = self.lock();
        match calls.counts.get_mut(&call.route) {
            Some(count) => *count += 1,
            None => {
                calls.counts.insert(call.route.clone(), 1);
            }
        }
        if calls.log.len() < calls.limit {
            calls.log.push(call);
        }
    }

    /// How often a route was called. Takes a [`crate::Route`]'s path.
    pub fn count(&self, route: impl AsRef<str>) -> u64 {
        self.lock().counts.get(route.as_ref()).copied().unwrap_or(0)
    }

    /// Calls per route, by path.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.lock().counts.clone()
    }

    /// All calls but those to the token endpoint.
    pub fn total(&self) -> u64 {
        let calls = self.lock();
        calls.counts.iter().filter(|(route, _)| *route != TOKEN).map(|(_, count)| count).sum()
    }

    /// Calls to the token endpoint.
    pub fn token_refreshes(&self) -> u64 {
        self.count(TOKEN)
    }

    /// Every call, in order, as far as the log is kept.
    pub fn list(&self) -> Vec<Call> {
        self.lock().log.clone()
    }

    /// The calls of one route, in order.
    pub fn of(&self, route: impl AsRef<str>) -> Vec<Call> {
        self.lock().log.iter().filter(|call| call.route == route.as_ref()).cloned().collect()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut calls = self.lock();
        calls.log.clear();
        calls.counts.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<str> for crate::Route {
    fn as_ref(&self) -> &str {
        self.path()
    }
}
