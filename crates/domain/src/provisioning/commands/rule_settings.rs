//! A rule's `configuration`: the guard's limits for both directions, onboarding settings for inbound rules.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Detail,
    directory::{
        commands::{
            Body,
            body::{Faults, has_nul},
        },
        environment::GUARD_SETTINGS,
    },
    provisioning::{
        onboarding::{Owned, Side},
        rule::Direction,
        schedule::Schedule,
    },
};

/// Onboarding settings that are true or false.
const SWITCHES: [&str; 7] = [
    "CREATE_USERS",
    "UPDATE_USERS",
    "DISABLE_USERS",
    "DEPROVISION_USERS",
    "SYNC_ONLY_ACTIVE_USERS",
    "SYNC_GROUPS",
    "FOLLOW_EVENTS",
];

/// Reads the settings. Those of other people's rules are kept as they are; a misspelled guard is not, since nobody
/// would notice that it guards nothing.
pub(super) fn read(body: &Body, direction: Direction, faults: &mut Faults) -> BTreeMap<String, Value> {
    let Some(given) = faults.object(body, "configuration") else { return BTreeMap::new() };
    if Value::Object(given.clone()).to_string().len() > super::connection::MAX_CONFIGURATION_BYTES {
        let max = super::connection::MAX_CONFIGURATION_BYTES;
        let detail = Detail::new(
            "SIZE_LIMIT_EXCEEDED",
            "configuration",
            format!("`configuration` is larger than {max} bytes"),
        );
        faults.add(detail.with_inner(json!({"maximumValue": max})));
        return BTreeMap::new();
    }
    let mut kept = BTreeMap::new();
    for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let target = format!("configuration.{key}");
        if let Some((_, max)) = GUARD_SETTINGS.iter().find(|(name, _)| name == key) {
            faults.guard_setting(&target, key, value, *max);
        } else if key.starts_with("GUARD_") {
            let names = GUARD_SETTINGS.map(|(name, _)| name);
            let message = format!("`{key}` is not a setting of the guard; there are {}", names.join(", "));
            faults.add(
                Detail::new("INVALID_VALUE", target, message).with_inner(json!({"allowedValues": names})),
            );
        } else if direction == Direction::Inbound {
            onboarding(&target, key, value, faults);
        }
        if key.contains('\0') || has_nul(value) {
            faults.invalid("configuration", "`configuration` has the character U+0000, which cannot be kept");
        }
        kept.insert(key.clone(), value.clone());
    }
    kept
}

fn onboarding(target: &str, key: &str, value: &Value, faults: &mut Faults) {
    let text = value.as_str();
    // Each arm is a fault; a good value falls through to the last one.
    match key {
        "POPULATION_ID" if text.is_none_or(|text| Uuid::parse_str(text).is_err()) => {
            faults.invalid(target, format!("`{key}` is {value}; the id of a population is allowed"));
        }
        "REMOVE_ACTION" if !matches!(text, Some("Disable" | "Delete")) => {
            faults.one_of(target, &["Disable", "Delete"]);
        }
        "SCHEDULE" => match text.map(Schedule::parse) {
            None => faults.invalid(target, format!("`{key}` is {value}; a text is allowed")),
            Some(Err(error)) => faults.invalid(target, format!("`{key}` is {value}; {error}")),
            Some(Ok(_)) => {}
        },
        "AUTHORITY" => authority(target, value, faults),
        "DEFAULT_PASSWORD" => faults.invalid(
            target,
            "`DEFAULT_PASSWORD` cannot be set: nobody signs in at Usher, which keeps no passwords of users; leave it out",
        ),
        key if SWITCHES.contains(&key) && !value.is_boolean() && !matches!(text, Some("true" | "false")) => {
            faults.invalid(target, format!("`{key}` is {value}; true or false is allowed"));
        }
        _ => {}
    }
}

/// `{"email": "Dropbox", "*": "Directory"}`: for each attribute of the account the side that decides it.
fn authority(target: &str, value: &Value, faults: &mut Faults) {
    let names = || Owned::names().chain(["*"]).collect::<Vec<_>>();
    let Some(named) = value.as_object() else {
        let message = format!(
            "`AUTHORITY` is {value}; an object of attributes and sides is allowed, such as {{\"email\": \"Dropbox\", \"*\": \"Directory\"}}"
        );
        return faults.invalid(target, message);
    };
    for (name, side) in named {
        let target = format!("{target}.{name}");
        if name != "*" && Owned::named(name).is_none() {
            let message =
                format!("`{name}` is not an attribute of an account; there are {}", names().join(", "));
            let detail = Detail::new("INVALID_VALUE", target.clone(), message);
            faults.add(detail.with_inner(json!({"allowedValues": names()})));
        }
        if side.as_str().and_then(Side::named).is_none() {
            faults.one_of(&target, &["Dropbox", "Directory"]);
        }
    }
}
