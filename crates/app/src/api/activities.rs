//! Activities: the audit, as PingOne shows it. Those who collect it ask for a range of time that ends now, the newest
//! first, follow `_links.next`, and begin the next time after the newest that they saw.

use std::time::Duration;

use axum::{Json, extract::State, response::IntoResponse};
use serde_json::{Value, json};
use usher_domain::{
    EnvironmentId, EventId, Rejection, Timestamp, UserId,
    directory::filter::{CompareOp, Filter, Literal, Target},
    ports::store::Page,
};
use usher_engine::directory::ACTIVITY_ATTRIBUTES;

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Caller, Segments},
    hal::Origin,
    show,
};

/// How long an event may take from its stamp to its commit.
const SETTLED: Duration = Duration::from_secs(1);

/// `GET activities`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let environment: EnvironmentId = ids.id(0);
    let page = origin.page(1000)?;
    let filter = origin.filter(Some(&ACTIVITY_ATTRIBUTES))?;
    if let Some(until) = filter.as_ref().and_then(latest) {
        settle(&app, until).await;
    }
    let found = app.directory.search_activities(environment, filter.as_ref(), page.after, page.limit).await?;
    let items: Vec<Value> = found.items.iter().map(|event| show::activity(&origin, event)).collect();
    Ok(Json(origin.listing("activities", Page { items, next: found.next }, None)).into_response())
}

/// `GET activities/{id}`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.store.event(ids.id(0), EventId(ids.uuid(1))).await?;
    let found = found.ok_or_else(|| Rejection::not_found("activity", ids.uuid(1)))?;
    Ok(Json(show::activity(&origin, &found)).into_response())
}

/// `POST activities/redactions` `{"user": {"id": …}}`
pub(crate) async fn redact(
    State(app): State<AppState>,
    ids: Segments,
    caller: Caller,
    body: Body,
) -> ApiResult {
    if let Some(unknown) = body.object.keys().find(|name| *name != "user") {
        let what = "is not known here; the body is {\"user\": {\"id\": …}}";
        return Err(Rejection::field("INVALID_VALUE", unknown.as_str(), what).into());
    }
    let user = body.object.get("user").and_then(|user| user["id"].as_str());
    let user = user.and_then(|id| id.parse::<UserId>().ok());
    let Some(user) = user else {
        let what = "must be {\"id\": …} with the id of a user, who may be deleted already";
        return Err(Rejection::field("INVALID_VALUE", "user", what).into());
    };
    let redacted = app.directory.redact_activities(&caller.by(), ids.id(0), user).await?;
    Ok(Json(json!({ "user": { "id": user }, "redacted": redacted })).into_response())
}

/// The end of the filter's range of time.
fn latest(filter: &Filter) -> Option<Timestamp> {
    match filter {
        Filter::And(all) => all.iter().filter_map(latest).min(),
        Filter::Compare(Target::Attr(path), CompareOp::Lt | CompareOp::Le, Literal::Text(at))
            if path.key() == "recordedat" =>
        {
            at.moment().map(Timestamp::from_datetime)
        }
        _ => None,
    }
}

/// Whoever asks for all until now will never ask for that time again. An event that was stamped before now and is just
/// being committed would be lost to them, so they wait for it.
async fn settle(app: &AppState, until: Timestamp) {
    let now = app.clock.now();
    if until.plus(SETTLED) > now && now.plus(SETTLED) >= until {
        tokio::time::sleep(until.plus(SETTLED).since(now)).await;
    }
}
