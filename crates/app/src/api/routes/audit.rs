//! Routes of the audit.

use super::route::{Route, get, post};
use crate::{
    access::permission::Permission::{ReadActivities, RedactActivities},
    api::activities,
};

/// See the module.
#[rustfmt::skip]
pub(super) fn table() -> Vec<Route> {
    vec![
        get("/activities", ReadActivities, activities::list)
            .named("readAllActivities", "Lists audit events, the newest first; the filter must name a time").filtered().pages("activities", "Activity"),
        get("/activities/{activityId}", ReadActivities, activities::read)
            .named("readOneActivity", "Shows an audit event").gives("Activity"),
        post("/activities/redactions", RedactActivities, activities::redact).ours()
            .named("redactActivities", "Takes names, sentences and values away from every audit event about a user")
            .takes("RedactionBody").gives("Redaction"),
    ]
}
