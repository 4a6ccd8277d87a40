//! The forms in which Dropbox answers: statuses, content types, error bodies.

use serde_json::{Value, json};

use crate::ids::Ids;

pub(super) const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html";

/// An answer, before it has a request id.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) retry_after: Option<u64>,
}

impl Answer {
    fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type, body: body.into(), retry_after: None }
    }

    pub(super) fn json(status: u16, body: Vec<u8>) -> Self {
        Self::new(status, JSON, body)
    }

    /// Bad input, in plain text, with the words that every such answer begins with.
    pub(super) fn bad_input(path: &str, what: &str) -> Self {
        Self::text(400, format!("Error in call to API function \"{path}\": {what}"))
    }

    pub(super) fn text(status: u16, text: String) -> Self {
        Self::new(status, TEXT, text)
    }

    /// `{"error_summary": …, "error": …}`.
    pub(super) fn error(status: u16, error: &Value, ids: &mut Ids) -> Self {
        let body = json!({ "error_summary": format!("{}/{}", summary(error), ids.dots()), "error": error });
        Self::new(status, JSON, body.to_string())
    }

    pub(super) fn unauthorized(tag: &str, ids: &mut Ids) -> Self {
        Self::error(401, &json!({ ".tag": tag }), ids)
    }

    pub(super) fn missing_scope(scope: &str, ids: &mut Ids) -> Self {
        Self::error(401, &json!({ ".tag": "missing_scope", "required_scope": scope }), ids)
    }

    pub(super) fn forbidden(ids: &mut Ids) -> Self {
        let error = json!({ ".tag": "team_access_denied" });
        let body = json!({
            "error_summary": format!("{}/{}", summary(&error), ids.dots()),
            "error": error,
            "user_message": { "locale": "en", "text": "Your team does not permit this." },
        });
        Self::new(403, JSON, body.to_string())
    }

    pub(super) fn throttled(retry_after: u64, plain: bool, ids: &mut Ids) -> Self {
        let answer = if plain {
            Self::text(429, "Too many requests".to_owned())
        } else {
            let body = json!({
                "error_summary": format!("too_many_requests/{}", ids.dots()),
                "error": { "reason": { ".tag": "too_many_requests" }, "retry_after": retry_after },
            });
            Self::new(429, JSON, body.to_string())
        };
        Self { retry_after: Some(retry_after), ..answer }
    }

    pub(super) fn too_many_writes(retry_after: u64, ids: &mut Ids) -> Self {
        let body = json!({
            "error_summary": format!("too_many_write_operations/{}", ids.dots()),
            "error": { "reason": { ".tag": "too_many_write_operations" } },
        });
        Self { retry_after: Some(retry_after), ..Self::new(429, JSON, body.to_string()) }
    }

    pub(super) fn server_error(status: u16) -> Self {
        Self::new(status, "application/octet-stream", "")
    }

    pub(super) fn edge_html(status: u16) -> Self {
        let page = "<!DOCTYPE html>\n<html><head><title>Dropbox - Error</title></head>\
                    <body><h1>Error</h1><p>Something went wrong on the way.</p></body></html>\n";
        Self::new(status, HTML, page)
    }

    /// An error of the token endpoint.
    pub(super) fn oauth(status: u16, error: &str, description: &str) -> Self {
        let body = match description {
            "" => json!({ "error": error }),
            _ => json!({ "error": error, "error_description": description }),
        };
        Self::new(status, JSON, body.to_string())
    }
}

/// The tags on the way down an error, joined by slashes.
fn summary(error: &Value) -> String {
    let tag = error[".tag"].as_str().unwrap_or("other");
    match error.get(tag).filter(|inner| inner[".tag"].is_string()) {
        Some(inner) => format!("{tag}/{}", summary(inner)),
        None => tag.to_owned(),
    }
}
