//! What is asked of the provisioning set-up, and what it becomes: as in [`crate::directory::commands`].

pub mod connection;
mod events;
pub mod mapping;
pub mod plan;
pub mod revision;
pub mod rule;
mod rule_settings;
#[cfg(test)]
mod tests;
pub mod whole_rule;

use serde_json::Value;

use crate::directory::commands::{Body, body::Faults};

/// `ACTIVE` or `INACTIVE`; absent and null are none.
fn status(body: &Body, faults: &mut Faults) -> Option<bool> {
    match body.get("status")? {
        Value::Null => None,
        Value::String(text) if text.eq_ignore_ascii_case("ACTIVE") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("INACTIVE") => Some(false),
        _ => {
            faults.one_of("status", &["ACTIVE", "INACTIVE"]);
            None
        }
    }
}
