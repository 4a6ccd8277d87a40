//! The visitor's own account: what they may do, and where they are signed in.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use usher_domain::session::Stage;

use super::{
    cookies::SESSION,
    error::ConsoleResult,
    page::{Shell, page},
    show::{self, Time},
    visitor::Visitor,
};
use crate::state::AppState;

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    shell: Shell,
    roles: Vec<String>,
    sessions: Vec<Shown>,
}

struct Shown {
    agent: String,
    began: Time,
    seen: Time,
    this: bool,
}

/// `GET /console/account`
pub(super) async fn show(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let now = app.clock.now();
    let mut sessions = app.store.sessions_of(visitor.administrator.id).await?;
    sessions.retain(|session| session.stage == Stage::SignedIn && session.is_good(now));
    let shown = sessions.into_iter().map(|session| Shown {
        this: session.digest == visitor.session.digest,
        agent: session.agent,
        began: Time(session.created_at),
        seen: Time(session.seen_at),
    });
    page(&Account {
        shell: Shell::new(&visitor, "My account"),
        roles: visitor.administrator.roles.iter().map(|role| show::role(*role)).collect(),
        sessions: shown.collect(),
    })
}

/// `POST /console/account/sign-out-everywhere`
pub(super) async fn sign_out_everywhere(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    app.store.end_sessions_of(visitor.administrator.id, None).await?;
    let mut response = Redirect::to("/console/sign-in").into_response();
    visitor.visit.cookies.clear(response.headers_mut(), SESSION);
    Ok(response)
}
