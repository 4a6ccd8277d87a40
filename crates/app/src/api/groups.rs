//! Groups, and groups in groups.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};
use usher_domain::{EnvironmentId, GroupId, Rejection, directory::group::Group, ports::store::Page};

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Caller, Segments},
    hal::{Origin, cut},
    memberships::{self, group_of},
    show,
};

/// The attributes that a filter over groups may name.
const ATTRIBUTES: &[&str] = &[
    "id",
    "name",
    "description",
    "externalId",
    "population.id",
    "userFilter",
    "memberOfGroups",
    "memberOfGroups.id",
    "memberOfGroups.type",
];

/// `GET groups`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let environment: EnvironmentId = ids.id(0);
    let (filter, page) = (origin.filter(Some(ATTRIBUTES))?, origin.page(1000)?);
    let mut found = app.store.groups(environment).await?;
    if let Some(filter) = filter {
        let nestings = app.store.nestings(environment).await?;
        found.retain(|group| {
            let parents = nestings.iter().filter(|nesting| nesting.child == group.id);
            let parents: Vec<Value> =
                parents.map(|nesting| json!({ "id": nesting.parent, "type": "DIRECT" })).collect();
            filter.matches(&json!({
                "id": group.id,
                "name": group.name,
                "description": group.description,
                "externalId": group.external_id,
                "population": { "id": group.population },
                "userFilter": group.user_filter,
                "memberOfGroups": parents,
            }))
        });
    }
    let count = found.len() as u64;
    let page = cut(found, |group| group.id.uuid(), &page);
    let shown: Vec<GroupId> = page.items.iter().map(|group| group.id).collect();
    let counts = app.store.member_counts(&shown).await?;
    let items = page.items.iter().map(|group| {
        let (_, users, groups) =
            counts.iter().find(|(id, ..)| *id == group.id).copied().unwrap_or((group.id, 0, 0));
        show::group(&origin, group, users, groups)
    });
    let page = Page { items: items.collect(), next: page.next };
    Ok(Json(origin.listing("groups", page, Some(count))).into_response())
}

/// `POST groups`
pub(crate) async fn create(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let made = app.directory.create_group(&caller.by(), ids.id(0), &body.object).await?;
    Ok((StatusCode::CREATED, Json(show::group(&origin, &made, 0, 0))).into_response())
}

/// `GET groups/{id}`, with `include=totalMemberCounts`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let group = find(&app, ids.id(0), ids.id(1)).await?;
    let mut shown = counted(&app, &origin, &group).await?;
    if !origin.words("include", &["totalMemberCounts"])?.is_empty() {
        let users = app.directory.members_of(group.environment, group.id).await?.len();
        shown["totalMemberCounts"] = json!({ "users": users });
    }
    Ok(Json(shown).into_response())
}

/// `PUT groups/{id}`
pub(crate) async fn replace(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let changed = app.directory.replace_group(&caller.by(), ids.id(0), ids.id(1), &body.object).await?;
    Ok(Json(counted(&app, &origin, &changed).await?).into_response())
}

/// `DELETE groups/{id}`
pub(crate) async fn remove(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.delete_group(&caller.by(), ids.id(0), ids.id(1)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET groups/{id}/memberOfGroups`: the groups that this one is nested in.
pub(crate) async fn nestings(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let group = find(&app, ids.id(0), ids.id(1)).await?;
    let (filter, page) = (origin.filter(Some(memberships::ATTRIBUTES))?, origin.page(1000)?);
    let mut parents = parents(&app, &group).await?;
    if let Some(filter) = filter {
        parents.retain(|parent| {
            filter.matches(&json!({ "id": parent.id, "name": parent.name, "type": "DIRECT" }))
        });
    }
    let count = parents.len() as u64;
    let page = cut(parents, |parent| parent.id.uuid(), &page);
    let items: Vec<Value> =
        page.items.iter().map(|parent| show::nesting(&origin, group.id, parent, "DIRECT")).collect();
    Ok(Json(origin.listing("groupMemberships", Page { items, next: page.next }, Some(count))).into_response())
}

/// `POST groups/{id}/memberOfGroups` with `{"id": parent}`
pub(crate) async fn nest(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let parent = group_of(&body)?;
    let parent: Group = app.directory.nest_group(&caller.by(), ids.id(0), ids.id(1), parent).await?;
    let shown = show::nesting(&origin, ids.id(1), &parent, "DIRECT");
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// `GET groups/{id}/memberOfGroups/{parent}`
pub(crate) async fn nesting(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let group = find(&app, ids.id(0), ids.id(1)).await?;
    let wanted: GroupId = ids.id(2);
    let parents = parents(&app, &group).await?;
    let Some(parent) = parents.iter().find(|parent| parent.id == wanted) else {
        return Err(Rejection::not_found("group nesting", wanted).into());
    };
    Ok(Json(show::nesting(&origin, group.id, parent, "DIRECT")).into_response())
}

/// `DELETE groups/{id}/memberOfGroups/{parent}`
pub(crate) async fn unnest(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.unnest_group(&caller.by(), ids.id(0), ids.id(1), ids.id(2)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn find(app: &AppState, environment: EnvironmentId, id: GroupId) -> ApiResult<Group> {
    let found = app.store.group(environment, id).await?;
    found.ok_or_else(|| Rejection::not_found("group", id).into())
}

async fn parents(app: &AppState, group: &Group) -> ApiResult<Vec<Group>> {
    let nestings = app.store.nestings(group.environment).await?;
    let mut groups = app.store.groups(group.environment).await?;
    groups.retain(|parent| {
        nestings.iter().any(|nesting| nesting.child == group.id && nesting.parent == parent.id)
    });
    Ok(groups)
}

async fn counted(app: &AppState, origin: &Origin, group: &Group) -> ApiResult<Value> {
    let counts = app.store.member_counts(&[group.id]).await?;
    let (_, users, groups) = counts.first().copied().unwrap_or((group.id, 0, 0));
    Ok(show::group(origin, group, users, groups))
}
