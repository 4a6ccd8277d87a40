//! The token endpoint, and who may call what.

use std::collections::{HashMap, HashSet};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::answer::Answer;
use crate::routes::Route;
use crate::team::{AccessToken, Team};

/// `POST /oauth2/token` with the refresh_token grant. The client proves itself in the form or by HTTP Basic.
pub(super) fn token(team: &mut Team, headers: &HeaderMap, body: &[u8]) -> Answer {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        let description = "the body must be application/x-www-form-urlencoded";
        return Answer::oauth(400, "invalid_request", description);
    }
    let form = form(body);
    let field = |name: &str| form.get(name).map(String::as_str);
    let basic = basic(headers);
    let (id, secret) = match &basic {
        Some((id, secret)) => (Some(id.as_str()), Some(secret.as_str())),
        None => (field("client_id"), field("client_secret")),
    };
    let known = id == Some(team.credentials.client_id.as_str())
        && secret == Some(team.credentials.client_secret.as_str());
    if !known {
        return Answer::oauth(400, "invalid_client: Invalid client_id or client_secret", "");
    }
    match field("grant_type") {
        Some("refresh_token") => {}
        None => return Answer::oauth(400, "invalid_request", "missing required field \"grant_type\""),
        Some(_) => {
            return Answer::oauth(400, "unsupported_grant_type", "grant_type must be \"refresh_token\"");
        }
    }
    let revoked = team.tokens.refresh_revoked
        || (team.switches.token_dies_with_administrator && !team.authoriser_is_active());
    match field("refresh_token") {
        None => return Answer::oauth(400, "invalid_request", "missing required field \"refresh_token\""),
        Some(token) if token == team.credentials.refresh_token && !revoked => {}
        Some(token) if token.is_empty() || !token.is_ascii() || token.contains(char::is_whitespace) => {
            return Answer::oauth(400, "invalid_grant", "refresh token is malformed");
        }
        Some(_) => return Answer::oauth(400, "invalid_grant", "refresh token is invalid or revoked"),
    }
    let asked: Option<HashSet<String>> =
        field("scope").map(|scope| scope.split_whitespace().map(str::to_owned).collect());
    if let Some(asked) = &asked
        && let Some(unknown) = asked.iter().find(|scope| !team.settings.token_scopes.contains(*scope))
    {
        return Answer::oauth(
            400,
            "invalid_scope",
            &format!("the authorization does not have \"{unknown}\""),
        );
    }
    let scopes = asked.clone().unwrap_or_else(|| team.settings.token_scopes.clone());
    let mut body = json!({
        "access_token": issue(team, scopes),
        "token_type": "bearer",
        "expires_in": team.settings.token_lifetime_s,
    });
    if asked.is_some() {
        body["scope"] = json!(field("scope"));
    }
    Answer::json(200, body.to_string().into_bytes())
}

/// Gives out an access token.
pub(super) fn issue(team: &mut Team, scopes: HashSet<String>) -> String {
    let now = team.now_ms();
    // Nobody uses a token that has expired; a long benchmark would keep them all.
    team.tokens.access.retain(|_, token| token.expires_ms + crate::clock::DAY_MS > now);
    let token = format!("sl.u.{}", team.ids.letters(120));
    let expires_ms = now + team.settings.token_lifetime_s * 1000;
    team.tokens.access.insert(token.clone(), AccessToken { expires_ms, scopes });
    token
}

/// Whether this request may call this route.
pub(super) fn permit(team: &mut Team, headers: &HeaderMap, route: Route) -> Result<(), Answer> {
    let path = route.path();
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let what = "Must provide HTTP header \"Authorization\" or URL parameter \"authorization\".";
        return Err(Answer::bad_input(path, what));
    };
    let value = value.to_str().unwrap_or_default();
    let Some(token) = value.strip_prefix("Bearer ") else {
        return Err(Answer::bad_input(
            path,
            &format!(
                "Invalid authorization value in HTTP header \"Authorization\": \"{value}\".  \
                 Expecting \"Bearer <oauth2-access-token>\"."
            ),
        ));
    };
    if !token.starts_with("sl.") || token.contains(char::is_whitespace) {
        return Err(Answer::bad_input(path, "The given OAuth 2 access token is malformed."));
    }
    let dead = team.switches.token_dies_with_administrator && !team.authoriser_is_active();
    let now = team.now_ms();
    let scope = route.spec().scope.as_str();
    match team.tokens.access.get(token) {
        None => Err(Answer::unauthorized("invalid_access_token", &mut team.ids)),
        Some(_) if dead => Err(Answer::unauthorized("invalid_access_token", &mut team.ids)),
        Some(token) if token.expires_ms <= now => {
            Err(Answer::unauthorized("expired_access_token", &mut team.ids))
        }
        Some(_) if !team.settings.app_scopes.contains(scope) => Err(Answer::bad_input(
            path,
            &format!(
                "Your app (ID: 1234567) is not permitted to access this endpoint because it does not have the \
                 required scope '{scope}'. The owner of the app can enable the scope for the app using the \
                 Permissions tab on the App Console."
            ),
        )),
        Some(token) if !token.scopes.contains(scope) => Err(Answer::missing_scope(scope, &mut team.ids)),
        Some(_) => Ok(()),
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn form(body: &[u8]) -> HashMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}
