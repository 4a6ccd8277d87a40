//! The attributes of an account, packed: one allocation a person, because a company has many people.

use std::fmt;

use serde::{Deserialize, Serialize, ser::SerializeMap};

/// What can be set on an account. `status` is not among them: it is the account's state (see
/// [`super::snapshot::AccountState`]), reached by operations of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Attribute {
    /// The address that the account signs in with.
    Email,
    /// First name.
    GivenName,
    /// Last name.
    Surname,
    /// The provisioner's own id; Usher's user id unless a mapping says otherwise.
    ExternalId,
    /// A role id of the team; empty is an ordinary member.
    Role,
    /// `true` hides the member from the team's directory.
    IsDirectoryRestricted,
    /// SAML persistent id.
    PersistentId,
}

impl Attribute {
    /// Every attribute, in the order in which they are planned and printed.
    pub const ALL: [Attribute; 7] = [
        Attribute::Email,
        Attribute::GivenName,
        Attribute::Surname,
        Attribute::ExternalId,
        Attribute::Role,
        Attribute::IsDirectoryRestricted,
        Attribute::PersistentId,
    ];

    /// Its name in mappings, as Dropbox spells it.
    pub fn name(self) -> &'static str {
        match self {
            Attribute::Email => "email",
            Attribute::GivenName => "given_name",
            Attribute::Surname => "surname",
            Attribute::ExternalId => "external_id",
            Attribute::Role => "role",
            Attribute::IsDirectoryRestricted => "is_directory_restricted",
            Attribute::PersistentId => "persistent_id",
        }
    }

    /// The attribute of that name, if there is one.
    pub fn named(name: &str) -> Option<Attribute> {
        Attribute::ALL.into_iter().find(|attribute| attribute.name() == name)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value for each attribute that has one. The empty string and "no value" are the same: both mean *cleared*.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct AttributeSet {
    text: Box<str>,
    /// Where each attribute's value ends in `text`.
    ends: [u16; Attribute::ALL.len()],
}

impl AttributeSet {
    /// Packs values; the last value for an attribute counts. Text beyond 64 KiB in all is cut at the value that
    /// would pass it (the edges refuse such values long before).
    pub fn new<'a>(values: impl IntoIterator<Item = (Attribute, &'a str)>) -> Self {
        let mut by_attribute = [""; Attribute::ALL.len()];
        for (attribute, value) in values {
            by_attribute[attribute as usize] = value;
        }
        let mut text = String::with_capacity(by_attribute.iter().map(|value| value.len()).sum());
        let mut ends = [0; Attribute::ALL.len()];
        for (end, value) in ends.iter_mut().zip(by_attribute) {
            if text.len() + value.len() <= usize::from(u16::MAX) {
                text.push_str(value);
            }
            *end = u16::try_from(text.len()).unwrap_or(u16::MAX);
        }
        AttributeSet { text: text.into_boxed_str(), ends }
    }

    /// The value, or `""`.
    pub fn get(&self, attribute: Attribute) -> &str {
        let index = attribute as usize;
        let start = if index == 0 { 0 } else { usize::from(self.ends[index - 1]) };
        self.text.get(start..usize::from(self.ends[index])).unwrap_or("")
    }

    /// The attributes that have a value.
    pub fn iter(&self) -> impl Iterator<Item = (Attribute, &str)> {
        Attribute::ALL.into_iter().map(|a| (a, self.get(a))).filter(|(_, value)| !value.is_empty())
    }

    /// The same set with one value changed.
    #[must_use]
    pub fn with(&self, attribute: Attribute, value: &str) -> Self {
        AttributeSet::new(self.iter().chain([(attribute, value)]))
    }
}

impl fmt::Debug for AttributeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(a, v)| (a.name(), v))).finish()
    }
}

impl Serialize for AttributeSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (attribute, value) in self.iter() {
            map.serialize_entry(attribute.name(), value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for AttributeSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = std::collections::BTreeMap::<Attribute, String>::deserialize(deserializer)?;
        Ok(AttributeSet::new(map.iter().map(|(attribute, value)| (*attribute, value.as_str()))))
    }
}

/// A set of attributes: those that a rule maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AttributeMask(u8);

impl AttributeMask {
    /// The mask with one attribute more.
    #[must_use]
    pub fn with(self, attribute: Attribute) -> Self {
        AttributeMask(self.0 | 1 << attribute as u8)
    }

    /// Whether the attribute is in it.
    pub fn has(self, attribute: Attribute) -> bool {
        self.0 & (1 << attribute as u8) != 0
    }
}

impl FromIterator<Attribute> for AttributeMask {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        attributes.into_iter().fold(AttributeMask::default(), AttributeMask::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_set_gives_back_what_was_put_in() {
        let set = AttributeSet::new([(Attribute::Surname, "Łukasz"), (Attribute::Email, "a@b.co")]);
        assert_eq!(set.get(Attribute::Email), "a@b.co");
        assert_eq!(set.get(Attribute::GivenName), "");
        assert_eq!(set.get(Attribute::Surname), "Łukasz");
        assert_eq!(set.with(Attribute::Surname, "").get(Attribute::Surname), "");
        assert_eq!(set.with(Attribute::Role, "x").get(Attribute::Surname), "Łukasz");
    }
}
