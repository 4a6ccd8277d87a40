//! Connections, which the API calls stores; and testing one.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};
use usher_domain::{
    ConnectionId, EnvironmentId, Rejection, Timestamp,
    ports::{
        connector::CheckStatus,
        store::{Page, PageRequest},
    },
    provisioning::{
        connection::{Connection, Health},
        rule::Direction,
    },
    reconcile::{
        census::{Belonging, census as count},
        run::{Run, RunState},
        status::StatusCounts,
    },
};

use super::{
    AppState,
    error::{ApiError, ApiResult},
    extract::{Body, Caller, Segments},
    hal::{Origin, cut},
    show,
};

/// `GET propagation/stores`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.store.connections(ids.id(0)).await?;
    let count = found.len() as u64;
    let page = cut(found, |connection| connection.id.uuid(), &origin.page(1000)?);
    let mut items: Vec<Value> = Vec::with_capacity(page.items.len());
    for connection in &page.items {
        items.push(shown(&app, &origin, connection).await?);
    }
    Ok(Json(origin.listing("stores", Page { items, next: page.next }, Some(count))).into_response())
}

/// `POST propagation/stores`: made active, it is tested first.
pub(crate) async fn create(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let made =
        app.reconciler.create_connection(&app.directory, &caller.by(), ids.id(0), &body.object).await?;
    Ok((StatusCode::CREATED, Json(shown(&app, &origin, &made).await?)).into_response())
}

/// `GET propagation/stores/{id}`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = find(&app, ids.id(0), ids.id(1)).await?;
    Ok(Json(shown(&app, &origin, &found).await?).into_response())
}

/// `PUT propagation/stores/{id}`: switched on, or let in another way while on, it is tested first.
pub(crate) async fn replace(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let (environment, id): (EnvironmentId, ConnectionId) = (ids.id(0), ids.id(1));
    let by = caller.by();
    let changed =
        app.reconciler.replace_connection(&app.directory, &by, environment, id, &body.object).await?;
    Ok(Json(shown(&app, &origin, &changed).await?).into_response())
}

/// `DELETE propagation/stores/{id}`
pub(crate) async fn remove(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.delete_connection(&caller.by(), ids.id(0), ids.id(1)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST propagation/stores/connection/status`: tests a store that is, or is to be. A body with the `id` of a store,
/// and nothing else that differs, also tells that store's health.
pub(crate) async fn test(
    State(app): State<AppState>,
    ids: Segments,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let environment: EnvironmentId = ids.id(0);
    let id = match body.object.get("id") {
        None | Some(Value::Null) => None,
        Some(id) => {
            let parsed = id.as_str().and_then(|id| id.parse::<ConnectionId>().ok());
            let there = match parsed {
                Some(id) => app.store.connection(environment, id).await?.map(|store| store.id),
                None => None,
            };
            let what = "must be the id of a store of this environment; leave it out for one that is to be";
            Some(there.ok_or_else(|| Rejection::field("INVALID_VALUE", "id", what))?)
        }
    };
    let (draft, _) = app.directory.draft_connection(&caller.by(), environment, id, &body.object).await?;
    let (report, health) = app.reconciler.test_for(&app.directory, &caller.by(), &draft).await?;
    if let Some(id) = id {
        let kept = find(&app, environment, id).await?;
        if kept.configuration == draft.configuration && kept.secrets == draft.secrets {
            app.directory.connection_tested(&kept, &health).await?;
        }
    }
    match health {
        Health::Broken { .. } => {
            let details =
                report.checks.iter().filter(|check| check.status == CheckStatus::Failed).map(|check| {
                    usher_domain::Detail::new("INVALID_VALUE", check.name.clone(), check.detail.clone())
                });
            let refused = Rejection {
                code: "INVALID_DATA",
                message: "The connection test failed.".into(),
                details: details.collect(),
            };
            Err(ApiError::from(refused).with("checks", json!(report.checks)))
        }
        _ => Ok(Json(json!({ "status": "SUCCESS", "checks": report.checks })).into_response()),
    }
}

/// `GET propagation/stores/{id}/census`: the accounts that are there, counted against the directory.
pub(crate) async fn census(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
) -> ApiResult {
    let connection = find(&app, ids.id(0), ids.id(1)).await?;
    let limit = origin.page(1000)?.limit as usize;
    let only = match origin.query("belonging").map(str::to_uppercase) {
        None => None,
        Some(text) => match serde_json::from_value::<Belonging>(json!(text)) {
            Ok(belonging) => Some(belonging),
            Err(_) => {
                let what = "must be MATCHED, UNMATCHED or AMBIGUOUS";
                return Err(Rejection::field("INVALID_VALUE", "belonging", what).into());
            }
        },
    };
    let counted = app.reconciler.headcount(&connection).await?;
    let census = count(&counted.seen, &counted.links, &counted.users, &counted.policy);
    Ok(Json(show::census(&origin, &connection, &census, only, limit, caller.people())).into_response())
}

async fn find(app: &AppState, environment: EnvironmentId, id: ConnectionId) -> ApiResult<Connection> {
    let found = app.store.connection(environment, id).await?;
    found.ok_or_else(|| Rejection::not_found("store", id).into())
}

/// A connection with the counts of its outbound rules.
async fn shown(app: &AppState, origin: &Origin, connection: &Connection) -> ApiResult<Value> {
    let mut users: Option<StatusCounts> = None;
    let mut last: Option<Timestamp> = None;
    for rule in app.store.rules(connection.environment).await? {
        if rule.direction == Direction::Outbound && rule.target == connection.id {
            let (of_rule, _) = app.store.status_counts(rule.id).await?;
            let sum = users.get_or_insert_default();
            sum.impacted += of_rule.impacted;
            sum.success += of_rule.success;
            sum.unsynced += of_rule.unsynced;
            sum.partial += of_rule.partial;
            sum.failed += of_rule.failed;
            let latest = app.store.runs(rule.id, &PageRequest { after: None, limit: 20 }).await?.items;
            let done = |run: &Run| matches!(run.state, RunState::Succeeded | RunState::Partial);
            last = last.max(latest.iter().filter(|run| done(run)).find_map(|run| run.finished_at));
        }
    }
    Ok(show::connection(origin, connection, users, last))
}
