//! The one way to Dropbox: `post`. It paces, authenticates, repeats what may be repeated, and says of everything
//! else what it means. What a route does is not known here, only whether it writes.

use std::{future::Future, sync::Arc, time::Duration};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, watch},
    time::{Instant, sleep},
};
use usher_domain::{
    Secret,
    ports::{
        connector::ConnectorError,
        meter::{Meter, Unmetered},
    },
    provisioning::connection::DropboxAccess,
    targets::Targets,
};

use super::{
    fault::{self, Fault, Refusal, TOO_LONG, protocol, stopping, too_long, unauthorized},
    pace::{Pace, Patience},
    routes::Route,
    token::Tokens,
    transport::{self, NoAnswer, Raw},
};
use crate::retry_after::{seconds, whole_or_not};

/// A successful answer.
#[derive(Debug)]
pub(super) struct Reply<T> {
    pub(super) value: T,
    pub(super) request_id: Option<String>,
    /// About how many bytes of memory it takes.
    pub(super) weight: usize,
}

/// The connection to one team.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base_url: String,
    tokens: Tokens,
    pub(super) pace: Pace,
    pub(super) patience: Patience,
    /// Writes share it; one that met `too_many_write_operations` takes it alone.
    writes: RwLock<()>,
    meter: Arc<dyn Meter>,
    /// Becomes true when the process is to stop.
    stop: Option<watch::Receiver<bool>>,
}

/// What an answer means, before it is known whether the call may be repeated.
enum Meaning {
    Good(Raw),
    Means(Fault),
    /// The access token is not accepted; if a new one is not either, this is why.
    Renew(ConnectorError),
    Throttled {
        wait: Option<Duration>,
        by_writes: bool,
        request_id: Option<String>,
    },
    /// Nothing that Dropbox itself would say, or a server's error.
    Nonsense {
        what: String,
        unsent: bool,
        wait: Option<Duration>,
        request_id: Option<String>,
    },
}

