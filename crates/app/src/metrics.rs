//! What monitoring reads at `/metrics`: what this process did, counted where it was done, and what waits or stands still
//! in the database now. No label is about a person, and every label has few values.

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
        info::Info,
    },
    registry::{Registry, Unit},
};
use tokio::time::timeout;
use usher_domain::{
    ConnectionId, Timestamp,
    ports::{
        meter::{Answered, Meter},
        store::{Gauges, Store},
    },
    provisioning::rule::Direction,
    reconcile::{operation::Action, outcome::Outcome, run::RunState, snapshot::Seats},
};

use crate::{
    log,
    readiness::{self, NotReady, Readiness},
};

/// The media type of what is given.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of what a request or a call takes, in seconds: from a look-up in memory to the longest patience.
const SECONDS: [f64; 12] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// A histogram of seconds.
#[derive(Clone)]
struct InSeconds;

impl MetricConstructor<Histogram> for InSeconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

type Counters<L> = Family<L, Counter>;
type Times<L> = Family<L, Histogram, InSeconds>;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfRun {
    direction: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfOperation {
    kind: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfCall {
    route: &'static str,
    answer: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfRoute {
    route: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfConnection {
    connection: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfRequest {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfPath {
    method: &'static str,
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfDelivery {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfClock {
    direction: &'static str,
}

/// The counters of this process.
pub(crate) struct Metrics {
    registry: Registry,
    runs: Counters<OfRun>,
    operations: Counters<OfOperation>,
    calls: Counters<OfCall>,
    call_seconds: Times<OfRoute>,
    seats: Family<OfConnection, Gauge>,
    seats_left: Family<OfConnection, Gauge>,
    deliveries: Counters<OfDelivery>,
    delivered: Counter,
    dropped: Counter,
    clock_jumps: Counters<OfClock>,
    requests: Counters<OfRequest>,
    request_seconds: Times<OfPath>,
    connections_refused: Counter,
    certificates_refused: Counter,
    certificate_expires: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Every counter at nothing.
    pub(crate) fn new() -> Arc<Metrics> {
        let mut all = Metrics {
            registry: Registry::with_prefix("usher"),
            runs: Family::default(),
            operations: Family::default(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(InSeconds),
            seats: Family::default(),
            seats_left: Family::default(),
            deliveries: Family::default(),
            delivered: Counter::default(),
            dropped: Counter::default(),
            clock_jumps: Family::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(InSeconds),
            connections_refused: Counter::default(),
            certificates_refused: Counter::default(),
            certificate_expires: Gauge::default(),
        };
        let registry = &mut all.registry;
        registry.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register("runs", "Runs that came to rest, by direction and state", all.runs.clone());
        registry.register(
            "operations",
            "Operations of runs, by kind and outcome: done, already_true, refused, postponed, skipped",
            all.operations.clone(),
        );
        registry.register(
            "dropbox_calls",
            "Calls to Dropbox, by route and how it answered",
            all.calls.clone(),
        );
        registry.register_with_unit(
            "dropbox_call_duration",
            "How long a call to Dropbox took, by route",
            Unit::Seconds,
            all.call_seconds.clone(),
        );
        registry.register(
            "seats",
            "Seats of the team that a connection leads to, when last looked at",
            all.seats.clone(),
        );
        registry.register("seats_left", "Seats of that team that nobody has", all.seats_left.clone());
        registry.register(
            "webhook_deliveries",
            "Deliveries to webhooks, accepted or failed",
            all.deliveries.clone(),
        );
        registry.register("webhook_events_delivered", "Events that webhooks accepted", all.delivered.clone());
        registry.register(
            "webhook_events_dropped",
            "Events that were given up, since their webhook was disabled for too long",
            all.dropped.clone(),
        );
        registry.register(
            "clock_jumps",
            "How often the clock was set ahead, or back",
            all.clock_jumps.clone(),
        );
        registry.register(
            "http_requests",
            "Requests answered, by method, route and status",
            all.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "How long a request took, by method and route",
            Unit::Seconds,
            all.request_seconds.clone(),
        );
        registry.register(
            "http_connections_refused",
            "Connections closed at once because their address had reached its limit",
            all.connections_refused.clone(),
        );
        registry.register(
            "tls_certificates_refused",
            "Times that a new certificate or key could not be used and the old one stayed in use",
            all.certificates_refused.clone(),
        );
        registry.register(
            "tls_certificate_expiry_timestamp_seconds",
            "When the certificate in use expires, in Unix time; 0 without one",
            all.certificate_expires.clone(),
        );
        // What nothing happened to yet is told as 0, so that the first time is a change that an alert sees.
        for direction in [Direction::Outbound, Direction::Inbound] {
            for state in [
                RunState::Succeeded,
                RunState::Partial,
                RunState::Failed,
                RunState::Held,
                RunState::Cancelled,
            ] {
                drop(all.runs.get_or_create(&of_run(direction, state)));
            }
        }
        for outcome in ["accepted", "failed"] {
            drop(all.deliveries.get_or_create(&OfDelivery { outcome }));
        }
        Arc::new(all)
    }

    /// A connection was closed at once: its address has reached its limit.
    pub(crate) fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// A new certificate cannot be used; the one before it is still served.
    pub(crate) fn certificate_refused(&self) {
        self.certificates_refused.inc();
    }

    /// The certificate that is served from now on expires then.
    pub(crate) fn certificate_served(&self, expires: Timestamp) {
        self.certificate_expires.set(expires.as_millis() / 1000);
    }

    /// All of it as text, with what the database says now, or that it does not answer.
    pub(crate) async fn text(
        &self,
        store: &dyn Store,
        readiness: &Readiness,
        now: Timestamp,
    ) -> Result<String, fmt::Error> {
        let ready = readiness.check().await;
        let gauges = match ready {
            Err(NotReady::Silent) => None,
            _ => timeout(readiness::PATIENCE, store.gauges(now)).await.ok().and_then(Result::ok),
        };
        let mut text = String::new();
        text::encode_registry(&mut text, &self.registry)?;
        text::encode_registry(&mut text, &stood(ready.is_ok(), gauges, store.failures(), now))?;
        text::encode_eof(&mut text)?;
        Ok(text)
    }
}

/// What stands in the database now.
fn stood(ready: bool, gauges: Option<Gauges>, failures: u64, now: Timestamp) -> Registry {
    let mut registry = Registry::with_prefix("usher");
    let mut gauge = |name: &str, help: &str, value: u64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    };
    gauge("ready", "Whether this server can do its work: as /readyz says", u64::from(ready));
    gauge("database_up", "Whether the database answers", u64::from(gauges.is_some()));
    if let Some(it) = gauges {
        let waited = it.oldest_due.map_or(0, |at| now.since(at).as_secs());
        gauge("runs_held", "Runs that are held for a person now", it.held_runs);
        gauge("connections", "Connections that are switched on", it.active_connections);
        gauge(
            "connections_failing",
            "Connections that are switched on and do not work",
            it.failing_connections,
        );
        gauge("jobs_due", "Rules that are due now and that no server has begun", it.due_jobs);
        gauge("jobs_oldest_due_age_seconds", "For how long the oldest of them has been due", waited);
        gauge("webhook_subscriptions", "Webhooks that are enabled", it.subscriptions);
        gauge(
            "webhook_subscriptions_failing",
            "Webhooks whose last delivery was not accepted",
            it.failing_subscriptions,
        );
        gauge(
            "webhook_events_pending",
            "Events that enabled webhooks have not been told of yet, or do not want",
            it.pending_events,
        );
        gauge("audit_events", "Events in the audit", it.audit_events);
    }
    let errors: Counter = Counter::default();
    errors.inc_by(failures);
    registry.register("database_errors", "Statements that the database did not carry out", errors);
    let dropped: Counter = Counter::default();
    dropped.inc_by(log::dropped());
    registry.register("log_lines_dropped", "Log lines that could not be written to standard error", dropped);
    registry
}

fn of_run(direction: Direction, state: RunState) -> OfRun {
    let direction = match direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
    };
    let state = match state {
        RunState::Planning => "planning",
        RunState::Held => "held",
        RunState::Applying => "applying",
        RunState::Succeeded => "succeeded",
        RunState::Partial => "partial",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
    };
    OfRun { direction, state }
}

impl Meter for Metrics {
    fn called(&self, route: &'static str, answer: Answered, took: Duration) {
        self.calls.get_or_create(&OfCall { route, answer: answer.word() }).inc();
        self.call_seconds.get_or_create(&OfRoute { route }).observe(took.as_secs_f64());
    }

    fn run_rested(&self, direction: Direction, state: RunState) {
        self.runs.get_or_create(&of_run(direction, state)).inc();
    }

    fn outcome(&self, action: &Action, outcome: &Outcome) {
        let kind = snake(&format!("{:?}", action.stage()));
        let outcome = match outcome {
            Outcome::Done { .. } => "done",
            Outcome::AlreadyTrue { .. } => "already_true",
            Outcome::Refused { .. } => "refused",
            Outcome::Postponed { .. } => "postponed",
            Outcome::Skipped { .. } => "skipped",
        };
        self.operations.get_or_create(&OfOperation { kind, outcome }).inc();
    }

    fn seats(&self, connection: ConnectionId, seats: Seats) {
        let of = OfConnection { connection: connection.to_string() };
        self.seats.get_or_create(&of).set(seats.licensed.into());
        self.seats_left.get_or_create(&of).set(seats.left().into());
    }

    fn delivery(&self, events: u64, accepted: bool) {
        let outcome = if accepted { "accepted" } else { "failed" };
        self.deliveries.get_or_create(&OfDelivery { outcome }).inc();
        if accepted {
            self.delivered.inc_by(events);
        }
    }

    fn dropped(&self, events: u64) {
        self.dropped.inc_by(events);
    }

    fn clock_moved(&self, ahead: bool) {
        self.clock_jumps.get_or_create(&OfClock { direction: if ahead { "ahead" } else { "back" } }).inc();
    }
}

/// `AddMember` as `add_member`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Counts a request by the route that answered, never by its address: addresses hold ids.
pub(crate) async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let began = tokio::time::Instant::now();
    let response = next.run(request).await;
    let took = began.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    metrics.request_seconds.get_or_create(&OfPath { method, route: route.clone() }).observe(took);
    metrics.requests.get_or_create(&OfRequest { method, route, status }).inc();
    response
}
