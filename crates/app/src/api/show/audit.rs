//! How an audit event is shown: PingOne's shape (facts/pingone.md §1.13), and what changed beside it.

use serde_json::{Value, json};
use usher_domain::directory::audit::Event;

use super::{Origin, path};

/// An activity.
pub(crate) fn activity(origin: &Origin, event: &Event) -> Value {
    let mut shown = event.to_pingone(&origin.v1(""));
    let own = path(event.environment, &format!("/activities/{}", event.id));
    shown["_links"] = json!({ "self": origin.link(&own) });
    shown["createdAt"] = json!(event.recorded_at);
    if let Some(changes) = &event.changes {
        shown["changes"] = changes.clone();
    }
    shown
}
