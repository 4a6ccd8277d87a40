//! Administrators of the console. A password that was generated is shown once, when it is made.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use usher_domain::{
    Rejection, Secret,
    access::{
        Administrator,
        administrator::{Changer, password_fault},
    },
    directory::commands::Body as Object,
    ports::store::Page,
};

use super::{
    AppState, clients,
    error::ApiResult,
    extract::{Body, Caller, MaybeBody, Segments},
    hal::{Origin, cut},
    show,
};
use crate::{access::password, system::random_secret};

/// `GET administrators`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.store.administrators(ids.id(0)).await?;
    let count = found.len() as u64;
    let page = cut(found, |it| it.id.uuid(), &origin.page(1000)?);
    let items: Vec<Value> = page.items.iter().map(|it| show::administrator(&origin, it)).collect();
    Ok(Json(origin.listing("administrators", Page { items, next: page.next }, Some(count))).into_response())
}

/// `POST administrators`: without a `password` one is generated, and the answer is the only one that has it.
pub(crate) async fn create(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let (password, generated) = given_or_generated(&body.object)?;
    let hash = password::hash(password.clone()).await?;
    let made = app
        .directory
        .create_administrator(&caller.by(), ids.id(0), &body.object, &hash, &caller.roles)
        .await?;
    let shown = with_password(show::administrator(&origin, &made), &password, generated);
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// `GET administrators/{id}`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.store.administrator_by_id(ids.id(0), ids.id(1)).await?;
    let found = found.ok_or_else(|| Rejection::not_found("administrator", ids.uuid(1)))?;
    Ok(answer(&origin, &found))
}

/// `PUT administrators/{id}`
pub(crate) async fn replace(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let (environment, id) = (ids.id(0), ids.id(1));
    let changed = app
        .directory
        .replace_administrator(&caller.by(), environment, id, &body.object, &caller.roles)
        .await?;
    Ok(answer(&origin, &changed))
}

/// `DELETE administrators/{id}`
pub(crate) async fn remove(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.delete_administrator(&caller.by(), ids.id(0), ids.id(1)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST administrators/{id}/password`: a new one, given or generated. Ends their sessions.
pub(crate) async fn set_password(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    MaybeBody(body): MaybeBody,
) -> ApiResult {
    clients::known(&body, &["password"])?;
    let (password, generated) = given_or_generated(&body)?;
    let hash = password::hash(password.clone()).await?;
    let (environment, id) = (ids.id(0), ids.id(1));
    let giver = Changer::Other(&caller.roles);
    let changed = app.directory.set_password(&caller.by(), environment, id, &hash, giver).await?;
    let shown = with_password(show::administrator(&origin, &changed), &password, generated);
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// `DELETE administrators/{id}/provider`: for someone who has a new account at the OpenID provider, or left. Ends the
/// sessions that the account opened.
pub(crate) async fn release(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.unbind_provider(&caller.by(), ids.id(0), ids.id(1), &caller.roles).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `DELETE administrators/{id}/totp`: for someone who lost their device and their recovery codes. Ends their sessions.
pub(crate) async fn remove_totp(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    let giver = Changer::Other(&caller.roles);
    app.directory.remove_totp(&caller.by(), ids.id(0), ids.id(1), giver).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The password of a body, or a new one and `true`.
fn given_or_generated(body: &Object) -> Result<(Secret, bool), Rejection> {
    match body.get("password") {
        None | Some(Value::Null) => Ok((random_secret(), true)),
        Some(Value::String(given)) => {
            let given = Secret::new(given.clone());
            match password_fault("password", &given) {
                None => Ok((given, false)),
                Some(fault) => Err(Rejection::invalid(vec![fault])),
            }
        }
        Some(_) => Err(Rejection::field("INVALID_VALUE", "password", "must be a string")),
    }
}

fn with_password(mut shown: Value, password: &Secret, generated: bool) -> Value {
    if generated {
        shown["password"] = json!(password.expose());
    }
    shown
}

fn answer(origin: &Origin, administrator: &Administrator) -> Response {
    Json(show::administrator(origin, administrator)).into_response()
}
