//! Access tokens: one is fetched with the refresh token, shared, and fetched anew five minutes before it ends. One
//! refresh at a time. No token ever prints.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Deserialize;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use usher_domain::{
    Problem, Secret,
    ports::{connector::ConnectorError, meter::Meter},
    provisioning::connection::DropboxAccess,
};

use super::{
    fault::{TOO_LONG, busy, throttled, too_long, unauthorized},
    pace::{Pace, Patience},
    transport::{self, NoAnswer, Raw},
};
use crate::{http::LONGEST_ANSWER, mask::Secrets};

/// What the token endpoint is called where calls are counted and paced.
const ROUTE: &str = "oauth2/token";
/// How long before its end a token is not used any more.
const EARLY: Duration = Duration::from_mins(5);
/// How many of the tokens that were given last are masked in answers.
const REMEMBERED: usize = 8;
/// How long a token lives that does not say.
const UNSAID: u64 = 14_400;

/// The tokens of one connection.
#[derive(Debug)]
pub(super) struct Tokens {
    url: String,
    client_id: String,
    client_secret: Secret,
    /// The one that the connection was set up with.
    refresh_token: Secret,
    held: Mutex<Held>,
    /// What is masked in every answer: the secret, and all tokens that are or were lately used.
    secrets: RwLock<Arc<Secrets>>,
    /// How many refreshes failed, so that those who waited for one do not each try again.
    failures: AtomicU64,
}

#[derive(Debug)]
struct Held {
    refresh: Secret,
    access: Option<(Secret, Instant)>,
    /// Tokens of both kinds, the latest last.
    given: Vec<Secret>,
    last_failure: Option<ConnectorError>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
    refresh_token: Option<String>,
}

#[derive(Deserialize)]
struct Denied {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Tokens {
    /// No token yet.
    pub(super) fn new(access: &DropboxAccess) -> Self {
        Tokens {
            url: access.token_url.clone(),
            client_id: access.client_id.clone(),
            client_secret: access.client_secret.clone(),
            refresh_token: access.refresh_token.clone(),
            held: Mutex::new(Held {
                refresh: access.refresh_token.clone(),
                access: None,
                given: Vec::new(),
                last_failure: None,
            }),
            secrets: RwLock::new(Arc::new(Secrets::of([&access.client_secret, &access.refresh_token]))),
            failures: AtomicU64::new(0),
        }
    }

