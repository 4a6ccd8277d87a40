//! Every route, with the method and the permission that it needs: the one place.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{Method, StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, patch, post, put},
};
use serde_json::json;
use tower_http::timeout::TimeoutLayer;

use super::{
    AppState, correlation, environments, error::ApiError, explanation, extract, gate, groups, imports,
    mappings, memberships, plans, populations, revisions, rules, runs, stores, syncs, token, users,
};
use crate::access::permission::Permission::{
    self, ApproveSyncs, ReadConfiguration, ReadIdentities, WriteConfiguration, WriteIdentities,
};

/// How long a request may take, in all.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120);

/// The routes below `/v1/environments/{environment}`.
#[rustfmt::skip]
fn table() -> Vec<(&'static str, Permission, MethodRouter<AppState>)> {
    vec![
        ("", ReadConfiguration, get(environments::read)),
        ("", WriteConfiguration, put(environments::replace)),

        ("/populations", ReadConfiguration, get(populations::list)),
        ("/populations", WriteConfiguration, post(populations::create)),
        ("/populations/{id}", ReadConfiguration, get(populations::read)),
        ("/populations/{id}", WriteConfiguration, put(populations::replace)),
        ("/populations/{id}", WriteConfiguration, delete(populations::remove)),

        ("/users", ReadIdentities, get(users::list)),
        ("/users", WriteIdentities, post(users::create)),
        ("/users/{id}", ReadIdentities, get(users::read)),
        ("/users/{id}", WriteIdentities, put(users::replace)),
        ("/users/{id}", WriteIdentities, patch(users::update)),
        ("/users/{id}", WriteIdentities, delete(users::remove)),
        ("/users/{id}/enabled", ReadIdentities, get(users::enabled)),
        ("/users/{id}/enabled", WriteIdentities, put(users::set_enabled)),
        ("/users/{id}/population", ReadIdentities, get(users::population)),
        ("/users/{id}/population", WriteIdentities, put(users::set_population)),
        ("/users/{id}/memberOfGroups", ReadIdentities, get(memberships::list)),
        ("/users/{id}/memberOfGroups", WriteIdentities, post(memberships::add)),
        ("/users/{id}/memberOfGroups/{group}", ReadIdentities, get(memberships::read)),
        ("/users/{id}/memberOfGroups/{group}", WriteIdentities, delete(memberships::remove)),
        ("/users/{id}/explanation", ReadIdentities, get(explanation::explain)),
        ("/users/{id}/syncedRules", ReadIdentities, get(syncs::rules_of_user)),
        ("/users/{id}/syncedRules/{rule}", ReadIdentities, get(syncs::rule_of_user)),
        ("/imports/users", WriteIdentities, post(imports::users).layer(DefaultBodyLimit::max(extract::BULK_LIMIT))),
        ("/imports/groups", WriteIdentities, post(imports::groups).layer(DefaultBodyLimit::max(extract::BULK_LIMIT))),

        ("/groups", ReadIdentities, get(groups::list)),
        ("/groups", WriteIdentities, post(groups::create)),
        ("/groups/{id}", ReadIdentities, get(groups::read)),
        ("/groups/{id}", WriteIdentities, put(groups::replace)),
        ("/groups/{id}", WriteIdentities, delete(groups::remove)),
        ("/groups/{id}/memberOfGroups", ReadIdentities, get(groups::nestings)),
        ("/groups/{id}/memberOfGroups", WriteIdentities, post(groups::nest)),
        ("/groups/{id}/memberOfGroups/{parent}", ReadIdentities, get(groups::nesting)),
        ("/groups/{id}/memberOfGroups/{parent}", WriteIdentities, delete(groups::unnest)),
        ("/groups/{id}/syncedRules", ReadIdentities, get(syncs::rules_of_group)),
        ("/groups/{id}/syncedRules/{rule}", ReadIdentities, get(syncs::rule_of_group)),

        ("/propagation/plans", ReadConfiguration, get(plans::list)),
        ("/propagation/plans", WriteConfiguration, post(plans::create)),
        ("/propagation/plans/{id}", ReadConfiguration, get(plans::read)),
        ("/propagation/plans/{id}", WriteConfiguration, put(plans::replace)),
        ("/propagation/plans/{id}", WriteConfiguration, delete(plans::remove)),
        ("/propagation/plans/{id}/rules", ReadConfiguration, get(rules::list_of_plan)),
        ("/propagation/plans/{id}/rules", WriteConfiguration, post(rules::create_in_plan)),

        ("/propagation/stores", ReadConfiguration, get(stores::list)),
        ("/propagation/stores", WriteConfiguration, post(stores::create)),
        ("/propagation/stores/{id}", ReadConfiguration, get(stores::read)),
        ("/propagation/stores/{id}", WriteConfiguration, put(stores::replace)),
        ("/propagation/stores/{id}", WriteConfiguration, delete(stores::remove)),
        ("/propagation/stores/connection/status", WriteConfiguration, post(stores::test)),

        ("/propagation/rules", ReadConfiguration, get(rules::list)),
        ("/propagation/rules", WriteConfiguration, post(rules::create)),
        ("/propagation/rules/{id}", ReadConfiguration, get(rules::read)),
        ("/propagation/rules/{id}", WriteConfiguration, put(rules::replace)),
        ("/propagation/rules/{id}", WriteConfiguration, delete(rules::remove)),
        ("/propagation/rules/{id}/mappings", ReadConfiguration, get(mappings::list)),
        ("/propagation/rules/{id}/mappings", WriteConfiguration, post(mappings::create)),
        ("/propagation/rules/{id}/preview", ReadConfiguration, post(syncs::preview)),
        ("/propagation/rules/{id}/syncs", WriteConfiguration, post(syncs::start)),
        ("/propagation/rules/{id}/syncStatus", ReadConfiguration, get(syncs::status)),
        ("/propagation/rules/{id}/syncedUsers", ReadIdentities, get(syncs::users)),
        ("/propagation/rules/{id}/syncedGroups", ReadIdentities, get(syncs::groups)),
        ("/propagation/rules/{id}/runs", ReadConfiguration, get(runs::list)),

        ("/propagation/mappings/{id}", ReadConfiguration, get(mappings::read)),
        ("/propagation/mappings/{id}", WriteConfiguration, put(mappings::replace)),
        ("/propagation/mappings/{id}", WriteConfiguration, delete(mappings::remove)),
        ("/propagation/mapping/{id}", WriteConfiguration, delete(mappings::remove)),

        ("/propagation/revisions", WriteConfiguration, post(revisions::create)),
        ("/propagation/revisions/{id}", ReadConfiguration, get(revisions::read)),

        ("/propagation/runs/{id}", ReadConfiguration, get(runs::read)),
        ("/propagation/runs/{id}/operations", ReadConfiguration, get(runs::operations)),
        ("/propagation/runs/{id}/approval", ApproveSyncs, post(runs::approve)),
        ("/propagation/runs/{id}/cancellation", ApproveSyncs, post(runs::cancel)),
    ]
}

