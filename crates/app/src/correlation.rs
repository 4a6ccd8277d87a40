//! The correlation id of a request: given by the client or made here, on every answer, in every log line and
//! audit event of the request.

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;

use crate::state::AppState;

tokio::task_local! {
    static CURRENT: String;
}

/// The request's correlation id; empty outside a request.
pub(crate) fn current() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

const NAME: HeaderName = HeaderName::from_static("correlation-id");
const FROM_CLIENT: HeaderName = HeaderName::from_static("x-ping-external-transaction-id");

/// Gives the request its id, logs it when it is done, and marks the answer as PingOne does.
pub(crate) async fn correlate(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let given = request.headers().get(FROM_CLIENT).and_then(|value| value.to_str().ok());
    let id = match given {
        Some(id) if !id.is_empty() && id.len() <= 100 => id.to_owned(),
        _ => app.ids.next().to_string(),
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let began = app.clock.now();
    let span = tracing::info_span!("request", correlation_id = %id);
    let mut response = CURRENT.scope(id.clone(), next.run(request)).instrument(span).await;
    let ms = app.clock.now().since(began).as_millis();
    tracing::info!(%method, path, status = response.status().as_u16(), ms, correlation_id = id, "answered");

    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(NAME, id);
    }
    // What may be kept says so itself: the console's assets, which are named by their content.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache, no-store, max-age=0, must-revalidate"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if is_json && path.starts_with("/v1/") {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/hal+json;charset=UTF-8"));
    }
    response
}
