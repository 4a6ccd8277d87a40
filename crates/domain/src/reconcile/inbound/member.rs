//! An account as an inbound rule's filter and mappings see it: by Dropbox's names for its attributes.

use serde_json::{Map, Value as Json, json};

use crate::{
    directory::filter::{AttrPath, Attributes, Value, Values},
    reconcile::{
        attributes::Attribute,
        snapshot::{Account, AccountState, RemoteGroup, Snapshot},
    },
};

/// An account with its groups.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    pub(super) account: &'a Account,
    pub(super) seen: &'a Snapshot,
    /// The places of groups in the snapshot, by key.
    pub(super) groups: &'a Groups,
}

/// Which place each group of a snapshot has, by its key.
#[derive(Clone, Debug, Default)]
pub struct Groups(Vec<Option<u32>>);

impl Groups {
    /// Those of a snapshot.
    pub fn of(seen: &Snapshot) -> Self {
        let mut places = vec![None; seen.group_ids.len()];
        for (place, group) in (0..).zip(&seen.groups) {
            if let Some(slot) = places.get_mut(group.key.0 as usize) {
                *slot = Some(place);
            }
        }
        Groups(places)
    }
}

/// What filters can ask for, in the order in which it is told.
pub const ATTRIBUTES: [&str; 15] = [
    "display",
    "domain",
    "email",
    "external_id",
    "given_name",
    "groups",
    "groups.display",
    "groups.name",
    "groups.value",
    "is_directory_restricted",
    "persistent_id",
    "role",
    "status",
    "surname",
    "team_member_id",
];

/// How Dropbox names the state of a member.
pub fn status(state: &AccountState) -> &'static str {
    match state {
        AccountState::Active => "active",
        AccountState::Invited => "invited",
        AccountState::Suspended { .. } => "suspended",
        AccountState::Removed { .. } => "removed",
        AccountState::Unknown => "unknown",
    }
}

impl<'a> Member<'a> {
    /// An account of a snapshot.
    pub fn new(account: &'a Account, seen: &'a Snapshot, groups: &'a Groups) -> Self {
        Member { account, seen, groups }
    }

    /// The groups whose names are known.
    pub(super) fn groups(&self) -> impl Iterator<Item = &'a RemoteGroup> + use<'a> {
        let (seen, places) = (self.seen, &self.groups.0);
        self.account
            .groups
            .iter()
            .filter_map(|key| places.get(key.0 as usize).copied().flatten())
            .filter_map(|place| seen.groups.get(place as usize))
    }

    fn text(&self, attribute: Attribute) -> &'a str {
        self.account.attributes.get(attribute)
    }

    fn display(&self) -> String {
        let (given, family) = (self.text(Attribute::GivenName), self.text(Attribute::Surname));
        format!("{given} {family}").trim().to_owned()
    }

    fn domain(&self) -> &'a str {
        self.text(Attribute::Email).rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The account as JSON, for expressions. What has no value is null.
    pub(super) fn to_value(self) -> Json {
        let mut value = Map::new();
        for attribute in Attribute::ALL {
            let text = self.text(attribute);
            let known = if text.is_empty() { Json::Null } else { text.into() };
            value.insert(attribute.name().into(), known);
        }
        let restricted = self.text(Attribute::IsDirectoryRestricted) == "true";
        value.insert("is_directory_restricted".into(), restricted.into());
        value.insert("status".into(), status(&self.account.state).into());
        value.insert("team_member_id".into(), self.account.id.as_str().into());
        value.insert("domain".into(), self.domain().into());
        value.insert("display".into(), self.display().into());
        let names: Vec<&str> = self.groups().map(|group| &*group.name).collect();
        value.insert("groups".into(), json!(names));
        Json::Object(value)
    }
}

impl Attributes for Member<'_> {
    fn get<'b>(&'b self, path: &AttrPath) -> Values<'b> {
        let text = |text: &'b str| if text.is_empty() { Values::None } else { Values::from(text) };
        match path.key() {
            "status" => status(&self.account.state).into(),
            "team_member_id" => self.account.id.as_str().into(),
            "domain" => text(self.domain()),
            "display" => match self.display() {
                nothing if nothing.is_empty() => Values::None,
                display => Value::Text(display.into()).into(),
            },
            "is_directory_restricted" => (self.text(Attribute::IsDirectoryRestricted) == "true").into(),
            "groups" => self.groups().map(|group| Value::Complex(group)).collect(),
            "groups.name" | "groups.display" | "groups.value" => {
                self.groups().map(|group| Value::from(&*group.name)).collect()
            }
            name => Attribute::named(name).map_or(Values::None, |attribute| text(self.text(attribute))),
        }
    }
}

impl Attributes for RemoteGroup {
    fn get<'a>(&'a self, path: &AttrPath) -> Values<'a> {
        match path.key() {
            "name" | "display" | "value" => (&*self.name).into(),
            "external_id" => self.external_id.as_deref().map_or(Values::None, Values::from),
            _ => Values::None,
        }
    }
}