/// The whole API.
pub(crate) fn router(app: AppState) -> Router {
    let mut v1 = Router::new().route(
        "/v1/environments",
        get(environments::list)
            .route_layer(from_fn_with_state((app.clone(), ReadConfiguration), gate::guard)),
    );
    for (path, permission, handler) in table() {
        let path = format!("/v1/environments/{{environment}}{path}");
        v1 = v1.route(&path, handler.route_layer(from_fn_with_state((app.clone(), permission), gate::guard)));
    }
    v1.route("/{environment}/as/token", post(token::token))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(extract::BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, TIMEOUT))
        .layer(from_fn_with_state(app.clone(), correlation::correlate))
        .with_state(app)
}

/// `GET /healthz`: alive. Names the environment where there is only one, so that a command line need not.
async fn alive(State(app): State<AppState>) -> Response {
    let environments = app.store.environments().await.unwrap_or_default();
    let environment = match environments.as_slice() {
        [one] => Some(one.id),
        _ => None,
    };
    Json(json!({ "status": "alive", "environment": environment })).into_response()
}

/// `GET /readyz`: the database answers, and its schema is this version's.
async fn ready(State(app): State<AppState>) -> Response {
    match app.store.ready().await {
        Ok(()) => Json(json!({ "status": "ready" })).into_response(),
        Err(error) => ApiError::unavailable(error).into_response(),
    }
}

async fn nothing_here(request: Request) -> ApiError {
    ApiError::no_such_route(request.uri().path())
}

async fn wrong_method(method: Method, request: Request) -> Response {
    let mut response = ApiError::method_not_allowed(&method, request.uri().path()).into_response();
    // axum names the methods that there are; the body is ours.
    if let Some(allow) = response.headers_mut().remove(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_changes_something_never_needs_only_a_reading_role() {
        for (path, permission, handler) in table() {
            let shown = format!("{handler:?}");
            let reads = shown.contains("get: Route") || shown.contains("get: BoxedHandler");
            let is_preview = path.ends_with("/preview");
            let reading = matches!(permission, ReadIdentities | ReadConfiguration);
            assert_eq!(reads || is_preview, reading, "{path}");
        }
    }
}
