//! Attribute mappings. Clients know two spellings of one address; both lead here.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::Value;
use usher_domain::Rejection;

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Caller, Segments},
    hal::Origin,
    rules, show,
};

/// `GET propagation/rules/{id}/mappings`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let rule = rules::find(&app, ids.id(0), ids.id(1)).await?;
    let mappings = app.store.mappings(rule.id).await?;
    let shown: Vec<Value> = mappings.iter().map(|mapping| show::mapping(&origin, mapping)).collect();
    Ok(Json(origin.whole("mappings", shown)).into_response())
}

/// `POST propagation/rules/{id}/mappings`
pub(crate) async fn create(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let made = app.directory.create_mapping(&caller.by(), ids.id(0), ids.id(1), &body.object).await?;
    Ok((StatusCode::CREATED, Json(show::mapping(&origin, &made))).into_response())
}

/// `GET propagation/mappings/{id}`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.store.mapping(ids.id(0), ids.id(1)).await?;
    let found = found.ok_or_else(|| Rejection::not_found("mapping", ids.uuid(1)))?;
    Ok(Json(show::mapping(&origin, &found)).into_response())
}

/// `PUT propagation/mappings/{id}`
pub(crate) async fn replace(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let changed = app.directory.replace_mapping(&caller.by(), ids.id(0), ids.id(1), &body.object).await?;
    Ok(Json(show::mapping(&origin, &changed)).into_response())
}

/// `DELETE propagation/mappings/{id}`, and `propagation/mapping/{id}`
pub(crate) async fn remove(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.delete_mapping(&caller.by(), ids.id(0), ids.id(1)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
