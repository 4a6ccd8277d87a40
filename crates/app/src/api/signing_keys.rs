//! The keys that sign access tokens, by their ids. They are those of the whole database: of all its environments.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};
use usher_domain::access::SigningKey;

use super::{
    AppState,
    error::ApiResult,
    extract::{Caller, Segments},
    hal::Origin,
    show,
};
use crate::system::random_secret;

/// `GET signingKeys`: the one that signs first.
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let keys = app.store.signing_keys().await?;
    let shown: Vec<Value> =
        keys.iter().enumerate().map(|(place, key)| shown(&ids, &origin, key, place == 0)).collect();
    Ok(Json(origin.whole("signingKeys", shown)).into_response())
}

/// `POST signingKeys`: a new key signs from now on.
pub(crate) async fn rotate(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
) -> ApiResult {
    let made = app.directory.rotate_signing_key(&caller.by(), &random_secret()).await?;
    Ok((StatusCode::CREATED, Json(shown(&ids, &origin, &made, true))).into_response())
}

/// `DELETE signingKeys/{id}`: its tokens are void.
pub(crate) async fn revoke(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.revoke_signing_key(&caller.by(), ids.uuid(1)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn shown(ids: &Segments, origin: &Origin, key: &SigningKey, signs: bool) -> Value {
    json!({
        "_links": { "self": origin.link(&show::path(ids.id(0), "/signingKeys")) },
        "id": key.id,
        "signs": signs,
        "createdAt": key.created_at,
    })
}
