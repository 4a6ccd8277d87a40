//! Worker clients, administrators, signing keys.

use serde_json::{Value, json};
use usher_domain::access::Role;

use super::{
    LINES, PRINTABLE, Schemas, boolean, id, links, list, maybe, one_of, own, referred, shown, string, taken,
    text, time,
};

pub(super) fn all() -> Schemas {
    let overlap = json!({ "type": "integer", "minimum": 0, "maximum": 2_592_000, "default": 0 });
    vec![
        ("Client", shown(client())),
        ("ClientWithSecret", shown([client(), vec![("*secret", string())]].concat())),
        (
            "ClientBody",
            taken(vec![
                ("*name", text(256, PRINTABLE)),
                ("description", maybe(text(1024, LINES))),
                ("*roles", roles()),
                ("enabled", maybe(boolean())),
            ]),
        ),
        ("SecretRotation", own(vec![("overlapSeconds", maybe(overlap)), ("endTokens", maybe(boolean()))])),
        ("Administrator", shown(administrator())),
        ("AdministratorWithPassword", shown([administrator(), vec![("password", string())]].concat())),
        ("AdministratorBody", taken([administrator_body(), vec![("password", maybe(password()))]].concat())),
        ("AdministratorReplacement", taken(administrator_body())),
        ("PasswordBody", own(vec![("password", maybe(password()))])),
        (
            "SigningKey",
            shown(vec![
                ("*_links", links(&["self"])),
                ("*id", id()),
                ("*signs", boolean()),
                ("*createdAt", time()),
            ]),
        ),
    ]
}

fn roles() -> Value {
    list(one_of(&Role::ALL.map(Role::name)))
}

fn password() -> Value {
    json!({ "type": "string", "minLength": 8, "maxLength": 256 })
}

fn client() -> Vec<(&'static str, Value)> {
    vec![
        ("*_links", links(&["self", "environment"])),
        ("*id", id()),
        ("*environment", referred()),
        ("*name", string()),
        ("description", string()),
        ("*roles", roles()),
        ("*enabled", boolean()),
        ("oldSecretUntil", time()),
        ("*createdAt", time()),
        ("*updatedAt", time()),
    ]
}

fn administrator() -> Vec<(&'static str, Value)> {
    vec![
        ("*_links", links(&["self", "environment"])),
        ("*id", id()),
        ("*environment", referred()),
        ("*username", string()),
        ("*roles", roles()),
        ("*enabled", boolean()),
        ("*totpEnabled", boolean()),
        ("provider", shown(vec![("*issuer", string()), ("*subject", string())])),
        ("*createdAt", time()),
        ("*updatedAt", time()),
    ]
}

fn administrator_body() -> Vec<(&'static str, Value)> {
    vec![("*username", text(128, PRINTABLE)), ("*roles", roles()), ("enabled", maybe(boolean()))]
}
