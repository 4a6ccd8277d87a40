//! The plan of an environment: one, the shelf that its rules stand on.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use usher_domain::Rejection;

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Caller, Segments},
    hal::Origin,
    show,
};

/// `GET propagation/plans`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let plan = app.store.plan(ids.id(0)).await?;
    let shown = plan.iter().map(|plan| show::plan(&origin, plan)).collect();
    Ok(Json(origin.whole("plans", shown)).into_response())
}

/// `POST propagation/plans`
pub(crate) async fn create(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let made = app.directory.create_plan(&caller.by(), ids.id(0), &body.object).await?;
    Ok((StatusCode::CREATED, Json(show::plan(&origin, &made))).into_response())
}

/// `GET propagation/plans/{id}`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.store.plan_by_id(ids.id(0), ids.id(1)).await?;
    let found = found.ok_or_else(|| Rejection::not_found("plan", ids.uuid(1)))?;
    Ok(Json(show::plan(&origin, &found)).into_response())
}

/// `PUT propagation/plans/{id}`
pub(crate) async fn replace(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let changed = app.directory.replace_plan(&caller.by(), ids.id(0), ids.id(1), &body.object).await?;
    Ok(Json(show::plan(&origin, &changed)).into_response())
}

/// `DELETE propagation/plans/{id}`: also its rules and their mappings.
pub(crate) async fn remove(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.delete_plan(&caller.by(), ids.id(0), ids.id(1)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
