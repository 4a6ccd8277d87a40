//! Sessions: a secret in the browser, its digest in the database. Opened by a sign-in, ended by a sign-out, by time, by a
//! new password, or when the administrator is disabled, gone, or released from the account that opened it.

use sha2::{Digest as _, Sha256};
use usher_domain::{
    Rejection, Secret,
    access::{Administrator, ProviderAccount},
    ports::store::StoreResult,
    session::{ABSOLUTE, Session, Stage},
};

use super::{
    cookies::{Cookies, DEVICE, SESSION},
    error::ConsoleResult,
    visitor::Visit,
};
use crate::{access::administrators::PLACE_LIFETIME, state::AppState, system::random_secret};

/// The longest name of a browser that is kept.
const AGENT: usize = 200;

/// What is kept of a secret.
pub(super) fn digest(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The session of the browser, if it is good, with its administrator if they may sign in; whatever its stage.
pub(super) async fn find(app: &AppState, cookies: &Cookies) -> StoreResult<Option<(Session, Administrator)>> {
    let Some(secret) = cookies.get(SESSION) else { return Ok(None) };
    let now = app.clock.now();
    let found = app.store.session(&digest(secret)).await?;
    let Some((session, administrator)) = found else { return Ok(None) };
    // Whoever is released from the account at the OpenID provider, or has another name now, is not who it let in.
    let released = session.stage == Stage::SignedIn
        && session.provider.is_some()
        && session.provider != administrator.provider;
    if !session.is_good(now) || !administrator.enabled || released {
        app.store.end_session(&session.digest).await?;
        return Ok(None);
    }
    if session.is_stale(now) {
        app.store.touch_session(&session.digest, now).await?;
    }
    Ok(Some((session, administrator)))
}

/// Opens a session and gives the browser its secret; the one it had, of whatever stage, ends. `provider` is the account
/// that vouched for them, if one did. Once they are signed in, the browser is known as theirs from then on.
///
/// # Errors
/// The administrator was changed since they proved who they are.
pub(super) async fn open(
    app: &AppState,
    visit: &Visit,
    headers: &mut axum::http::HeaderMap,
    administrator: &Administrator,
    stage: Stage,
    provider: Option<ProviderAccount>,
) -> ConsoleResult<()> {
    if let Some(old) = visit.cookies.get(SESSION) {
        app.store.end_session(&digest(old)).await?;
    }
    let secret: Secret = random_secret();
    let now = app.clock.now();
    let session = Session {
        digest: digest(secret.expose()),
        environment: administrator.environment,
        administrator: administrator.id,
        stage,
        provider,
        agent: visit.agent.chars().take(AGENT).collect(),
        created_at: now,
        seen_at: now,
    };
    if !app.store.open_session(&session, administrator.version).await? {
        let what = "Your account was changed while you were signing in. Sign in again";
        return Err(Rejection::conflict(what).into());
    }
    if stage == Stage::SignedIn {
        let device = app.administrators.remember(administrator, &visit.place()).await?;
        visit.cookies.set(headers, DEVICE, device.expose(), "Lax", Some(PLACE_LIFETIME.as_secs()));
    }
    visit.cookies.set(headers, SESSION, secret.expose(), "Strict", Some(ABSOLUTE.as_secs()));
    Ok(())
}
