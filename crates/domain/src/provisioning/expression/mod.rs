//! The PingOne Expression Language, as far as attribute mappings need it.
//!
//! `user.name.given + ' ' + user.name.family`: a subset of SpEL 5.1 with PingOne's functions. Text becomes a tree in
//! `parse`, and the tree a value in `evaluate`; `functions` holds the libraries. An expression can only compute: it
//! sees one JSON object, calls no method, and stops at the limits below. Nothing here knows rules or connectors.
//!
//! Where PingOne and plain SpEL differ, PingOne is followed: reading a property of null is null (so `?.` is accepted
//! but never needed). Where null would reach a person as the word "null" (`'Dr ' + user.title`), or would be compared
//! as if it were a small number, evaluation fails instead, and says how to give a default.

mod ast;
mod error;
mod evaluate;
mod functions;
mod inputs;
mod lex;
mod operators;
mod parse;

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

pub use error::ExpressionError;

/// The longest expression that is read, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 4 * 1024;
/// How deep parentheses, lists, functions and choices may be nested.
pub const MAX_EXPRESSION_DEPTH: usize = 64;
/// How many steps one evaluation may take.
pub const MAX_STEPS: usize = 10_000;
/// The largest value that an expression may give, in bytes.
pub const MAX_OUTPUT_BYTES: usize = 64 * 1024;

/// An expression that was read and may be evaluated any number of times. It prints and compares as its source.
#[derive(Debug, Clone)]
pub struct Expression {
    source: Box<str>,
    // Shared, because rules are copied around and a tree may hold compiled regular expressions.
    root: Arc<ast::Node>,
}

/// What an expression can see.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The object behind `user` and `#root`: the source of the mapping.
    pub root: &'a Value,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// When the text is not an expression, calls an unknown function, or is longer or deeper than allowed; the error
    /// shows the place and says what was expected there.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        Ok(Self { source: source.into(), root: Arc::new(parse::expression(source)?) })
    }

    /// The value of the expression.
    ///
    /// # Errors
    /// When the values do not allow it (null where a value is needed, text where a number is needed) or a limit is
    /// reached; the error shows the part of the expression. It names kinds of values, never the values themselves.
    pub fn evaluate(&self, context: &Context<'_>) -> Result<Value, ExpressionError> {
        evaluate::value(&self.source, &self.root, context)
    }

    /// The attributes that the expression may read, each once, in the order of their first use: `name.given`. The
    /// whole object is `#root`.
    pub fn inputs(&self) -> Vec<String> {
        inputs::of(&self.root)
    }

    /// The text that was read.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Expression {}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(source: &str) -> Result<Self, ExpressionError> {
        Expression::parse(source)
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Expression::parse(&source).map_err(de::Error::custom)
    }
}
