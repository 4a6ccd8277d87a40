//! One strict validator for everything that is said in Stone's JSON: requests as they come in, and, when answers are
//! checked, results and errors as they go out.
//!
//! It judges as Dropbox's own Python Stone does (`json_decode(…, strict=True)`), down to its habits: `true` is the
//! integer 1, `null` stands for a struct whose fields all have defaults, and the last of two equal keys wins.

use serde_json::{Map, Value};

use crate::spec::{Definition, Field, SPEC, Type};

/// Why a value is not of its type, in Stone's words.
#[derive(Debug)]
pub(crate) struct Invalid {
    parents: Vec<String>,
    message: String,
}

impl Invalid {
    fn new(message: impl Into<String>) -> Self {
        Self { parents: Vec::new(), message: message.into() }
    }

    fn inside(mut self, parent: &str) -> Self {
        self.parents.push(parent.to_owned());
        self
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, parent) in self.parents.iter().rev().enumerate() {
            let dot = if i == 0 { "" } else { "." };
            write!(f, "{dot}{parent}")?;
        }
        let colon = if self.parents.is_empty() { "" } else { ": " };
        write!(f, "{colon}{}", self.message)
    }
}

/// Decodes strictly. What comes back has every default filled in and every union in its long form.
pub(crate) fn decode(ty: &Type, value: &Value) -> Result<Value, Invalid> {
    match ty {
        Type::Void if value.is_null() => Ok(Value::Null),
        Type::Void => Err(Invalid::new("expected null, got value")),
        Type::Boolean if value.is_boolean() => Ok(value.clone()),
        Type::Boolean => Err(Invalid::new(format!("{value} is not a valid boolean"))),
        Type::Integer { min, max } => integer(value, *min, *max),
        Type::Text { min, max, pattern } => {
            let Value::String(text) = value else {
                return Err(Invalid::new(format!(
                    "'{}' expected to be a string, got {}",
                    shortened(&value.to_string()),
                    kind(value)
                )));
            };
            let length = text.chars().count();
            if let Some(max) = max.filter(|max| length > *max) {
                let text = shortened(text);
                return Err(Invalid::new(format!("'{text}' must be at most {max} characters, got {length}")));
            }
            if let Some(min) = min.filter(|min| length < *min) {
                return Err(Invalid::new(format!(
                    "'{text}' must be at least {min} characters, got {length}"
                )));
            }
            if let Some(pattern) = pattern.as_ref().filter(|pattern| !pattern.regex.is_match(text)) {
                // Dropbox never repeats an e-mail address in an error.
                let text = if pattern.text.contains('@') { "*****" } else { &shortened(text) };
                return Err(Invalid::new(format!("'{text}' did not match pattern '{}'", pattern.text)));
            }
            Ok(value.clone())
        }
        Type::Timestamp { format } => {
            let text = value.as_str().unwrap_or_default();
            match chrono::NaiveDateTime::parse_from_str(text, format) {
                Ok(_) => Ok(value.clone()),
                Err(_) => Err(Invalid::new(format!("time data '{text}' does not match format '{format}'"))),
            }
        }
        Type::List { item, min, max } => {
            let Value::Array(items) = value else {
                return Err(Invalid::new(format!("expected list, got {}", kind(value))));
            };
            let decoded = items.iter().map(|each| decode(item, each)).collect::<Result<Vec<_>, _>>()?;
            if let Some(max) = max.filter(|max| items.len() > *max) {
                return Err(Invalid::new(format!(
                    "'{}' has more than {max} items",
                    shortened(&value.to_string())
                )));
            }
            if let Some(min) = min.filter(|min| items.len() < *min) {
                return Err(Invalid::new(format!(
                    "'{}' has fewer than {min} items",
                    shortened(&value.to_string())
                )));
            }
            Ok(Value::Array(decoded))
        }
        Type::Named(name) => match SPEC.definition(name) {
            Definition::Struct(fields) => structure(fields, value).map(Value::Object),
            Definition::Union { open, tags } => union(*open, tags, value),
        },
    }
}

fn integer(value: &Value, min: i128, max: i128) -> Result<Value, Invalid> {
    let number = match value {
        // A boolean is an integer to Python, and so to Dropbox.
        Value::Bool(yes) => i128::from(*yes),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => i128::from(number),
            (None, Some(number)) => i128::from(number),
            // An integer too long for 64 bits is read as a float by serde_json; it is out of range all the same.
            (None, None) => return Err(Invalid::new(format!("expected integer, got {}", kind(value)))),
        },
        _ => return Err(Invalid::new(format!("expected integer, got {}", kind(value)))),
    };
    if number < min || number > max {
        return Err(Invalid::new(format!("{number} is not within range [{min}, {max}]")));
    }
    Ok(match u64::try_from(number) {
        Ok(number) => Value::from(number),
        Err(_) => value.clone(),
    })
}

