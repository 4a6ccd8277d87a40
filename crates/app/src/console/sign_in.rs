//! The way in and out.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use usher_domain::{Secret, session::Stage};

use super::{
    cookies::{SESSION, THEME, VISIT},
    error::ConsoleResult,
    form::Form,
    gate,
    page::{Shell, page, refused},
    session,
    visitor::Visit,
};
use crate::{access::password, state::AppState};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    shell: Shell,
    form: Form,
    /// Nobody signed in yet, as far as is known: say where the password is.
    first: bool,
    insecure: bool,
}

/// `GET /console/sign-in`
pub(super) async fn show(State(app): State<AppState>, mut visit: Visit) -> ConsoleResult {
    let mut headers = axum::http::HeaderMap::new();
    gate::bind_guest(&mut visit, &mut headers);
    let form = Form::of([("next", visit.query("next").unwrap_or_default().to_owned())]);
    let mut response = page(&filled(&app, &visit, form).await?)?;
    response.headers_mut().extend(headers);
    Ok(response)
}

async fn filled(app: &AppState, visit: &Visit, form: Form) -> ConsoleResult<SignIn> {
    let host = visit.base.split("://").nth(1).unwrap_or_default();
    let local = ["localhost", "127.", "[::1]"].iter().any(|local| host.starts_with(local));
    Ok(SignIn {
        shell: Shell::plain(visit, "Sign in"),
        form,
        first: app.store.environments().await?.len() == 1,
        insecure: visit.base.starts_with("http://") && !local,
    })
}

/// `POST /console/sign-in`
pub(super) async fn enter(State(app): State<AppState>, visit: Visit, mut form: Form) -> ConsoleResult {
    let found = app.store.administrator(form.value("username")).await?.filter(|found| found.enabled);
    let hash = found.as_ref().map(|found| found.password_hash.clone());
    let verified = password::verify(Secret::new(form.raw("password")), hash).await;
    let Some(administrator) = found.filter(|_| verified) else {
        form.trouble.push("No enabled administrator has this username and password.".into());
        return refused(&filled(&app, &visit, form).await?);
    };
    let mut response = Redirect::to(next(form.value("next"))).into_response();
    let headers = response.headers_mut();
    session::open(&app, &visit.cookies, headers, &administrator, Stage::SignedIn, &visit.agent).await?;
    visit.cookies.clear(headers, VISIT);
    Ok(response)
}

/// Where to go after signing in: only to a page of the console.
fn next(asked: &str) -> &str {
    let ours = asked == "/console" || asked.starts_with("/console/") || asked.starts_with("/console?");
    if ours && !asked.contains(['\\', '\r', '\n']) { asked } else { "/console" }
}

/// `POST /console/sign-out`
pub(super) async fn leave(State(app): State<AppState>, visit: Visit) -> ConsoleResult {
    if let Some(secret) = visit.cookies.get(SESSION) {
        app.store.end_session(&session::digest(secret)).await?;
    }
    let mut response = Redirect::to("/console/sign-in").into_response();
    visit.cookies.clear(response.headers_mut(), SESSION);
    Ok(response)
}

/// `POST /console/theme`
pub(super) async fn theme(visit: Visit, form: Form) -> ConsoleResult {
    let theme = if form.value("theme") == "dark" { "dark" } else { "light" };
    let mut response = Redirect::to(next(form.value("back"))).into_response();
    visit.cookies.set(response.headers_mut(), THEME, theme, "Lax", Some(365 * 24 * 3600));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn signing_in_leads_to_pages_of_the_console_only() {
        for page in ["/console", "/console/users?q=ada", "/console?x=1"] {
            assert_eq!(next(page), page);
        }
        for other in ["", "https://evil.example", "//evil.example", "/consoles", "/console/\\evil", "/v1"] {
            assert_eq!(next(other), "/console");
        }
    }
}
