//! Rules.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};
use usher_domain::{EnvironmentId, Rejection, RuleId, provisioning::rule::Rule, reconcile::plan::Retiring};
use usher_engine::reconcile::Draft;

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Caller, Segments},
    hal::{Origin, cut},
    show,
};

/// `GET propagation/rules`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.reconciler.rules(ids.id(0)).await?;
    page(&origin, found)
}

/// `GET propagation/plans/{id}/rules`
pub(crate) async fn list_of_plan(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let plan = app.store.plan_by_id(ids.id(0), ids.id(1)).await?;
    let plan = plan.ok_or_else(|| Rejection::not_found("plan", ids.uuid(1)))?;
    let mut found = app.reconciler.rules(ids.id(0)).await?;
    found.retain(|rule| rule.plan == plan.id);
    page(&origin, found)
}

fn page(origin: &Origin, found: Vec<Rule>) -> ApiResult {
    let count = found.len() as u64;
    let page = cut(found, |rule| rule.id.uuid(), &origin.page(1000)?);
    let items: Vec<Value> = page.items.iter().map(|rule| show::rule(origin, rule)).collect();
    let page = usher_domain::ports::store::Page { items, next: page.next };
    Ok(Json(origin.listing("rules", page, Some(count))).into_response())
}

/// `POST propagation/rules`
pub(crate) async fn create(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let made = app.directory.create_rule(&caller.by(), ids.id(0), &body.object).await?;
    Ok((StatusCode::CREATED, Json(show::rule(&origin, &made))).into_response())
}

/// `POST propagation/plans/{id}/rules`: the plan is the path's, whatever the body says.
pub(crate) async fn create_in_plan(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    mut body: Body,
) -> ApiResult {
    body.object.insert("plan".into(), json!({ "id": ids.uuid(1) }));
    let made = app.directory.create_rule(&caller.by(), ids.id(0), &body.object).await?;
    Ok((StatusCode::CREATED, Json(show::rule(&origin, &made))).into_response())
}

/// `GET propagation/rules/{id}`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = find(&app, ids.id(0), ids.id(1)).await?;
    Ok(Json(show::rule(&origin, &found)).into_response())
}

/// `PUT propagation/rules/{id}`
pub(crate) async fn replace(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let changed = app.directory.replace_rule(&caller.by(), ids.id(0), ids.id(1), &body.object).await?;
    Ok(Json(show::rule(&origin, &changed)).into_response())
}

/// `DELETE propagation/rules/{id}`, with `deprovision=true`: consent to exactly the removals of this moment.
pub(crate) async fn remove(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
) -> ApiResult {
    let deprovision = match origin.query("deprovision") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            return Err(Rejection::field("INVALID_VALUE", "deprovision", "must be true or false").into());
        }
    };
    let (environment, id): (EnvironmentId, RuleId) = (ids.id(0), ids.id(1));
    let consent = match deprovision {
        // Also of a rule that is being deleted already: whoever cannot wait for the remote side lets its accounts go.
        false => None,
        true => {
            let rule = find(&app, environment, id).await?;
            let retiring = Rule { retiring: Some(Retiring::Deprovision), ..rule };
            Some(app.reconciler.preview(&retiring, Draft::default()).await?.digest)
        }
    };
    app.directory.delete_rule(&caller.by(), environment, id, deprovision, consent.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The rule of that id, unless it is being deleted.
pub(crate) async fn find(app: &AppState, environment: EnvironmentId, id: RuleId) -> ApiResult<Rule> {
    let found = app.reconciler.rule(environment, id).await?;
    found.ok_or_else(|| Rejection::not_found("rule", id).into())
}