#[expect(dead_code, reason = "held for as long as the call lasts")]
enum Turn<'a> {
    Shared(RwLockReadGuard<'a, ()>),
    Alone(RwLockWriteGuard<'a, ()>),
    Free,
}

impl Client {
    pub(super) fn new(
        access: &DropboxAccess,
        targets: &Targets,
        patience: Patience,
    ) -> Result<Self, ConnectorError> {
        Ok(Client {
            http: transport::client(&patience, targets)?,
            base_url: access.base_url.trim_end_matches('/').to_owned(),
            tokens: Tokens::new(access),
            pace: Pace::new(access.max_calls_per_second, access.max_in_flight),
            patience,
            writes: RwLock::new(()),
            meter: Arc::new(Unmetered),
            stop: None,
        })
    }

    pub(super) fn stopped_by(self, stop: watch::Receiver<bool>) -> Self {
        Client { stop: Some(stop), ..self }
    }

    pub(super) fn metered(self, meter: Arc<dyn Meter>) -> Self {
        Client { meter, ..self }
    }

    /// Makes sure that there is a token.
    pub(super) async fn authenticate(&self) -> Result<(), ConnectorError> {
        self.token().await.map(drop)
    }

    /// Waits for something, but not beyond the moment when the process is to stop. Every wait that is no call goes
    /// through here.
    ///
    /// # Errors
    /// When the process is to stop.
    pub(super) async fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Result<T, ConnectorError> {
        let Some(mut stop) = self.stop.clone() else { return Ok(wait.await) };
        tokio::select! {
            biased;
            // If the sender is gone, nobody can ask to stop, so go on.
            Ok(_) = stop.wait_for(|stop| *stop) => Err(stopping()),
            it = wait => Ok(it),
        }
    }

    /// Sleeps, unless the process is to stop.
    pub(super) async fn pause(&self, wait: Duration) -> Result<(), ConnectorError> {
        self.unless_stopped(sleep(wait)).await
    }

    /// Calls a route with all patience.
    pub(super) async fn post<A, T>(&self, route: &'static Route, arg: &A) -> Result<Reply<T>, Fault>
    where
        A: Serialize + Sync + ?Sized,
        T: DeserializeOwned,
    {
        self.post_within(route, arg, self.patience.attempts).await
    }

    /// Calls a route, at most `attempts` times. A lost answer of a write is never repeated here.
    pub(super) async fn post_within<A, T>(
        &self,
        route: &'static Route,
        arg: &A,
        attempts: u32,
    ) -> Result<Reply<T>, Fault>
    where
        A: Serialize + Sync + ?Sized,
        T: DeserializeOwned,
    {
        let body = serde_json::to_vec(arg).map_err(|error| {
            Fault::Failed(protocol(format!("The call of {} cannot be written: {error}.", route.path), None))
        })?;
        let deadline = Instant::now() + self.patience.total;
        let mut turn = match route.write {
            true => Turn::Shared(self.unless_stopped(self.writes.read()).await.map_err(Fault::Failed)?),
            false => Turn::Free,
        };
        let mut renewed = false;
        let mut attempt = 1;
        let mut failures = 0;
        let mut last_id = None;
        loop {
            let token = self.token().await.map_err(Fault::Failed)?;
            let leave = self.unless_stopped(self.pace.leave(route.path, deadline)).await;
            let leave = leave
                .map_err(Fault::Failed)?
                .map_err(|resting| fault::throttled(route.path, resting, last_id.clone()))?;
            let (sent, meaning) = (leave.at, self.attempt(route, &body, &token, attempt).await);
            drop(leave);
            attempt += 1;
            let meaning = match meaning {
                Meaning::Good(raw) => match read(route, raw) {
                    Ok(reply) => {
                        self.pace.went_through(sent);
                        return Ok(reply);
                    }
                    Err(meaning) => meaning,
                },
                meaning => meaning,
            };
            let wait = match meaning {
                Meaning::Good(_) => Duration::ZERO,
                Meaning::Means(fault) => return Err(fault),
                Meaning::Renew(error) => {
                    if renewed {
                        return Err(Fault::Failed(error));
                    }
                    renewed = true;
                    self.tokens.refused(&token).await;
                    Duration::ZERO
                }
                Meaning::Throttled { wait, by_writes, request_id } => {
                    last_id = request_id;
                    if by_writes && wait.unwrap_or_default() <= self.patience.longest_wait {
                        drop(std::mem::replace(&mut turn, Turn::Free));
                        let alone = self.unless_stopped(self.writes.write()).await.map_err(Fault::Failed)?;
                        turn = Turn::Alone(alone);
                        let wait = wait.unwrap_or_default() + self.pace.back_off(&self.patience, attempt);
                        self.pace.rest(route.path, wait);
                    } else {
                        self.pace.throttled(route.path, sent, wait);
                    }
                    Duration::ZERO
                }
                Meaning::Nonsense { what, unsent, wait, request_id } => {
                    failures += 1;
                    if let Some(asked) = wait {
                        self.pace.rest(route.path, asked);
                    }
                    let wait = self.pace.back_off(&self.patience, failures + 1);
                    let repeatable = unsent || !route.write;
                    if !repeatable || failures >= attempts || Instant::now() + wait > deadline {
                        return Err(Fault::Lost { what, request_id });
                    }
                    last_id = request_id;
                    wait
                }
            };
            self.pause(wait).await.map_err(Fault::Failed)?;
        }
    }

    async fn token(&self) -> Result<Secret, ConnectorError> {
        self.unless_stopped(self.tokens.get(&self.http, &self.pace, &self.patience, &*self.meter)).await?
    }

    async fn attempt(&self, route: &'static Route, body: &[u8], token: &Secret, attempt: u32) -> Meaning {
        let mut bearer = match HeaderValue::try_from(format!("Bearer {}", token.expose())) {
            Ok(bearer) => bearer,
            Err(_) => {
                return Meaning::Renew(unauthorized(
                    "TOKEN_REFUSED",
                    "The token endpoint gave an access token that no header can carry.",
                    "Check OAUTH_TOKEN_URL.",
                    None,
                ));
            }
        };
        bearer.set_sensitive(true);
        let request = self
            .http
            .post(format!("{}/{}", self.base_url, route.path))
            .header(AUTHORIZATION, bearer)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_vec());
        let sent = Instant::now();
        let answer = transport::send(request, route.longest, false, &self.tokens.secrets()).await;
        transport::count(&*self.meter, route.path, &answer, sent.elapsed());
        let status = answer.as_ref().map_or(0, |raw| raw.status.as_u16());
        let request_id = answer.as_ref().ok().and_then(|raw| raw.request_id.as_deref());
        tracing::debug!(route = route.path, status, request_id, ms = %sent.elapsed().as_millis(), attempt, "call");
        match answer {
            Ok(raw) => meaning(route, raw),
            Err(NoAnswer::TooLong(what)) => {
                let message = format!("Dropbox {what} at {}, and was not read further.", route.path);
                Meaning::Means(Fault::Failed(too_long(TOO_LONG, message, "BASE_URL")))
            }
            Err(no_answer) => Meaning::Nonsense {
                what: format!("Dropbox {} at {}.", no_answer.what(), route.path),
                unsent: matches!(no_answer, NoAnswer::Unsent(_)),
                wait: None,
                request_id: None,
            },
        }
    }
}

/// A success, read; or what it means that it cannot be.
fn read<T: DeserializeOwned>(route: &Route, raw: Raw) -> Result<Reply<T>, Meaning> {
    match serde_json::from_slice(&raw.body) {
        Ok(value) => Ok(Reply { value, request_id: raw.request_id, weight: raw.weight }),
        Err(error) if error.is_data() => Err(Meaning::Means(Fault::Failed(protocol(
            format!("The answer of {} is not what its specification says: {error}.", route.path),
            raw.request_id,
        )))),
        Err(_) => Err(nonsense(route, raw, "gave a garbled answer")),
    }
}

fn nonsense(route: &Route, raw: Raw, what: &str) -> Meaning {
    Meaning::Nonsense {
        what: format!("Dropbox {what} at {}.", route.path),
        unsent: false,
        wait: raw.retry_after,
        request_id: raw.request_id,
    }
}

/// What an answer means (facts/dropbox.md §3.3).
fn meaning(route: &Route, raw: Raw) -> Meaning {
    let status = raw.status.as_u16();
    if status == 429 {
        return throttled(raw);
    }
    if status >= 500 || status == 408 {
        return nonsense(route, raw, &format!("answered {status}"));
    }
    if raw.is_page() {
        return nonsense(route, raw, &format!("answered {status} with a page of the network edge"));
    }
    match status {
        200 => Meaning::Good(raw),
        400 | 413 => bad_input(route, raw),
        401 => not_authenticated(route, raw),
        403 => forbidden(raw),
        409 => match serde_json::from_slice::<Value>(&raw.body) {
            Ok(body) => {
                let error = body.get("error").cloned().unwrap_or_default();
                let tag = tag(&error).to_owned();
                Meaning::Means(Fault::Refused(Refusal { tag, error, request_id: raw.request_id }))
            }
            Err(_) => nonsense(route, raw, "gave a garbled refusal"),
        },
        _ => Meaning::Means(Fault::Failed(protocol(
            format!("{} answered {status}; BASE_URL may not be Dropbox's Service URI.", route.path),
            raw.request_id,
        ))),
    }
}

/// The tag of a union, also in its short form.
fn tag(error: &Value) -> &str {
    error.get(".tag").unwrap_or(error).as_str().unwrap_or("other")
}

fn throttled(raw: Raw) -> Meaning {
    // The body may be plain text; then it is an ordinary too_many_requests.
    let body: Value = serde_json::from_slice(&raw.body).unwrap_or_default();
    let error = body.get("error");
    let by_writes =
        error.and_then(|e| e.get("reason")).is_some_and(|r| tag(r) == "too_many_write_operations");
    let said = error.and_then(|e| e.get("retry_after")).and_then(|said| match said {
        Value::String(text) => seconds(text.trim()),
        said => said.as_f64().and_then(whole_or_not),
    });
    Meaning::Throttled { wait: raw.retry_after.or(said), by_writes, request_id: raw.request_id }
}

fn bad_input(route: &Route, raw: Raw) -> Meaning {
    let text = raw.excerpt();
    let id = raw.request_id.clone();
    if let Some(scope) = text.split("required scope '").nth(1).and_then(|rest| rest.split('\'').next()) {
        return Meaning::Means(Fault::Failed(missing_scope(scope, true, id)));
    }
    if text.contains("access token you provided is for a specific") {
        return Meaning::Means(Fault::Failed(unauthorized(
            "NOT_A_TEAM_TOKEN",
            "The refresh token was issued for a single Dropbox account, not for a team.",
            "Authorise the app with team scopes, signed in as a team administrator.",
            id,
        )));
    }
    if text.contains("OAuth 2 access token is malformed") || text.contains("Invalid authorization value") {
        return Meaning::Renew(unauthorized(
            "TOKEN_REFUSED",
            "Dropbox does not accept the access tokens that the token endpoint gives.",
            "Check that OAUTH_TOKEN_URL and BASE_URL belong to the same Dropbox.",
            id,
        ));
    }
    let prefix = format!("Error in call to API function \"{}\": ", route.path);
    let text = text.strip_prefix(&prefix).map_or_else(|| text.clone(), str::to_owned);
    Meaning::Means(Fault::BadInput { text, request_id: raw.request_id })
}

fn not_authenticated(route: &Route, raw: Raw) -> Meaning {
    let Ok(body) = serde_json::from_slice::<Value>(&raw.body) else {
        return nonsense(route, raw, "answered 401 with something unreadable");
    };
    let error = body.get("error").cloned().unwrap_or_default();
    let id = raw.request_id;
    let authorise =
        "Have a team administrator authorise the app again, and enter the new OAUTH_REFRESH_TOKEN.";
    let stop = match tag(&error) {
        "missing_scope" => {
            let scope = error.get("required_scope").and_then(Value::as_str).unwrap_or("(not named)");
            missing_scope(scope, false, id)
        }
        "user_suspended" => unauthorized(
            "ADMINISTRATOR_SUSPENDED",
            "The administrator who authorised the app is suspended.",
            "Have another team administrator authorise the app, and enter the new OAUTH_REFRESH_TOKEN.",
            id,
        ),
        "route_access_denied" => unauthorized(
            "ROUTE_DENIED",
            format!("Dropbox does not let this app call {}.", route.path),
            "Check the app's permissions in the App Console.",
            id,
        ),
        tag => {
            let message = format!("Dropbox does not accept the access token ({tag}).");
            return Meaning::Renew(unauthorized("TOKEN_REFUSED", message, authorise, id));
        }
    };
    Meaning::Means(Fault::Failed(stop))
}

/// The code of a problem whose cause is a scope that is not granted.
pub(super) const MISSING_SCOPE: &str = "MISSING_SCOPE";

fn missing_scope(scope: &str, app_lacks_it: bool, request_id: Option<String>) -> ConnectorError {
    let (message, remedy) = if app_lacks_it {
        (
            format!("The app does not have the scope {scope}."),
            format!(
                "Enable {scope} on the Permissions tab of the App Console, have a team administrator authorise the \
                 app again, and enter the new OAUTH_REFRESH_TOKEN."
            ),
        )
    } else {
        (
            format!("The authorisation does not include the scope {scope}."),
            "Scopes added later are not in a refresh token issued before: have a team administrator authorise the \
             app again, and enter the new OAUTH_REFRESH_TOKEN."
                .to_owned(),
        )
    };
    unauthorized(MISSING_SCOPE, message, remedy, request_id)
}

fn forbidden(raw: Raw) -> Meaning {
    let body: Value = serde_json::from_slice(&raw.body).unwrap_or_default();
    let said = tag(body.get("error").unwrap_or(&Value::Null)).to_owned();
    Meaning::Means(Fault::Failed(unauthorized(
        "ACCESS_DENIED",
        format!("Dropbox denies this authorisation access to the team ({said})."),
        "Check that the app is linked to the right team, and that its administrator may manage members and groups.",
        raw.request_id,
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(header: Option<Duration>, said: &str) -> Option<Duration> {
        let body =
            format!(r#"{{"error": {{"reason": {{".tag": "too_many_requests"}}, "retry_after": {said}}}}}"#);
        match throttled(Raw::throttled(header, body)) {
            Meaning::Throttled { wait, .. } => wait,
            _ => panic!("a 429 is a 429"),
        }
    }

    #[test]
    fn a_wait_in_the_body_is_read_in_any_form_where_the_header_says_none() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(asked(None, "300"), seconds(300));
        assert_eq!(asked(None, "\"300\""), seconds(300));
        assert_eq!(asked(None, "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(asked(None, "1e300"), seconds(100 * 365 * 24 * 3600));
        assert_eq!(asked(None, "18446744073709551616"), seconds(100 * 365 * 24 * 3600));
        for garbage in ["-1", "null", "\"soon\"", "[]", "{}"] {
            assert_eq!(asked(None, garbage), None, "{garbage}");
        }
        assert_eq!(asked(seconds(7), "300"), seconds(7));
    }
}
