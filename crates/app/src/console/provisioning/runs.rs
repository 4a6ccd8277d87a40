//! Runs: the list, and one run with its progress, its operations and what went wrong; approving and cancelling a held one.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use usher_domain::{
    RuleId, RunId,
    ports::store::PageRequest,
    provisioning::rule::Rule,
    reconcile::{
        operation::Stage,
        run::{Run, RunState, Trigger},
        scope::Subject,
    },
};
use uuid::Uuid;

use super::{
    find_run,
    plan_view::{self, Count, Row},
};
use crate::{
    access::{
        people::People,
        permission::Permission::{ApproveSyncs, WriteConfiguration},
    },
    console::{
        error::{ConsoleError, ConsoleResult},
        form::Form,
        page::{Shell, done, page},
        paging::Paging,
        show::{self, Badge, Time, count, number},
        standings::Problem,
        visitor::{Ids, Visitor},
    },
    state::AppState,
};

/// How many runs are on a page of the list.
const RUNS: usize = 50;
/// How many runs are looked at for one page, when only some of them are shown.
const LOOKED_AT: usize = 1_000;
/// How many operations are on a page.
const PAGE: u32 = 100;
/// How many of those that failed by one cause are named.
const NAMED: u32 = 5;

/// A run in a list.
#[derive(Debug)]
pub(super) struct RunRow {
    pub(super) id: String,
    pub(super) rule: String,
    pub(super) rule_name: String,
    pub(super) state: Badge,
    pub(super) trigger: &'static str,
    pub(super) started: Time,
    pub(super) took: String,
    pub(super) done: String,
    pub(super) what: String,
}

impl RunRow {
    pub(super) fn of(run: &Run, rule_name: &str) -> Self {
        let what = match (&run.problem, plan_view::shown(&run.counts).as_slice()) {
            (Some(problem), _) => problem.message.clone(),
            (None, []) if run.state.is_final() => "Nothing to do".to_owned(),
            (None, counts) => {
                counts.iter().map(|it| format!("{}: {}", it.label, it.n)).collect::<Vec<_>>().join(", ")
            }
        };
        RunRow {
            id: run.id.to_string(),
            rule: run.rule.to_string(),
            rule_name: rule_name.to_owned(),
            state: show::run_state(run.state),
            trigger: trigger(run),
            started: Time(run.started_at),
            took: took(run),
            done: if run.total == 0 {
                String::new()
            } else {
                format!("{} of {}", number(run.done), number(run.total))
            },
            what,
        }
    }
}

/// Why it was started.
fn trigger(run: &Run) -> &'static str {
    match run.trigger {
        Trigger::Change => "A change",
        Trigger::Manual => "A full resync",
        Trigger::Configuration => "A change of the rule",
        Trigger::Approval => "An approval",
        Trigger::Deletion => "The rule's deletion",
        Trigger::Schedule => "Its schedule",
    }
}

fn took(run: &Run) -> String {
    let Some(end) = run.finished_at else { return String::new() };
    let millis = end.since(run.started_at).as_millis();
    match millis {
        0..1000 => format!("{millis} ms"),
        1000..120_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => format!("{} min", millis / 60_000),
    }
}

#[derive(Template)]
#[template(path = "provisioning/runs.html")]
struct List {
    shell: Shell,
    rows: Vec<RunRow>,
    state: String,
    states: Vec<(&'static str, &'static str)>,
    paging: Paging,
}

/// `GET /console/runs`, with `state` and `after`
pub(in crate::console) async fn list(State(app): State<AppState>, visitor: Visitor) -> ConsoleResult {
    let rules = app.store.rules(visitor.home()).await?;
    let states = vec![("", "All"), ("open", "Under way"), ("held", "Held"), ("failed", "Failed or partial")];
    let state = visitor.query("state").unwrap_or_default().to_owned();
    let after = visitor.query("after").and_then(|after| after.parse().ok());
    let (runs, next) = match state.as_str() {
        "open" => (open(&app, &rules, |_| true).await?, None),
        "held" => (open(&app, &rules, |run| run.state == RunState::Held).await?, None),
        "failed" => {
            let failed = |run: &Run| matches!(run.state, RunState::Failed | RunState::Partial);
            before(&app, &rules, after, failed).await?
        }
        _ => before(&app, &rules, after, |_| true).await?,
    };
    let names: HashMap<RuleId, &str> = rules.iter().map(|rule| (rule.id, rule.name.as_str())).collect();
    let row = |run: &Run| RunRow::of(run, names.get(&run.rule).copied().unwrap_or_default());
    page(&List {
        shell: Shell::new(&visitor, "Runs"),
        rows: runs.iter().map(row).collect(),
        state,
        states,
        paging: Paging::new(&visitor, next),
    })
}

/// Those that have not ended, the latest first.
async fn open(app: &AppState, rules: &[Rule], shown: impl Fn(&Run) -> bool) -> ConsoleResult<Vec<Run>> {
    let mut runs = Vec::new();
    for rule in rules {
        runs.extend(app.store.open_runs(rule.id).await?);
    }
    runs.retain(shown);
    runs.sort_by_key(|run| std::cmp::Reverse(run.id));
    Ok(runs)
}

