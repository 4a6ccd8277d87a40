//! How rules and identities stand; runs, operations, previews, explanations.

use serde_json::{Value, json};

use super::{
    Schemas, boolean, count, free, id, links, list, maybe, one_of, own, reference, referred, shown, string,
    time,
};

const STANDINGS: [&str; 4] = ["SUCCESS", "PARTIAL", "UNSYNCED", "FAILED"];

const KINDS: [&str; 18] = [
    "UNLINK",
    "UNLINK_GROUP",
    "LINK",
    "LINK_GROUP",
    "AMEND",
    "FORGET_MEMBER",
    "SUSPEND",
    "CANCEL_INVITATION",
    "REMOVE",
    "REMOVE_MEMBER",
    "RECOVER",
    "UNSUSPEND",
    "CREATE",
    "UPDATE",
    "CREATE_GROUP",
    "RENAME_GROUP",
    "ADD_MEMBER",
    "DELETE_GROUP",
];

pub(super) fn all() -> Schemas {
    vec![
        ("SyncedRule", synced_rule()),
        ("SyncedUser", synced("*user")),
        ("SyncedGroup", synced("*group")),
        ("SyncStatus", sync_status()),
        ("Census", census()),
        ("Run", run()),
        ("PlannedOperation", operation(false)),
        ("Operation", operation(true)),
        ("Preview", preview()),
        ("ApprovalBody", own(vec![("*digest", json!({ "type": "string", "minLength": 1 }))])),
        ("Explanation", explanation()),
    ]
}

/// A store as others refer to it.
fn end() -> Value {
    shown(vec![("*id", id()), ("*name", maybe(string())), ("*type", string())])
}

fn synced_rule() -> Value {
    shown(vec![
        ("*_links", links(&["self", "environment"])),
        ("*rule", shown(vec![("*id", id()), ("*name", string())])),
        ("*sourceStore", end()),
        ("*targetStore", end()),
        ("*environment", referred()),
        ("*type", one_of(&["INBOUND", "OUTBOUND"])),
        ("*status", one_of(&STANDINGS)),
        ("*lastSyncAt", time()),
        ("*details", string()),
    ])
}

fn synced(whom: &str) -> Value {
    shown(vec![
        (whom, shown(vec![("*id", id()), ("name", string())])),
        ("*status", one_of(&STANDINGS)),
        ("*details", string()),
        ("error", reference("Problem")),
        ("*attempts", count()),
        ("*lastSyncAt", time()),
    ])
}

fn sync_status() -> Value {
    let counts = shown(vec![
        ("*impacted", count()),
        ("*success", count()),
        ("*unsynced", count()),
        ("*partial", count()),
        ("*failed", count()),
    ]);
    shown(vec![
        ("*_links", links(&["self"])),
        ("*status", one_of(&["ACTIVE", "INACTIVE", "FAILED", "HELD"])),
        ("*detail", maybe(string())),
        ("*worker", one_of(&["NONE", "WORKING", "STOPPED"])),
        ("*direction", one_of(&["OUTBOUND", "INBOUND"])),
        ("*source", end()),
        ("*target", end()),
        ("*lastSyncAt", maybe(time())),
        ("*nextSyncAt", maybe(time())),
        ("*followedEvents", maybe(shown(vec![("lastReadAt", time()), ("error", reference("Problem"))]))),
        ("*users", counts.clone()),
        ("*groups", counts),
        ("*currentRun", maybe(reference("Run"))),
    ])
}

fn census() -> Value {
    let account = shown(vec![
        ("*id", string()),
        ("*email", string()),
        ("*state", one_of(&["ACTIVE", "INVITED", "SUSPENDED", "UNKNOWN"])),
        ("*belonging", one_of(&["MATCHED", "UNMATCHED", "AMBIGUOUS"])),
        ("*linked", boolean()),
        ("*protected", boolean()),
        ("user", shown(vec![("*id", id()), ("*username", string())])),
    ]);
    let seats = shown(vec![("*licensed", count()), ("*used", count()), ("*left", count())]);
    shown(vec![
        ("*_links", links(&["self"])),
        ("*accounts", count()),
        ("*matched", count()),
        ("*unmatched", count()),
        ("*ambiguous", count()),
        ("*active", count()),
        ("*invited", count()),
        ("*suspended", count()),
        ("*protected", count()),
        ("seats", seats),
        ("*_embedded", shown(vec![("*accounts", list(account))])),
    ])
}

