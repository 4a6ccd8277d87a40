//! A user. Listings of users are long and read often, so they are written as they are, without a tree in between.

use std::fmt::{self, Display};

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Value, json};
use usher_domain::directory::user::{Name, User};

use crate::api::hal::{Href, Origin};

/// What the API says of a user by itself; an attribute of one of these names is not shown.
const OWN: [&str; 16] = [
    "_links",
    "account",
    "createdAt",
    "email",
    "enabled",
    "environment",
    "externalId",
    "id",
    "identityProvider",
    "lifecycle",
    "mfaEnabled",
    "name",
    "population",
    "updatedAt",
    "username",
    "verifyStatus",
];

/// A user. Custom and standard attributes stand at the top level.
pub(crate) fn user<'a>(origin: &'a Origin, it: &'a User) -> ShownUser<'a> {
    ShownUser { origin, it }
}

/// Whether a user has a second factor.
pub(crate) fn has_mfa(it: &User) -> bool {
    it.attributes.get("mfaEnabled").and_then(Value::as_bool).unwrap_or(false)
}

/// A user, to be written.
#[derive(Clone, Copy)]
pub(crate) struct ShownUser<'a> {
    origin: &'a Origin,
    it: &'a User,
}

impl Serialize for ShownUser<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let it = self.it;
        let locked = it.attributes.get("account").is_some_and(|account| account["status"] == "LOCKED");
        let mut shown = serializer.serialize_map(None)?;
        shown.serialize_entry("_links", &Links(*self))?;
        shown.serialize_entry("id", &it.id)?;
        shown.serialize_entry("environment", &json!({ "id": it.environment }))?;
        shown.serialize_entry("population", &json!({ "id": it.population }))?;
        shown.serialize_entry("username", &it.username)?;
        shown.serialize_entry("email", &it.email)?;
        shown.serialize_entry("enabled", &it.enabled)?;
        if it.name != Name::default() {
            shown.serialize_entry("name", &it.name)?;
        }
        if let Some(id) = &it.external_id {
            shown.serialize_entry("externalId", id)?;
        }
        let status = if locked { "LOCKED" } else { "OK" };
        let account = json!({ "canAuthenticate": it.enabled && !locked, "status": status });
        shown.serialize_entry("account", &account)?;
        shown.serialize_entry("identityProvider", &json!({ "type": "PING_ONE" }))?;
        shown.serialize_entry("lifecycle", &json!({ "status": "ACCOUNT_OK" }))?;
        shown.serialize_entry("mfaEnabled", &has_mfa(it))?;
        shown.serialize_entry("verifyStatus", "NOT_INITIATED")?;
        shown.serialize_entry("createdAt", &it.created_at)?;
        shown.serialize_entry("updatedAt", &it.updated_at)?;
        for (name, value) in it.attributes.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
            shown.serialize_entry(name, value)?;
        }
        shown.end()
    }
}

/// The links of a user.
struct Links<'a>(ShownUser<'a>);

impl Serialize for Links<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ShownUser { origin, it } = self.0;
        let environment = Environment(origin, it);
        let mut links = serializer.serialize_map(Some(6))?;
        links.serialize_entry("self", &Href(format_args!("{environment}/users/{}", it.id)))?;
        links.serialize_entry("environment", &Href(&environment))?;
        let population = format_args!("{environment}/populations/{}", it.population);
        links.serialize_entry("population", &Href(population))?;
        for part in ["enabled", "memberOfGroups", "syncedRules"] {
            links.serialize_entry(part, &Href(format_args!("{environment}/users/{}/{part}", it.id)))?;
        }
        links.end()
    }
}

/// The address of the user's environment.
struct Environment<'a>(&'a Origin, &'a User);

impl Display for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/environments/{}", self.0.root(), self.1.environment)
    }
}
