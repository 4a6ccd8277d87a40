//! How a subscription is shown.

use serde_json::{Value, json};
use usher_domain::subscription::{Subscription, commands};

use super::{super::hal::Origin, links, without_nulls};

/// A subscription, with what we add to PingOne's shape.
pub(crate) fn subscription(origin: &Origin, it: &Subscription, more: Value) -> Value {
    let mut shown = commands::shown(it);
    shown["_links"] = links(origin, it.environment, &format!("/subscriptions/{}", it.id));
    shown["environment"] = json!({ "id": it.environment });
    shown["createdAt"] = json!(it.created_at);
    shown["updatedAt"] = json!(it.updated_at);
    if let (Some(shown), Value::Object(more)) = (shown.as_object_mut(), more) {
        shown.extend(more.into_iter().map(|(name, value)| (name, without_nulls(value))));
    }
    shown
}
