//! The simulator on the wire: from a request to an answer, with every fault that was ordered on the way.

mod answer;
mod control;
mod line;
mod oauth;
mod twist;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::calls::{Call, CallLog, TOKEN};
use crate::faults::{Fault, Faults, When};
use crate::ids::Ids;
use crate::routes::jobs::{JobEnd, JobOrder};
use crate::routes::{self, Ask, Refusal, Route};
use crate::stone;
use crate::team::Team;
use answer::Answer;
use line::{Line, Lines};

const CONTENT_TYPES: [&str; 3] =
    ["application/json", "application/json; charset=utf-8", "text/plain; charset=dropbox-cors-hack"];
const LARGEST_REQUEST: usize = 64 * 1024 * 1024;

/// What every request's handler shares.
#[derive(Debug)]
pub(crate) struct Shared {
    team: Mutex<Team>,
    pub(crate) faults: Faults,
    pub(crate) calls: CallLog,
    latency: Duration,
    stopped: AtomicBool,
    /// Answers that were not as the specification says: the simulator's own faults.
    complaints: Mutex<Vec<String>>,
}

impl Shared {
    pub(crate) fn new(mut team: Team) -> Self {
        let seed = team.ids.seed();
        Self {
            faults: Faults::seeded(Ids::seeded(seed)),
            calls: CallLog::keeping(team.settings.call_log_limit),
            latency: team.settings.latency,
            team: Mutex::new(team),
            stopped: AtomicBool::new(false),
            complaints: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn team(&self) -> MutexGuard<'_, Team> {
        self.team.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn issue_token(&self) -> String {
        let mut team = self.team();
        let scopes = team.settings.token_scopes.clone();
        oauth::issue(&mut team, scopes)
    }

    /// Every connection that is still open is cut at its next request.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn complain(&self, what: String) -> Answer {
        self.complaints.lock().unwrap_or_else(PoisonError::into_inner).push(what.clone());
        Answer::text(500, format!("the simulator is wrong: {what}"))
    }
}

/// Binds, and gives what serves for ever.
pub(crate) async fn serve(
    address: SocketAddr,
    shared: Arc<Shared>,
) -> io::Result<(SocketAddr, impl Future<Output = ()> + Send + 'static)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let service =
        axum::Router::new().fallback(handle).with_state(shared).into_make_service_with_connect_info::<Line>();
    let serving = async move {
        // Serving ends only with its task.
        let _ = axum::serve(Lines(listener), service).await;
    };
    Ok((address, serving))
}

/// An answer with what the wire does to it.
struct Exchange {
    answer: Answer,
    done: bool,
    slow_after: Duration,
    reset: bool,
    truncated: bool,
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_REQUEST).await.unwrap_or_default();
    if shared.stopped.load(Ordering::SeqCst) {
        line.cut();
        return Response::default();
    }
    let path = parts.uri.path();
    if let Some(what) = path.strip_prefix("/_simulator/") {
        let answer = control::control(&shared, &parts.method, what, &body);
        return finish(answer, "0");
    }
    if !shared.latency.is_zero() {
        tokio::time::sleep(shared.latency).await;
    }
    let request_id = shared.team().ids.hex(32);
    let (name, route) = match path.strip_prefix("/2/") {
        _ if path == "/oauth2/token" => (TOKEN, None),
        Some(name) => match Route::at(name) {
            Some(route) => (route.path(), Some(route)),
            None => {
                let status = shared.team().switches.unknown_route_status;
                return finish(
                    Answer::text(status, format!("Unknown API function: \"{name}\"")),
                    &request_id,
                );
            }
        },
        None => return finish(Answer::text(404, "There is nothing here.".to_owned()), &request_id),
    };
    let faults = shared.faults.for_call(route);
    for (fault, when) in &faults {
        if let (Fault::Slow(delay), When::BeforeEffect) = (fault, when) {
            tokio::time::sleep(*delay).await;
        }
    }
    let exchange = if parts.method == Method::POST {
        exchange(&shared, route, &parts.headers, &body, &faults)
    } else {
        let what = format!("Must use HTTP \"POST\", not \"{}\".", parts.method);
        plainly(Answer::bad_input(name, &what))
    };
    shared.calls.push(Call {
        route: name.to_owned(),
        request: match route {
            Some(_) => serde_json::from_slice(&body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned())),
            None => Value::Null,
        },
        status: (!exchange.reset).then_some(exchange.answer.status),
        request_id: request_id.clone(),
        done: exchange.done,
    });
    if !exchange.slow_after.is_zero() {
        tokio::time::sleep(exchange.slow_after).await;
    }
    if exchange.reset {
        line.cut();
    }
    match exchange.truncated {
        true => finish_halfway(exchange.answer, &request_id),
        false => finish(exchange.answer, &request_id),
    }
}

