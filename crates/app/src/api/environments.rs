//! Environments: the one that the caller's token is good for.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use usher_domain::{Rejection, directory::environment::Environment};

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Caller, Segments},
    hal::Origin,
    show,
};

/// The attributes that a filter over environments may name.
const ATTRIBUTES: &[&str] = &["id", "name", "description", "organization.id"];

/// `GET /v1/environments`: those that the caller may see, which is one.
pub(crate) async fn list(State(app): State<AppState>, origin: Origin, caller: Caller) -> ApiResult {
    let filter = origin.filter(Some(ATTRIBUTES))?;
    let found = app.store.environment(caller.environment).await?;
    let shown: Vec<Value> = found
        .iter()
        .map(|environment| show::environment(&origin, environment))
        .filter(|shown| filter.as_ref().is_none_or(|filter| filter.matches(shown)))
        .collect();
    Ok(Json(origin.whole("environments", shown)).into_response())
}

/// `GET /v1/environments/{id}`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    Ok(answer(&origin, &find(&app, &ids).await?))
}

/// `PUT /v1/environments/{id}`
pub(crate) async fn replace(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let changed = app.directory.replace_environment(&caller.by(), ids.id(0), &body.object).await?;
    Ok(answer(&origin, &changed))
}

/// `GET guardDefaults`
pub(crate) async fn read_guard(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    Ok(Json(show::guard_defaults(&origin, &find(&app, &ids).await?)).into_response())
}

/// `PUT guardDefaults`
pub(crate) async fn replace_guard(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let changed = app.directory.replace_guard_defaults(&caller.by(), ids.id(0), &body.object).await?;
    Ok(Json(show::guard_defaults(&origin, &changed)).into_response())
}

/// `POST exports`: an export consists of many reads, so the caller announces it first.
pub(crate) async fn export(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
) -> ApiResult {
    let environment = find(&app, &ids).await?;
    app.directory.tell_exported(&caller.by(), &environment).await?;
    Ok(answer(&origin, &environment))
}

async fn find(app: &AppState, ids: &Segments) -> ApiResult<Environment> {
    let found = app.store.environment(ids.id(0)).await?;
    found.ok_or_else(|| Rejection::not_found("environment", ids.uuid(0)).into())
}

fn answer(origin: &Origin, environment: &Environment) -> Response {
    Json(show::environment(origin, environment)).into_response()
}
