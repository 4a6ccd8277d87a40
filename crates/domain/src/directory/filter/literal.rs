//! The values that a filter compares with.

use std::fmt;
use std::hash::{Hash, Hasher};

use chrono::{DateTime, Utc};
use serde_json::Number;

/// A value written in a filter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Literal {
    /// `null`: no value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A JSON number.
    Number(Number),
    /// A JSON string.
    Text(Text),
}

/// Text written in a filter, made ready to be compared with many values: folded to lower case, and read as a moment
/// if it is one. Equality is that of the text as written.
#[derive(Debug, Clone)]
pub struct Text {
    written: Box<str>,
    folded: Box<str>,
    moment: Option<DateTime<Utc>>,
}

impl Text {
    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The text in lower case, for comparisons that ignore case.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// The moment that the text names, when it is an RFC 3339 timestamp.
    pub fn moment(&self) -> Option<DateTime<Utc>> {
        self.moment
    }
}

impl From<&str> for Text {
    fn from(written: &str) -> Self {
        Self {
            written: written.into(),
            folded: folded(written).collect::<String>().into(),
            moment: moment(written),
        }
    }
}

impl From<String> for Text {
    fn from(written: String) -> Self {
        Text::from(written.as_str())
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.written.hash(state);
    }
}

/// The characters of a text in lower case, each by itself, so that the result does not depend on its neighbours.
pub(super) fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// The moment that a text names, when it is an RFC 3339 timestamp.
pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    // Most texts are not timestamps: look at two bytes before parsing.
    let bytes = text.as_bytes();
    if bytes.len() < 20 || !bytes[0].is_ascii_digit() || bytes[4] != b'-' {
        return None;
    }
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.to_utc())
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => f.write_str("null"),
            Literal::Bool(value) => value.fmt(f),
            Literal::Number(number) => number.fmt(f),
            Literal::Text(text) => {
                f.write_str(&serde_json::to_string(text.as_str()).map_err(|_| fmt::Error)?)
            }
        }
    }
}
