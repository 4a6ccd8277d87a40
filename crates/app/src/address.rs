//! The address that clients use: configured, or taken from their request.

use axum::http::{HeaderMap, header};
use url::Url;

/// Scheme and host, without a slash at the end. `scheme` is what the server itself speaks.
pub(crate) fn base(headers: &HeaderMap, public_url: Option<&Url>, scheme: &str) -> String {
    if let Some(url) = public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let first = |value: &str| value.split(',').next().unwrap_or_default().trim().to_owned();
    let scheme = header("x-forwarded-proto").map_or_else(|| scheme.to_owned(), first);
    let host = header("x-forwarded-host").or_else(|| header(header::HOST.as_str()));
    format!("{scheme}://{}", host.map_or_else(|| "localhost".to_owned(), first))
}
