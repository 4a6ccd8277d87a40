//! The gate in front of every route of `/v1`: a good token, for this environment, with a role that suffices.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use usher_domain::{EnvironmentId, directory::audit::Actor};

use super::{AppState, error::ApiError, extract::Caller};
use crate::access::permission::Permission;

/// Lets the request through to a route that needs `permission`, or answers 401 or 403.
pub(crate) async fn guard(
    State((app, permission)): State<(AppState, Permission)>,
    mut request: Request,
    next: Next,
) -> Response {
    let header = request.headers().get(header::AUTHORIZATION).cloned();
    // The environment of a route is always the first id in its path; a token is good for one environment only.
    let environment = request.uri().path().split('/').nth(3).and_then(|id| id.parse::<EnvironmentId>().ok());
    match admit(&app, permission, header, environment).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            let reads = request.method().is_safe();
            let response = next.run(request).await;
            // What was changed may have made something due: the workers of this process need not wait to find out.
            if !reads && response.status().is_success() {
                app.wake.notify_one();
                app.deliver.notify_one();
            }
            response
        }
        Err(error) => error.into_response(),
    }
}

async fn admit(
    app: &AppState,
    permission: Permission,
    header: Option<HeaderValue>,
    environment: Option<EnvironmentId>,
) -> Result<Caller, ApiError> {
    let token = header.as_ref().and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let Some(token) = token else {
        return Err(ApiError::unauthenticated(
            "The request has no access token. Get one from /{environmentId}/as/token and send it as a Bearer token.",
        ));
    };
    let now = app.clock.now();
    let Some(bearer) = app.tokens.verify(token, now).await? else {
        return Err(ApiError::unauthenticated(
            "The access token is not one of ours, or has expired. Get a new one from /{environmentId}/as/token.",
        ));
    };
    app.rates.take(bearer.client, now).map_err(ApiError::limited)?;
    if environment.is_some_and(|environment| environment != bearer.environment) {
        return Err(ApiError::forbidden("The access token is for another environment."));
    }
    let client = app.store.client(bearer.environment, bearer.client).await?.filter(|client| client.enabled);
    let Some(client) = client else {
        return Err(ApiError::unauthenticated(
            "The client of this access token does not exist any more, or is disabled.",
        ));
    };
    if client.token_generation != bearer.generation {
        return Err(ApiError::unauthenticated(
            "The access token was ended when the client got a new secret. Get a new one from /{environmentId}/as/token.",
        ));
    }
    if !permission.allows(&client.roles) {
        let names: Vec<&str> = permission.roles().iter().map(|role| role.name()).collect();
        return Err(ApiError::forbidden(&format!(
            "The client {} needs one of the roles {}.",
            client.name,
            names.join(", ")
        )));
    }
    let actor = Actor::Client { id: client.id.uuid(), name: client.name };
    Ok(Caller { actor, environment: bearer.environment, roles: client.roles })
}
