//! Signing in by an OpenID provider: the way there, and the way back.
//!
//! The browser comes back from another site, and so without the session's cookie, which is `Strict`. What it is answered
//! is therefore a page of ours that goes on by itself, not a redirection: only from there the cookie goes along.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Redirect},
};
use usher_domain::session::Stage;

use super::{
    cookies::VISIT,
    error::{ConsoleError, ConsoleResult},
    gate,
    page::{Shell, page},
    session, sign_in,
    visitor::Visit,
};
use crate::{
    access::{
        administrators::NotVouched,
        openid::{SignInProvider, errand::Errand},
    },
    state::AppState,
};

/// Goes on to a page of the console by itself, and has a link for whom it does not.
#[derive(Template)]
#[template(path = "sign_in_on.html")]
struct Onwards {
    shell: Shell,
    to: String,
}

/// Nobody was signed in.
#[derive(Template)]
#[template(path = "sign_in_refused.html")]
struct Refused {
    shell: Shell,
    /// What happened.
    message: String,
    /// What to do next.
    remedy: String,
    /// What people call the provider, when another account there may help.
    another: Option<String>,
}

fn configured(app: &AppState) -> ConsoleResult<&SignInProvider> {
    app.provider.as_ref().ok_or_else(ConsoleError::no_such_page)
}

/// `GET /console/sign-in/provider`: a link and not a form, since pages may send forms to this console only.
pub(super) async fn go(State(app): State<AppState>, mut visit: Visit, asked: HeaderMap) -> ConsoleResult {
    let provider = configured(&app)?;
    // Whoever is signed in as one administrator is not made another by a page of somebody else's.
    if gate::is_from_elsewhere(&asked) {
        return Ok(Redirect::to("/console/sign-in").into_response());
    }
    // The way back does not bring the session's cookie along, so one that is open would stay so beside the new one.
    let inside = session::find(&app, &visit.cookies).await?;
    if inside.is_some_and(|(session, _)| session.stage == Stage::SignedIn) {
        return Ok(Redirect::to("/console").into_response());
    }
    let mut headers = HeaderMap::new();
    let secret = gate::bind_guest(&mut visit, &mut headers);
    let now = app.clock.now();
    let errand = Errand::begin(secret.expose(), visit.query("next").unwrap_or_default(), now);
    match provider.way_there(&errand, visit.query("choose").is_some(), now).await {
        Ok(there) => {
            let mut response = Redirect::to(there.as_str()).into_response();
            response.headers_mut().extend(headers);
            Ok(response)
        }
        Err(problem) => {
            tracing::warn!(code = %problem.code, %problem, "nobody can sign in by the OpenID provider");
            failed(&visit, provider)
        }
    }
}