    /// What is masked in every answer.
    pub(super) fn secrets(&self) -> Arc<Secrets> {
        // Nothing panics while it is held.
        Arc::clone(&self.secrets.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on these are masked, too.
    fn remember(&self, held: &mut Held, given: impl IntoIterator<Item = Secret>) {
        held.given.extend(given);
        let before = held.given.len().saturating_sub(REMEMBERED);
        held.given.drain(..before);
        let known = [&self.client_secret, &self.refresh_token, &held.refresh];
        let secrets = Arc::new(Secrets::of(known.into_iter().chain(&held.given)));
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = secrets;
    }

    /// A token with at least five minutes to live (or half its life, if that is less).
    pub(super) async fn get(
        &self,
        http: &reqwest::Client,
        pace: &Pace,
        patience: &Patience,
        meter: &dyn Meter,
    ) -> Result<Secret, ConnectorError> {
        let before = self.failures.load(Ordering::Acquire);
        let mut held = self.held.lock().await;
        if let Some((token, until)) = &held.access
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        if self.failures.load(Ordering::Acquire) != before
            && let Some(failure) = &held.last_failure
        {
            return Err(failure.clone());
        }
        let granted = self.refresh(&held.refresh, http, pace, patience, meter).await;
        match granted {
            Ok(granted) => {
                let life = Duration::from_secs(granted.expires_in.unwrap_or(UNSAID));
                let token = Secret::new(granted.access_token);
                held.access =
                    Some((token.clone(), Instant::now() + life.saturating_sub(EARLY.min(life / 2))));
                let mut given = vec![token.clone()];
                if let Some(rotated) = granted.refresh_token.filter(|rotated| !rotated.is_empty()) {
                    given.push(std::mem::replace(&mut held.refresh, Secret::new(rotated)));
                }
                self.remember(&mut held, given);
                Ok(token)
            }
            Err(failure) => {
                held.last_failure = Some(failure.clone());
                self.failures.fetch_add(1, Ordering::AcqRel);
                Err(failure)
            }
        }
    }

    /// Dropbox refused this token: it is not used again. Another one that came since stays.
    pub(super) async fn refused(&self, token: &Secret) {
        let mut held = self.held.lock().await;
        if held.access.as_ref().is_some_and(|(current, _)| current == token) {
            held.access = None;
        }
    }

    async fn refresh(
        &self,
        refresh: &Secret,
        http: &reqwest::Client,
        pace: &Pace,
        patience: &Patience,
        meter: &dyn Meter,
    ) -> Result<Granted, ConnectorError> {
        let deadline = Instant::now() + patience.total;
        let mut attempt = 1;
        loop {
            if let Err(resting) = pace.rested(ROUTE, deadline).await {
                return Err(throttled("the token endpoint", resting, None).into_error(ROUTE));
            }
            let request = http.post(&self.url).form(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh.expose()),
                ("client_id", &self.client_id),
                ("client_secret", self.client_secret.expose()),
            ]);
            let sent = Instant::now();
            let answer = transport::send(request, LONGEST_ANSWER, true, &self.secrets()).await;
            transport::count(meter, ROUTE, &answer, sent.elapsed());
            let status = answer.as_ref().map_or(0, |raw| raw.status.as_u16());
            let request_id = answer.as_ref().ok().and_then(|raw| raw.request_id.as_deref());
            let ms = sent.elapsed().as_millis();
            tracing::debug!(route = ROUTE, status, request_id, %ms, attempt, "call");
            let (what, asked) = match answer {
                Ok(raw) if raw.status.is_success() && !raw.is_page() => {
                    match serde_json::from_slice(&raw.body) {
                        Ok(granted) => return Ok(granted),
                        Err(_) => ("gave an answer that cannot be read".to_owned(), raw.retry_after),
                    }
                }
                Ok(raw) if is_denial(&raw) => return Err(denied(&raw)),
                Ok(raw) => (format!("answered {}", raw.status.as_u16()), raw.retry_after),
                Err(NoAnswer::TooLong(what)) => {
                    let message = format!("Dropbox's token endpoint {what}, and was not read further.");
                    return Err(too_long(TOO_LONG, message, "OAUTH_TOKEN_URL"));
                }
                Err(no_answer) => (no_answer.what().to_owned(), None),
            };
            attempt += 1;
            if let Some(asked) = asked {
                pace.rest(ROUTE, asked);
            }
            let wait = pace.back_off(patience, attempt);
            if attempt > patience.attempts || Instant::now() + wait > deadline {
                let message = format!("Dropbox's token endpoint {what}, after {} attempts.", attempt - 1);
                return Err(busy("TOKEN_ENDPOINT_UNAVAILABLE", message, asked, None));
            }
            sleep(wait).await;
        }
    }
}

/// A clear no, as opposed to a page of the network edge, a 429 or a server's error.
fn is_denial(raw: &Raw) -> bool {
    (raw.status.is_client_error() || raw.status.is_redirection())
        && raw.status.as_u16() != 429
        && raw.status.as_u16() != 408
        && !raw.is_page()
}

fn denied(raw: &Raw) -> ConnectorError {
    let denial: Denied = serde_json::from_slice(&raw.body)
        .unwrap_or(Denied { error: String::new(), error_description: String::new() });
    let id = raw.request_id.clone();
    // Dropbox puts the whole sentence into the code: "invalid_client: Invalid client_id or client_secret".
    if denial.error.starts_with("invalid_grant") {
        let said = if denial.error_description.is_empty() { "" } else { ": " };
        return unauthorized(
            "REFRESH_TOKEN_REFUSED",
            format!(
                "Dropbox refused the refresh token{said}{}.",
                denial.error_description.trim_end_matches('.')
            ),
            "Have a team administrator authorise the app again with offline access, and enter the new \
             OAUTH_REFRESH_TOKEN.",
            id,
        );
    }
    if denial.error.starts_with("invalid_client") {
        return unauthorized(
            "CLIENT_REFUSED",
            "Dropbox refused the app key or the app secret.",
            "Copy OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET anew from the Settings tab of the App Console.",
            id,
        );
    }
    let said = if denial.error.is_empty() { String::new() } else { format!(" ({})", denial.error) };
    let problem = Problem::new(
        "TOKEN_REFUSED",
        format!("The token endpoint answered {}{said} instead of giving a token.", raw.status.as_u16()),
        "Check OAUTH_TOKEN_URL and the app in the App Console, then test the connection.",
    );
    ConnectorError::Unauthorized { problem: problem.with_request_id(id) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_never_print() {
        let access = DropboxAccess {
            base_url: "http://x".into(),
            token_url: "http://x/token".into(),
            client_id: "key".into(),
            client_secret: Secret::new("hush-1"),
            refresh_token: Secret::new("hush-2"),
            send_welcome_email: true,
            wipe_data: false,
            keep_account: false,
            transfer_dest_email: None,
            transfer_admin_email: None,
            max_calls_per_second: 0,
            max_in_flight: 1,
            max_members_per_call: 1,
        };
        let printed = format!("{:?}", Tokens::new(&access));
        assert!(!printed.contains("hush"), "{printed}");
    }
}
