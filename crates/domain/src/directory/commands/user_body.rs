//! Reads the body of a user (facts §2.4): standard attributes by their rules, others as custom attributes.

use serde_json::{Map, Value, json};

use super::{
    Body,
    body::{Chars, Faults, has_nul, range},
};
use crate::{
    Detail,
    directory::{
        email,
        user::{Name, User},
    },
};

/// The largest profile, as JSON (facts §1.12).
pub const MAX_PROFILE_BYTES: usize = 16 * 1024;
/// The most custom attributes that are strings, and the most that are anything else.
pub const MAX_CUSTOM: usize = 200;

/// Attributes that only the directory sets, or that Usher has no use for: ignored in bodies, and not free as names
/// of custom attributes. A password above all is never kept.
const READ_ONLY: [&str; 17] = [
    "id",
    "environment",
    "population",
    "enabled",
    "createdAt",
    "updatedAt",
    "account",
    "lifecycle",
    "verifyStatus",
    "identityProvider",
    "lastSignOn",
    "password",
    "emailVerified",
    "memberOfGroups",
    "memberOfGroupIDs",
    "memberOfGroupNames",
    "schemas",
];

/// Attributes that have a field of their own in [`User`].
const FIELDS: [&str; 4] = ["username", "email", "name", "externalId"];

/// Plain texts: the attribute, the most characters, and which.
const TEXTS: [(&str, usize, Chars); 9] = [
    ("accountId", 256, Chars::Printable),
    ("locale", 256, Chars::Printable),
    ("mobilePhone", 32, Chars::Printable),
    ("nickname", 256, Chars::Printable),
    ("preferredLanguage", 256, Chars::Printable),
    ("primaryPhone", 32, Chars::Printable),
    ("timezone", 256, Chars::Timezone),
    ("title", 256, Chars::Printable),
    ("type", 256, Chars::Printable),
];

/// Attributes of attributes: the outer one, the inner ones, the most characters.
const COMPLEX: [(&str, &[&str], usize); 2] = [
    ("address", &["countryCode", "locality", "postalCode", "region", "streetAddress"], 256),
    ("photo", &["href"], 2048),
];

/// What a body says of a user.
pub(super) struct Read {
    pub(super) username: String,
    pub(super) email: String,
    pub(super) name: Name,
    pub(super) external_id: Option<String>,
    pub(super) attributes: Map<String, Value>,
}

/// Reads all that a client may set, as a whole (create and replace).
pub(super) fn read(body: &Body, faults: &mut Faults) -> Read {
    let username = faults.required_text(body, "username", 128, Chars::Printable);
    let email = faults.required_text(body, "email", 254, Chars::Printable);
    if !email.is_empty()
        && let Some(fault) = email::fault(&email)
    {
        faults.invalid(
            "email",
            format!("`email` is not an e-mail address: {fault}; write it as `ada@example.com`"),
        );
    }
    let read = Read {
        username,
        email,
        name: name(body, faults),
        external_id: faults.text(body, "externalId", 1024, Chars::Printable),
        attributes: attributes(body, faults),
    };
    let size = serde_json::to_string(&read.attributes).map_or(0, |text| text.len())
        + serde_json::to_string(&read.name).map_or(0, |text| text.len())
        + read.username.len()
        + read.email.len()
        + read.external_id.as_ref().map_or(0, String::len);
    if size > MAX_PROFILE_BYTES {
        let message = format!("The user's profile has {size} bytes; at most {MAX_PROFILE_BYTES} are allowed");
        faults.add(
            Detail::new("SIZE_LIMIT_EXCEEDED", "user", message)
                .with_inner(json!({"maximumValue": MAX_PROFILE_BYTES})),
        );
    }
    read
}

fn name(body: &Body, faults: &mut Faults) -> Name {
    let Some(object) = faults.object(body, "name") else { return Name::default() };
    let mut part = |key: &str| faults.text_at(object.get(key), &format!("name.{key}"), 256, Chars::Name);
    Name {
        given: part("given"),
        family: part("family"),
        middle: part("middle"),
        formatted: part("formatted"),
        honorific_prefix: part("honorificPrefix"),
        honorific_suffix: part("honorificSuffix"),
    }
}

