//! JSON objects as resources: names in any case, arrays as several values.

use serde_json::{Map, Value as Json};

use super::{AttrPath, Attributes, Value, Values};

impl Attributes for Json {
    fn get<'a>(&'a self, path: &AttrPath) -> Values<'a> {
        let mut values = Values::None;
        // A SCIM extension keeps its attributes in an object named by the schema; a core schema does not.
        let extension = path.schema().and_then(|schema| member(self.as_object()?, schema));
        collect(extension.unwrap_or(self), path.names(), &mut values);
        values
    }
}

/// An object by itself, such as the shelf of a user's other attributes.
impl Attributes for Map<String, Json> {
    fn get<'a>(&'a self, path: &AttrPath) -> Values<'a> {
        let mut values = Values::None;
        let mut names = path.names();
        if let Some(inner) = names.next().and_then(|name| member(self, name)) {
            collect(inner, names, &mut values);
        }
        values
    }
}

fn collect<'a>(json: &'a Json, mut names: std::str::Split<'_, char>, values: &mut Values<'a>) {
    if let Json::Array(items) = json {
        items.iter().for_each(|item| collect(item, names.clone(), values));
        return;
    }
    match names.next() {
        Some(name) => {
            if let Some(inner) = json.as_object().and_then(|object| member(object, name)) {
                collect(inner, names, values);
            }
        }
        None => match json {
            Json::Null | Json::Array(_) => {}
            Json::Bool(value) => values.push(Value::Bool(*value)),
            Json::Number(number) => values.push(Value::Number(number.clone())),
            Json::String(text) => values.push(text.as_str().into()),
            Json::Object(object) if object.is_empty() => {}
            Json::Object(_) => values.push(Value::Complex(json)),
        },
    }
}

fn member<'a>(object: &'a Map<String, Json>, name: &str) -> Option<&'a Json> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