/// `GET /console/sign-in/provider/callback`: the browser is back.
pub(super) async fn back(State(app): State<AppState>, visit: Visit) -> ConsoleResult {
    let provider = configured(&app)?;
    let name = &provider.name;
    let again = format!("Sign in again. When {name} goes on to refuse, ask whoever runs it.");
    let (secret, state) = (visit.cookies.get(VISIT), visit.query("state"));
    let errand = secret.zip(state).and_then(|(secret, state)| Errand::resume(secret, state, app.clock.now()));
    let Some(errand) = errand else {
        let message =
            "This sign-in was begun in another browser, has been used, or took longer than ten minutes.";
        return refused(&visit, StatusCode::FORBIDDEN, message.into(), "Sign in again.".into(), None);
    };
    if let Some(error) = visit.query("error") {
        let description = visit.query("error_description").unwrap_or_default();
        tracing::warn!(error, description, "the OpenID provider signed nobody in");
        let message = match error {
            "access_denied" => format!("{name} did not let you go on to Usher, or you did not want to."),
            _ => format!("{name} signed nobody in."),
        };
        return refused(&visit, StatusCode::FORBIDDEN, message, again, Some(provider));
    }
    let Some(code) = visit.query("code") else {
        return refused(
            &visit,
            StatusCode::FORBIDDEN,
            format!("{name} signed nobody in."),
            again,
            Some(provider),
        );
    };
    let next = sign_in::next(&errand.next);
    match app.administrators.sign_in_by_provider(provider, code, &errand, &visit.place()).await {
        Ok((administrator, account)) => {
            let mut response = onwards(&visit, next)?;
            let headers = response.headers_mut();
            session::open(&app, &visit, headers, &administrator, Stage::SignedIn, Some(account)).await?;
            visit.cookies.clear(headers, VISIT);
            Ok(response)
        }
        Err(NotVouched::CodeNeeded(administrator, account)) => {
            let mut response = onwards(&visit, &sign_in::code_page(next))?;
            let headers = response.headers_mut();
            session::open(&app, &visit, headers, &administrator, Stage::SecondFactor, Some(account)).await?;
            Ok(response)
        }
        Err(NotVouched::Failed) => failed(&visit, provider),
        Err(NotVouched::Nobody(who)) => {
            let message =
                format!("{who} is signed in at {name}, but is not an administrator here who may sign in.");
            let remedy = format!("Ask an administrator of Usher to add {who} under Settings.");
            refused(&visit, StatusCode::FORBIDDEN, message, remedy, Some(provider))
        }
        Err(NotVouched::Disabled(who)) => {
            let message = format!("{who} is signed in at {name}, but is disabled as an administrator here.");
            let remedy =
                format!("Ask an administrator of Usher to enable {who} under Settings, then sign in again.");
            refused(&visit, StatusCode::FORBIDDEN, message, remedy, Some(provider))
        }
        Err(NotVouched::BoundElsewhere(who)) => {
            let message =
                format!("{who} is an administrator here, but is bound to another account at {name}.");
            let remedy = format!(
                "Sign in with that account or with your password. When {who} has a new account at {name}, ask an \
                 administrator of Usher to release {who} from the old one under Settings, then sign in again."
            );
            refused(&visit, StatusCode::FORBIDDEN, message, remedy, Some(provider))
        }
        Err(NotVouched::Unverified(email)) => {
            let (message, remedy) = match email {
                Some(email) => (
                    format!(
                        "{name} does not say that {email} is verified, so it cannot tell who you are here."
                    ),
                    format!("Have the address verified at {name}, or sign in with your password."),
                ),
                None => (
                    format!("{name} tells no e-mail address of you, so it cannot tell who you are here."),
                    format!(
                        "Ask whoever runs {name} to tell Usher your e-mail address, or sign in with your password."
                    ),
                ),
            };
            refused(&visit, StatusCode::FORBIDDEN, message, remedy, Some(provider))
        }
        Err(NotVouched::Locked(wait)) => {
            let message =
                format!("Too many failed attempts. Try again in {} seconds.", wait.as_secs().max(1));
            refused(&visit, StatusCode::TOO_MANY_REQUESTS, message, "Then sign in again.".into(), None)
        }
        Err(NotVouched::Store(error)) => Err(error.into()),
    }
}

fn onwards(visit: &Visit, to: &str) -> ConsoleResult {
    page(&Onwards { shell: Shell::plain(visit, "Signing in"), to: to.to_owned() })
}

/// What went wrong is for the log: a stranger learns only that it did.
fn failed(visit: &Visit, provider: &SignInProvider) -> ConsoleResult {
    let message = format!("Signing in with {} does not work just now.", provider.name);
    let remedy = format!(
        "Sign in with your password. Whoever runs Usher finds the cause in its log, under {}.",
        crate::correlation::current()
    );
    refused(visit, StatusCode::BAD_GATEWAY, message, remedy, Some(provider))
}

fn refused(
    visit: &Visit,
    status: StatusCode,
    message: String,
    remedy: String,
    another: Option<&SignInProvider>,
) -> ConsoleResult {
    let shell = Shell::plain(visit, "You are not signed in");
    let another = another.map(|provider| provider.name.clone());
    Ok((status, Html(Refused { shell, message, remedy, another }.render()?)).into_response())
}
