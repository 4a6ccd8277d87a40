//! Audit events.

use serde_json::json;

use super::{Schemas, count, free, id, links, list, one_of, own, reference, referred, shown, string, time};

pub(super) fn all() -> Schemas {
    let actor = |kind: &str| {
        shown(vec![
            ("*id", id()),
            ("*name", string()),
            ("*environment", referred()),
            ("*type", json!({ "const": kind })),
        ])
    };
    let resource = shown(vec![
        ("*type", string()),
        ("*id", string()),
        ("*name", string()),
        ("*environment", referred()),
        ("population", referred()),
        ("*href", json!({ "type": "string", "format": "uri", "pattern": "^https?://" })),
    ]);
    vec![
        (
            "Activity",
            shown(vec![
                ("*_links", links(&["self"])),
                ("*id", id()),
                ("*recordedAt", time()),
                ("*createdAt", time()),
                ("correlationId", string()),
                ("actors", shown(vec![("client", actor("CLIENT")), ("user", actor("USER"))])),
                ("*action", shown(vec![("*type", string()), ("*description", string())])),
                ("*resources", list(resource)),
                (
                    "*result",
                    shown(vec![("*status", one_of(&["SUCCESS", "FAILED"])), ("*description", string())]),
                ),
                ("changes", free()),
            ]),
        ),
        ("RedactionBody", own(vec![("*user", reference("ReferenceBody"))])),
        ("Redaction", shown(vec![("*user", referred()), ("*redacted", count())])),
    ]
}
