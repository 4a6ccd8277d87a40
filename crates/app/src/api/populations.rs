//! Populations.

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use usher_domain::{EnvironmentId, Rejection, directory::population::Population};

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Caller, Segments},
    hal::{Origin, cut},
    show,
};

/// The attributes that a filter over populations may name.
const ATTRIBUTES: &[&str] = &["id", "name", "description", "default"];

/// `GET populations`
pub(crate) async fn list(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let (filter, page) = (origin.filter(Some(ATTRIBUTES))?, origin.page(1000)?);
    let environment: EnvironmentId = ids.id(0);
    let mut found = app.store.populations(environment).await?;
    if let Some(filter) = filter {
        found.retain(|population| {
            serde_json::to_value(population).is_ok_and(|population| filter.matches(&population))
        });
    }
    let count = found.len() as u64;
    let page = cut(found, |population| population.id.uuid(), &page);
    let mut shown = Vec::with_capacity(page.items.len());
    for population in &page.items {
        let users = app.store.count_users(environment, Some(population.id)).await?;
        shown.push(show::population(&origin, population, users));
    }
    let page = usher_domain::ports::store::Page { items: shown, next: page.next };
    Ok(Json(origin.listing("populations", page, Some(count))).into_response())
}

/// `POST populations`
pub(crate) async fn create(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let made = app.directory.create_population(&caller.by(), ids.id(0), &body.object).await?;
    Ok((StatusCode::CREATED, Json(show::population(&origin, &made, 0))).into_response())
}

/// `GET populations/{id}`
pub(crate) async fn read(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let found = app.store.population(ids.id(0), ids.id(1)).await?;
    let found = found.ok_or_else(|| Rejection::not_found("population", ids.uuid(1)))?;
    answer(&app, &origin, &found).await
}

/// `PUT populations/{id}`
pub(crate) async fn replace(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    body: Body,
) -> ApiResult {
    let changed = app.directory.replace_population(&caller.by(), ids.id(0), ids.id(1), &body.object).await?;
    answer(&app, &origin, &changed).await
}

/// `DELETE populations/{id}`
pub(crate) async fn remove(State(app): State<AppState>, ids: Segments, caller: Caller) -> ApiResult {
    app.directory.delete_population(&caller.by(), ids.id(0), ids.id(1)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn answer(app: &AppState, origin: &Origin, population: &Population) -> ApiResult {
    let users = app.store.count_users(population.environment, Some(population.id)).await?;
    Ok(Json(show::population(origin, population, users)).into_response())
}
