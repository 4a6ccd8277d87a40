//! Environments, populations, users, groups, memberships.

use serde_json::{Value, json};
use usher_domain::directory::environment::GUARD_SETTINGS;

use super::{
    LINES, PERSONAL, PRINTABLE, Schemas, boolean, count, free, id, links, list, maybe, one_of, own,
    reference, referred, shown, string, taken, text, time,
};

pub(super) fn all() -> Schemas {
    vec![
        ("Reference", shown(vec![("*id", id())])),
        ("ReferenceBody", taken(vec![("*id", id())])),
        ("Environment", environment()),
        ("GuardDefaults", guard_defaults()),
        ("GuardDefaultsBody", taken(vec![("*configuration", guard_settings("", or_as_text))])),
        ("EnvironmentBody", taken(named())),
        ("Population", population()),
        ("PopulationBody", taken([named(), vec![("default", maybe(boolean()))]].concat())),
        ("User", user()),
        ("UserBody", user_body(true)),
        ("UserPatch", user_body(false)),
        ("Enabled", shown(vec![("*enabled", boolean())])),
        ("EnabledBody", taken(vec![("*enabled", boolean())])),
        ("MfaEnabled", shown(vec![("*mfaEnabled", boolean())])),
        ("MfaEnabledBody", taken(vec![("*mfaEnabled", boolean())])),
        ("Nothing", free()),
        ("Membership", membership(&["self", "user", "environment", "group"], true)),
        ("Nesting", membership(&["self", "group", "environment"], false)),
        ("Group", group()),
        ("GroupBody", group_body()),
        (
            "Csv",
            json!({ "type": "string", "contentMediaType": "text/csv", "examples": ["username,email\nada,ada@example.com\n"] }),
        ),
        ("ImportReport", import_report()),
    ]
}

/// The members of a body that names something.
fn named() -> Vec<(&'static str, Value)> {
    vec![("*name", text(256, PRINTABLE)), ("description", maybe(text(1024, LINES)))]
}

/// The guard's settings; `always` is `*` where each is there.
fn guard_settings(always: &str, known: impl Fn(Value) -> Value) -> Value {
    let number = |max: u32| known(json!({ "type": "integer", "minimum": 0, "maximum": max }));
    let names = GUARD_SETTINGS.map(|(name, max)| (format!("{always}{name}"), number(max)));
    own(names.iter().map(|(name, schema)| (name.as_str(), schema.clone())).collect())
}

/// As a number, as a text that says it, or null, which is as if it were not there.
fn or_as_text(number: Value) -> Value {
    maybe(json!({ "anyOf": [number, { "type": "string", "pattern": r"^\s*\+?[0-9]+\s*$" }] }))
}

fn guard_defaults() -> Value {
    shown(vec![
        ("*_links", links(&["self", "environment"])),
        ("*environment", referred()),
        ("*configuration", guard_settings("", |it| it)),
        ("*limits", guard_settings("*", |it| it)),
    ])
}

fn environment() -> Value {
    let names = [
        "self",
        "populations",
        "users",
        "groups",
        "propagation/plans",
        "propagation/stores",
        "propagation/rules",
        "propagation/revisions/id:latest",
    ];
    shown(vec![
        ("*_links", links(&names)),
        ("*id", id()),
        ("*name", string()),
        ("description", string()),
        ("*createdAt", time()),
        ("*updatedAt", time()),
    ])
}

fn population() -> Value {
    shown(vec![
        ("*_links", links(&["self", "environment"])),
        ("*id", id()),
        ("*environment", referred()),
        ("*name", string()),
        ("description", string()),
        ("*default", boolean()),
        ("*userCount", count()),
        ("*createdAt", time()),
        ("*updatedAt", time()),
    ])
}

/// The texts of a user beside the required ones: name, the most characters, pattern.
const TEXTS: [(&str, usize, &str); 10] = [
    ("accountId", 256, PRINTABLE),
    ("externalId", 1024, PRINTABLE),
    ("locale", 256, PRINTABLE),
    ("mobilePhone", 32, PRINTABLE),
    ("nickname", 256, PRINTABLE),
    ("preferredLanguage", 256, PRINTABLE),
    ("primaryPhone", 32, PRINTABLE),
    ("timezone", 256, r"^\w+\/\w+$"),
    ("title", 256, PRINTABLE),
    ("type", 256, PRINTABLE),
];