fn guard() -> Value {
    shown(vec![("*verdict", one_of(&["CLEAR", "HOLD"])), ("*reasons", list(string()))])
}

/// Licences, and how many a plan needs.
fn seats_seen() -> Value {
    shown(vec![("*licensed", count()), ("*used", count()), ("*left", count()), ("*needed", count())])
}

/// How many operations of each kind.
fn counts() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "integer", "minimum": 0 } })
}

fn run() -> Value {
    let scope = json!({ "anyOf": [
        { "const": "FULL" },
        shown(vec![("*users", count()), ("*groups", count())]),
    ] });
    shown(vec![
        ("*_links", links(&["self", "environment", "operations", "rule"])),
        ("*id", id()),
        ("*environment", referred()),
        ("*rule", referred()),
        ("*store", referred()),
        ("*trigger", one_of(&["CHANGE", "MANUAL", "CONFIGURATION", "SCHEDULE", "APPROVAL", "DELETION"])),
        ("*scope", scope),
        ("seats", seats_seen()),
        ("*state", one_of(&["PLANNING", "HELD", "APPLYING", "SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED"])),
        ("digest", string()),
        ("*counts", counts()),
        ("*progress", shown(vec![("*done", count()), ("*total", count())])),
        ("*guard", guard()),
        ("*moved", list(string())),
        ("error", reference("Problem")),
        ("*startedAt", time()),
        ("finishedAt", time()),
    ])
}

fn operation(is_of_a_run: bool) -> Value {
    let subject = shown(vec![("*type", one_of(&["USER", "GROUP"])), ("*id", id()), ("*name", string())]);
    let because = [
        "IN_SCOPE",
        "DISABLED",
        "LEFT_SCOPE",
        "GRACE_OVER",
        "GROUP_LEFT",
        "RULE_DELETED",
        "NOT_MEMBER",
        "GONE",
    ];
    let mut members = vec![
        ("*kind", one_of(&KINDS)),
        ("*subject", subject),
        ("*because", one_of(&because)),
        ("before", free()),
        ("after", free()),
    ];
    if is_of_a_run {
        let outcomes = ["PENDING", "DONE", "ALREADY_TRUE", "REFUSED", "POSTPONED", "SKIPPED"];
        members.extend([("*seq", count()), ("*outcome", one_of(&outcomes)), ("error", reference("Problem"))]);
    }
    shown(members)
}

fn preview() -> Value {
    let finding = shown(vec![
        ("*subject", shown(vec![("*type", one_of(&["USER", "GROUP"])), ("*id", id())])),
        ("*label", string()),
        ("*standing", maybe(one_of(&STANDINGS))),
        ("*problem", reference("Problem")),
    ]);
    shown(vec![
        ("*digest", string()),
        ("*counts", counts()),
        ("*guard", guard()),
        ("*calls", count()),
        ("seats", seats_seen()),
        ("*operations", list(reference("PlannedOperation"))),
        ("*findings", list(finding)),
        ("*text", string()),
    ])
}

/// Of each outbound rule, what it makes of one user.
fn explanation() -> Value {
    let value = shown(vec![
        ("*attribute", string()),
        ("*value", string()),
        ("*inputs", list(string())),
        ("*remote", maybe(string())),
    ]);
    let link = shown(vec![
        ("*account", string()),
        ("*origin", one_of(&["CREATED", "ADOPTED", "INHERITED"])),
        ("*suspendedByUsher", boolean()),
        ("*removeAt", maybe(time())),
    ]);
    let rule = shown(vec![
        ("*rule", shown(vec![("*id", id()), ("*name", string())])),
        ("*scope", shown(vec![("*inScope", boolean()), ("clause", string())])),
        ("link", link),
        ("*values", list(value)),
        ("remote", free()),
        ("*next", list(string())),
        ("*problems", list(reference("Problem"))),
        ("status", one_of(&STANDINGS)),
        ("*steps", list(string())),
    ]);
    shown(vec![
        ("*_links", links(&["self"])),
        ("*user", shown(vec![("*id", id()), ("*username", string()), ("*email", string())])),
        ("*rules", list(rule)),
    ])
}
