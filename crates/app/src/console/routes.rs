//! Every page, with its method and what it needs of who looks at it: the one place.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware::from_fn_with_state,
    response::Redirect,
    routing::{MethodRouter, get, post},
};
use tower_http::timeout::TimeoutLayer;

use super::{
    account, assets,
    error::ConsoleError,
    form,
    gate::{
        self,
        Needs::{self, May, Nothing, SignedIn},
    },
    overview, sign_in, users,
};
use crate::{
    access::permission::Permission::{ReadIdentities, WriteIdentities},
    correlation,
    state::AppState,
};

/// How long a page may take, in all.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120);

/// The pages below `/console`.
#[rustfmt::skip]
fn table() -> Vec<(&'static str, Needs, MethodRouter<AppState>)> {
    vec![
        ("/sign-in", Nothing, get(sign_in::show)),
        ("/sign-in", Nothing, post(sign_in::enter)),
        ("/sign-out", SignedIn, post(sign_in::leave)),
        ("/theme", SignedIn, post(sign_in::theme)),

        ("", SignedIn, get(overview::show)),
        ("/account", SignedIn, get(account::show)),
        ("/account/sign-out-everywhere", SignedIn, post(account::sign_out_everywhere)),

        ("/users", May(ReadIdentities), get(users::list)),
        ("/users", May(WriteIdentities), post(users::create)),
        ("/users/new", May(WriteIdentities), get(users::new)),
        ("/users/{id}", May(ReadIdentities), get(users::show)),
        ("/users/{id}/edit", May(WriteIdentities), get(users::edit)),
        ("/users/{id}/edit", May(WriteIdentities), post(users::change)),
        ("/users/{id}/enabled", May(WriteIdentities), post(users::set_enabled)),
        ("/users/{id}/provision", May(WriteIdentities), post(users::provision)),
        ("/users/{id}/explanation", May(ReadIdentities), get(users::explain)),
        ("/users/{id}/delete", May(WriteIdentities), get(users::confirm_delete)),
        ("/users/{id}/delete", May(WriteIdentities), post(users::delete)),
        ("/users/{id}/groups", May(WriteIdentities), post(users::join)),
        ("/users/{id}/groups/{group}/leave", May(WriteIdentities), post(users::leave)),
    ]
}

/// The whole console.
pub(crate) fn router(app: AppState) -> Router {
    let mut console = Router::new();
    for (path, needs, handler) in table() {
        let path = format!("/console{path}");
        console =
            console.route(&path, handler.route_layer(from_fn_with_state((app.clone(), needs), gate::guard)));
    }
    let lost = get(|| async { ConsoleError::no_such_page() });
    console
        .route("/console/{*rest}", lost.route_layer(from_fn_with_state((app.clone(), SignedIn), gate::guard)))
        .route("/console/", get(|| async { Redirect::permanent("/console") }))
        .route("/", get(|| async { Redirect::to("/console") }))
        .route("/console/assets/{name}", get(assets::serve))
        .layer(DefaultBodyLimit::max(form::FILE_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, TIMEOUT))
        .layer(from_fn_with_state(app.clone(), correlation::correlate))
        .with_state(app)
}
