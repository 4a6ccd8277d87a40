//! The one stylesheet, the one script and the icon: in the binary, named by their content, kept by browsers for good.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("../../assets/console.css");
const SCRIPT: &str =
    concat!(include_str!("../../assets/htmx.min.js"), "\n", include_str!("../../assets/console.js"));
const ICON: &str = include_str!("../../assets/icon.svg");

/// What is served below `/console/assets/`.
pub(super) struct Asset {
    /// Its address; another one when its content is another.
    pub(super) address: String,
    name: String,
    kind: &'static str,
    content: &'static str,
}

fn asset(content: &'static str, extension: &str, kind: &'static str) -> Asset {
    let digest = Sha256::digest(content.as_bytes());
    let short: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("{short}.{extension}");
    Asset { address: format!("/console/assets/{name}"), name, kind, content }
}

/// The stylesheet.
pub(super) static STYLESHEET: LazyLock<Asset> =
    LazyLock::new(|| asset(STYLE, "css", "text/css; charset=utf-8"));
/// htmx, and what the console adds to it.
pub(super) static SCRIPTS: LazyLock<Asset> =
    LazyLock::new(|| asset(SCRIPT, "js", "text/javascript; charset=utf-8"));
/// What stands in the browser's tab.
pub(super) static FAVICON: LazyLock<Asset> = LazyLock::new(|| asset(ICON, "svg", "image/svg+xml"));

/// `GET /console/assets/{name}`
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let known = [&*STYLESHEET, &*SCRIPTS, &*FAVICON];
    let Some(asset) = known.into_iter().find(|asset| asset.name == name) else {
        return (StatusCode::NOT_FOUND, "There is no such file; reload the page.").into_response();
    };
    let mut response = asset.content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    response
}
