//! Revisions: a snapshot of what is configured, and the start of a resync.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use usher_domain::{EnvironmentId, Rejection, RevisionId};

use super::{
    AppState,
    error::ApiResult,
    extract::{Caller, Segments},
    hal::Origin,
    show,
};

/// `POST propagation/revisions`
pub(crate) async fn create(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
) -> ApiResult {
    let made = app.directory.create_revision(&caller.by(), ids.id(0)).await?;
    Ok((StatusCode::CREATED, Json(show::revision(&origin, &made))).into_response())
}

/// `GET propagation/revisions/id:latest`
pub(crate) async fn latest(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.store.latest_revision(ids.id(0)).await?;
    let found = found.ok_or_else(|| Rejection::not_found("revision", "latest"))?;
    Ok(Json(show::revision(&origin, &found)).into_response())
}

/// `GET propagation/revisions/{id}`, where the id may be an encoded `id:latest`.
pub(crate) async fn read(
    State(app): State<AppState>,
    Path((environment, id)): Path<(String, String)>,
    origin: Origin,
) -> ApiResult {
    let nothing = || Rejection::not_found("revision", &id);
    let environment: EnvironmentId = environment.parse().map_err(|_| nothing())?;
    let found = if id == "id:latest" {
        app.store.latest_revision(environment).await?
    } else {
        let id: RevisionId = id.parse().map_err(|_| nothing())?;
        app.store.revision(environment, id).await?
    };
    Ok(Json(show::revision(&origin, &found.ok_or_else(nothing)?)).into_response())
}
