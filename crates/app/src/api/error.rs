//! Errors as PingOne shapes them (facts/pingone.md §2.3).

use std::time::Duration;

use crate::readiness::NotReady;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use usher_domain::{Detail, Rejection, ports::store::StoreError};
use usher_engine::{
    directory::DirectoryError,
    reconcile::{ReconcileError, held::HeldError},
};

use crate::{access::password::HashError, body::BodyFault, web::retry_after};

/// What a handler answers when it cannot do what was asked.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Vec<Detail>,
    /// Extra members of the error object (a connection test's checks).
    extra: Option<Box<(&'static str, serde_json::Value)>>,
    /// When to try again.
    retry_after: Option<Duration>,
}

/// What a handler answers.
pub(crate) type ApiResult<T = Response> = Result<T, ApiError>;

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        ApiError {
            status,
            code,
            message: message.into(),
            details: Vec::new(),
            extra: None,
            retry_after: None,
        }
    }

    /// 401: no token, or none that is good.
    pub(crate) fn unauthenticated(message: &str) -> Self {
        ApiError::new(StatusCode::UNAUTHORIZED, "INVALID_TOKEN", message)
    }

    /// 403: a good token, for something else.
    pub(crate) fn forbidden(needs: &str) -> Self {
        Rejection::forbidden(needs).into()
    }

    /// 404 for an address that nothing answers to.
    pub(crate) fn no_such_route(path: &str) -> Self {
        ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("There is nothing at {path}."))
    }

    /// 405.
    pub(crate) fn method_not_allowed(method: &axum::http::Method, path: &str) -> Self {
        let message = format!("{path} does not answer to {method}.");
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
    }

    /// 429 with Retry-After.
    pub(crate) fn limited(wait: Duration) -> Self {
        let message = "The client sends more requests than it may. Send the request again after the time in Retry-After.";
        let limited = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "REQUEST_LIMITED", message);
        ApiError { retry_after: Some(wait), ..limited }
    }

    /// 414.
    pub(crate) fn url_too_long(limit: usize) -> Self {
        let message = format!("The address with its query is longer than {limit} bytes. Shorten the filter.");
        ApiError::new(StatusCode::URI_TOO_LONG, "REQUEST_TOO_LARGE", message)
    }

    /// 431.
    pub(crate) fn headers_too_large(limit: usize) -> Self {
        let message =
            format!("The request's headers are larger than {limit} bytes. Send fewer, or shorter ones.");
        ApiError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "REQUEST_TOO_LARGE", message)
    }

    /// 500: our fault. What happened is in the log under the correlation id, not in the answer.
    pub(crate) fn unexpected(what: impl std::fmt::Display) -> Self {
        tracing::error!(error = %what, "a request failed unexpectedly");
        let message = "An unexpected error occurred. The log has it under this answer's correlation-id.";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "UNEXPECTED_ERROR", message)
    }

    /// 503 with Retry-After: the database does not answer.
    pub(crate) fn unavailable(what: impl std::fmt::Display) -> Self {
        tracing::error!(error = %what, "the database is unavailable");
        let message = "The database does not answer. Nothing was changed; try again shortly.";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "UNEXPECTED_ERROR", message)
    }

    /// This server cannot do its work now.
    pub(crate) fn not_ready(why: NotReady) -> Self {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "UNEXPECTED_ERROR", why.to_string())
    }

    /// The same error with one more member in its object.
    pub(crate) fn with(mut self, name: &'static str, value: serde_json::Value) -> Self {
        self.extra = Some(Box::new((name, value)));
        self
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        self.details.iter().try_for_each(|detail| write!(f, "\n  {}: {}", detail.target, detail.message))
    }
}

impl std::error::Error for ApiError {}

impl From<BodyFault> for ApiError {
    fn from(fault: BodyFault) -> Self {
        let (status, code) = match fault {
            BodyFault::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "REQUEST_TOO_LARGE"),
            BodyFault::Paused(_) | BodyFault::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
            BodyFault::Broken => return Rejection::bad_request(fault.to_string()).into(),
        };
        ApiError::new(status, code, fault.to_string())
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => {
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "REQUEST_LIMITED", error.to_string())
            }
            HashError::Failed(_) => ApiError::unexpected(error),
        }
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        let status = match rejection.code {
            "NOT_FOUND" => StatusCode::NOT_FOUND,
            "CONFLICT" => StatusCode::CONFLICT,
            "ACCESS_FAILED" => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        ApiError {
            status,
            code: rejection.code,
            message: rejection.message,
            details: rejection.details,
            extra: None,
            retry_after: None,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(what) => ApiError::unavailable(what),
            StoreError::Conflict(what) => Rejection::conflict(format!(
                "The data changed while the request was carried out ({what}). Read it again and repeat."
            ))
            .into(),
            other => ApiError::unexpected(other),
        }
    }
}

impl From<DirectoryError> for ApiError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Rejected(rejection) => rejection.into(),
            DirectoryError::Unavailable(error) => error.into(),
        }
    }
}

impl From<HeldError> for ApiError {
    fn from(error: HeldError) -> Self {
        match error {
            HeldError::Rejected(rejection) => rejection.into(),
            HeldError::Store(error) => error.into(),
        }
    }
}

impl From<ReconcileError> for ApiError {
    fn from(error: ReconcileError) -> Self {
        match error {
            ReconcileError::Store(error) => error.into(),
            ReconcileError::Setup(problem) => {
                Rejection::field("CONSTRAINT_VIOLATION", "rule", problem.to_string()).into()
            }
            ReconcileError::Remote(error) => {
                let problem = error.problem();
                ApiError::new(StatusCode::BAD_GATEWAY, "REMOTE_FAILED", problem.to_string())
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({
            "id": super::correlation::current(),
            "code": self.code,
            "message": self.message,
        });
        if !self.details.is_empty() {
            body["details"] = json!(self.details);
        }
        if let Some(extra) = self.extra {
            let (name, value) = *extra;
            body[name] = value;
        }
        let mut response = (self.status, Json(body)).into_response();
        let wait = match self.status {
            StatusCode::SERVICE_UNAVAILABLE => Some(Duration::from_secs(1)),
            _ => self.retry_after,
        };
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
