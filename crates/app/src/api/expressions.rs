//! Trying an expression before a mapping uses it. Ours, beside PingOne's routes.

use axum::{Json, extract::State, response::IntoResponse};
use serde_json::{Value, json};
use usher_domain::{
    Detail, EnvironmentId, Rejection, UserId,
    provisioning::expression::{Context, Expression, ExpressionError, MAX_EXPRESSION_BYTES},
};

use super::{
    AppState,
    error::ApiResult,
    extract::{Body, Segments},
};

/// `POST propagation/expressions/evaluate` with `expression`, and `user`: an id, `{"id": …}`, or a user's attributes.
/// The value, and the attributes that it was made from; or what is wrong, and where.
pub(crate) async fn evaluate(State(app): State<AppState>, ids: Segments, body: Body) -> ApiResult {
    const KNOWN: [&str; 2] = ["expression", "user"];
    if let Some(unknown) = body.object.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        let what = format!("is not known here; there are {}", KNOWN.join(", "));
        return Err(Rejection::field("INVALID_VALUE", unknown, what).into());
    }
    let Some(text) = body.object.get("expression").and_then(Value::as_str) else {
        let what = format!("must be an expression, a string of 1 to {MAX_EXPRESSION_BYTES} bytes");
        return Err(Rejection::field("REQUIRED_VALUE", "expression", what).into());
    };
    let expression = Expression::parse(text).map_err(|error| refused(&error))?;
    let user = match body.object.get("user") {
        None | Some(Value::Null) => json!({}),
        Some(Value::String(id)) => known(&app, ids.id(0), id).await?,
        Some(Value::Object(user)) => match user.get("id").and_then(Value::as_str) {
            Some(id) if user.len() == 1 => known(&app, ids.id(0), id).await?,
            _ => json!(user),
        },
        Some(_) => {
            let what = "must be the id of a user, or an object of a user's attributes";
            return Err(Rejection::field("INVALID_VALUE", "user", what).into());
        }
    };
    let value = expression.evaluate(&Context { root: &user }).map_err(|error| refused(&error))?;
    Ok(Json(json!({ "value": value, "inputs": expression.inputs() })).into_response())
}

/// A user of the directory as expressions see them.
async fn known(app: &AppState, environment: EnvironmentId, id: &str) -> ApiResult<Value> {
    let id: UserId = id.parse().map_err(|_| {
        Rejection::field("INVALID_VALUE", "user", "must be the id of a user, which is a UUID, or an object")
    })?;
    Ok(app.directory.seen_by_expressions(environment, id).await?)
}

/// The error with its place, for people (the text with a caret below) and for editors (the column).
fn refused(error: &ExpressionError) -> Rejection {
    let inner = json!({ "column": error.column(), "error": error.message(), "remedy": error.remedy() });
    Rejection::invalid(vec![Detail::new("INVALID_VALUE", "expression", error.to_string()).with_inner(inner)])
}
