//! Users.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use usher_domain::{EnvironmentId, Rejection, UserId, directory::user::User, ports::store::Page};

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Caller, MaybeBody, Segments, media_type},
    hal::Origin,
    show,
};

/// `GET users`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let environment: EnvironmentId = ids.id(0);
    let page = origin.page(1000)?;
    let filter = origin.filter(None)?;
    let found = app.directory.search_users(environment, filter.as_ref(), &page).await?;
    let is_whole = page.after.is_none() && found.next.is_none();
    let count = match &filter {
        None => app.directory.count_users(environment).await?,
        Some(_) if is_whole => found.items.len() as u64,
        Some(filter) => app.directory.count_meeting(environment, filter).await?,
    };
    let items = found.items.iter().map(|user| show::user(&origin, user)).collect();
    Ok(Json(origin.listing("users", Page { items, next: found.next }, Some(count))).into_response())
}

/// `POST users`
pub(crate) async fn create(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let made = app.directory.create_user(&caller.by(), ids.id(0), &body.object).await?;
    Ok((StatusCode::CREATED, Json(show::user(&origin, &made))).into_response())
}

/// `GET users/{id}`, with `include=memberOfGroupIDs,memberOfGroupNames`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let user = find(&app, ids.id(0), ids.id(1)).await?;
    let include = origin.words("include", &["memberOfGroupIDs", "memberOfGroupNames"])?;
    let mut shown = json!(show::user(&origin, &user));
    if !include.is_empty() {
        let groups = app.directory.groups_of(user.environment, user.id).await?;
        if include.contains(&"memberOfGroupIDs") {
            shown["memberOfGroupIDs"] = groups.iter().map(|(group, _)| json!(group.id)).collect();
        }
        if include.contains(&"memberOfGroupNames") {
            shown["memberOfGroupNames"] = groups.iter().map(|(group, _)| json!(group.name)).collect();
        }
    }
    Ok(Json(shown).into_response())
}

/// `PUT users/{id}`: what is left out is cleared, but for `enabled` and the population.
pub(crate) async fn replace(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let changed = app.directory.replace_user(&caller.by(), ids.id(0), ids.id(1), &body.object).await?;
    Ok(answer(&origin, &changed))
}

/// `PATCH users/{id}`: what is left out stays, `null` clears.
pub(crate) async fn update(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let changed = app.directory.patch_user(&caller.by(), ids.id(0), ids.id(1), &body.object).await?;
    Ok(answer(&origin, &changed))
}

/// `DELETE users/{id}`
pub(crate) async fn remove(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.delete_user(&caller.by(), ids.id(0), ids.id(1)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET users/{id}/enabled`
pub(crate) async fn enabled(State(app): State<AppState>, ids: Segments) -> ApiResult {
    let user = find(&app, ids.id(0), ids.id(1)).await?;
    Ok(Json(json!({ "enabled": user.enabled })).into_response())
}

/// `PUT users/{id}/enabled`
pub(crate) async fn set_enabled(
    State(app): State<AppState>,
    ids: Segments,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let Some(enabled) = body.object.get("enabled").and_then(Value::as_bool) else {
        return Err(Rejection::field("INVALID_VALUE", "enabled", "must be true or false").into());
    };
    let changed = app.directory.set_user_enabled(&caller.by(), ids.id(0), ids.id(1), enabled).await?;
    Ok(Json(json!({ "enabled": changed.enabled })).into_response())
}

/// `GET users/{id}/mfaEnabled`
pub(crate) async fn mfa_enabled(State(app): State<AppState>, ids: Segments) -> ApiResult {
    let user = find(&app, ids.id(0), ids.id(1)).await?;
    Ok(Json(json!({ "mfaEnabled": show::has_mfa(&user) })).into_response())
}

/// `PUT users/{id}/mfaEnabled`
pub(crate) async fn set_mfa_enabled(
    State(app): State<AppState>,
    ids: Segments,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let Some(enabled) = body.object.get("mfaEnabled").and_then(Value::as_bool) else {
        return Err(Rejection::field("INVALID_VALUE", "mfaEnabled", "must be true or false").into());
    };
    let changed = app.directory.set_user_mfa_enabled(&caller.by(), ids.id(0), ids.id(1), enabled).await?;
    Ok(Json(json!({ "mfaEnabled": show::has_mfa(&changed) })).into_response())
}

/// The media type that locks an account, when it is posted to the user.
pub(crate) const LOCK: &str = "application/vnd.pingidentity.account.lock+json";
/// The media type that unlocks an account.
pub(crate) const UNLOCK: &str = "application/vnd.pingidentity.account.unlock+json";

/// `POST users/{id}`: what is done to the account is said by the media type; the body says nothing.
pub(crate) async fn account(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    headers: HeaderMap,
    _: MaybeBody,
) -> ApiResult {
    let locked = match media_type(&headers).as_str() {
        LOCK => true,
        UNLOCK => false,
        other => {
            let what = format!("The Content-Type is `{other}`; {LOCK} and {UNLOCK} are known here.");
            return Err(Rejection::bad_request(what).into());
        }
    };
    let changed = app.directory.set_user_locked(&caller.by(), ids.id(0), ids.id(1), locked).await?;
    Ok(answer(&origin, &changed))
}

/// `GET users/{id}/population`
pub(crate) async fn population(State(app): State<AppState>, ids: Segments) -> ApiResult {
    let user = find(&app, ids.id(0), ids.id(1)).await?;
    Ok(Json(json!({ "id": user.population })).into_response())
}

/// `PUT users/{id}/population`
pub(crate) async fn set_population(
    State(app): State<AppState>,
    ids: Segments,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let id = body.object.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let Some(population) = id else {
        return Err(Rejection::field("INVALID_VALUE", "id", "must be the id of a population").into());
    };
    let changed = app.directory.set_user_population(&caller.by(), ids.id(0), ids.id(1), population).await?;
    Ok(Json(json!({ "id": changed.population })).into_response())
}

/// The user of that id.
pub(crate) async fn find(app: &AppState, environment: EnvironmentId, id: UserId) -> ApiResult<User> {
    let found = app.store.user(environment, id).await?;
    found.ok_or_else(|| Rejection::not_found("user", id).into())
}

fn answer(origin: &Origin, user: &User) -> Response {
    Json(show::user(origin, user)).into_response()
}
