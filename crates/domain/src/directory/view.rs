//! A user as filters and expressions see them: with their groups and the name of their population.

use serde_json::{Map, Value as Json, json};

use super::{
    filter::{AttrPath, Attributes, Filter, FilterError, Value, Values},
    user::User,
};
use crate::GroupId;

/// A group that a user is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserGroup<'a> {
    /// Which.
    pub id: GroupId,
    /// Its name.
    pub name: &'a str,
    /// By hand or by the group's filter; otherwise through groups nested in it.
    pub direct: bool,
}

impl UserGroup<'_> {
    /// `DIRECT` or `INDIRECT`.
    pub fn kind(&self) -> &'static str {
        if self.direct { "DIRECT" } else { "INDIRECT" }
    }
}

impl Attributes for UserGroup<'_> {
    fn get<'a>(&'a self, path: &AttrPath) -> Values<'a> {
        match path.key() {
            "id" | "value" => self.id.uuid().into(),
            "name" | "display" => self.name.into(),
            "type" => self.kind().into(),
            _ => Values::None,
        }
    }
}

/// A user with all that is said of them elsewhere in the directory.
#[derive(Clone, Copy, Debug)]
pub struct UserView<'a> {
    /// The user.
    pub user: &'a User,
    /// The name of their population.
    pub population: Option<&'a str>,
    /// The groups that they are in, directly or indirectly.
    pub groups: &'a [UserGroup<'a>],
}

impl UserView<'_> {
    /// The attributes that every directory has; users may have custom ones beside them.
    pub const ATTRIBUTES: [&'static str; 38] = [
        "accountId",
        "address.countryCode",
        "address.locality",
        "address.postalCode",
        "address.region",
        "address.streetAddress",
        "createdAt",
        "email",
        "enabled",
        "environment.id",
        "externalId",
        "id",
        "locale",
        "memberOfGroupIDs",
        "memberOfGroupNames",
        "memberOfGroups",
        "memberOfGroups.id",
        "memberOfGroups.name",
        "memberOfGroups.type",
        "mfaEnabled",
        "mobilePhone",
        "name.family",
        "name.formatted",
        "name.given",
        "name.honorificPrefix",
        "name.honorificSuffix",
        "name.middle",
        "nickname",
        "photo.href",
        "population.id",
        "population.name",
        "preferredLanguage",
        "primaryPhone",
        "timezone",
        "title",
        "type",
        "updatedAt",
        "username",
    ];

    /// Whether a path is one of [`UserView::ATTRIBUTES`], without regard to case.
    pub fn is_standard(path: &str) -> bool {
        Self::ATTRIBUTES.iter().any(|known| known.eq_ignore_ascii_case(path))
    }

    /// Whether a filter's text uses attributes that are not standard, so that the custom ones must be known to
    /// judge it. A text that is no filter does not.
    pub fn needs_custom(text: &str) -> bool {
        Filter::parse(text).is_ok_and(|filter| filter.attributes().any(|path| !Self::is_standard(path.key())))
    }

    /// Checks that a filter uses only standard attributes and these custom ones.
    ///
    /// # Errors
    /// Names the first attribute that users do not have.
    pub fn check(filter: &Filter, custom: &[String]) -> Result<(), FilterError> {
        let used: Vec<AttrPath> = filter.attributes().collect();
        let mut known: Vec<&str> = Self::ATTRIBUTES.to_vec();
        known.extend(custom.iter().map(String::as_str));
        // What is inside a custom attribute is nobody's business but its owner's.
        let inside = |path: &&AttrPath| {
            path.names().next().is_some_and(|root| custom.iter().any(|name| name.eq_ignore_ascii_case(root)))
        };
        known.extend(used.iter().filter(inside).map(AttrPath::key));
        filter.check(&known)
    }

    /// The user as JSON in PingOne's spelling, for expressions: custom attributes at the top level.
    pub fn to_value(&self) -> Json {
        let user = self.user;
        let mut value: Map<String, Json> = user.attributes.clone();
        value.insert("id".into(), json!(user.id));
        value.insert("environment".into(), json!({"id": user.environment}));
        value.insert("population".into(), json!({"id": user.population, "name": self.population}));
        value.insert("username".into(), json!(user.username));
        value.insert("email".into(), json!(user.email));
        value.insert("enabled".into(), json!(user.enabled));
        value.insert("name".into(), json!(user.name));
        value.insert("externalId".into(), json!(user.external_id));
        value.insert("createdAt".into(), json!(user.created_at));
        value.insert("updatedAt".into(), json!(user.updated_at));
        let ids: Vec<GroupId> = self.groups.iter().map(|group| group.id).collect();
        let names: Vec<&str> = self.groups.iter().map(|group| group.name).collect();
        let groups: Vec<Json> = self
            .groups
            .iter()
            .map(|group| json!({"id": group.id, "name": group.name, "type": group.kind()}))
            .collect();
        value.insert("memberOfGroupIDs".into(), json!(ids));
        value.insert("memberOfGroupNames".into(), json!(names));
        value.insert("memberOfGroups".into(), json!(groups));
        Json::Object(value)
    }
}

impl Attributes for UserView<'_> {
    fn get<'a>(&'a self, path: &AttrPath) -> Values<'a> {
        let user = self.user;
        let text = |value: &'a Option<String>| value.as_deref().map_or(Values::None, Values::from);
        match path.key() {
            "id" => user.id.uuid().into(),
            "environment.id" => user.environment.uuid().into(),
            "username" => user.username.as_str().into(),
            "email" => user.email.as_str().into(),
            "enabled" => user.enabled.into(),
            "externalid" => text(&user.external_id),
            "name.given" => text(&user.name.given),
            "name.family" => text(&user.name.family),
            "name.middle" => text(&user.name.middle),
            "name.formatted" => text(&user.name.formatted),
            "name.honorificprefix" => text(&user.name.honorific_prefix),
            "name.honorificsuffix" => text(&user.name.honorific_suffix),
            "population.id" => user.population.uuid().into(),
            "population.name" => self.population.map_or(Values::None, Values::from),
            "createdat" => user.created_at.to_datetime().into(),
            "updatedat" => user.updated_at.to_datetime().into(),
            "mfaenabled" => user.attributes.get("mfaEnabled").and_then(Json::as_bool).unwrap_or(false).into(),
            "memberofgroups" => self.groups.iter().map(|group| Value::Complex(group)).collect(),
            "memberofgroupids" | "memberofgroups.id" | "memberofgroups.value" => {
                self.groups.iter().map(|group| Value::Id(group.id.uuid())).collect()
            }
            "memberofgroupnames" | "memberofgroups.name" | "memberofgroups.display" => {
                self.groups.iter().map(|group| Value::from(group.name)).collect()
            }
            "memberofgroups.type" => self.groups.iter().map(|group| Value::from(group.kind())).collect(),
            _ => Attributes::get(&user.attributes, path),
        }
    }
}
