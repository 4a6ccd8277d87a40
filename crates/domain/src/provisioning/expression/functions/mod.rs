//! PingOne's function libraries: `#string`, `#regex`, `#datetime`, `#core`.
//!
//! To add a function: a line in the table, a `fn` in the library's file, a line in the tests. Functions are given
//! values and give one back; they know nothing of the tree.

mod datetime;
mod regex;
mod text;

use std::borrow::Cow;

use ::regex::Regex;
use serde_json::Value;

use super::ast::Node;
use super::error::Fault;
use super::operators::{kind, null, shortened};

pub(super) use regex::{MAX_SEARCHED_BYTES, compile, matches};

/// A function that expressions may call.
#[derive(Debug)]
pub(super) struct Function {
    library: &'static str,
    name: &'static str,
    least: usize,
    most: usize,
    /// How it is written, for errors.
    pub(super) usage: &'static str,
    pub(super) body: Body,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Body {
    /// All arguments are evaluated first.
    Apply(fn(&Arguments<'_>) -> Result<Value, Fault>),
    /// The evaluation chooses which arguments are evaluated.
    Switch,
}

const MANY: usize = usize::MAX;

const fn function(
    library: &'static str,
    name: &'static str,
    (least, most): (usize, usize),
    usage: &'static str,
    apply: fn(&Arguments<'_>) -> Result<Value, Fault>,
) -> Function {
    Function { library, name, least, most, usage, body: Body::Apply(apply) }
}

static FUNCTIONS: [Function; 21] = [
    function("string", "substring", (2, 3), "#string.substring(text, start, end)", text::substring),
    function("string", "upperCase", (1, 1), "#string.upperCase(text)", text::upper_case),
    function("string", "lowerCase", (1, 1), "#string.lowerCase(text)", text::lower_case),
    function("string", "trim", (1, 1), "#string.trim(text)", text::trim),
    function("string", "replace", (3, 3), "#string.replace(text, old, new)", text::replace),
    function("string", "length", (1, 1), "#string.length(text)", text::length),
    function("string", "contains", (2, 2), "#string.contains(text, part)", text::contains),
    function("string", "startsWith", (2, 2), "#string.startsWith(text, start)", text::starts_with),
    function("string", "endsWith", (2, 2), "#string.endsWith(text, end)", text::ends_with),
    function("string", "isNotEmpty", (1, 1), "#string.isNotEmpty(text)", text::is_not_empty),
    function("string", "isNotBlank", (1, 1), "#string.isNotBlank(text)", text::is_not_blank),
    function("string", "join", (2, 2), "#string.join(list, separator)", text::join),
    function("string", "split", (2, 2), "#string.split(text, separator)", text::split),
    function("regex", "findAllMatches", (2, 2), "#regex.findAllMatches(text, regex)", regex::find_all),
    function("regex", "replaceAll", (3, MANY), "#regex.replaceAll(text, regex, new, …)", regex::replace_all),
    function("regex", "replaceFirst", (3, 3), "#regex.replaceFirst(text, regex, new)", regex::replace_first),
    function("regex", "matches", (2, 2), "#regex.matches(text, regex)", regex::matches),
    function("datetime", "format", (2, 2), "#datetime.format(timestamp, 'yyyy-MM-dd')", datetime::format),
    function("core", "isNull", (1, 1), "#core.isNull(value)", |given| Ok(given.values[0].is_null().into())),
    function("core", "isNotNull", (1, 1), "#core.isNotNull(value)", |given| {
        Ok((!given.values[0].is_null()).into())
    }),
    Function {
        library: "core",
        name: "switchExpr",
        least: 3,
        most: MANY,
        usage: "#core.switchExpr(value, case, result, …, default)",
        body: Body::Switch,
    },
];

impl Function {
    /// Whether it takes so many arguments.
    pub(super) fn takes(&self, count: usize) -> bool {
        let pairs = self.library != "regex" || count <= 3 || count % 2 == 1;
        (self.least..=self.most).contains(&count) && pairs
    }

    /// Whether an argument is a regular expression, and if so whether it must match the whole text.
    pub(super) fn regex(&self, argument: usize) -> Option<bool> {
        (self.library == "regex" && argument % 2 == 1).then_some(self.name == "matches")
    }
}

/// The function of a library.
pub(super) fn find(library: &str, name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.library == library && function.name == name)
}

/// A function that a writer may have meant by a name: the same in another case or library, or Java's name for it.
pub(super) fn like(name: &str) -> Option<&'static Function> {
    let meant = match name {
        "toUpperCase" => "upperCase",
        "toLowerCase" => "lowerCase",
        "size" => "length",
        "strip" => "trim",
        same => same,
    };
    FUNCTIONS.iter().find(|function| function.name.eq_ignore_ascii_case(meant))
}

/// Whether there is such a library.
pub(super) fn is_library(name: &str) -> bool {
    FUNCTIONS.iter().any(|function| function.library == name)
}

/// The names of all functions, for errors.
pub(super) fn names() -> String {
    let names: Vec<_> = FUNCTIONS.iter().map(|f| format!("#{}.{}", f.library, f.name)).collect();
    names.join(", ")
}

/// What a function is called with.
pub(super) struct Arguments<'c> {
    pub(super) values: &'c [Cow<'c, Value>],
    pub(super) nodes: &'c [Node],
    pub(super) regexes: &'c [Option<Regex>],
    pub(super) source: &'c str,
}

impl<'c> Arguments<'c> {
    /// The text of an argument; none when it is null.
    fn text(&self, n: usize) -> Result<Option<&'c str>, Fault> {
        match &*self.values[n] {
            Value::String(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            _ => Err(self.wrong(
                n,
                "text",
                "A number becomes text by `'' + number`, a list by `#string.join`.",
            )),
        }
    }

    /// The text of an argument that must not be null.
    fn needed(&self, n: usize) -> Result<&'c str, Fault> {
        self.text(n)?.ok_or_else(|| null(self.written(n), "''").on(&self.nodes[n].place))
    }

    fn whole_number(&self, n: usize) -> Result<i64, Fault> {
        self.values[n]
            .as_i64()
            .ok_or_else(|| self.wrong(n, "a whole number", "Positions are counted from 0."))
    }

    fn regex(&self, n: usize, whole: bool) -> Result<Cow<'c, Regex>, Fault> {
        match self.regexes.get(n) {
            Some(Some(regex)) => Ok(Cow::Borrowed(regex)),
            _ => compile(self.needed(n)?, whole)
                .map(Cow::Owned)
                .map_err(|fault| fault.on(&self.nodes[n].place)),
        }
    }

    fn wrong(&self, n: usize, wanted: &str, remedy: &str) -> Fault {
        let written = shortened(self.written(n));
        let message = format!("`{written}` is {}, not {wanted}", kind(&self.values[n]));
        Fault::new(message, remedy).on(&self.nodes[n].place)
    }

    fn written(&self, n: usize) -> &'c str {
        self.source.get(self.nodes[n].place.clone()).unwrap_or_default()
    }
}