/// A page of the runs of all rules that were started before this one, the latest first (ids rise with time); and where the
/// next page begins.
async fn before(
    app: &AppState,
    rules: &[Rule],
    mut after: Option<Uuid>,
    shown: impl Fn(&Run) -> bool,
) -> ConsoleResult<(Vec<Run>, Option<Uuid>)> {
    let mut found = Vec::new();
    let limit = u32::try_from(RUNS).unwrap_or(u32::MAX);
    for _ in 0..LOOKED_AT / RUNS {
        let mut batch = Vec::new();
        let mut more = false;
        for rule in rules {
            let read = app.store.runs(rule.id, &PageRequest { after, limit }).await?;
            more |= read.next.is_some();
            batch.extend(read.items);
        }
        batch.sort_by_key(|run: &Run| std::cmp::Reverse(run.id));
        more |= batch.len() > RUNS;
        batch.truncate(RUNS);
        after = batch.last().map(|run| run.id.uuid()).filter(|_| more);
        found.extend(batch.into_iter().filter(&shown));
        if after.is_none() || found.len() >= RUNS {
            break;
        }
    }
    Ok((found, after))
}

#[derive(Template)]
#[template(path = "provisioning/run.html", blocks = ["progress"])]
struct Page {
    shell: Shell,
    id: String,
    rule: String,
    rule_name: String,
    state: Badge,
    trigger: &'static str,
    scope: String,
    started: Time,
    took: String,
    is_open: bool,
    is_held: bool,
    is_approved: bool,
    done: u64,
    total: u64,
    progress: String,
    problem: Option<Problem>,
    hold: Vec<String>,
    moved: Vec<String>,
    taken: Option<String>,
    digest: String,
    counts: Vec<Count>,
    causes: Vec<Cause>,
    kinds: Vec<(String, String, bool)>,
    rows: Vec<Row>,
    paging: Paging,
    heading: &'static str,
    may_approve: bool,
    may_retry: bool,
    may_see_people: bool,
    /// Why names are left out, if they are.
    left_out: Option<String>,
}

/// Operations that did not succeed for the same reason.
struct Cause {
    code: String,
    count: String,
    message: String,
    remedy: Option<String>,
    named: Vec<Failed>,
    more: Option<String>,
}

struct Failed {
    sentence: String,
    message: String,
    request: Option<String>,
    /// The form's value that makes this subject due.
    subject: String,
}

/// `GET /console/runs/{id}`, with `kind` or `problem` and `after` for its operations
pub(in crate::console) async fn show(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let run = find_run(&app, &visitor, ids.id(0)).await?;
    let shown = shown(&app, &visitor, &run).await?;
    if visitor.query("part") == Some("progress") {
        return Ok(axum::response::Html(shown.as_progress().render()?).into_response_or_stop(!shown.is_open));
    }
    page(&shown)
}

trait Polled {
    fn into_response_or_stop(self, over: bool) -> axum::response::Response;
}

impl Polled for axum::response::Html<String> {
    /// A part that is asked for again and again; when the run is over the whole page is loaded anew, with all of it.
    fn into_response_or_stop(self, over: bool) -> axum::response::Response {
        use axum::response::IntoResponse as _;
        let mut response = self.into_response();
        if over {
            response.headers_mut().insert("hx-refresh", axum::http::HeaderValue::from_static("true"));
        }
        response
    }
}

async fn shown(app: &AppState, visitor: &Visitor, run: &Run) -> ConsoleResult<Page> {
    let people = visitor.people();
    let rule = app.store.rule(visitor.home(), run.rule).await?;
    let rule_name = rule.as_ref().map_or_else(|| "a rule that is gone".to_owned(), |rule| rule.name.clone());
    let from = visitor.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
    let kind =
        visitor.query("kind").and_then(|kind| Stage::ALL.into_iter().find(|stage| stage.kind() == kind));
    let problem = visitor.query("problem");
    let (start, end) = span(run, kind);
    let mut operations = match problem {
        Some(code) => app.store.operations_with(run.id, code, from, PAGE).await?,
        None => app.store.operations(run.id, from.max(start), PAGE).await?,
    };
    operations.retain(|it| it.seq < end);
    let next = operations
        .last()
        .map(|it| it.seq + 1)
        .filter(|next| operations.len() == PAGE as usize && *next < end);
    let is_open = !run.state.is_final() && run.state != RunState::Held;
    let kinds = plan_view::shown(&run.counts);
    let kinds = Stage::ALL
        .into_iter()
        .filter(|stage| run.counts.0.get(stage.kind()).is_some_and(|n| *n > 0))
        .zip(kinds);
    Ok(Page {
        shell: Shell::new(visitor, format!("Run of {rule_name}")),
        id: run.id.to_string(),
        rule: run.rule.to_string(),
        rule_name,
        state: show::run_state(run.state),
        trigger: trigger(run),
        scope: scope(run),
        started: Time(run.started_at),
        took: took(run),
        is_open,
        is_held: run.state == RunState::Held,
        is_approved: run.state == RunState::Held && run.trigger == Trigger::Approval,
        done: run.done,
        total: run.total,
        progress: format!("{} of {}", number(run.done), number(run.total)),
        problem: run.problem.as_ref().map(Problem::from),
        hold: show::hold(&run.hold),
        moved: people.rows(&run.moved).to_vec(),
        taken: plan_view::taken(&run.counts, &run.manner),
        digest: run.digest.clone().unwrap_or_default(),
        counts: plan_view::shown(&run.counts),
        causes: causes(app, run.id, people).await?,
        kinds: kinds
            .map(|(stage, it)| {
                (
                    stage.kind().to_owned(),
                    format!("{} ({})", it.label, it.n),
                    kind == Some(stage) && problem.is_none(),
                )
            })
            .collect(),
        rows: people.rows(&operations).iter().map(|it| Row::of(&it.operation, it.outcome.as_ref())).collect(),
        paging: Paging::after(visitor, next.map(|next| next.to_string())),
        heading: match (problem, kind) {
            (Some(_), _) => "Operations that did not succeed",
            (None, Some(stage)) => stage.heading(),
            (None, None) => "All operations",
        },
        may_approve: visitor.may(ApproveSyncs),
        may_retry: visitor.may(WriteConfiguration),
        may_see_people: people.are_shown(),
        left_out: (!people.are_shown()).then(People::left_out),
    })
}

