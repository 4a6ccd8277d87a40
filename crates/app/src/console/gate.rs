//! The gate in front of every page: who is visiting, may they, is the form one of ours; and what every answer carries.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use usher_domain::{Secret, session::Stage};

use super::{
    cookies::{Cookies, FLASH, SESSION, THEME, VISIT},
    error::ConsoleError,
    incoming, page, session,
    visitor::{Visit, Visitor},
};
use crate::{
    access::{derived::derived, permission::Permission, source::source},
    address,
    state::AppState,
    system::random_secret,
};

/// What a page needs of who looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing: the way in.
    Nothing,
    /// To be signed in, with whatever roles.
    SignedIn,
    /// To be signed in, and allowed.
    May(Permission),
}

/// What pages may load and do: nothing but this console's own.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Lets the request through to a page, or answers with the way in, or with what stands in the way.
pub(super) async fn guard(
    State((app, needs)): State<(AppState, Needs)>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut visit = visit(&app, request.headers(), request.uri());
    visit.from = source(request.extensions(), request.headers(), &app.trusted_proxies);
    let told = visit.flash.is_some() && !request.headers().contains_key("hx-request");
    let writes = request.method() == Method::POST;
    let mut visitor = None;
    let admitted = admit(&app, needs, visit, &mut request, &mut visitor).await;
    let (mut response, visit) = match admitted {
        Ok(visit) => {
            request.extensions_mut().insert(visit.clone());
            let response = next.run(request).await;
            if writes && !response.status().is_client_error() && !response.status().is_server_error() {
                // What was changed may have made something due: the workers of this process need not wait.
                app.wake.notify_one();
            }
            (response, visit)
        }
        Err(refused) => {
            let (visit, why) = *refused;
            match why {
                Refused::Guest(response) => (response, visit),
                Refused::Error(error) => (error.into_response(), visit),
            }
        }
    };
    if let Some(error) = response.extensions_mut().remove::<ConsoleError>() {
        let headers = std::mem::take(response.headers_mut());
        response = page::error(visitor.as_ref(), &visit, &error);
        response.headers_mut().extend(headers.into_iter().filter_map(|(name, value)| {
            let name = name?;
            (name == header::SET_COOKIE || name == header::RETRY_AFTER).then_some((name, value))
        }));
    }
    if told && response.status() == StatusCode::OK {
        visit.cookies.clear(response.headers_mut(), FLASH);
    }
    protect(response.headers_mut());
    response
}

/// What every answer of the console carries.
pub(super) fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn visit(app: &AppState, headers: &HeaderMap, uri: &axum::http::Uri) -> Visit {
    let base = address::base(headers, app.public_url.as_ref(), app.scheme);
    let cookies = Cookies::new(headers, base.starts_with("https://"));
    let agent =
        headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("an unknown browser");
    let mut visit = Visit::new(cookies, base, uri, agent.to_owned());
    visit.theme = match visit.cookies.get(THEME) {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "auto",
    };
    visit.flash =
        visit.cookies.get(FLASH).and_then(|told| String::from_utf8(URL_SAFE_NO_PAD.decode(told).ok()?).ok());
    visit
}

/// Why a request does not get to its page.
enum Refused {
    /// A guest is shown the way in.
    Guest(Response),
    /// The page is not for them, or the form is not ours.
    Error(ConsoleError),
}

async fn admit(
    app: &AppState,
    needs: Needs,
    mut visit: Visit,
    request: &mut Request,
    visitor: &mut Option<Visitor>,
) -> Result<Visit, Box<(Visit, Refused)>> {
    // A guest's forms are bound to a cookie of their visit, an administrator's to their session.
    let found = match session::find(app, &visit.cookies).await {
        Ok(found) => found.filter(|(session, _)| session.stage == Stage::SignedIn),
        Err(error) => return Err(Box::new((visit, Refused::Error(error.into())))),
    };
    let secret = match &found {
        Some(_) => visit.cookies.get(SESSION),
        None => visit.cookies.get(VISIT),
    };
    visit.csrf = secret.map(|secret| derived("csrf", secret)).unwrap_or_default();
    if let Some((session, administrator)) = found {
        match app.store.environment(session.environment).await {
            Ok(Some(environment)) => {
                *visitor = Some(Visitor { visit: visit.clone(), administrator, environment, session });
            }
            Ok(None) => {}
            Err(error) => return Err(Box::new((visit, Refused::Error(error.into())))),
        }
    }
    match (needs, &*visitor) {
        (Needs::Nothing, _) | (Needs::SignedIn, Some(_)) => {}
        (Needs::May(permission), Some(visitor)) if !visitor.may(permission) => {
            return Err(Box::new((visit, Refused::Error(ConsoleError::forbidden(permission)))));
        }
        (Needs::May(_), Some(_)) => {}
        (_, None) => {
            let response = way_in(request);
            return Err(Box::new((visit, Refused::Guest(response))));
        }
    }
    if request.method() == Method::POST {
        if is_from_elsewhere(request.headers()) {
            return Err(Box::new((visit, Refused::Error(ConsoleError::not_our_form()))));
        }
        let (mut parts, body) = std::mem::take(request).into_parts();
        let mut form = match incoming::read(&parts, body, &visit.csrf, needs != Needs::Nothing).await {
            Ok(form) => form,
            Err(error) => return Err(Box::new((visit, Refused::Error(error)))),
        };
        form.set("csrf", "");
        parts.extensions.insert(form);
        *request = Request::from_parts(parts, axum::body::Body::empty());
    }
    if let Some(visitor) = &*visitor {
        request.extensions_mut().insert(visitor.clone());
    }
    Ok(visit)
}

/// Whether the browser says that a page of another site sent it here.
pub(super) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// To the page for signing in, and back afterwards.
fn way_in(request: &Request) -> Response {
    let mut target = "/console/sign-in".to_owned();
    let asked = request.uri().path_and_query().map_or("/console", |path| path.as_str());
    if request.method() == Method::GET && asked != "/console" {
        let next: String = url::form_urlencoded::byte_serialize(asked.as_bytes()).collect();
        target = format!("{target}?next={next}");
    }
    let mut response = Redirect::to(&target).into_response();
    if request.headers().contains_key("hx-request")
        && let Ok(target) = HeaderValue::from_str(&target)
    {
        // A part of a page cannot show the way in: the whole page goes there.
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().remove(header::LOCATION);
        response.headers_mut().insert("hx-redirect", target);
    }
    response
}

/// Makes sure that a guest's forms, and their way to an OpenID provider, have something to be bound to: the secret of their
/// visit, which is answered.
pub(super) fn bind_guest(visit: &mut Visit, headers: &mut HeaderMap) -> Secret {
    if let Some(secret) = visit.cookies.get(VISIT) {
        return Secret::new(secret);
    }
    let secret = random_secret();
    visit.csrf = derived("csrf", secret.expose());
    // Lax, not Strict: it must be there when an OpenID provider sends the browser back.
    visit.cookies.set(headers, VISIT, secret.expose(), "Lax", None);
    secret
}
