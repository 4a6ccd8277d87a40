//! The token endpoint: OAuth 2.0 client credentials (RFC 6749 §4.4), errors as in §5.2.

use axum::{
    Form, Json,
    body::Body,
    extract::{FromRequest as _, Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::json;
use usher_domain::{
    ClientId, EnvironmentId, Secret, Timestamp,
    access::{WorkerClient, keys::TOKEN_LIFETIME},
};

use super::{AppState, error::ApiError};
use crate::{
    access::{
        password::{self, Place},
        source::{network, source},
        token::Bearer,
    },
    body::{self, Allowed, BodyFault},
    web::retry_after,
};

/// What a client sends. Fields that are not for this grant are ignored, as the RFC says.
#[derive(Deserialize)]
pub(crate) struct TokenRequest {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// `POST /{environmentId}/as/token`
pub(crate) async fn token(
    State(app): State<AppState>,
    Path(environment): Path<String>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let (headers, extensions) = (parts.headers.clone(), parts.extensions.clone());
    let body = match body::read(&headers, body, Allowed::GUEST).await {
        Ok(body) => Body::from(body),
        Err(fault) => return unread(fault),
    };
    let form = Form::<TokenRequest>::from_request(Request::from_parts(parts, body), &app).await;
    let Ok(Form(form)) = form else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_request", "Send application/x-www-form-urlencoded.");
    };
    match form.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => {
            let what = "The grant_type must be client_credentials.";
            return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type", what);
        }
        None => return refuse(StatusCode::BAD_REQUEST, "invalid_request", "The grant_type is missing."),
    }
    let given = basic(&headers).or_else(|| Some((form.client_id?, Secret::new(form.client_secret?))));
    let Some((id, secret)) = given else {
        let what = "Send the client's id and secret, as HTTP Basic or in the form.";
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client", what);
    };
    let now = app.clock.now();
    let from = source(&extensions, &headers, &app.trusted_proxies);
    if let Some(wait) = app.failures.shut(&id, from, now) {
        let what = "Too many failed attempts. Try again after the time in Retry-After.";
        let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "invalid_client", what);
        response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait));
        return response;
    }
    let place = match password::place() {
        Ok(place) => place,
        Err(busy) => {
            let mut response =
                refuse(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", &busy.to_string());
            response.headers_mut().insert(header::RETRY_AFTER, retry_after(password::RETRY_AFTER));
            return response;
        }
    };
    let environment = environment.parse::<EnvironmentId>();
    let known = match (&environment, id.parse::<ClientId>()) {
        (Ok(environment), Ok(id)) => match app.store.client(*environment, id).await {
            Ok(client) => client,
            Err(error) => return ApiError::from(error).into_response(),
        },
        _ => None,
    };
    let client = known.clone().filter(|client| client.enabled);
    let verified = secret_is_good(&place, client.as_ref(), secret, now).await;
    drop(place);
    let Some(client) = client.filter(|_| verified) else {
        app.failures.failed(&id, from, now);
        match (known, environment) {
            (Some(known), _) => app.guesses.wrong_secret(&known, from).await,
            (None, Ok(environment)) => match app.store.environment(environment).await {
                Ok(Some(_)) => app.guesses.unknown_client(environment, from).await,
                Ok(None) => {}
                Err(error) => return ApiError::from(error).into_response(),
            },
            (None, Err(_)) => {}
        }
        tracing::warn!(client = %id, from = %network(from), "a client was refused a token");
        let what = "No enabled client of this environment has this id and secret.";
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client", what);
    };
    app.failures.succeeded(&id, from, now);
    let bearer =
        Bearer { client: client.id, environment: client.environment, generation: client.token_generation };
    match app.tokens.sign(bearer, now, app.ids.next()).await {
        Err(error) => ApiError::from(error).into_response(),
        Ok(Some(token)) => Json(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME.as_secs(),
        }))
        .into_response(),
        Ok(None) => ApiError::unexpected("there is no signing key").into_response(),
    }
}

/// Whether this is the client's secret, or the one before it that may still be used. As slow without a client as with one.
async fn secret_is_good(
    place: &Place,
    client: Option<&WorkerClient>,
    secret: Secret,
    now: Timestamp,
) -> bool {
    let old = client.and_then(|client| client.old_secret.as_ref()).filter(|old| old.is_good(now));
    let hash = client.map(|client| client.secret_hash.clone());
    if password::verify(place, secret.clone(), hash).await {
        return true;
    }
    match old {
        Some(old) => password::verify(place, secret, Some(old.hash.clone())).await,
        None => false,
    }
}

/// The body could not be read.
fn unread(fault: BodyFault) -> Response {
    let status = match fault {
        BodyFault::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        BodyFault::Paused(_) | BodyFault::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
        BodyFault::Broken => StatusCode::BAD_REQUEST,
    };
    refuse(status, "invalid_request", &fault.to_string())
}

/// `client_secret_basic`: both parts are form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, Secret)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    Some((decode(id), Secret::new(decode(secret))))
}

fn refuse(status: StatusCode, error: &str, description: &str) -> Response {
    let mut response =
        (status, Json(json!({ "error": error, "error_description": description }))).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Basic"));
    }
    response
}
