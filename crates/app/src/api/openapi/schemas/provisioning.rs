//! Plans, stores, rules, mappings, revisions.

use serde_json::{Value, json};

use super::{
    LINES, PRINTABLE, Schemas, boolean, count, free, id, links, list, maybe, one_of, own, reference,
    referred, shown, string, taken, text, time,
};

pub(super) fn all() -> Schemas {
    vec![
        ("Plan", plan()),
        ("PlanBody", taken(vec![("*name", text(256, PRINTABLE)), ("status", maybe(activity()))])),
        ("Store", store()),
        ("StoreBody", store_body()),
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
            ]),
        ),
        ("Mapping", mapping()),
        ("MappingBody", mapping_body()),
        ("Revision", revision()),
    ]
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
        ("*failedDeprovisionCount", count()),
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

fn store_body() -> Value {
    taken(vec![
        ("id", maybe(id())),
        ("*type", text(64, PRINTABLE)),
        ("*name", text(256, PRINTABLE)),
        ("description", maybe(text(1024, LINES))),
        ("status", maybe(activity())),
        ("managed", maybe(boolean())),
        ("*configuration", json!({ "type": "object", "propertyNames": { "pattern": "^[A-Za-z0-9_-]+$" } })),
    ])
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
