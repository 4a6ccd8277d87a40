//! What every door has in common: answers that tell a browser to be careful, and limits on how long a request's address
//! and headers may be.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    api::error::ApiError,
    metrics::{self, Metrics},
};

/// The longest path and query, in bytes; filters are long.
pub(crate) const URL_BYTES: usize = 48 * 1024;
/// The most that names and values of a request's headers come to, in bytes. PingOne allows 6 KB; proxies add their own.
pub(crate) const HEADER_BYTES: usize = 16 * 1024;

/// The router, with headers on every answer that tell a browser to be careful; requests are counted. `https` says that
/// clients come by https.
pub(crate) fn careful(app: Router, https: bool, metrics: Arc<Metrics>) -> Router {
    app.layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(metrics, metrics::count))
        .layer(from_fn_with_state(https, add_headers))
}

/// The answer when a handler panicked. Where and why is in the log ([`crate::log::tell_panics`]).
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError::unexpected("its handler panicked, as the log says before this").into_response()
}

/// Refuses a request whose address or headers are too long.
pub(crate) async fn limit_head(request: Request, next: Next) -> Response {
    let url = request.uri().path_and_query().map_or(0, |it| it.as_str().len());
    if url > URL_BYTES {
        return ApiError::url_too_long(URL_BYTES).into_response();
    }
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > HEADER_BYTES {
        return ApiError::headers_too_large(HEADER_BYTES).into_response();
    }
    next.run(request).await
}

/// `Retry-After`: whole seconds, at least one.
pub(crate) fn retry_after(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_millis().div_ceil(1000).clamp(1, u128::from(u32::MAX)) as u64)
}

/// Headers that the answer does not say otherwise.
const CAREFUL: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    // Answers of the API are no pages; what is one (the console) has a policy of its own.
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ),
];

async fn add_headers(State(https): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in CAREFUL {
        headers.entry(name).or_insert(value);
    }
    if https {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(year);
    }
    response
}
