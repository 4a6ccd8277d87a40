//! Every page, with its method and what it needs of who looks at it: the one place.

use axum::{
    Router,
    http::StatusCode,
    middleware::from_fn_with_state,
    response::Redirect,
    routing::{MethodRouter, get, post},
};
use tower_http::timeout::TimeoutLayer;

use super::{
    account, assets, audit,
    error::ConsoleError,
    gate::{
        self,
        Needs::{self, May, Nothing, SignedIn},
    },
    groups, import, overview, populations, provider, provisioning as p, settings, sign_in, users,
};
use crate::{
    access::permission::Permission::{
        ApproveSyncs, ReadActivities, ReadConfiguration, ReadIdentities, WriteAccess, WriteConfiguration,
        WriteIdentities,
    },
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
        ("/sign-in/code", Nothing, get(sign_in::ask_code)),
        ("/sign-in/code", Nothing, post(sign_in::enter_code)),
        ("/sign-in/provider", Nothing, get(provider::go)),
        ("/sign-in/provider/callback", Nothing, get(provider::back)),
        ("/sign-out", SignedIn, post(sign_in::leave)),
        ("/theme", SignedIn, post(sign_in::theme)),

        ("", SignedIn, get(overview::show)),
        ("/account", SignedIn, get(account::show)),
        ("/account/sign-out-everywhere", SignedIn, post(account::sign_out_everywhere)),
        ("/account/password", SignedIn, post(account::change_password)),
        ("/account/totp", SignedIn, post(account::begin_totp)),
        ("/account/totp/confirm", SignedIn, post(account::confirm_totp)),
        ("/account/totp/off", SignedIn, post(account::remove_totp)),

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

        ("/groups", May(ReadIdentities), get(groups::list)),
        ("/groups", May(WriteIdentities), post(groups::create)),
        ("/groups/new", May(WriteIdentities), get(groups::new)),
        ("/groups/{id}", May(ReadIdentities), get(groups::show)),
        ("/groups/{id}/edit", May(WriteIdentities), get(groups::edit)),
        ("/groups/{id}/edit", May(WriteIdentities), post(groups::change)),
        ("/groups/{id}/nest", May(WriteIdentities), post(groups::nest)),
        ("/groups/{id}/parents/{parent}/leave", May(WriteIdentities), post(groups::unnest)),
        ("/groups/{id}/delete", May(WriteIdentities), get(groups::confirm_delete)),
        ("/groups/{id}/delete", May(WriteIdentities), post(groups::delete)),

        ("/populations", May(ReadConfiguration), get(populations::list)),
        ("/populations", May(WriteConfiguration), post(populations::create)),
        ("/populations/new", May(WriteConfiguration), get(populations::new)),
        ("/populations/{id}", May(ReadConfiguration), get(populations::show)),
        ("/populations/{id}/edit", May(WriteConfiguration), get(populations::edit)),
        ("/populations/{id}/edit", May(WriteConfiguration), post(populations::change)),
        ("/populations/{id}/delete", May(WriteConfiguration), post(populations::delete)),

        ("/import", May(WriteIdentities), get(import::show)),
        ("/import", May(WriteIdentities), post(import::import)),

        ("/audit", May(ReadActivities), get(audit::list)),
        ("/audit/verify", May(WriteConfiguration), post(audit::verify)),

        ("/settings", May(ReadConfiguration), get(settings::show_all)),
        ("/settings/administrators", May(WriteAccess), post(settings::administrators::create)),
        ("/settings/administrators/new", May(WriteAccess), get(settings::administrators::new)),
        ("/settings/administrators/{id}", May(WriteAccess), get(settings::administrators::edit)),
        ("/settings/administrators/{id}", May(WriteAccess), post(settings::administrators::change)),
        ("/settings/administrators/{id}/password", May(WriteAccess), post(settings::administrators::set_password)),
        ("/settings/administrators/{id}/totp/off", May(WriteAccess), post(settings::administrators::remove_totp)),
        ("/settings/administrators/{id}/provider/off", May(WriteAccess), post(settings::administrators::release)),
        ("/settings/administrators/{id}/delete", May(WriteAccess), post(settings::administrators::delete)),
        ("/settings/clients", May(WriteAccess), post(settings::clients::create)),
        ("/settings/clients/new", May(WriteAccess), get(settings::clients::new)),
        ("/settings/clients/{id}", May(WriteAccess), get(settings::clients::edit)),
        ("/settings/clients/{id}", May(WriteAccess), post(settings::clients::change)),
        ("/settings/clients/{id}/secret", May(WriteAccess), post(settings::clients::rotate)),
        ("/settings/clients/{id}/delete", May(WriteAccess), post(settings::clients::delete)),
        ("/settings/guard", May(WriteConfiguration), get(settings::guard::edit)),
        ("/settings/guard", May(WriteConfiguration), post(settings::guard::change)),
        ("/settings/webhooks", May(WriteConfiguration), post(settings::webhooks::create)),
        ("/settings/webhooks/new", May(WriteConfiguration), get(settings::webhooks::new)),
        ("/settings/webhooks/{id}", May(ReadConfiguration), get(settings::webhooks::show)),
        ("/settings/webhooks/{id}/edit", May(WriteConfiguration), get(settings::webhooks::edit)),
        ("/settings/webhooks/{id}/edit", May(WriteConfiguration), post(settings::webhooks::change)),
        ("/settings/webhooks/{id}/toggle", May(WriteConfiguration), post(settings::webhooks::toggle)),
        ("/settings/webhooks/{id}/secret", May(WriteConfiguration), post(settings::webhooks::rotate)),
        ("/settings/webhooks/{id}/delete", May(WriteConfiguration), post(settings::webhooks::delete)),

        ("/connections", May(ReadConfiguration), get(p::connections)),
        ("/connections/new", May(WriteConfiguration), get(p::choose)),
        ("/connections/new/dropbox", May(WriteConfiguration), get(p::new)),
        ("/connections/new/dropbox", May(WriteConfiguration), post(p::create)),
        ("/connections/{id}", May(ReadConfiguration), get(p::connection)),
        ("/connections/{id}/edit", May(WriteConfiguration), get(p::edit)),
        ("/connections/{id}/edit", May(WriteConfiguration), post(p::change)),
        ("/connections/{id}/actions", May(WriteConfiguration), get(p::actions)),
        ("/connections/{id}/actions", May(WriteConfiguration), post(p::save_actions)),
        ("/connections/{id}/census", May(ReadIdentities), get(p::census)),
        ("/connections/{id}/test", May(WriteConfiguration), post(p::test)),
        ("/connections/{id}/toggle", May(WriteConfiguration), post(p::toggle_connection)),
        ("/connections/{id}/delete", May(WriteConfiguration), get(p::confirm_delete_connection)),
        ("/connections/{id}/delete", May(WriteConfiguration), post(p::delete_connection)),

        ("/rules", May(ReadConfiguration), get(p::rules)),
        ("/rules/new", May(WriteConfiguration), get(p::begin)),
        ("/rules/new", May(WriteConfiguration), post(p::step)),
        ("/rules/filter", May(WriteConfiguration), post(p::filter_part)),
        ("/rules/{id}", May(ReadConfiguration), get(p::overview)),
        ("/rules/{id}/directory", May(ReadIdentities), get(p::directory)),
        ("/rules/{id}/mapping", May(ReadConfiguration), get(p::mapping)),
        ("/rules/{id}/onboarding", May(ReadConfiguration), get(p::onboarding)),
        ("/rules/{id}/runs", May(ReadConfiguration), get(p::runs_of_rule)),
        ("/rules/{id}/preview", May(ReadConfiguration), get(p::preview)),
        ("/rules/{id}/edit", May(WriteConfiguration), get(p::reopen)),
        ("/rules/{id}/edit", May(WriteConfiguration), post(p::step_of)),
        ("/rules/{id}/toggle", May(WriteConfiguration), post(p::toggle_rule)),
        ("/rules/{id}/sync", May(WriteConfiguration), post(p::resync)),
        ("/rules/{id}/retry", May(WriteConfiguration), post(p::retry)),
        ("/rules/{id}/delete", May(WriteConfiguration), get(p::confirm_delete_rule)),
        ("/rules/{id}/delete", May(WriteConfiguration), post(p::delete_rule)),

        ("/runs", May(ReadConfiguration), get(p::runs)),
        ("/runs/{id}", May(ReadConfiguration), get(p::run)),
        ("/runs/{id}/approve", May(ApproveSyncs), post(p::approve)),
        ("/runs/{id}/cancel", May(ApproveSyncs), post(p::cancel)),
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
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, TIMEOUT))
        .layer(from_fn_with_state(app.clone(), correlation::correlate))
        .with_state(app)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::permission::Permission;

    #[test]
    fn a_form_that_changes_something_never_needs_only_a_reading_role() {
        use Permission::*;
        for (path, needs, handler) in table() {
            let shown = format!("{handler:?}");
            let posts = shown.contains("post: BoxedHandler") || shown.contains("post: Route");
            let reading =
                matches!(needs, May(ReadIdentities | ReadConfiguration | ReadAccess | ReadActivities));
            assert!(!(posts && reading), "{path} changes something for who may only read");
            // Whoever is not signed in changes nothing but that.
            assert!(needs != Nothing || path.starts_with("/sign-in"), "{path} is open to everyone");
        }
    }
}
