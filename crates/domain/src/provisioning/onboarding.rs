//! An inbound rule's onboarding settings: what its `configuration` says, understood.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    PopulationId,
    provisioning::connection::RemoveAction,
    reconcile::attributes::{Attribute, AttributeMask},
};

/// How an inbound rule brings people in. What is not given, or cannot be read, is the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onboarding {
    /// POPULATION_ID: where new users live. An active rule has it.
    pub population: Option<PopulationId>,
    /// CREATE_USERS
    pub create: bool,
    /// UPDATE_USERS
    pub update: bool,
    /// DISABLE_USERS
    pub disable: bool,
    /// DEPROVISION_USERS
    pub deprovision: bool,
    /// REMOVE_ACTION
    pub remove_action: RemoveAction,
    /// SYNC_ONLY_ACTIVE_USERS
    pub only_active: bool,
    /// SYNC_GROUPS
    pub groups: bool,
    /// AUTHORITY
    pub authority: Authority,
}

impl Onboarding {
    /// Reads a rule's configuration.
    pub fn of(configuration: &BTreeMap<String, Value>) -> Self {
        let switch = |key: &str, default: bool| match configuration.get(key) {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) => text == "true",
            _ => default,
        };
        let text = |key: &str| configuration.get(key).and_then(Value::as_str);
        Onboarding {
            population: text("POPULATION_ID").and_then(|id| id.parse().ok()),
            create: switch("CREATE_USERS", true),
            update: switch("UPDATE_USERS", true),
            disable: switch("DISABLE_USERS", true),
            deprovision: switch("DEPROVISION_USERS", false),
            remove_action: match text("REMOVE_ACTION") {
                Some("Delete") => RemoveAction::Delete,
                _ => RemoveAction::Disable,
            },
            only_active: switch("SYNC_ONLY_ACTIVE_USERS", false),
            groups: switch("SYNC_GROUPS", false),
            authority: configuration.get("AUTHORITY").map(Authority::of).unwrap_or_default(),
        }
    }
}

/// Who decides an attribute of a pair of user and account, when both sides have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The account: an inbound rule writes it into the directory, and no outbound rule changes it.
    Dropbox,
    /// The user: an outbound rule writes it into the account, and an inbound rule sets it only on a new user.
    Directory,
}

impl Side {
    /// The side of that name.
    pub fn named(name: &str) -> Option<Side> {
        match name {
            "Dropbox" => Some(Side::Dropbox),
            "Directory" => Some(Side::Directory),
            _ => None,
        }
    }
}

/// A set of what authority is given over: the attributes of an account, its status, its memberships.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Owned(u16);

impl Owned {
    /// Nothing.
    pub const NONE: Owned = Owned(0);
    /// Everything.
    pub const ALL: Owned = Owned((1 << 9) - 1);
    /// Whether the account is in use.
    pub const STATUS: Owned = Owned(1 << 7);
    /// The account's groups.
    pub const GROUPS: Owned = Owned(1 << 8);

    /// One attribute.
    pub fn attribute(attribute: Attribute) -> Owned {
        Owned(1 << attribute as u16)
    }

    /// What a setting calls it.
    pub fn named(name: &str) -> Option<Owned> {
        match name {
            "status" => Some(Owned::STATUS),
            "groups" => Some(Owned::GROUPS),
            name => Attribute::named(name).map(Owned::attribute),
        }
    }

    /// Every name that a setting may use beside `*`.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Attribute::ALL.into_iter().map(Attribute::name).chain(["status", "groups"])
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Owned) -> Owned {
        Owned(self.0 | other.0)
    }

    /// This without the other.
    #[must_use]
    pub fn without(self, other: Owned) -> Owned {
        Owned(self.0 & !other.0)
    }

    /// Whether they have something in common.
    pub fn meets(self, other: Owned) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the attribute is in it.
    pub fn has(self, attribute: Attribute) -> bool {
        self.meets(Owned::attribute(attribute))
    }
}

impl From<AttributeMask> for Owned {
    fn from(mask: AttributeMask) -> Self {
        let attributes = Attribute::ALL.into_iter().filter(|it| mask.has(*it));
        attributes.fold(Owned::NONE, |all, it| all.and(Owned::attribute(it)))
    }
}

/// `AUTHORITY`: for each attribute of the account, the side that decides it. What is not named is as `*` says, and
/// without `*` decided by use: the directory's if an active outbound rule of the connection writes it, else Dropbox's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Authority {
    dropbox: Owned,
    directory: Owned,
}

impl Authority {
    /// Reads the setting; what cannot be read in it was refused when it was saved.
    pub fn of(setting: &Value) -> Self {
        let mut authority = Authority::default();
        let Some(named) = setting.as_object() else { return authority };
        let side = |value: &Value| value.as_str().and_then(Side::named);
        for (name, value) in named.iter().filter(|(name, _)| *name != "*") {
            match (Owned::named(name), side(value)) {
                (Some(what), Some(Side::Dropbox)) => authority.dropbox = authority.dropbox.and(what),
                (Some(what), Some(Side::Directory)) => authority.directory = authority.directory.and(what),
                _ => {}
            }
        }
        let rest = Owned::ALL.without(authority.dropbox).without(authority.directory);
        match named.get("*").and_then(side) {
            Some(Side::Dropbox) => authority.dropbox = authority.dropbox.and(rest),
            Some(Side::Directory) => authority.directory = authority.directory.and(rest),
            None => {}
        }
        authority
    }

    /// What the directory decides of a pair, `written` being what outbound rules write of it.
    pub fn directory(&self, written: Owned) -> Owned {
        self.directory.and(written.without(self.dropbox))
    }

    /// What Dropbox decides whoever else writes it.
    pub fn dropbox(&self) -> Owned {
        self.dropbox
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_attribute_is_decided_by_name_then_by_star_then_by_use() {
        let email = Owned::attribute(Attribute::Email);
        let by_use = Authority::default();
        assert!(by_use.directory(email).meets(email));
        assert!(!by_use.directory(Owned::NONE).meets(email));
        let named = Authority::of(&json!({"email": "Dropbox", "*": "Directory"}));
        assert!(!named.directory(email).meets(email));
        assert!(named.directory(Owned::NONE).meets(Owned::STATUS));
        assert_eq!(named.dropbox(), email);
    }
}
