//! Users and groups from CSV: good rows land, bad rows are told by line. Ours, beside PingOne's routes.

use axum::{Json, extract::State, response::IntoResponse};
use usher_domain::Rejection;

use super::{
    AppState,
    error::ApiResult,
    extract::{Caller, Csv, Segments},
    hal::Origin,
};
use crate::csv_files::{self, Report};

/// `POST imports/users`, with `population` (a name) and `createPopulations` in the query
pub(crate) async fn users(
    State(app): State<AppState>,
    ids: Segments,
    origin: Origin,
    caller: Caller,
    file: Csv,
) -> ApiResult {
    let create = match origin.query("createPopulations") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            return Err(
                Rejection::field("INVALID_VALUE", "createPopulations", "must be true or false").into()
            );
        }
    };
    let (mut rows, faults) = csv_files::users(&file.0)?;
    if let Some(population) = origin.query("population") {
        rows.iter_mut()
            .for_each(|row| row.population = row.population.take().or_else(|| Some(population.to_owned())));
    }
    let imported = app.directory.import_users(&caller.by(), ids.id(0), &rows, create).await?;
    Ok(Json(Report::new(imported, faults)).into_response())
}

/// `POST imports/groups`
pub(crate) async fn groups(
    State(app): State<AppState>,
    ids: Segments,
    caller: Caller,
    file: Csv,
) -> ApiResult {
    let (rows, faults) = csv_files::groups(&file.0)?;
    let imported = app.directory.import_groups(&caller.by(), ids.id(0), &rows).await?;
    Ok(Json(Report::new(imported, faults)).into_response())
}
