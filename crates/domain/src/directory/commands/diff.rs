//! What changed, for the audit: `{"name.given": {"from": "Ada", "to": "Augusta"}}`.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Fields that every change touches, or that never change.
const LEFT_OUT: [&str; 5] = ["id", "environment", "createdAt", "updatedAt", "version"];

/// The fields that differ, by their paths, with both values. Values must hold no secret.
pub(crate) fn changed(before: &impl Serialize, after: &impl Serialize) -> Map<String, Value> {
    let mut found = Map::new();
    // These are our own types, whose keys are all strings: they become JSON.
    if let (Ok(before), Ok(after)) = (serde_json::to_value(before), serde_json::to_value(after)) {
        walk("", &before, &after, &mut found);
    }
    found
}

fn walk(path: &str, before: &Value, after: &Value, found: &mut Map<String, Value>) {
    if before == after {
        return;
    }
    if let (Value::Object(old), Value::Object(new)) = (before, after) {
        let added = new.keys().filter(|key| !old.contains_key(*key));
        for key in old.keys().chain(added).filter(|key| !LEFT_OUT.contains(&key.as_str())) {
            // `attributes` is our own shelf; the API has its contents at the top.
            let path = match path {
                "" | "attributes" => key.clone(),
                outer => format!("{outer}.{key}"),
            };
            walk(&path, old.get(key).unwrap_or(&Value::Null), new.get(key).unwrap_or(&Value::Null), found);
        }
        return;
    }
    found.insert(path.to_owned(), json!({"from": before, "to": after}));
}

/// The paths of the changed fields, for a sentence.
pub(crate) fn fields(changed: &Map<String, Value>) -> String {
    changed.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}
