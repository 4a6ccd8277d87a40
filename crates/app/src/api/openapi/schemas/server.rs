//! Links, errors, tokens, health.

use serde_json::{Value, json};

use super::{Schemas, id, list, maybe, one_of, reference, shown, string, taken};

pub(super) fn all() -> Schemas {
    vec![
        (
            "Link",
            shown(vec![("*href", json!({ "type": "string", "format": "uri", "pattern": "^https?://" }))]),
        ),
        ("Error", error()),
        ("Problem", problem()),
        ("TokenRequest", token_request()),
        (
            "Token",
            shown(vec![
                ("*access_token", string()),
                ("*token_type", json!({ "const": "Bearer" })),
                ("*expires_in", json!({ "type": "integer", "minimum": 1 })),
            ]),
        ),
        ("TokenError", token_error()),
        ("Health", shown(vec![("*status", json!({ "const": "alive" })), ("*environment", maybe(id()))])),
        ("Readiness", shown(vec![("*status", json!({ "const": "ready" }))])),
        ("OpenApi", json!({ "type": "object", "required": ["openapi", "info", "paths"] })),
    ]
}

/// PingOne's error object.
fn error() -> Value {
    let details = shown(vec![
        ("*code", json!({ "type": "string", "pattern": "^[A-Z_]+$" })),
        ("*target", string()),
        ("*message", string()),
        ("innerError", json!({ "type": "object" })),
    ]);
    shown(vec![
        ("*id", json!({ "type": "string", "minLength": 1, "maxLength": 100 })),
        (
            "*code",
            one_of(&[
                "INVALID_DATA",
                "INVALID_REQUEST",
                "INVALID_TOKEN",
                "ACCESS_FAILED",
                "NOT_FOUND",
                "METHOD_NOT_ALLOWED",
                "REQUEST_TIMEOUT",
                "CONFLICT",
                "REQUEST_TOO_LARGE",
                "REQUEST_LIMITED",
                "REMOTE_FAILED",
                "UNEXPECTED_ERROR",
            ]),
        ),
        ("*message", string()),
        ("details", list(details)),
        ("checks", list(reference("Check"))),
    ])
}

/// What went wrong with one subject, and what to do.
fn problem() -> Value {
    shown(vec![
        ("*code", json!({ "type": "string", "pattern": "^[A-Z0-9_]+$" })),
        ("*message", string()),
        ("*remedy", string()),
        ("requestId", maybe(string())),
    ])
}

fn token_request() -> Value {
    taken(vec![
        ("*grant_type", json!({ "const": "client_credentials" })),
        ("client_id", string()),
        ("client_secret", string()),
    ])
}

/// RFC 6749 §5.2, or the error object where the request never came to be one for a token.
fn token_error() -> Value {
    let code = one_of(&["invalid_request", "invalid_client", "unsupported_grant_type"]);
    json!({ "anyOf": [
        shown(vec![("*error", code), ("*error_description", string())]),
        reference("Error"),
    ] })
}
