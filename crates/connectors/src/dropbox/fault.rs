//! Why a call came to nothing, as the callers of `post` need to know it. The four decisions of
//! [`ConnectorError`] come out of here; what a refusal means for a person is in `problems`.

use std::time::Duration;

use serde_json::Value;
use usher_domain::{
    Problem,
    ports::connector::{ConnectorError, THROTTLED},
    reconcile::outcome::Outcome,
};

use super::pace::Resting;

/// Why a call came to nothing.
#[derive(Debug)]
pub(super) enum Fault {
    /// 409: the route's own error.
    Refused(Refusal),
    /// 400 or 413: the call as a whole is not understood. One bad item of a batch does this.
    BadInput {
        /// What Dropbox said.
        text: String,
        request_id: Option<String>,
    },
    /// The answer is lost, or is no answer: a read was repeated in vain; a write may or may not have taken effect.
    Lost {
        /// What happened, as a sentence.
        what: String,
        request_id: Option<String>,
    },
    /// The route must not be called for longer than a call waits. Nothing was done; other routes may go on.
    Throttled {
        /// How long the route is left alone.
        after: Duration,
        /// Until when Dropbox asks to wait.
        problem: Problem,
    },
    /// The end of everything that was to be done.
    Failed(ConnectorError),
}

/// A 409.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The error's tag.
    pub(super) tag: String,
    /// The error as it came.
    pub(super) error: Value,
    pub(super) request_id: Option<String>,
}

impl Refusal {
    /// The names that came with the tag: `members_not_in_team` and its like.
    pub(super) fn names(&self) -> Vec<&str> {
        let names = self.error.get(&self.tag).and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

impl Fault {
    /// Whether the answer was beyond its limits, so that asking for less may help.
    pub(super) fn is_too_long(&self) -> bool {
        matches!(self, Fault::Failed(error) if error.problem().code == TOO_LONG)
    }

    /// The decision, where the route has no answer of its own to give.
    pub(super) fn into_error(self, route: &str) -> ConnectorError {
        match self {
            Fault::Failed(error) => error,
            Fault::Throttled { after, problem } => ConnectorError::Busy { after, problem },
            Fault::Lost { what, request_id } => busy("DROPBOX_UNAVAILABLE", what, None, request_id),
            Fault::BadInput { text, request_id } => {
                protocol(format!("Dropbox did not understand the call of {route}: {text}"), request_id)
            }
            Fault::Refused(refusal) => {
                protocol(format!("Dropbox refused the call of {route}: {}.", refusal.tag), refusal.request_id)
            }
        }
    }
}

/// The outcome of an operation whose route must rest for longer than a call waits.
pub(super) fn postponed(after: Duration, problem: Problem) -> Outcome {
    Outcome::Postponed { problem, after: Some(after), needs_full: false }
}

/// How long to leave Dropbox alone when it does not say.
const LATER: Duration = Duration::from_mins(1);

/// Try again later.
pub(super) fn busy(
    code: &'static str,
    message: impl Into<String>,
    after: Option<Duration>,
    request_id: Option<String>,
) -> ConnectorError {
    let remedy = "Nothing to do: it is tried again on its own.";
    ConnectorError::Busy {
        after: after.unwrap_or(LATER),
        problem: Problem::new(code, message, remedy).with_request_id(request_id),
    }
}

/// The route is left alone for longer than a call waits.
pub(super) fn throttled(route: &str, resting: Resting, request_id: Option<String>) -> Fault {
    let Resting { left, until } = resting;
    let message = format!("Dropbox asks to wait until {until} before {route} is called again.");
    let remedy = "Nothing to do: Usher tries again then, or after a day at the latest.";
    Fault::Throttled {
        // Rounded up to whole seconds: a call that comes too early is refused again.
        after: Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0)),
        problem: Problem::new(THROTTLED, message, remedy).with_request_id(request_id),
    }
}

/// The process is to stop: nothing more is called.
pub(super) fn stopping() -> ConnectorError {
    let remedy = "Nothing to do: Usher tries again when it is started.";
    let problem = Problem::new("STOPPED", "The server is being stopped.", remedy);
    ConnectorError::Busy { after: Duration::ZERO, problem }
}

/// Stop the connection, tell a person.
pub(super) fn unauthorized(
    code: &'static str,
    message: impl Into<String>,
    remedy: impl Into<String>,
    request_id: Option<String>,
) -> ConnectorError {
    ConnectorError::Unauthorized { problem: Problem::new(code, message, remedy).with_request_id(request_id) }
}

/// The code of a problem caused by an answer beyond its limits.
pub(super) const TOO_LONG: &str = "ANSWER_TOO_LONG";

/// An answer beyond the limits on what a remote system may send: reported as an error, and not used. `setting` is where it
/// came from.
pub(super) fn too_long(code: &'static str, message: impl Into<String>, setting: &str) -> ConnectorError {
    let remedy = format!("The answer was not used. Check that {setting} is Dropbox's own address.");
    ConnectorError::Protocol { problem: Problem::new(code, message, remedy) }
}

/// Our fault.
pub(super) fn protocol(message: impl Into<String>, request_id: Option<String>) -> ConnectorError {
    let remedy = "Report this to the makers of Usher, with the request id.";
    ConnectorError::Protocol {
        problem: Problem::new("UNEXPECTED_ANSWER", message, remedy).with_request_id(request_id),
    }
}
