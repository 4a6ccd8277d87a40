//! SCIM filters (RFC 7644 §3.4.2.2): the one language in which users, groups and activities are chosen.
//!
//! Rule filters, dynamic groups, API filters and searches are all a [`Filter`]. Text becomes a filter in `parse`,
//! a filter becomes canonical text in `print`, and is put to a resource in `matching`. Nothing here knows what a
//! user is: resources answer through [`Attributes`], and [`Filter::check`] is told which attributes exist.
//!
//! Beside the RFC's grammar two forms of PingOne's are understood: `action.type in ["A", "B"]`, and a comparison
//! of a selected value, `emails[type eq "work"].value eq "a@b"`. Keywords may be written in any case.

mod check;
pub mod conditions;
mod error;
mod json;
mod lex;
mod literal;
mod matching;
mod parse;
mod path;
mod print;

#[cfg(test)]
mod tests;

use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use error::FilterError;
pub use literal::{Literal, Text};
pub use matching::{Attributes, Value, Values};
pub use path::{AttrPath, ValuePath};

/// The longest filter text that is read, in bytes.
pub const MAX_FILTER_BYTES: usize = 8 * 1024;
/// How deep groups, `not` and value paths may be nested.
pub const MAX_FILTER_DEPTH: usize = 64;

/// A condition on a resource. Its `Display` is canonical SCIM text, which parses back to an equal filter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Filter {
    /// All of two or more conditions.
    And(Vec<Filter>),
    /// At least one of two or more conditions.
    Or(Vec<Filter>),
    /// The opposite of a condition.
    Not(Box<Filter>),
    /// `target pr`: there is at least one value, and it is not empty.
    Present(Target),
    /// `target op value`.
    Compare(Target, CompareOp, Literal),
    /// `target in [value, …]`: one of these, as PingOne writes it. The list is not empty.
    In(Target, Vec<Literal>),
    /// `path[filter]`: one value of a complex attribute meets the whole inner condition.
    Any(AttrPath, Box<Filter>),
}

/// What a condition looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// An attribute of the resource.
    Attr(AttrPath),
    /// `path[filter].sub`: a sub-attribute, but only of those values that meet the inner condition.
    Selected {
        /// The complex attribute.
        path: AttrPath,
        /// Which of its values are looked at.
        filter: Box<Filter>,
        /// The sub-attribute of each.
        sub: AttrPath,
    },
}

/// The comparison operators of RFC 7644, table 3, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `eq`: equal.
    Eq,
    /// `ne`: not equal, also true of an attribute that has no value.
    Ne,
    /// `co`: contains.
    Co,
    /// `sw`: starts with.
    Sw,
    /// `ew`: ends with.
    Ew,
    /// `gt`: greater than.
    Gt,
    /// `ge`: greater than or equal.
    Ge,
    /// `lt`: less than.
    Lt,
    /// `le`: less than or equal.
    Le,
}

impl CompareOp {
    /// Every comparison operator.
    pub const ALL: [CompareOp; 9] = {
        use CompareOp::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
        [Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le]
    };

    /// The operator as it is written, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            CompareOp::Eq => "eq",
            CompareOp::Ne => "ne",
            CompareOp::Co => "co",
            CompareOp::Sw => "sw",
            CompareOp::Ew => "ew",
            CompareOp::Gt => "gt",
            CompareOp::Ge => "ge",
            CompareOp::Lt => "lt",
            CompareOp::Le => "le",
        }
    }

    /// Whether the operator asks for text on its right side (`co`, `sw`, `ew`).
    pub fn is_substring(self) -> bool {
        matches!(self, CompareOp::Co | CompareOp::Sw | CompareOp::Ew)
    }

    /// Whether the operator asks for an order (`gt`, `ge`, `lt`, `le`), which true, false and null do not have.
    pub fn is_order(self) -> bool {
        matches!(self, CompareOp::Gt | CompareOp::Ge | CompareOp::Lt | CompareOp::Le)
    }
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// When the text is not a filter, is longer than [`MAX_FILTER_BYTES`] or nested deeper than
    /// [`MAX_FILTER_DEPTH`]; the error shows the place and says what was expected there.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::filter(text)
    }

    /// `path eq "text"`, for filters that are made rather than read.
    pub fn equals(path: AttrPath, text: impl Into<Text>) -> Self {
        Filter::Compare(Target::Attr(path), CompareOp::Eq, Literal::Text(text.into()))
    }

    /// This condition and another one.
    #[must_use]
    pub fn and(self, other: Filter) -> Self {
        match self {
            Filter::And(mut all) => {
                all.push(other);
                Filter::And(all)
            }
            one => Filter::And(vec![one, other]),
        }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Filter::parse(text)
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Filter::parse(&text).map_err(de::Error::custom)
    }
}
