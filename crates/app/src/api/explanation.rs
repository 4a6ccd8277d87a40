//! Why someone has, or has not, what they should. Ours, beside PingOne's routes.

use axum::{Json, extract::State, response::IntoResponse};
use serde_json::{Value, json};
use usher_domain::{Rejection, RuleId};

use super::{AppState, error::ApiResult, extract::Segments, hal::Origin, rules, show, users};

/// `GET users/{id}/explanation`, of every rule, or of one with `rule` in the query.
pub(crate) async fn explain(State(app): State<AppState>, ids: Segments, origin: Origin) -> ApiResult {
    let user = users::find(&app, ids.id(0), ids.id(1)).await?;
    let rules = match origin.query("rule") {
        Some(id) => {
            let id = id.parse::<RuleId>().map_err(|_| Rejection::not_found("rule", id))?;
            vec![rules::find(&app, user.environment, id).await?]
        }
        None => app.reconciler.rules(user.environment).await?,
    };
    let mut told: Vec<Value> = Vec::new();
    for rule in &rules {
        told.push(show::explanation(&app.reconciler.explain(rule, user.id).await?));
    }
    Ok(Json(json!({
        "_links": { "self": origin.link(&show::path(user.environment, &format!("/users/{}/explanation", user.id))) },
        "user": { "id": user.id, "username": user.username, "email": user.email },
        "rules": told,
    }))
    .into_response())
}