fn plainly(answer: Answer) -> Exchange {
    Exchange { answer, done: false, slow_after: Duration::ZERO, reset: false, truncated: false }
}

/// One call, under the team's lock: no other call sees half of it.
fn exchange(
    shared: &Shared,
    route: Option<Route>,
    headers: &HeaderMap,
    body: &[u8],
    faults: &[(Fault, When)],
) -> Exchange {
    let mut team = shared.team();
    let replacing = |wanted: When| {
        faults.iter().find(|(fault, when)| *when == wanted && fault.replaces_answer()).map(|(fault, _)| fault)
    };
    if let Some(fault) = replacing(When::BeforeEffect) {
        let mut exchange = plainly(replacement(fault, &mut team.ids));
        exchange.reset = *fault == Fault::Reset;
        return exchange;
    }
    let mut exchange = plainly(match route {
        None => oauth::token(&mut team, headers, body),
        Some(route) => call(shared, &mut team, route, headers, body, faults),
    });
    let idle = faults.iter().any(|(fault, when)| {
        matches!(fault, Fault::AsyncJob { end: JobEnd::Failed(_), .. }) && *when == When::BeforeEffect
    });
    exchange.done = exchange.answer.status == 200 && !idle;
    let spoiling: Vec<&Fault> = faults
        .iter()
        .map(|(fault, _)| fault)
        .filter(|fault| matches!(fault, Fault::ShortList { .. } | Fault::DuplicateMember | Fault::UnknownTag))
        .collect();
    if !spoiling.is_empty() && exchange.answer.content_type == answer::JSON {
        exchange.answer.body = twist::spoil(exchange.answer.body, &spoiling);
    }
    if let Some(fault) = replacing(When::AfterEffect) {
        exchange.answer = replacement(fault, &mut team.ids);
        exchange.reset = *fault == Fault::Reset;
    }
    for (fault, when) in faults {
        match (fault, when) {
            (Fault::Slow(delay), When::AfterEffect) => exchange.slow_after += *delay,
            (Fault::Truncated, _) => exchange.truncated = true,
            _ => {}
        }
    }
    exchange
}

fn replacement(fault: &Fault, ids: &mut Ids) -> Answer {
    match fault {
        Fault::Throttle { retry_after, plain } => Answer::throttled(*retry_after, *plain, ids),
        Fault::TooManyWrites { retry_after } => Answer::too_many_writes(*retry_after, ids),
        Fault::ServerError { status } => Answer::server_error(*status),
        Fault::EdgeHtml { status } => Answer::edge_html(*status),
        Fault::ExpiredToken => Answer::unauthorized("expired_access_token", ids),
        Fault::InvalidToken => Answer::unauthorized("invalid_access_token", ids),
        Fault::InvalidGrant => Answer::oauth(400, "invalid_grant", "refresh token is invalid or revoked"),
        Fault::Forbidden => Answer::forbidden(ids),
        Fault::Refused(tag) => Answer::error(409, &serde_json::json!({ ".tag": tag }), ids),
        _ => Answer::server_error(500),
    }
}