const NAMES: [&str; 6] = ["given", "family", "middle", "formatted", "honorificPrefix", "honorificSuffix"];
const ADDRESS: [&str; 5] = ["countryCode", "locality", "postalCode", "region", "streetAddress"];

/// Custom attributes stand at the top level beside these.
fn user() -> Value {
    let names = ["self", "environment", "population", "enabled", "memberOfGroups", "syncedRules"];
    let strings = |names: &[&'static str]| shown(names.iter().map(|name| (*name, string())).collect());
    let mut members = vec![
        ("*_links", links(&names)),
        ("*id", id()),
        ("*environment", referred()),
        ("*population", referred()),
        ("*username", string()),
        ("*email", string()),
        ("*enabled", boolean()),
        ("name", strings(&NAMES)),
        ("address", strings(&ADDRESS)),
        ("photo", strings(&["href"])),
        ("*account", shown(vec![("*canAuthenticate", boolean()), ("*status", one_of(&["OK", "LOCKED"]))])),
        ("*identityProvider", shown(vec![("*type", json!({ "const": "PING_ONE" }))])),
        ("*lifecycle", shown(vec![("*status", one_of(&["ACCOUNT_OK", "VERIFICATION_REQUIRED"]))])),
        ("*mfaEnabled", boolean()),
        ("*verifyStatus", one_of(&["NOT_INITIATED", "ENABLED", "DISABLED"])),
        ("memberOfGroupIDs", list(id())),
        ("memberOfGroupNames", list(string())),
        ("*createdAt", time()),
        ("*updatedAt", time()),
    ];
    members.extend(TEXTS.map(|(name, ..)| (name, string())));
    taken(members)
}

/// What a client sends of a user. Other members become custom attributes.
fn user_body(whole: bool) -> Value {
    let email = json!({ "type": "string", "format": "email", "minLength": 3, "maxLength": 254 });
    let name = taken(NAMES.map(|name| (name, maybe(text(256, PERSONAL)))).into());
    let address = taken(ADDRESS.map(|name| (name, maybe(text(256, PRINTABLE)))).into());
    let photo = taken(vec![("href", maybe(text(2048, PRINTABLE)))]);
    let (username_key, email_key) = if whole { ("*username", "*email") } else { ("username", "email") };
    let mut members = vec![
        (username_key, text(128, PRINTABLE)),
        (email_key, email),
        ("name", maybe(name)),
        ("address", maybe(address)),
        ("photo", maybe(photo)),
        ("mfaEnabled", maybe(boolean())),
    ];
    if whole {
        members.push(("population", maybe(reference("ReferenceBody"))));
    }
    members.extend(TEXTS.map(|(name, max, pattern)| (name, maybe(text(max, pattern)))));
    taken(members)
}

fn group() -> Value {
    let counts = shown(vec![("*users", count()), ("*groups", count())]);
    shown(vec![
        ("*_links", links(&["self", "environment"])),
        ("*id", id()),
        ("*environment", referred()),
        ("population", referred()),
        ("*name", string()),
        ("description", string()),
        ("externalId", string()),
        ("customData", free()),
        ("userFilter", string()),
        ("directMemberCounts", counts),
        ("totalMemberCounts", shown(vec![("*users", count())])),
        ("*createdAt", time()),
        ("*updatedAt", time()),
    ])
}

fn group_body() -> Value {
    let mut members = named();
    members.extend([
        ("population", maybe(reference("ReferenceBody"))),
        ("externalId", maybe(text(1024, PRINTABLE))),
        ("customData", maybe(free())),
        ("userFilter", maybe(text(8192, LINES))),
    ]);
    taken(members)
}

fn membership(names: &[&str], expands: bool) -> Value {
    let mut members = vec![
        ("*_links", links(names)),
        ("*id", id()),
        ("*environment", referred()),
        ("*name", string()),
        ("*type", one_of(&["DIRECT", "INDIRECT"])),
    ];
    if expands {
        members.push(("_embedded", shown(vec![("*group", reference("Group"))])));
    }
    shown(members)
}

fn import_report() -> Value {
    let fault = shown(vec![("*line", json!({ "type": "integer", "minimum": 1 })), ("*message", string())]);
    shown(vec![
        ("*created", count()),
        ("*updated", count()),
        ("*unchanged", count()),
        ("*failed", list(fault)),
    ])
}
