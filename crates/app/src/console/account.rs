//! The visitor's own account: their password, their second factor, and where they are signed in.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use usher_domain::{
    Secret,
    access::{ProviderAccount, administrator::Changer},
    session::{Ended, Stage},
};
use usher_engine::directory::DirectoryError;

use super::{
    cookies::SESSION,
    error::ConsoleResult,
    form::Form,
    page::{Shell, done, page, refused},
    show::{self, Time},
    visitor::Visitor,
};
use crate::{
    access::administrators::{ChangeError, SignInError},
    state::AppState,
};

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    shell: Shell,
    form: Form,
    roles: Vec<String>,
    sessions: Vec<Shown>,
    factor: Factor,
    codes_left: u64,
    /// The account at an OpenID provider that signs them in.
    provider: Option<ProviderAccount>,
}

/// How far the second factor is.
#[derive(PartialEq)]
enum Factor {
    None,
    Begun,
    On,
}

struct Shown {
    agent: String,
    began: Time,
    seen: Time,
    this: bool,
}

/// `GET /console/account`
pub(super) async fn show(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    page(&shown(&app, &visitor, Form::default()).await?)
}

async fn shown(app: &AppState, visitor: &Visitor, form: Form) -> ConsoleResult<Account> {
    let now = app.clock.now();
    let mut sessions = app.store.sessions_of(visitor.administrator.id).await?;
    sessions.retain(|session| session.stage == Stage::SignedIn && session.is_good(now));
    let sessions = sessions.into_iter().map(|session| Shown {
        this: session.digest == visitor.session.digest,
        agent: session.agent,
        began: Time(session.created_at),
        seen: Time(session.seen_at),
    });
    Ok(Account {
        shell: Shell::new(visitor, "My account"),
        form,
        roles: visitor.administrator.roles.iter().map(|role| show::role(*role)).collect(),
        sessions: sessions.collect(),
        factor: match &visitor.administrator.totp {
            None => Factor::None,
            Some(totp) if totp.confirmed => Factor::On,
            Some(_) => Factor::Begun,
        },
        provider: visitor.administrator.provider.clone(),
        codes_left: app.store.recovery_codes_left(visitor.administrator.id).await?,
    })
}

/// `POST /console/account/sign-out-everywhere`
pub(super) async fn sign_out_everywhere(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let id = visitor.administrator.id;
    app.directory.sign_out(&visitor.by(), visitor.home(), id, &Ended::All).await?;
    let mut response = Redirect::to("/console/sign-in").into_response();
    visitor.visit.cookies.clear(response.headers_mut(), SESSION);
    Ok(response)
}

/// `POST /console/account/password`: ends every other session, too.
pub(super) async fn change_password(
    State(app): State<AppState>,
    visitor: Visitor,
    mut form: Form,
) -> ConsoleResult {
    let (present, new) = (Secret::new(form.raw("present")), Secret::new(form.raw("new")));
    if form.raw("new") != form.raw("again") {
        form.fault("again", "This is not the same as the new password.");
        return refused(&shown(&app, &visitor, form).await?);
    }
    let who = &visitor.administrator;
    let session = &visitor.session.digest;
    match app.administrators.change_password(&visitor.by(), who, present, new, session).await {
        Ok(_) => {
            done(&visitor, "/console/account", "Your password was changed. Other browsers were signed out.")
        }
        Err(ChangeError::SignIn(SignInError::Store(error))) => Err(error.into()),
        Err(ChangeError::SignIn(SignInError::Wrong)) => {
            form.fault("present", "This is not your present password.");
            refused(&shown(&app, &visitor, form).await?)
        }
        Err(ChangeError::SignIn(why)) => {
            form.fault("present", why.to_string());
            refused(&shown(&app, &visitor, form).await?)
        }
        Err(ChangeError::Directory(DirectoryError::Rejected(why))) => {
            let form = form.refused(&why, &[("newPassword", "new")]);
            refused(&shown(&app, &visitor, form).await?)
        }
        Err(ChangeError::Directory(error)) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "totp.html")]
struct Enrol {
    shell: Shell,
    form: Form,
    /// Shown this once.
    secret: String,
    uri: String,
}

/// `POST /console/account/totp`: begins a second factor.
pub(super) async fn begin_totp(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let begun = app.administrators.begin_totp(&visitor.by(), &visitor.administrator).await?;
    page(&Enrol {
        shell: Shell::new(&visitor, "Set up a second factor"),
        form: Form::default(),
        secret: begun.secret.expose().to_owned(),
        uri: begun.uri.expose().to_owned(),
    })
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct Recovery {
    shell: Shell,
    codes: Vec<String>,
}

/// `POST /console/account/totp/confirm`
pub(super) async fn confirm_totp(State(app): State<AppState>, visitor: Visitor, form: Form) -> ConsoleResult {
    let code = form.value("code").to_owned();
    match app.administrators.confirm_totp(&visitor.by(), &visitor.administrator, &code).await {
        Ok(codes) => page(&Recovery {
            shell: Shell::new(&visitor, "Recovery codes"),
            codes: codes.iter().map(|code| code.expose().to_owned()).collect(),
        }),
        Err(DirectoryError::Rejected(why)) => {
            refused(&shown(&app, &visitor, form.refused(&why, &[("code", "code")])).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /console/account/totp/off`
pub(super) async fn remove_totp(State(app): State<AppState>, visitor: Visitor, form: Form) -> ConsoleResult {
    let who = &visitor.administrator;
    // Whoever sits at an open browser must not be able to take the second factor away.
    let checked = app.administrators.has_factor(who, form.value("code")).await;
    match checked {
        Ok(_) => {
            let oneself = Changer::Oneself(&visitor.session.digest);
            app.directory.remove_totp(&visitor.by(), visitor.home(), who.id, oneself).await?;
            done(&visitor, "/console/account", "The second factor is off.")
        }
        Err(SignInError::Store(error)) => Err(error.into()),
        Err(why) => {
            let mut form = form;
            form.fault("code", why.to_string());
            refused(&shown(&app, &visitor, form).await?)
        }
    }
}
