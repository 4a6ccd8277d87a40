//! Subscriptions.

use serde_json::{Value, json};

use super::{
    PRINTABLE, Schemas, boolean, count, id, links, list, maybe, one_of, reference, referred, shown, string,
    taken, text, time,
};

pub(super) fn all() -> Schemas {
    vec![
        ("Subscription", subscription()),
        ("SubscriptionBody", body()),
        (
            "SigningSecret",
            shown(vec![("*id", id()), ("*signingSecret", string()), ("*previousSignsUntil", time())]),
        ),
    ]
}

fn headers() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" } })
}

fn subscription() -> Value {
    let delivery = shown(vec![
        ("*state", one_of(&["CURRENT", "BEHIND", "FAILING", "DISABLED"])),
        ("lastDeliveryAt", time()),
        ("*delivered", count()),
        ("*backlog", count()),
        ("*failures", count()),
        ("lastFailureAt", time()),
        ("lastFailure", reference("Problem")),
        ("nextAttemptAt", time()),
        ("*dropped", count()),
    ]);
    let filter = shown(vec![
        ("*includedActionTypes", list(string())),
        ("*includedPopulations", list(referred())),
        ("*includedApplications", list(referred())),
        ("*includedTags", list(string())),
        ("*ipAddressExposed", boolean()),
        ("*userAgentExposed", boolean()),
    ]);
    shown(vec![
        ("*_links", links(&["self", "environment"])),
        ("*id", id()),
        ("*environment", referred()),
        ("*name", string()),
        ("*enabled", boolean()),
        ("*verifyTlsCertificates", boolean()),
        ("*protocol", json!({ "const": "HTTPS" })),
        ("*format", json!({ "const": "ACTIVITY" })),
        ("*httpEndpoint", shown(vec![("*url", string()), ("*headers", headers())])),
        ("*filterOptions", filter),
        ("*signingSecret", string()),
        ("*delivery", delivery),
        ("*createdAt", time()),
        ("*updatedAt", time()),
    ])
}

fn body() -> Value {
    let some = |mut list: Value, least: usize, most: usize| {
        list["minItems"] = json!(least);
        list["maxItems"] = json!(most);
        list
    };
    let action = json!({ "type": "string", "maxLength": 128, "pattern": r"^[A-Z0-9_]+\.[A-Z0-9_]+$" });
    let filter = taken(vec![
        ("*includedActionTypes", some(list(action), 1, 500)),
        ("includedPopulations", maybe(some(list(reference("ReferenceBody")), 0, 10))),
        ("includedApplications", maybe(some(list(reference("ReferenceBody")), 0, 10))),
        ("includedTags", maybe(some(list(one_of(&["adminIdentityEvent"])), 0, 10))),
        ("ipAddressExposed", maybe(boolean())),
        ("userAgentExposed", maybe(boolean())),
    ]);
    let endpoint = taken(vec![("*url", text(2048, PRINTABLE)), ("headers", maybe(headers()))]);
    taken(vec![
        ("*name", text(256, PRINTABLE)),
        ("*enabled", boolean()),
        ("*verifyTlsCertificates", boolean()),
        ("format", maybe(one_of(&["ACTIVITY"]))),
        ("protocol", maybe(one_of(&["HTTPS"]))),
        ("*httpEndpoint", endpoint),
        ("*filterOptions", filter),
    ])
}