fn attributes(body: &Body, faults: &mut Faults) -> Map<String, Value> {
    let mut attributes = Map::new();
    for (key, max, chars) in TEXTS {
        if let Some(text) = faults.text(body, key, max, chars) {
            attributes.insert(key.into(), text.into());
        }
    }
    for (key, parts, max) in COMPLEX {
        let Some(object) = faults.object(body, key) else { continue };
        let mut kept = Map::new();
        for part in parts {
            let target = format!("{key}.{part}");
            if let Some(text) = faults.text_at(object.get(*part), &target, max, Chars::Printable) {
                kept.insert((*part).into(), text.into());
            }
        }
        if !kept.is_empty() {
            attributes.insert(key.into(), kept.into());
        }
    }
    if let Some(value) = faults.boolean(body, "mfaEnabled") {
        attributes.insert("mfaEnabled".into(), value.into());
    }
    custom(body, &mut attributes, faults);
    attributes
}

fn custom(body: &Body, attributes: &mut Map<String, Value>, faults: &mut Faults) {
    let (mut texts, mut others) = (0, 0);
    for (key, value) in body.iter().filter(|(key, _)| is_custom(key)) {
        if value.is_null() {
            continue;
        }
        if let Some(near) = standard().find(|name| name.eq_ignore_ascii_case(key)) {
            faults.invalid(key, format!("`{key}` is spelled `{near}`"));
            continue;
        }
        if !is_name(key) {
            let shown: String = key.chars().filter(|c| !c.is_control()).take(64).collect();
            let message = format!(
                "`{shown}` cannot be the name of an attribute: it starts with a letter (a-z), has only letters, digits, `_` and `-`, and at most 256 of them"
            );
            let pattern = json!({"allowedPattern": "^[A-Za-z][A-Za-z0-9_-]{0,255}$"});
            faults.add(Detail::new("INVALID_VALUE", shown, message).with_inner(pattern));
            continue;
        }
        match value {
            Value::String(_) => {
                texts += 1;
                if let Some(text) = faults.text(body, key, MAX_PROFILE_BYTES, Chars::Lines) {
                    attributes.insert(key.clone(), text.into());
                }
            }
            other => {
                others += 1;
                if has_nul(other) {
                    faults.invalid(key, format!("`{key}` has the character U+0000, which cannot be kept"));
                } else {
                    attributes.insert(key.clone(), other.clone());
                }
            }
        }
    }
    for (count, what) in [(texts, "string"), (others, "JSON")] {
        if count > MAX_CUSTOM {
            let message =
                format!("The user has {count} custom {what} attributes; at most {MAX_CUSTOM} are allowed");
            faults.add(Detail::new("SIZE_LIMIT_EXCEEDED", "user", message).with_inner(range(0, MAX_CUSTOM)));
        }
    }
}

fn standard() -> impl Iterator<Item = &'static str> {
    FIELDS
        .into_iter()
        .chain(TEXTS.map(|(key, ..)| key))
        .chain(COMPLEX.map(|(key, ..)| key))
        .chain(READ_ONLY)
        .chain(["mfaEnabled"])
}

fn is_name(key: &str) -> bool {
    let mut letters = key.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && key.len() <= 256
}

/// Whether a custom attribute may have that name: it is one, and no standard attribute has it in any case.
pub fn is_custom_name(name: &str) -> bool {
    is_name(name) && !standard().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether the directory has no attribute of that name, so that it is kept as a custom one. HAL's `_links` and
/// `_embedded` are no attributes.
fn is_custom(key: &str) -> bool {
    !key.starts_with('_') && !standard().any(|name| name == key)
}

/// The user as a body that [`read`] gives back whole: what a merge starts from.
pub(super) fn written(user: &User) -> Body {
    let mut body = user.attributes.clone();
    body.insert("username".into(), user.username.clone().into());
    body.insert("email".into(), user.email.clone().into());
    if let Ok(name) = serde_json::to_value(&user.name) {
        body.insert("name".into(), name);
    }
    if let Some(id) = &user.external_id {
        body.insert("externalId".into(), id.clone().into());
    }
    body
}

/// Merges a patch into a body as RFC 7396 says: objects part by part, null takes away.
pub(super) fn merge(into: &mut Body, patch: &Body) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                into.remove(key);
            }
            Value::Object(inner) => {
                let slot = into.entry(key.clone()).or_insert_with(|| Map::new().into());
                if !slot.is_object() {
                    *slot = Map::new().into();
                }
                if let Value::Object(slot) = slot {
                    merge(slot, inner);
                }
            }
            other => {
                into.insert(key.clone(), other.clone());
            }
        }
    }
}
