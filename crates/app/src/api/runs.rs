//! Runs: what a sync did, does, or waits to be allowed to do.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::Value;
use usher_domain::{EnvironmentId, Rejection, RunId, ports::store::Page, reconcile::run::Run};

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Caller, Segments},
    hal::Origin,
    rules, show,
};
use crate::access::people::People;

/// `GET propagation/rules/{id}/runs`: the latest first.
pub(crate) async fn list(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
) -> ApiResult {
    let rule = rules::find(&app, ids.id(0), ids.id(1)).await?;
    let found = app.store.runs(rule.id, &origin.page(200)?).await?;
    let items: Vec<Value> = found.items.iter().map(|run| show::run(&origin, run, caller.people())).collect();
    Ok(Json(origin.listing("runs", Page { items, next: found.next }, None)).into_response())
}

/// `GET propagation/runs/{id}`
pub(crate) async fn read(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
) -> ApiResult {
    let run = find(&app, ids.id(0), ids.id(1)).await?;
    Ok(Json(show::run(&origin, &run, caller.people())).into_response())
}

/// `GET propagation/runs/{id}/operations`, in the plan's order; `from` and `limit` page. Each is about a person, so callers
/// who may not read identities get only their number.
pub(crate) async fn operations(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
) -> ApiResult {
    let run = find(&app, ids.id(0), ids.id(1)).await?;
    let limit = origin.page(1000)?.limit;
    let from = match origin.query("from").map(str::parse::<u64>) {
        None => 0,
        Some(Ok(from)) => from,
        Some(Err(_)) => {
            let what = "must be the number of an operation; the first has the number 0";
            return Err(Rejection::field("INVALID_VALUE", "from", what).into());
        }
    };
    let found = match caller.people() {
        People::Shown => app.store.operations(run.id, from, limit).await?,
        People::Counted => Vec::new(),
    };
    let next = found.last().map(|operation| operation.seq + 1).filter(|_| found.len() == limit as usize);
    let items: Vec<Value> = found.iter().map(show::operation).collect();
    let count = found.len() as u64;
    let mut shown = origin.listing("operations", Page { items, next: None }, Some(run.total.max(count)));
    if let Some(next) = next {
        let path = format!("/propagation/runs/{}/operations?from={next}&limit={limit}", run.id);
        shown = shown.with_next(origin.link(&show::path(run.environment, &path)));
    }
    Ok(Json(shown).into_response())
}

/// `POST propagation/runs/{id}/approval` with the digest that was looked at
pub(crate) async fn approve(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let Some(digest) = body.object.get("digest").and_then(Value::as_str) else {
        let what = "must be the digest of the plan that you looked at; GET the run shows it";
        return Err(Rejection::field("REQUIRED_VALUE", "digest", what).into());
    };
    let people = caller.people();
    let run = app.reconciler.approve(ids.id(0), ids.id(1), digest, caller.actor).await?;
    Ok((StatusCode::ACCEPTED, Json(show::run(&origin, &run, people))).into_response())
}

/// `POST propagation/runs/{id}/cancellation`
pub(crate) async fn cancel(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
) -> ApiResult {
    let people = caller.people();
    let run = app.reconciler.cancel(ids.id(0), ids.id(1), caller.actor).await?;
    Ok(Json(show::run(&origin, &run, people)).into_response())
}

async fn find(app: &AppState, environment: EnvironmentId, id: RunId) -> ApiResult<Run> {
    let found = app.store.run(environment, id).await?;
    found.ok_or_else(|| Rejection::not_found("run", id).into())
}
