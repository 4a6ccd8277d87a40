//! The schemas by name, and the words that they are made of.
//!
//! `shown` is what the API answers: closed, so that a member that is not described is found by the tests. `taken` is a
//! body in PingOne's shape, open as PingOne's are; `own` is a body of Usher's own, where an unknown member is an error.

mod access;
mod audit;
mod directory;
mod provisioning;
mod server;
mod sync;
mod webhooks;

use serde_json::{Map, Value, json};

/// Every schema, by name.
pub(super) fn all() -> Map<String, Value> {
    [
        access::all(),
        directory::all(),
        provisioning::all(),
        sync::all(),
        audit::all(),
        webhooks::all(),
        server::all(),
    ]
    .into_iter()
    .flatten()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}

/// Names and schemas.
type Schemas = Vec<(&'static str, Value)>;

/// The schema of that name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// An id: a UUID in lower case.
pub(super) fn id() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

/// `{"id": …}`
fn referred() -> Value {
    reference("Reference")
}

/// A time as PingOne writes it.
fn time() -> Value {
    json!({ "type": "string", "format": "date-time", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$" })
}

/// What can be seen, and spaces.
const PRINTABLE: &str = r"^[\p{L}\p{M}\p{Zs}\p{S}\p{N}\p{P}]*$";
/// The same, with line breaks and tabs.
const LINES: &str = r"^[\p{L}\p{M}\p{Zs}\p{S}\p{N}\p{P}\r\n\t]*$";
/// The parts of a person's name.
const PERSONAL: &str = r"^[\p{L}\p{M}\p{N}' .-]*$";

/// A text of 1 to `max` characters.
fn text(max: usize, pattern: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": max, "pattern": pattern })
}

/// The same, or null, which is as if it were not there.
fn maybe(mut schema: Value) -> Value {
    if let Some(kind) = schema["type"].as_str().map(str::to_owned) {
        schema["type"] = json!([kind, "null"]);
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
        return schema;
    }
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// Whatever text.
fn string() -> Value {
    json!({ "type": "string" })
}

fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// A number that counts something.
fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// One of these words.
fn one_of(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// A list.
fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// An object with whatever members.
fn free() -> Value {
    json!({ "type": "object" })
}

/// `_links` with these names.
fn links(names: &[&str]) -> Value {
    let properties: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), reference("Link"))).collect();
    json!({ "type": "object", "required": names, "properties": properties, "additionalProperties": false })
}

/// An object: of its members, those whose names begin with `*` are always there.
fn object(members: Vec<(&str, Value)>, open: bool) -> Value {
    let required: Vec<&str> = members.iter().filter_map(|(name, _)| name.strip_prefix('*')).collect();
    let properties: Map<String, Value> = members
        .iter()
        .map(|(name, schema)| (name.trim_start_matches('*').to_owned(), schema.clone()))
        .collect();
    let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": open });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// What the API answers.
fn shown(members: Vec<(&str, Value)>) -> Value {
    object(members, false)
}

/// A body in PingOne's shape.
fn taken(members: Vec<(&str, Value)>) -> Value {
    object(members, true)
}

/// A body of Usher's own.
fn own(members: Vec<(&str, Value)>) -> Value {
    object(members, false)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    /// The patterns here are those that the domain checks by.
    #[test]
    fn a_pattern_is_the_domains() {
        let domain = include_str!("../../../../../domain/src/directory/commands/char_class.rs");
        for pattern in [super::PRINTABLE, super::PERSONAL] {
            assert!(domain.contains(pattern), "{pattern}");
        }
    }

    #[test]
    fn null_is_added_to_a_type_and_to_its_words() {
        let schema = super::maybe(super::one_of(&["A"]));
        assert_eq!(schema["type"], serde_json::json!(["string", "null"]));
        assert_eq!(schema["enum"].as_array().map(Vec::len), Some(2));
        assert!(schema["enum"][1] == Value::Null);
    }
}
