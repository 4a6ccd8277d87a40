//! What is wrong with an expression, told to the person who wrote it.

use std::fmt;
use std::ops::Range;

use crate::caret::Caret;

/// Why a text is not an expression, or why it has no value for these inputs.
///
/// Its `Display` says what is wrong and where, shows the text with a caret under the place, and says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError {
    message: String,
    caret: Caret,
    remedy: String,
}

impl ExpressionError {
    pub(super) fn at(source: &str, place: &Range<usize>, fault: Fault) -> Self {
        let place = fault.place.unwrap_or_else(|| place.clone());
        Self { message: fault.message, caret: Caret::at(source, place), remedy: fault.remedy }
    }

    /// What is wrong, on one line, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The column at which it is wrong, in characters, counted from 1.
    pub fn column(&self) -> usize {
        self.caret.column()
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "expression, column {}: {}", self.column(), self.message)?;
        if !self.caret.is_blank() {
            writeln!(f, "{}", self.caret)?;
        }
        f.write_str(&self.remedy)
    }
}

impl std::error::Error for ExpressionError {}

/// A fault, before it is shown in its source.
#[derive(Debug)]
pub(super) struct Fault {
    message: String,
    remedy: String,
    /// Where it is, if the finder knows better than the caller.
    place: Option<Range<usize>>,
}

impl Fault {
    pub(super) fn new(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { message: message.into(), remedy: remedy.into(), place: None }
    }

    /// The same fault, at a place.
    pub(super) fn on(self, place: &Range<usize>) -> Self {
        Self { place: Some(place.clone()), ..self }
    }
}
