//! `team/features/get_values`.

use serde_json::{Value, json};

use super::{Answered, Ask, refuse, result};
use crate::team::Team;

pub(super) fn get_values(ask: &Ask<'_>, _: &mut Team) -> Answered {
    let Some(features) = ask.arg["features"].as_array().filter(|features| !features.is_empty()) else {
        return refuse("empty_features_list");
    };
    let values: Vec<Value> = features.iter().map(|feature| value(&feature[".tag"])).collect();
    result(&json!({ "values": values }))
}

/// A team with everything but a limit on uploads. Each feature's own union names its value differently.
fn value(feature: &Value) -> Value {
    let (inner_tag, inner) = match feature.as_str() {
        Some("upload_api_rate_limit") => ("unlimited", Value::Null),
        Some("has_team_file_events") => ("enabled", json!(true)),
        Some(other) => (other, json!(true)),
        None => ("", Value::Null),
    };
    let mut inner_union = json!({ ".tag": inner_tag });
    if !inner.is_null() {
        inner_union[inner_tag] = inner;
    }
    let mut union = json!({ ".tag": feature });
    union[feature.as_str().unwrap_or_default()] = inner_union;
    union
}
