//! What is wrong with a filter, told to the person who wrote it.

use std::fmt;
use std::ops::Range;

use crate::caret::Caret;

/// Why a text is not a filter, or why a filter cannot be put to a resource.
///
/// Its `Display` has up to three parts: what is wrong and where, the text with a caret under the place, and what to
/// do. It repeats parts of the filter, which is the writer's own text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    message: String,
    caret: Option<Caret>,
    remedy: String,
}

impl FilterError {
    /// A fault at a place of the text.
    pub(super) fn at(source: &str, range: Range<usize>, message: String, remedy: impl Into<String>) -> Self {
        Self { message, caret: Some(Caret::at(source, range)), remedy: remedy.into() }
    }

    /// A fault of the filter as a whole.
    pub(super) fn whole(message: String, remedy: impl Into<String>) -> Self {
        Self { message, caret: None, remedy: remedy.into() }
    }

    /// What is wrong, on one line, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The column at which it is wrong, in characters, counted from 1; none when the whole filter is meant.
    pub fn column(&self) -> Option<usize> {
        self.caret.as_ref().map(Caret::column)
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.caret {
            Some(caret) => write!(f, "filter, column {}: {}\n{caret}\n", caret.column(), self.message)?,
            None => writeln!(f, "filter: {}", self.message)?,
        }
        f.write_str(&self.remedy)
    }
}

impl std::error::Error for FilterError {}
