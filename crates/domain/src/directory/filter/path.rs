//! Attribute paths: `userName`, `name.given`, `urn:ietf:params:scim:schemas:core:2.0:User:name.given`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::{Filter, FilterError, parse};

/// The path of an attribute. Names are case-insensitive (RFC 7643 §2.1), and so is equality; the spelling that was
/// read is kept for printing.
#[derive(Debug, Clone)]
pub struct AttrPath {
    /// As read, schema included.
    text: Box<str>,
    /// Where the first attribute name begins in `text`: 0, or behind the schema's last colon.
    names_at: usize,
    /// The names in lower case, joined by dots, without the schema.
    key: Box<str>,
}

impl AttrPath {
    /// Reads an attribute path.
    ///
    /// # Errors
    /// When the text is not a path; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Self::checked(text).map_err(|why| {
            FilterError::at(text, 0..text.len(), why, "Write an attribute as `userName` or `name.given`.")
        })
    }

    /// The same, but the error is only its words: the caller knows the place.
    pub(super) fn checked(text: &str) -> Result<Self, String> {
        let names_at = text.rfind(':').map_or(0, |colon| colon + 1);
        if names_at > 0 && !text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:")) {
            return Err(format!("`{text}` has a colon, but is not the URN of a schema"));
        }
        if !text[..names_at].bytes().all(|b| b.is_ascii_alphanumeric() || b":.-_".contains(&b)) {
            return Err(format!("`{text}` is not the URN of a schema and an attribute"));
        }
        let names = &text[names_at..];
        for name in names.split('.') {
            let mut bytes = name.bytes();
            let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b"$_".contains(&b));
            if !first || !bytes.all(|b| b.is_ascii_alphanumeric() || b"$_-".contains(&b)) {
                return Err(format!("`{text}` is not the name of an attribute"));
            }
        }
        if names_at == 0 && ["and", "or", "not"].iter().any(|word| names.eq_ignore_ascii_case(word)) {
            return Err(format!("`{text}` is a keyword, not an attribute"));
        }
        Ok(Self { text: text.into(), names_at, key: names.to_ascii_lowercase().into() })
    }

    /// The path by which resources are asked: lower case, dots between the names, no schema. `name.given`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The names of the path in lower case, outermost first; there is at least one.
    pub fn names(&self) -> std::str::Split<'_, char> {
        self.key.split('.')
    }

    /// The URN of the schema, when the path has one, without its last colon.
    pub fn schema(&self) -> Option<&str> {
        self.names_at.checked_sub(1).map(|end| &self.text[..end])
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path of an attribute inside this complex attribute.
    #[must_use]
    pub fn join(&self, inner: &AttrPath) -> AttrPath {
        AttrPath {
            text: format!("{}.{}", self.text, &inner.text[inner.names_at..]).into(),
            names_at: self.names_at,
            key: format!("{}.{}", self.key, inner.key).into(),
        }
    }
}

impl PartialEq for AttrPath {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for AttrPath {}

impl Hash for AttrPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for AttrPath {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        AttrPath::parse(text)
    }
}

/// What a SCIM PATCH operation points at (RFC 7644 §3.5.2): `members`, `name.given`, `emails[type eq "work"]`,
/// `emails[type eq "work"].value`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ValuePath {
    /// The attribute.
    pub path: AttrPath,
    /// Which of its values are meant; all when absent.
    pub filter: Option<Filter>,
    /// The sub-attribute of those values; never present without a filter, as it is then part of the path.
    pub sub: Option<AttrPath>,
}

impl ValuePath {
    /// Reads the path of a PATCH operation.
    ///
    /// # Errors
    /// As [`Filter::parse`].
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::value_path(text)
    }
}

impl FromStr for ValuePath {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        ValuePath::parse(text)
    }
}
