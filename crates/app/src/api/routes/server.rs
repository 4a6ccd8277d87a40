//! Routes of the server itself: tokens, health, this page in OpenAPI. They are open to anybody.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::route::{ANYBODY, Route, get, post};
use crate::{
    api::{AppState, error::ApiError, openapi, token},
    metrics,
};

/// See the module.
#[rustfmt::skip]
pub(super) fn table() -> Vec<Route> {
    vec![
        post("", ANYBODY, token::token).at("/{environmentId}/as/token")
            .named("createToken", "Gives an access token to a worker client (OAuth 2.0 client credentials)")
            .takes_as("application/x-www-form-urlencoded", "TokenRequest").gives("Token"),
        get("", ANYBODY, openapi::serve).at("/openapi.json").ours()
            .named("readOpenApi", "Gives this document").gives("OpenApi"),
    ]
}

/// The monitoring routes; a process that only works (`--role worker`) has no others.
#[rustfmt::skip]
pub(super) fn watched() -> Vec<Route> {
    vec![
        get("", ANYBODY, alive).at("/healthz").ours()
            .named("readHealth", "Says that the server is alive").gives("Health"),
        get("", ANYBODY, ready).at("/readyz").ours()
            .named("readReadiness", "Says whether the database can be read and written, its schema is current and the seal key fits")
            .gives("Readiness"),
        get("", ANYBODY, measured).at("/metrics").ours()
            .named("readMetrics", "Gives what monitoring wants to know, as Prometheus reads it")
            .gives_text("application/openmetrics-text"),
    ]
}

/// `GET /healthz`: the process is alive. Does not use the database; names the environment when there is only one, so that
/// the command line need not.
async fn alive(State(app): State<AppState>) -> Response {
    Json(json!({ "status": "alive", "environment": app.known_environment() })).into_response()
}

/// `GET /metrics`: numbers about this process and this database, and nothing about anybody.
async fn measured(State(app): State<AppState>) -> Response {
    match app.metrics.text(&*app.store, &app.readiness, app.clock.now()).await {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], text).into_response(),
        Err(error) => ApiError::unexpected(error).into_response(),
    }
}

/// `GET /readyz`: see [`crate::readiness`].
async fn ready(State(app): State<AppState>) -> Response {
    match app.readiness.check().await {
        Ok(()) => Json(json!({ "status": "ready" })).into_response(),
        Err(why) => ApiError::not_ready(why).into_response(),
    }
}