/// Permission, decoding, the work, and, when answers are checked, the check.
fn call(
    shared: &Shared,
    team: &mut Team,
    route: Route,
    headers: &HeaderMap,
    body: &[u8],
    faults: &[(Fault, When)],
) -> Answer {
    if let Err(answer) = oauth::permit(team, headers, route) {
        return answer;
    }
    let sent = match read(route, headers, body) {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    let spec = route.spec();
    let arg = match stone::decode(&spec.arg, &sent) {
        Ok(arg) => arg,
        Err(invalid) => return Answer::bad_input(route.path(), &format!("request body: {invalid}")),
    };
    let job = faults.iter().find_map(|(fault, when)| match fault {
        Fault::AsyncJob { polls, end } => Some(JobOrder {
            polls: *polls,
            works: *end == JobEnd::Complete || *when == When::AfterEffect,
            end: end.clone(),
        }),
        _ => None,
    });
    let ordered = |wanted: Fault| faults.iter().any(|(fault, _)| *fault == wanted);
    let ask = Ask {
        arg,
        sent: &sent,
        empty_page: ordered(Fault::EmptyPage),
        refuse_cursor: ordered(Fault::InvalidCursor),
        reset_cursor: ordered(Fault::ResetCursor),
        job,
    };
    let checked = team.settings.check_answers;
    match routes::perform(route, &ask, team) {
        Ok(body) => {
            if checked && let Err(what) = check(&spec.result, &body) {
                return shared.complain(format!("{} answers what it must not: {what}", route.path()));
            }
            Answer::json(200, body)
        }
        Err(Refusal::Error(error)) => {
            if checked && let Err(what) = stone::decode(&spec.error, &error) {
                return shared.complain(format!("{} refuses with what it must not: {what}", route.path()));
            }
            Answer::error(409, &error, &mut team.ids)
        }
        Err(Refusal::BadInput(what)) => Answer::bad_input(route.path(), &format!("request body: {what}")),
        Err(Refusal::Broken(what)) => shared.complain(format!("{}: {what}", route.path())),
    }
}

fn check(ty: &crate::spec::Type, body: &[u8]) -> Result<(), String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    stone::decode(ty, &value).map(drop).map_err(|invalid| invalid.to_string())
}

/// The request's JSON. A route without argument may be called with no body and no content type at all.
fn read(route: Route, headers: &HeaderMap, body: &[u8]) -> Result<Value, Answer> {
    let content_type = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let no_argument = matches!(route.spec().arg, crate::spec::Type::Void);
    match content_type {
        None if no_argument && body.is_empty() => return Ok(Value::Null),
        Some(given) if CONTENT_TYPES.contains(&given.to_lowercase().as_str()) => {}
        given => {
            let given = given.unwrap_or_default();
            let expected = CONTENT_TYPES.map(|known| format!("\"{known}\"")).join(", ");
            return Err(Answer::bad_input(
                route.path(),
                &format!("Bad HTTP \"Content-Type\" header: \"{given}\".  Expecting one of {expected}."),
            ));
        }
    }
    serde_json::from_slice(body)
        .map_err(|_| Answer::bad_input(route.path(), "request body: could not decode input as JSON"))
}

fn finish(answer: Answer, request_id: &str) -> Response {
    let body = Body::from(answer.body);
    build(answer.status, answer.content_type, answer.retry_after, request_id, None, body)
}

/// Promises the whole body, sends half of it, and breaks off.
fn finish_halfway(answer: Answer, request_id: &str) -> Response {
    let whole = answer.body.len().max(2);
    let half = Bytes::from(answer.body).slice(..whole / 2);
    let body = stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) => Some((Ok::<_, io::Error>(half), None)),
            None => {
                // Time for the first half to leave before the line is dropped.
                tokio::time::sleep(Duration::from_millis(5)).await;
                Some((Err(io::ErrorKind::ConnectionAborted.into()), None))
            }
        }
    });
    let body = Body::from_stream(body);
    build(answer.status, answer.content_type, answer.retry_after, request_id, Some(whole), body)
}

fn build(
    status: u16,
    content_type: &str,
    retry_after: Option<u64>,
    request_id: &str,
    length: Option<usize>,
    body: Body,
) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .header(header::CONTENT_TYPE, content_type)
        .header("x-dropbox-request-id", request_id);
    if let Some(seconds) = retry_after {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    if let Some(length) = length {
        response = response.header(header::CONTENT_LENGTH, length);
    }
    response.body(body).unwrap_or_default()
}
