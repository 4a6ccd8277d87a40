//! Subscriptions: webhooks that are told of audit events.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};
use usher_domain::{
    EnvironmentId, Rejection, SubscriptionId,
    ports::store::Page,
    secret::MASK,
    subscription::{DeliveryState, Subscription},
};

use super::{
    AppState,
    error::{ApiError, ApiResult},
    extract::{Body, Caller, Segments},
    hal::{Origin, cut},
    show,
};
use crate::system::random_signing_secret;

/// `GET subscriptions`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.store.subscriptions(ids.id(0)).await?;
    let count = found.len() as u64;
    let page = cut(found, |subscription| subscription.id.uuid(), &origin.page(1000)?);
    let mut items: Vec<Value> = Vec::with_capacity(page.items.len());
    for subscription in &page.items {
        items.push(shown(&app, &origin, subscription).await?);
    }
    Ok(Json(origin.listing("subscriptions", Page { items, next: page.next }, Some(count))).into_response())
}

/// `POST subscriptions`: the one answer, beside that of a rotation, that shows the signing secret.
pub(crate) async fn create(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let secret = random_signing_secret();
    let made = app.directory.create_subscription(&caller.by(), ids.id(0), &body.object, &secret).await?;
    let mut answer = shown(&app, &origin, &made).await?;
    answer["signingSecret"] = json!(made.told_secret());
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// `GET subscriptions/{id}`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let (environment, id): (EnvironmentId, SubscriptionId) = (ids.id(0), ids.id(1));
    let found = app.store.subscription(environment, id).await?;
    let found = found.ok_or_else(|| Rejection::not_found("subscription", id))?;
    Ok(Json(shown(&app, &origin, &found).await?).into_response())
}

/// `PUT subscriptions/{id}`
pub(crate) async fn replace(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let changed =
        app.directory.replace_subscription(&caller.by(), ids.id(0), ids.id(1), &body.object).await?;
    Ok(Json(shown(&app, &origin, &changed).await?).into_response())
}

/// `DELETE subscriptions/{id}`
pub(crate) async fn remove(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.delete_subscription(&caller.by(), ids.id(0), ids.id(1)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST subscriptions/{id}/signingSecret`: another secret, shown this once; the one before signs too for a day.
pub(crate) async fn rotate(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    let secret = random_signing_secret();
    let rotated = app.directory.rotate_subscription(&caller.by(), ids.id(0), ids.id(1), &secret).await?;
    let until = rotated.previous_secret.as_ref().map(|(_, until)| *until);
    let answer =
        json!({ "id": rotated.id, "signingSecret": rotated.told_secret(), "previousSignsUntil": until });
    Ok(Json(answer).into_response())
}

/// A subscription, with where its deliveries stand.
async fn shown(app: &AppState, origin: &Origin, it: &Subscription) -> Result<Value, ApiError> {
    let newest = app.store.last_event(it.environment).await?;
    let (delivery, next) = match app.store.delivery(it.id).await? {
        Some((delivery, next)) => (delivery, Some(next)),
        None => Default::default(),
    };
    let state = delivery.state(it.enabled, newest);
    let next = next.filter(|_| state == DeliveryState::Failing);
    Ok(show::subscription(
        origin,
        it,
        json!({
            "signingSecret": MASK,
            "delivery": {
                "state": state,
                "lastDeliveryAt": delivery.delivered_at,
                "delivered": delivery.delivered,
                "backlog": delivery.backlog(newest),
                "failures": delivery.failures,
                "lastFailureAt": delivery.failed_at,
                "lastFailure": delivery.problem,
                "nextAttemptAt": next,
                "dropped": delivery.dropped,
            },
        }),
    ))
}
