//! Plans, stores, rules, mappings, revisions.

use serde_json::{Value, json};

use crate::api::drafts::ACTIONS;

use super::{
    LINES, PRINTABLE, Schemas, boolean, count, free, id, links, list, maybe, one_of, own, reference,
    referred, shown, string, taken, text, time,
};

pub(super) fn all() -> Schemas {
    vec![
        ("Plan", plan()),
        ("PlanBody", taken(vec![("*name", text(256, PRINTABLE)), ("status", maybe(activity()))])),
        ("Store", store()),
        ("StoreBody", taken(store_body(("*type", text(64, PRINTABLE))))),
        // A type that is given must be the one that the store has.
        ("StoreChange", taken(store_body(("type", maybe(text(64, PRINTABLE)))))),
        (
            "StoreTest",
            taken([store_body(("type", maybe(text(64, PRINTABLE)))), vec![("id", maybe(id()))]].concat()),
        ),
        (
            "ConnectionStatus",
            shown(vec![("*status", json!({ "const": "SUCCESS" })), ("*checks", list(reference("Check")))]),
        ),
        ("Check", check()),
        ("Rule", rule()),
        ("RuleBody", rule_body()),
        (
            "RuleDraft",
            own(vec![
                ("populationExpression", maybe(text(8192, LINES))),
                ("groups", maybe(list(reference("ReferenceBody")))),
                ("configuration", maybe(free())),
                ("mappings", maybe(list(reference("MappingBody")))),
                ("actions", maybe(own(ACTIONS.map(|key| (key, json!({}))).into()))),
            ]),
        ),
        ("StoreMetadataBody", taken(vec![("configuration", maybe(free()))])),
        ("StoreMetadata", store_metadata()),
        ("EvaluateBody", evaluate_body()),
        ("Evaluated", shown(vec![("*value", json!({})), ("*inputs", list(string()))])),
        ("Mapping", mapping()),
        ("MappingBody", mapping_body()),
        ("Revision", revision()),
    ]
}

/// `user` is an id, an object with an id, or the attributes themselves.
fn evaluate_body() -> Value {
    let user = json!({ "anyOf": [id(), free(), { "type": "null" }] });
    own(vec![("*expression", json!({ "type": "string", "minLength": 1, "maxLength": 4096 })), ("user", user)])
}

fn store_metadata() -> Value {
    let attribute = shown(vec![
        ("*name", string()),
        ("*displayName", string()),
        ("*required", boolean()),
        ("*secret", boolean()),
        ("*multiValued", boolean()),
        ("*type", one_of(&["STRING", "URL", "BOOLEAN", "INTEGER"])),
        ("allowedValues", list(string())),
        ("defaultValue", json!({})),
    ]);
    let information = shown(vec![
        ("*type", string()),
        ("*name", string()),
        ("*description", string()),
        ("team", maybe(string())),
        ("checks", list(reference("Check"))),
    ]);
    let profile = shown(vec![("*name", string()), ("*connectionAttributes", list(attribute))]);
    let user_attribute = shown(vec![("*name", string()), ("*required", boolean())]);
    shown(vec![
        ("*information", information),
        ("*connectionProfiles", list(profile)),
        (
            "*attributeMetadata",
            shown(vec![("*userAttributes", list(user_attribute)), ("*capabilities", list(string()))]),
        ),
    ])
}

fn activity() -> Value {
    one_of(&["ACTIVE", "INACTIVE"])
}

fn plan() -> Value {
    shown(vec![
        ("*_links", links(&["self", "environment"])),
        ("*id", id()),
        ("*environment", referred()),
        ("*name", string()),
        ("*status", activity()),
        ("*createdAt", time()),
        ("*updatedAt", time()),
    ])
}

fn store() -> Value {
    let health = json!({ "oneOf": [
        shown(vec![("*health", json!({ "const": "UNTESTED" }))]),
        shown(vec![
            ("*health", json!({ "const": "VALID" })),
            ("*at", time()),
            ("*team", string()),
            ("*ownAccount", string()),
            ("*ownEmail", string()),
        ]),
        shown(vec![("*health", json!({ "const": "BROKEN" })), ("*at", time()), ("*problem", reference("Problem"))]),
    ] });
    let sync_status = shown(vec![
        ("*syncState", one_of(&["SYNCING", "FAILED"])),
        ("lastSyncAt", time()),
        ("*successCount", count()),
        ("*failedCount", count()),
        ("*userTotal", count()),
        ("details", string()),
    ]);
    shown(vec![
        ("*_links", links(&["self", "environment"])),
        ("*id", id()),
        ("*environment", referred()),
        ("*type", string()),
        ("*name", string()),
        ("description", string()),
        ("*status", activity()),
        ("*managed", boolean()),
        ("*configuration", free()),
        ("*image", free()),
        ("health", health),
        ("syncStatus", sync_status),
        ("*createdAt", time()),
        ("*updatedAt", time()),
    ])
}

fn store_body(kind: (&'static str, Value)) -> Vec<(&'static str, Value)> {
    vec![
        kind,
        ("*name", text(256, PRINTABLE)),
        ("description", maybe(text(1024, LINES))),
        ("status", maybe(activity())),
        ("managed", maybe(boolean())),
        ("*configuration", json!({ "type": "object", "propertyNames": { "pattern": "^[A-Za-z0-9_-]+$" } })),
    ]
}

fn check() -> Value {
    shown(vec![
        ("*name", string()),
        ("*status", one_of(&["SUCCESS", "FAILED", "NOTCHECKED"])),
        ("*detail", string()),
        ("requestId", string()),
    ])
}

fn rule() -> Value {
    shown(vec![
        ("*_links", links(&["self", "environment"])),
        ("*id", id()),
        ("*environment", referred()),
        ("*plan", referred()),
        ("*name", string()),
        ("description", string()),
        ("*sourceStore", referred()),
        ("*targetStore", referred()),
        ("*active", boolean()),
        ("populationExpression", string()),
        ("*groups", list(referred())),
        ("*configuration", free()),
        ("*createdAt", time()),
        ("*updatedAt", time()),
    ])
}

fn rule_body() -> Value {
    let named = reference("ReferenceBody");
    taken(vec![
        ("*name", text(256, PRINTABLE)),
        ("description", maybe(text(1024, LINES))),
        ("plan", maybe(named.clone())),
        ("*sourceStore", named.clone()),
        ("*targetStore", named.clone()),
        ("active", maybe(boolean())),
        ("populationExpression", maybe(text(8192, LINES))),
        ("populations", maybe(list(named.clone()))),
        ("groups", maybe(list(named))),
        ("configuration", maybe(free())),
    ])
}

fn mapping() -> Value {
    shown(vec![
        ("*_links", links(&["self", "environment"])),
        ("*id", id()),
        ("*environment", referred()),
        ("*rule", referred()),
        ("sourceAttribute", string()),
        ("expression", string()),
        ("*targetAttribute", string()),
        ("*createdAt", time()),
        ("*updatedAt", time()),
    ])
}

/// Either of the two sources; the other is absent or null.
fn mapping_body() -> Value {
    taken(vec![
        ("sourceAttribute", maybe(text(256, PRINTABLE))),
        ("expression", maybe(text(4096, LINES))),
        ("*targetAttribute", text(256, PRINTABLE)),
    ])
}

fn revision() -> Value {
    shown(vec![
        ("*_links", links(&["self", "environment"])),
        ("*id", id()),
        ("*environment", referred()),
        ("previousRevision", referred()),
        ("*createdAt", time()),
    ])
}
