//! Every route, with its method, the permission that it needs and what it takes and gives: the one table. The router
//! and the OpenAPI page are made from it.
//!
//! To add a route: a row in the part of the table that it belongs to; see [`Route`].

mod access;
mod audit;
mod directory;
mod provisioning;
mod route;
mod server;
mod webhooks;

use axum::{
    Router,
    extract::Request,
    http::{Method, StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use super::{AppState, correlation, error::ApiError, gate};
use crate::web;

pub(crate) use route::{Gives, Route};

/// How long a request may take, in all.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120);

/// Every route of the API.
pub(crate) fn table() -> Vec<Route> {
    [
        access::table(),
        directory::table(),
        provisioning::table(),
        audit::table(),
        webhooks::table(),
        server::table(),
        server::watched(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The whole API.
pub(crate) fn router(app: AppState) -> Router {
    routed(table(), app)
}

/// What a process with `--role worker` serves.
pub(crate) fn worker_router(app: AppState) -> Router {
    routed(server::watched(), app)
}

fn routed(table: Vec<Route>, app: AppState) -> Router {
    let mut router = Router::new();
    for Route { path, permission, handler, .. } in table {
        let handler = match permission {
            Some(permission) => {
                handler.route_layer(from_fn_with_state((app.clone(), permission), gate::guard))
            }
            None => handler,
        };
        router = router.route(&path, handler);
    }
    layered(router, app)
}

/// What every request of the API goes through before and after its route.
fn layered(router: Router<AppState>, app: AppState) -> Router {
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(web::limit_head))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, TIMEOUT))
        .layer(CatchPanicLayer::custom(web::panicked))
        .layer(from_fn_with_state(app.clone(), correlation::correlate))
        .with_state(app)
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
mod tests;
