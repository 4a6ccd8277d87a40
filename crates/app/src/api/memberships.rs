//! The groups that a user is in: directly, through nesting, or by a group's filter.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};
use usher_domain::{GroupId, Rejection, directory::group::Group};

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Caller, Segments},
    hal::{Origin, cut},
    show, users,
};

/// The attributes that a filter over memberships may name.
pub(crate) const ATTRIBUTES: &[&str] = &["id", "name", "type"];

/// `GET users/{id}/memberOfGroups`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let user = users::find(&app, ids.id(0), ids.id(1)).await?;
    let (filter, page) = (origin.filter(Some(ATTRIBUTES))?, origin.page(1000)?);
    let full = !origin.words("expand", &["group"])?.is_empty();
    let mut groups = app.directory.groups_of(user.environment, user.id).await?;
    if let Some(filter) = filter {
        groups.retain(|(group, kind)| {
            filter.matches(&json!({ "id": group.id, "name": group.name, "type": kind }))
        });
    }
    let count = groups.len() as u64;
    let page = cut(groups, |(group, _)| group.id.uuid(), &page);
    let shown = page.items.iter().map(|(group, kind)| show::membership(&origin, user.id, group, kind, full));
    let items: Vec<Value> = shown.collect();
    let page = usher_domain::ports::store::Page { items, next: page.next };
    Ok(Json(origin.listing("groupMemberships", page, Some(count))).into_response())
}

/// `POST users/{id}/memberOfGroups` with `{"id": group}`
pub(crate) async fn add(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let id = group_of(&body)?;
    let group: Group = app.directory.add_member(&caller.by(), ids.id(0), ids.id(1), id).await?;
    let shown = show::membership(&origin, ids.id(1), &group, "DIRECT", false);
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// `GET users/{id}/memberOfGroups/{group}`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let user = users::find(&app, ids.id(0), ids.id(1)).await?;
    let wanted: GroupId = ids.id(2);
    let groups = app.directory.groups_of(user.environment, user.id).await?;
    let Some((group, kind)) = groups.iter().find(|(group, _)| group.id == wanted) else {
        return Err(Rejection::not_found("group membership", wanted).into());
    };
    let full = !origin.words("expand", &["group"])?.is_empty();
    Ok(Json(show::membership(&origin, user.id, group, kind, full)).into_response())
}

/// `DELETE users/{id}/memberOfGroups/{group}`
pub(crate) async fn remove(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.remove_member(&caller.by(), ids.id(0), ids.id(1), ids.id(2)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The group that a body names.
pub(crate) fn group_of(body: &Body) -> ApiResult<GroupId> {
    let id = body.object.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    id.ok_or_else(|| Rejection::field("INVALID_VALUE", "id", "must be the id of a group").into())
}
