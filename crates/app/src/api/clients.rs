//! Worker clients. A secret is shown once, when it is made; nothing here shows a hash.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use usher_domain::{
    Rejection,
    access::{WorkerClient, client::Rotation},
    directory::commands::Body as Object,
    ports::store::Page,
};

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Caller, MaybeBody, Segments},
    hal::{Origin, cut},
    show,
};
use crate::{access::password, system::random_secret};

/// `GET clients`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.store.clients(ids.id(0)).await?;
    let count = found.len() as u64;
    let page = cut(found, |client| client.id.uuid(), &origin.page(1000)?);
    let now = app.clock.now();
    let items: Vec<Value> = page.items.iter().map(|client| show::client(&origin, client, now)).collect();
    Ok(Json(origin.listing("clients", Page { items, next: page.next }, Some(count))).into_response())
}

/// `POST clients`: the answer is the only one that has the secret.
pub(crate) async fn create(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let secret = random_secret();
    let hash = password::hash(secret.clone()).await?;
    let made =
        app.directory.create_client(&caller.by(), ids.id(0), &body.object, &hash, &caller.roles).await?;
    let mut shown = show::client(&origin, &made, app.clock.now());
    shown["secret"] = json!(secret.expose());
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// `GET clients/{id}`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.store.client(ids.id(0), ids.id(1)).await?;
    let found = found.ok_or_else(|| Rejection::not_found("client", ids.uuid(1)))?;
    Ok(answer(&app, &origin, &found))
}

/// `PUT clients/{id}`
pub(crate) async fn replace(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let (environment, id) = (ids.id(0), ids.id(1));
    let changed =
        app.directory.replace_client(&caller.by(), environment, id, &body.object, &caller.roles).await?;
    Ok(answer(&app, &origin, &changed))
}

/// `DELETE clients/{id}`
pub(crate) async fn remove(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.delete_client(&caller.by(), ids.id(0), ids.id(1)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST clients/{id}/secret`: a new secret, shown this once; with `overlapSeconds` the old one stays good that much
/// longer, with `endTokens` earlier access tokens are void.
pub(crate) async fn rotate(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    MaybeBody(body): MaybeBody,
) -> ApiResult {
    let rotation = rotation(&body)?;
    let secret = random_secret();
    let hash = password::hash(secret.clone()).await?;
    let (environment, id) = (ids.id(0), ids.id(1));
    let changed =
        app.directory.rotate_secret(&caller.by(), environment, id, &hash, rotation, &caller.roles).await?;
    let mut shown = show::client(&origin, &changed, app.clock.now());
    shown["secret"] = json!(secret.expose());
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

fn rotation(body: &Object) -> Result<Rotation, Rejection> {
    known(body, &["overlapSeconds", "endTokens"])?;
    let overlap = match body.get("overlapSeconds") {
        None | Some(Value::Null) => Duration::ZERO,
        Some(value) => value.as_u64().map(Duration::from_secs).ok_or_else(|| {
            Rejection::field("INVALID_VALUE", "overlapSeconds", "must be a number of seconds, 0 or more")
        })?,
    };
    let end_tokens = match body.get("endTokens") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(end)) => *end,
        Some(_) => return Err(Rejection::field("INVALID_VALUE", "endTokens", "must be true or false")),
    };
    Ok(Rotation { overlap, end_tokens })
}

/// In a body of our own, a member that nobody knows is an error.
pub(super) fn known(body: &Object, members: &[&str]) -> Result<(), Rejection> {
    match body.keys().find(|key| !members.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let what = format!("is not a member of this body; it has {}", members.join(", "));
            Err(Rejection::field("INVALID_VALUE", key, what))
        }
    }
}

fn answer(app: &AppState, origin: &Origin, client: &WorkerClient) -> Response {
    Json(show::client(origin, client, app.clock.now())).into_response()
}