fn structure(fields: &[Field], value: &Value) -> Result<Map<String, Value>, Invalid> {
    let empty = Map::new();
    let object = match value {
        Value::Object(object) => object,
        Value::Null if fields.iter().all(|field| !field.required()) => &empty,
        _ => return Err(Invalid::new(format!("expected object, got {}", kind(value)))),
    };
    let unknown =
        object.keys().find(|key| !key.starts_with(".tag") && fields.iter().all(|f| f.name != **key));
    if let Some(key) = unknown {
        return Err(Invalid::new(format!("unknown field '{key}'")));
    }
    let mut decoded = Map::new();
    for field in fields {
        match object.get(&field.name) {
            Some(Value::Null) if field.optional => {}
            Some(value) => {
                let value = decode(&field.ty, value).map_err(|invalid| invalid.inside(&field.name))?;
                decoded.insert(field.name.clone(), value);
            }
            None => {
                if let Some(default) = &field.default {
                    decoded.insert(field.name.clone(), default.clone());
                }
            }
        }
    }
    match fields.iter().find(|field| field.required() && !object.contains_key(&field.name)) {
        Some(missing) => Err(Invalid::new(format!("missing required field '{}'", missing.name))),
        None => Ok(decoded),
    }
}

fn union(open: bool, tags: &[Field], value: &Value) -> Result<Value, Invalid> {
    let find = |tag: &str| match tags.iter().find(|field| field.name == tag) {
        None => Err(Invalid::new(format!("unknown tag '{tag}'"))),
        Some(field) => Ok(field),
    };
    // The tag that stands for "newer than you": only an open union has it, and nobody may send it.
    let check_catch_all = |tag: &str| match open && tag == "other" {
        true => Err(Invalid::new(format!("unexpected use of the catch-all tag '{tag}'"))),
        false => Ok(()),
    };
    let object = match value {
        Value::String(tag) => {
            let field = find(tag)?;
            if !matches!(field.ty, Type::Void) {
                return Err(Invalid::new(format!("expected object for '{tag}', got symbol")));
            }
            check_catch_all(tag)?;
            return Ok(tagged(tag, Map::new()));
        }
        Value::Object(object) => object,
        _ => return Err(Invalid::new(format!("expected string or object, got {}", kind(value)))),
    };
    let tag = match object.get(".tag") {
        Some(Value::String(tag)) => tag,
        Some(other) => return Err(Invalid::new(format!("tag must be string, got {}", kind(other)))),
        None => return Err(Invalid::new("missing '.tag' key")),
    };
    let field = find(tag)?;
    check_catch_all(tag)?;
    if let Type::Named(name) = &field.ty
        && let Definition::Struct(fields) = SPEC.definition(name)
    {
        let inlined = structure(fields, value).map_err(|invalid| invalid.inside(tag))?;
        return Ok(tagged(tag, inlined));
    }
    let inner = match (&field.ty, object.get(tag)) {
        (Type::Void, None | Some(Value::Null)) => None,
        (Type::Void, Some(other)) => {
            return Err(Invalid::new(format!("expected null, got {}", kind(other))));
        }
        (_, None) => return Err(Invalid::new(format!("missing '{tag}' key"))),
        (ty, Some(inner)) => Some(decode(ty, inner).map_err(|invalid| match ty {
            Type::Named(_) | Type::List { .. } => invalid.inside(tag),
            _ => invalid,
        })?),
    };
    if let Some(key) = object.keys().find(|key| *key != tag && *key != ".tag") {
        return Err(Invalid::new(format!("unexpected key '{key}'")));
    }
    let mut decoded = Map::new();
    if let Some(inner) = inner {
        decoded.insert(tag.clone(), inner);
    }
    Ok(tagged(tag, decoded))
}

fn tagged(tag: &str, mut object: Map<String, Value>) -> Value {
    object.insert(".tag".to_owned(), Value::from(tag));
    Value::Object(object)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// A value as an error repeats it: not more than a thousand characters of it.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(1000) {
        Some((end, _)) => {
            format!("{} [The string has been truncated due to its length]", &text[..end])
        }
        None => text.to_owned(),
    }
}