/// Which operations are of a kind: they are sorted by it, so the counts before it say where they begin.
fn span(run: &Run, kind: Option<Stage>) -> (u64, u64) {
    let Some(kind) = kind else { return (0, u64::MAX) };
    let of = |stage: Stage| run.counts.0.get(stage.kind()).copied().unwrap_or(0);
    let before: u64 = Stage::ALL.into_iter().take_while(|stage| *stage != kind).map(of).sum();
    (before, before + of(kind))
}

fn scope(run: &Run) -> String {
    use usher_domain::reconcile::scope::Scope;
    match &run.scope {
        Scope::Full => "everything of the rule".to_owned(),
        Scope::Subjects { users, groups } => format!(
            "{} and {}",
            count(users.len() as u64, "user", "users"),
            count(groups.len() as u64, "group", "groups")
        ),
        Scope::Accounts(accounts) => count(accounts.len() as u64, "account", "accounts"),
    }
}

async fn causes(app: &AppState, run: RunId, people: People) -> ConsoleResult<Vec<Cause>> {
    let mut causes = Vec::new();
    for (code, n) in app.store.problems(run).await? {
        let some = app.store.operations_with(run, &code, 0, NAMED).await?;
        let problem = |it: &usher_domain::reconcile::run::RunOperation| {
            it.outcome.as_ref().and_then(|outcome| outcome.problem()).cloned()
        };
        let Some(first) = some.first().and_then(problem) else { continue };
        let named = people.rows(&some).iter().filter_map(|it| {
            let problem = problem(it)?;
            let subject = match it.operation.subject {
                Subject::User(id) => format!("user:{id}"),
                Subject::Group(id) => format!("group:{id}"),
            };
            Some(Failed {
                sentence: it.operation.action.sentence(&it.operation.label),
                message: problem.message,
                request: problem.request_id,
                subject,
            })
        });
        causes.push(Cause {
            count: number(n),
            // Of one alone the message names them, and a remedy may.
            message: if n == 1 && people.are_shown() { first.message.clone() } else { words(&code) },
            remedy: people.are_shown().then_some(first.remedy),
            named: named.collect(),
            more: n.checked_sub(u64::from(NAMED)).filter(|more| *more > 0 && people.are_shown()).map(number),
            code,
        });
    }
    Ok(causes)
}

/// A code as words: `NO_SEAT` is "No seat".
fn words(code: &str) -> String {
    let mut words = code.replace('_', " ").to_lowercase();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

/// `POST /console/runs/{id}/approve`, with the digest of the plan that was shown
pub(in crate::console) async fn approve(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
    form: Form,
) -> ConsoleResult {
    let id: Uuid = ids.id(0);
    let run =
        app.reconciler.approve(visitor.home(), id.into(), form.value("digest"), visitor.actor()).await?;
    app.wake.notify_one();
    let told =
        "Approved. The plan is made anew; if it is still the same, it is carried out, else it is held again.";
    done(&visitor, &format!("/console/runs/{}", run.id), told)
}

/// `POST /console/runs/{id}/cancel`
pub(in crate::console) async fn cancel(
    State(app): State<AppState>,
    visitor: Visitor,
    ids: Ids,
) -> ConsoleResult {
    let id: Uuid = ids.id(0);
    let run = app
        .reconciler
        .cancel(visitor.home(), id.into(), visitor.actor())
        .await
        .map_err(ConsoleError::from)?;
    done(&visitor, &format!("/console/runs/{}", run.id), "Cancelled. Nothing of the plan was carried out.")
}
