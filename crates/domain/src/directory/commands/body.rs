//! Reads a body and gathers every fault on the way: each message names the field, the rule and what is allowed.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Body,
    char_class::{self, is_timezone, not_in_names, unprintable, unprintable_in_lines},
};
use crate::{Detail, Rejection};

/// Which characters a text may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chars {
    /// What can be seen, and spaces.
    Printable,
    /// The parts of a person's name.
    Name,
    /// An area and a place.
    Timezone,
    /// The same as `Printable`, and line breaks and tabs: descriptions.
    Lines,
}

/// The faults of a request, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Detail>);

impl Faults {
    pub(crate) fn add(&mut self, detail: Detail) {
        self.0.push(detail);
    }

    pub(crate) fn invalid(&mut self, target: &str, message: impl Into<String>) {
        self.add(Detail::new("INVALID_VALUE", target, message));
    }

    /// The request's rejection, if anything was found.
    pub(crate) fn finish(self) -> Result<(), Rejection> {
        if self.0.is_empty() { Ok(()) } else { Err(Rejection::invalid(self.0)) }
    }

    /// A text of 1 to `max` characters; absent and null are none.
    pub(crate) fn text(&mut self, body: &Body, key: &str, max: usize, chars: Chars) -> Option<String> {
        self.text_at(body.get(key), key, max, chars)
    }

    /// The same of a value that stands deeper; `target` is its path.
    pub(crate) fn text_at(
        &mut self,
        value: Option<&Value>,
        target: &str,
        max: usize,
        chars: Chars,
    ) -> Option<String> {
        let text = match value {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) => text,
            Some(other) => {
                self.wrong_type(target, "a string", other);
                return None;
            }
        };
        if text.trim().is_empty() {
            let message = format!("`{target}` is empty; give it 1 to {max} characters, or leave it out");
            self.add(Detail::new("EMPTY_VALUE", target, message).with_inner(range(1, max)));
            return None;
        }
        let length = text.chars().count();
        if length > max {
            let message = format!("`{target}` has {length} characters; 1 to {max} are allowed");
            self.add(Detail::new("INVALID_VALUE", target, message).with_inner(range(1, max)));
            return None;
        }
        let (bad, pattern, allowed) = match chars {
            Chars::Printable => (
                unprintable(text),
                char_class::PRINTABLE,
                "letters, marks, numbers, punctuation, symbols and spaces are allowed",
            ),
            Chars::Lines => (
                unprintable_in_lines(text),
                char_class::PRINTABLE,
                "letters, marks, numbers, punctuation, symbols, spaces and line breaks are allowed",
            ),
            Chars::Name => (
                not_in_names(text),
                char_class::NAME,
                "letters, marks, numbers, spaces, apostrophes, dots and hyphens are allowed",
            ),
            Chars::Timezone => {
                if !is_timezone(text) {
                    let message = format!("`{target}` is not an area and a place, such as `Europe/Berlin`");
                    self.add(
                        Detail::new("INVALID_VALUE", target, message)
                            .with_inner(json!({"allowedPattern": char_class::TIMEZONE})),
                    );
                    return None;
                }
                (None, char_class::TIMEZONE, "")
            }
        };
        if let Some(bad) = bad {
            let shown = if unprintable(bad.encode_utf8(&mut [0; 4])).is_none() {
                format!("`{bad}`")
            } else {
                format!("U+{:04X}, which cannot be seen", u32::from(bad))
            };
            let message = format!("`{target}` has the character {shown}; {allowed}");
            self.add(
                Detail::new("INVALID_VALUE", target, message).with_inner(json!({"allowedPattern": pattern})),
            );
            return None;
        }
        Some(text.clone())
    }

    /// A text that must be there. The empty string comes back when it is not, or is faulty: the fault is noted.
    pub(crate) fn required_text(&mut self, body: &Body, key: &str, max: usize, chars: Chars) -> String {
        if matches!(body.get(key), None | Some(Value::Null)) {
            self.required(key, &format!("a string of 1 to {max} characters"));
            return String::new();
        }
        self.text(body, key, max, chars).unwrap_or_default()
    }

    /// Notes that a field is missing.
    pub(crate) fn required(&mut self, target: &str, what: &str) {
        self.add(Detail::new("REQUIRED_VALUE", target, format!("`{target}` is required: {what}")));
    }

    /// `true` or `false`; absent and null are none.
    pub(crate) fn boolean(&mut self, body: &Body, key: &str) -> Option<bool> {
        match body.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(value)) => Some(*value),
            Some(other) => {
                self.wrong_type(key, "true or false", other);
                None
            }
        }
    }

    /// An object; absent and null are none.
    pub(crate) fn object<'b>(&mut self, body: &'b Body, key: &str) -> Option<&'b Map<String, Value>> {
        match body.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::Object(object)) => Some(object),
            Some(other) => {
                self.wrong_type(key, "an object", other);
                None
            }
        }
    }

    /// `{"key": {"id": "…"}}`; absent and null are none.
    pub(crate) fn reference<T: From<Uuid>>(&mut self, body: &Body, key: &str) -> Option<T> {
        let object = self.object(body, key)?;
        self.id_of(object, &format!("{key}.id"))
    }

    /// The `id` of an object that refers to something; `target` is that id's path.
    pub(crate) fn id_of<T: From<Uuid>>(&mut self, object: &Map<String, Value>, target: &str) -> Option<T> {
        match object.get("id") {
            None | Some(Value::Null) => {
                self.required(target, "a UUID");
                None
            }
            Some(Value::String(text)) => match Uuid::parse_str(text) {
                Ok(id) => Some(T::from(id)),
                Err(_) => {
                    self.invalid(
                        target,
                        format!("`{target}` is not a UUID, such as `5a0f9f6d-3c5e-4a55-9b1c-0d7c7d0f3f5e`"),
                    );
                    None
                }
            },
            Some(other) => {
                self.wrong_type(target, "a UUID", other);
                None
            }
        }
    }

    /// Notes that a value is none of those that there are.
    /// A setting of the guard: a whole number, also as text.
    pub(crate) fn guard_setting(&mut self, target: &str, key: &str, value: &Value, max: u32) -> Option<u32> {
        let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        let number = number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= max);
        if number.is_none() {
            let message = format!("`{key}` is {value}; a whole number from 0 to {max} is allowed");
            let inner = json!({"rangeMinimumValue": 0, "rangeMaximumValue": max});
            self.add(Detail::new("INVALID_VALUE", target, message).with_inner(inner));
        }
        number
    }

    pub(crate) fn one_of(&mut self, target: &str, allowed: &[&str]) {
        let message = format!("`{target}` is not one of {}", allowed.join(", "));
        self.add(Detail::new("INVALID_VALUE", target, message).with_inner(json!({"allowedValues": allowed})));
    }

    pub(crate) fn wrong_type(&mut self, target: &str, wanted: &str, found: &Value) {
        self.invalid(target, format!("`{target}` is {}; {wanted} is allowed", kind(found)));
    }
}

/// What a JSON value is, for a person.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Whether a value has U+0000 somewhere, which PostgreSQL cannot keep.
pub(crate) fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(object) => object.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// PingOne's way to tell a range to machines.
pub(crate) fn range(min: usize, max: usize) -> Value {
    json!({"rangeMinimumValue": min, "rangeMaximumValue": max})
}
