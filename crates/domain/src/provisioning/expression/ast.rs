//! An expression as a tree. Chains of operators and of navigation are flat, so that the tree is never deeper than the
//! nesting that the parser allows.

use std::ops::Range;

use regex::Regex;
use serde_json::Value;

use super::functions::Function;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The bytes of the source that it was read from.
    pub(super) place: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Literal(Value),
    /// `user` or `#root`.
    Root,
    /// `#this`: the element at hand in a projection or selection, else the root.
    This,
    /// `start.name[index].![…]`
    Path(Box<Node>, Vec<Step>),
    /// `{a, b}`
    List(Vec<Node>),
    /// `{'a': b}`
    Map(Vec<(Node, Node)>),
    Not(Box<Node>),
    Negate(Box<Node>),
    /// `first op node op node …`, from left to right; all of one precedence.
    Chain(Box<Node>, Vec<(Operator, Node)>),
    /// `condition ? yes : no`
    Ternary(Box<[Node; 3]>),
    /// `value ?: default`
    Elvis(Box<[Node; 2]>),
    /// `#library.function(…)`; the regular expressions among the arguments that are literals are compiled.
    Call(&'static Function, Vec<Node>, Vec<Option<Regex>>),
    /// `text matches 'regex'`
    Matches(Box<[Node; 2]>, Option<Regex>),
}

/// One step of navigation.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) kind: StepKind,
    pub(super) place: Range<usize>,
}

#[derive(Debug)]
pub(super) enum StepKind {
    /// `.name`
    Member(String),
    /// `[index]`
    Index(Node),
    /// `.![expression]`
    Project(Node),
    /// `.?[condition]`: all that meet it.
    Select(Node),
    /// `.^[condition]`: the first that meets it.
    First(Node),
    /// `.$[condition]`: the last that meets it.
    Last(Node),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Matches,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// How tightly it binds; higher is tighter.
    pub(super) fn level(self) -> u8 {
        match self {
            Operator::Or => 0,
            Operator::And => 1,
            Operator::Eq
            | Operator::Ne
            | Operator::Lt
            | Operator::Le
            | Operator::Gt
            | Operator::Ge
            | Operator::Matches => 2,
            Operator::Add | Operator::Subtract => 3,
            Operator::Multiply | Operator::Divide | Operator::Remainder => 4,
        }
    }
}

/// The level of the relational operators, which cannot be chained.
pub(super) const RELATIONAL: u8 = 2;
/// How many levels there are.
pub(super) const LEVELS: u8 = 5;
