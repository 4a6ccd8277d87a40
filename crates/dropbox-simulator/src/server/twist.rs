//! Faults that spoil a good answer: entries missing or double, tags and fields that nobody knows.

use serde_json::{Value, json};

use crate::faults::Fault;

/// The answer's body with these faults in it.
pub(super) fn spoil(body: Vec<u8>, faults: &[&Fault]) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(&body) else { return body };
    for fault in faults {
        match fault {
            Fault::ShortList { missing } => {
                if let Some(entries) = entries(&mut value) {
                    entries.truncate(entries.len().saturating_sub(*missing));
                }
            }
            Fault::DuplicateMember => {
                if let Some(entries) = entries(&mut value)
                    && let Some(first) = entries.first().cloned()
                {
                    entries.push(first);
                }
            }
            Fault::UnknownTag => {
                let mut tag_is_due = true;
                make_unknown(&mut value, &mut tag_is_due);
            }
            _ => {}
        }
    }
    value.to_string().into_bytes()
}

/// A listing's entries.
fn entries(value: &mut Value) -> Option<&mut Vec<Value>> {
    let object = value.as_object_mut()?;
    let key = ["members", "groups", "events"]
        .into_iter()
        .find(|key| object.get(*key).is_some_and(Value::is_array))?;
    object.get_mut(key)?.as_array_mut()
}

/// Every object gets a field from the future; the first status, or else the first result of a list or the first error,
/// a tag from the future.
fn make_unknown(value: &mut Value, tag_is_due: &mut bool) {
    match value {
        Value::Object(object) => {
            if let Some(status) = object.get_mut("status")
                && std::mem::take(tag_is_due)
            {
                *status = json!({ ".tag": "hibernating", "until": "2030-01-01T00:00:00Z" });
            }
            if let Some(kind) = object.get_mut("event_type")
                && std::mem::take(tag_is_due)
            {
                *kind =
                    json!({ ".tag": "member_change_mood", "description": "(members) Changed member mood" });
            }
            let holds_error = object.contains_key("error_summary");
            if let Some(error) = object.get_mut("error").filter(|_| holds_error)
                && std::mem::take(tag_is_due)
            {
                *error = json!({ ".tag": "from_the_future" });
            }
            object.values_mut().for_each(|inner| make_unknown(inner, tag_is_due));
            object.insert("from_the_future".to_owned(), json!({ "nested": [1, "two"] }));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| make_unknown(item, tag_is_due)),
        _ => {}
    }
}
