//! When a page cannot be shown: what happened, and what to do next. The gate makes a page of it.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use usher_domain::{Rejection, ports::store::StoreError};
use usher_engine::{
    directory::DirectoryError,
    reconcile::{ReconcileError, held::HeldError},
};

use crate::{
    access::{
        password::{self, HashError},
        permission::Permission,
    },
    body::BodyFault,
    web::retry_after,
};

/// Why a page cannot be shown, or a form not be taken.
#[derive(Clone, Debug)]
pub(super) struct ConsoleError {
    pub(super) status: StatusCode,
    pub(super) title: String,
    pub(super) message: String,
    /// Fault by fault.
    pub(super) details: Vec<String>,
}

/// What a handler answers.
pub(super) type ConsoleResult<T = Response> = Result<T, ConsoleError>;

impl ConsoleError {
    fn new(status: StatusCode, title: &str, message: impl Into<String>) -> Self {
        ConsoleError { status, title: title.to_owned(), message: message.into(), details: Vec::new() }
    }

    /// 404
    pub(super) fn no_such_page() -> Self {
        let message = "There is nothing at this address. What it was about may have been deleted meanwhile.";
        ConsoleError::new(StatusCode::NOT_FOUND, "Page not found", message)
    }

    /// 403: signed in, without the role.
    pub(super) fn forbidden(needs: Permission) -> Self {
        let roles: Vec<String> =
            needs.roles().iter().map(|role| format!("“{}”", super::show::role(*role))).collect();
        let message = format!(
            "Your account has none of the roles that this needs: {}. Ask an administrator who may give it to you.",
            roles.join(", ")
        );
        ConsoleError::new(StatusCode::FORBIDDEN, "You may not do this", message)
    }

    /// 403: the form does not come from one of our pages, or from an earlier sign-in.
    pub(super) fn not_our_form() -> Self {
        let message = "The form was sent from a page that is out of date, or not one of this console's. Nothing was \
                       changed. Go back, reload the page and try again.";
        ConsoleError::new(StatusCode::FORBIDDEN, "The form was not accepted", message)
    }

    /// 400: what was sent makes no sense.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        ConsoleError::new(StatusCode::BAD_REQUEST, "This could not be done", message)
    }

    /// 500: our fault; what happened is in the log.
    pub(super) fn unexpected(what: impl std::fmt::Display) -> Self {
        tracing::error!(error = %what, "a page failed unexpectedly");
        let message =
            format!("This is a fault of Usher's. The log has it under {}.", crate::correlation::current());
        ConsoleError::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", message)
    }
}

impl From<askama::Error> for ConsoleError {
    fn from(error: askama::Error) -> Self {
        ConsoleError::unexpected(error)
    }
}

impl From<BodyFault> for ConsoleError {
    fn from(fault: BodyFault) -> Self {
        let (status, title) = match fault {
            BodyFault::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "Too large"),
            BodyFault::Paused(_) | BodyFault::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "Too slow"),
            BodyFault::Broken => (StatusCode::BAD_REQUEST, "This could not be done"),
        };
        ConsoleError::new(status, title, fault.to_string())
    }
}

impl From<HashError> for ConsoleError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => ConsoleError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Not available just now",
                error.to_string(),
            ),
            HashError::Failed(_) => ConsoleError::unexpected(error),
        }
    }
}

impl From<Rejection> for ConsoleError {
    fn from(rejection: Rejection) -> Self {
        let (status, title) = match rejection.code {
            "NOT_FOUND" => return ConsoleError::no_such_page(),
            "CONFLICT" => (StatusCode::CONFLICT, "Someone was faster"),
            _ => (StatusCode::BAD_REQUEST, "This could not be done"),
        };
        let details = rejection.details.iter().map(|fault| format!("{}: {}", fault.target, fault.message));
        let details: Vec<String> = details.collect();
        let message = if details.is_empty() {
            rejection.message
        } else {
            "Nothing was changed. What stands in the way:".into()
        };
        ConsoleError { details, ..ConsoleError::new(status, title, message) }
    }
}

impl From<StoreError> for ConsoleError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(what) => {
                tracing::error!(error = %what, "the database is unavailable");
                let message = "The database does not answer. Nothing was changed; try again shortly.";
                ConsoleError::new(StatusCode::SERVICE_UNAVAILABLE, "Not available just now", message)
            }
            StoreError::Conflict(what) => Rejection::conflict(format!(
                "The data changed while this was carried out ({what}). Nothing was done. Reload and try again."
            ))
            .into(),
            other => ConsoleError::unexpected(other),
        }
    }
}

impl From<DirectoryError> for ConsoleError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Rejected(rejection) => rejection.into(),
            DirectoryError::Unavailable(error) => error.into(),
        }
    }
}

impl From<HeldError> for ConsoleError {
    fn from(error: HeldError) -> Self {
        match error {
            HeldError::Rejected(rejection) => rejection.into(),
            HeldError::Store(error) => error.into(),
        }
    }
}

impl From<ReconcileError> for ConsoleError {
    fn from(error: ReconcileError) -> Self {
        match error {
            ReconcileError::Store(error) => error.into(),
            ReconcileError::Setup(problem) => ConsoleError::bad_request(problem.to_string()),
            ReconcileError::Remote(error) => {
                let message = error.problem().to_string();
                ConsoleError::new(StatusCode::BAD_GATEWAY, "Dropbox could not be read", message)
            }
        }
    }
}

impl IntoResponse for ConsoleError {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.message.clone()).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, retry_after(password::RETRY_AFTER));
        }
        response.extensions_mut().insert(self);
        response
    }
}
