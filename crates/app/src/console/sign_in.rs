//! The way in and out.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use url::form_urlencoded::byte_serialize;
use usher_domain::{
    Secret,
    access::{Administrator, ProviderAccount},
    session::{Ended, Stage},
};

use super::{
    cookies::{SESSION, THEME, VISIT},
    error::ConsoleResult,
    form::Form,
    gate,
    page::{Shell, page, refused},
    session,
    visitor::{Visit, Visitor},
};
use crate::{access::administrators::SignInError, state::AppState};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    shell: Shell,
    form: Form,
    /// Nobody signed in yet, as far as is known: say where the password is.
    first: bool,
    insecure: bool,
    /// What people call the OpenID provider, if there is one.
    provider: Option<String>,
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
        provider: app.provider.as_ref().map(|provider| provider.name.clone()),
        insecure: visit.base.starts_with("http://") && !local,
    })
}

/// `POST /console/sign-in`
pub(super) async fn enter(State(app): State<AppState>, visit: Visit, mut form: Form) -> ConsoleResult {
    let password = Secret::new(form.raw("password"));
    match app.administrators.sign_in(form.value("username"), password, None, &visit.place()).await {
        Ok(administrator) => welcome(&app, &visit, &administrator, None, form.value("next")).await,
        Err(SignInError::CodeNeeded(administrator)) => {
            let mut response = Redirect::to(&code_page(form.value("next"))).into_response();
            let headers = response.headers_mut();
            session::open(&app, &visit, headers, &administrator, Stage::SecondFactor, None).await?;
            Ok(response)
        }
        Err(SignInError::Store(error)) => Err(error.into()),
        Err(SignInError::Hash(error)) => Err(error.into()),
        Err(why) => {
            form.trouble.push(why.to_string());
            refused(&filled(&app, &visit, form).await?)
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in_code.html")]
struct Code {
    shell: Shell,
    form: Form,
}

/// Where the second factor is asked for.
pub(super) fn code_page(next: &str) -> String {
    let next: String = byte_serialize(next.as_bytes()).collect();
    format!("/console/sign-in/code?next={next}")
}

/// `GET /console/sign-in/code`: the second factor.
pub(super) async fn ask_code(visit: Visit) -> ConsoleResult {
    let form = Form::of([("next", visit.query("next").unwrap_or_default().to_owned())]);
    page(&Code { shell: Shell::plain(&visit, "Second factor"), form })
}

/// `POST /console/sign-in/code`
pub(super) async fn enter_code(State(app): State<AppState>, visit: Visit, mut form: Form) -> ConsoleResult {
    let found = session::find(&app, &visit.cookies).await?;
    let Some((begun, administrator)) = found.filter(|(session, _)| session.stage == Stage::SecondFactor)
    else {
        // It took too long, or someone else's session is in this browser: from the beginning.
        return Ok(Redirect::to("/console/sign-in").into_response());
    };
    let (code, provider) = (form.value("code"), begun.provider);
    match app.administrators.second_factor(&administrator, code, &visit.place(), provider.as_ref()).await {
        Ok(administrator) => welcome(&app, &visit, &administrator, provider, form.value("next")).await,
        Err(SignInError::Store(error)) => Err(error.into()),
        Err(SignInError::Wrong) => {
            form.fault("code", "The code is wrong, or was used before. Wait for the next one.");
            refused(&Code { shell: Shell::plain(&visit, "Second factor"), form })
        }
        Err(why) => {
            form.fault("code", why.to_string());
            refused(&Code { shell: Shell::plain(&visit, "Second factor"), form })
        }
    }
}

/// Opens the session, and leads to where they wanted to go.
async fn welcome(
    app: &AppState,
    visit: &Visit,
    administrator: &Administrator,
    provider: Option<ProviderAccount>,
    to: &str,
) -> ConsoleResult {
    let mut response = Redirect::to(next(to)).into_response();
    let headers = response.headers_mut();
    session::open(app, visit, headers, administrator, Stage::SignedIn, provider).await?;
    visit.cookies.clear(headers, VISIT);
    Ok(response)
}

/// Where to go after signing in: only to a page of the console.
pub(super) fn next(asked: &str) -> &str {
    let ours = asked == "/console" || asked.starts_with("/console/") || asked.starts_with("/console?");
    if ours && !asked.contains(['\\', '\r', '\n']) { asked } else { "/console" }
}

/// `POST /console/sign-out`
pub(super) async fn leave(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let ended = Ended::One(visitor.session.digest.clone());
    app.directory.sign_out(&visitor.by(), visitor.home(), visitor.administrator.id, &ended).await?;
    let mut response = Redirect::to("/console/sign-in").into_response();
    visitor.visit.cookies.clear(response.headers_mut(), SESSION);
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
