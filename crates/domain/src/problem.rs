//! What went wrong, for a person: a [`Problem`] of one subject of a sync, a [`Rejection`] of a request.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use crate::shown;

/// The longest message of a problem, in bytes: it may quote a remote system.
pub const LONGEST_MESSAGE: usize = 8 * 1024;

/// Why one subject (or one run) is not as it should be: what happened, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A stable word for programs, `UPPER_SNAKE`.
    pub code: Cow<'static, str>,
    /// What happened, to whom; one sentence.
    pub message: String,
    /// What to do next; one sentence.
    pub remedy: String,
    /// The remote system's id for the request that failed (`X-Dropbox-Request-Id`), for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// A problem without a request behind it. A message of more than [`LONGEST_MESSAGE`] is cut.
    pub fn new(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Problem {
            code: code.into(),
            message: shown::cut(message.into(), LONGEST_MESSAGE),
            remedy: remedy.into(),
            request_id: None,
        }
    }

    /// The same problem, with the remote system's id of the request that failed.
    #[must_use]
    pub fn with_request_id(mut self, id: Option<String>) -> Self {
        self.request_id = id;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.message, self.remedy)?;
        match &self.request_id {
            Some(id) => write!(f, " (Dropbox request {id})"),
            None => Ok(()),
        }
    }
}

/// A request that was refused, in PingOne's words (facts §2.3): a top code with its HTTP status, and one detail
/// per fault, so that all faults of a request are told at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// `INVALID_DATA`, `NOT_FOUND`, …
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// What exactly, field by field.
    pub details: Vec<Detail>,
}

/// One fault of a refused request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// `INVALID_VALUE`, `REQUIRED_VALUE`, `UNIQUENESS_VIOLATION`, `CONSTRAINT_VIOLATION`, …
    pub code: &'static str,
    /// The field, as the client spells it.
    pub target: String,
    /// Which rule it broke, and what is allowed.
    pub message: String,
    /// The allowed range, pattern or values, machine-readable.
    #[serde(rename = "innerError", skip_serializing_if = "Option::is_none")]
    pub inner: Option<serde_json::Value>,
}

/// The message that goes with `INVALID_DATA` (facts §2.3).
const INVALID: &str =
    "The request could not be completed. One or more validation errors were in the request.";

impl Rejection {
    /// 400: the faults of the request's fields.
    pub fn invalid(details: Vec<Detail>) -> Self {
        Rejection { code: "INVALID_DATA", message: INVALID.into(), details }
    }

    /// 400: the request itself cannot be read.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Rejection { code: "INVALID_REQUEST", message: message.into(), details: Vec::new() }
    }

    /// 404: `what` names the kind, `id` the thing.
    pub fn not_found(what: &str, id: impl fmt::Display) -> Self {
        Rejection {
            code: "NOT_FOUND",
            message: format!("Unable to find {what} with ID '{id}'"),
            details: Vec::new(),
        }
    }

    /// 403: the caller may do such things, but not this one; `why` says what is missing.
    pub fn forbidden(why: impl fmt::Display) -> Self {
        Rejection {
            code: "ACCESS_FAILED",
            message: format!("The actor attempting to perform the request is not authorized. {why}"),
            details: Vec::new(),
        }
    }

    /// 409: what stands in the way.
    pub fn conflict(message: impl Into<String>) -> Self {
        Rejection { code: "CONFLICT", message: message.into(), details: Vec::new() }
    }

    /// 400 with a single fault.
    pub fn field(code: &'static str, target: impl Into<String>, message: impl Into<String>) -> Self {
        Rejection::invalid(vec![Detail::new(code, target, message)])
    }
}

impl Detail {
    /// A fault without machine-readable limits.
    pub fn new(code: &'static str, target: impl Into<String>, message: impl Into<String>) -> Self {
        Detail { code, target: target.into(), message: message.into(), inner: None }
    }

    /// The same fault, with its limits for machines.
    #[must_use]
    pub fn with_inner(mut self, inner: serde_json::Value) -> Self {
        self.inner = Some(inner);
        self
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for detail in &self.details {
            write!(f, "\n  {}: {}", detail.target, detail.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Rejection {}
