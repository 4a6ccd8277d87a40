//! A filter put to a resource.
//!
//! Choices where the RFC leaves room: text is compared without regard to case, ids too; several values match when
//! one does, but `ne` is always the opposite of `eq`, so it holds when no value is equal and when there is none;
//! `eq null` is the opposite of `pr`; a comparison with a complex value looks at its `value` (RFC 7643 §2.4); moments
//! compare by time when both sides are RFC 3339; text that reads as a number or as true or false compares with these.
//!
//! A directory of 100,000 users is filtered one user at a time, so a comparison with ASCII text allocates nothing.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Number;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::literal::{folded, moment};
use super::{AttrPath, CompareOp, Filter, Literal, Target, Text};

/// A resource, or a complex value, that can be asked for its attributes.
pub trait Attributes {
    /// The values of an attribute; none when it is absent, null or unknown.
    ///
    /// Implementations look at [`AttrPath::key`], which is in lower case. Of a complex attribute that is multi-valued,
    /// both `emails` (complex values) and `emails.type` (the sub-attribute of each) should be answered.
    fn get<'a>(&'a self, path: &AttrPath) -> Values<'a>;
}

/// One value of an attribute.
#[derive(Clone)]
pub enum Value<'a> {
    /// Text; a timestamp may also be given as RFC 3339 text.
    Text(Cow<'a, str>),
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// An id, compared as its usual text.
    Id(Uuid),
    /// A moment.
    Time(DateTime<Utc>),
    /// A value with sub-attributes.
    Complex(&'a dyn Attributes),
}

/// The values of an attribute.
#[derive(Debug, Clone, Default)]
pub enum Values<'a> {
    /// The attribute is absent.
    #[default]
    None,
    /// It has one value.
    One(Value<'a>),
    /// It has any number of values.
    Many(Vec<Value<'a>>),
}

impl Filter {
    /// Whether the filter holds for a resource. Never fails: a comparison that makes no sense is false.
    pub fn matches(&self, resource: &dyn Attributes) -> bool {
        match self {
            Filter::And(all) => all.iter().all(|part| part.matches(resource)),
            Filter::Or(any) => any.iter().any(|part| part.matches(resource)),
            Filter::Not(inner) => !inner.matches(resource),
            Filter::Present(target) => target.any(resource, &is_present),
            Filter::Compare(target, CompareOp::Eq, Literal::Null) => !target.any(resource, &is_present),
            Filter::Compare(target, CompareOp::Ne, Literal::Null) => target.any(resource, &is_present),
            Filter::Compare(target, CompareOp::Ne, value) => {
                !target.any(resource, &|found| found.compares(CompareOp::Eq, value))
            }
            Filter::Compare(target, op, value) => target.any(resource, &|found| found.compares(*op, value)),
            Filter::In(target, values) => values.iter().any(|value| match value {
                Literal::Null => !target.any(resource, &is_present),
                value => target.any(resource, &|found| found.compares(CompareOp::Eq, value)),
            }),
            Filter::Any(path, inner) => resource.get(path).any(&|value| value.holds(inner)),
        }
    }
}

impl Target {
    /// Whether one of the values that are looked at passes a test.
    fn any(&self, resource: &dyn Attributes, test: &dyn Fn(&Value<'_>) -> bool) -> bool {
        match self {
            Target::Attr(path) => resource.get(path).any(test),
            Target::Selected { path, filter, sub } => resource.get(path).any(&|value| {
                let Value::Complex(complex) = value else { return false };
                filter.matches(*complex) && complex.get(sub).any(test)
            }),
        }
    }
}

impl<'a> Values<'a> {
    fn any(&self, test: &dyn Fn(&Value<'_>) -> bool) -> bool {
        match self {
            Values::None => false,
            Values::One(value) => test(value),
            Values::Many(values) => values.iter().any(test),
        }
    }

    /// Adds a value.
    pub fn push(&mut self, value: Value<'a>) {
        *self = match std::mem::take(self) {
            Values::None => Values::One(value),
            Values::One(first) => Values::Many(vec![first, value]),
            Values::Many(mut values) => {
                values.push(value);
                Values::Many(values)
            }
        }
    }
}

/// Empty text is a value, but is not present; everything else that is given is.
fn is_present(value: &Value<'_>) -> bool {
    !matches!(value, Value::Text(text) if text.is_empty())
}

static VALUE: LazyLock<Option<AttrPath>> = LazyLock::new(|| AttrPath::parse("value").ok());

impl Value<'_> {
    /// Whether a condition inside a value path holds for this value. A simple value has only `value`.
    fn holds(&self, inner: &Filter) -> bool {
        match self {
            Value::Complex(complex) => inner.matches(*complex),
            simple => inner.matches(&Simple(simple)),
        }
    }

    fn compares(&self, op: CompareOp, literal: &Literal) -> bool {
        if let Value::Complex(complex) = self {
            // A `value` that is complex again is not looked into: resources of this kind do not exist.
            return VALUE.as_ref().is_some_and(|path| {
                complex
                    .get(path)
                    .any(&|value| !matches!(value, Value::Complex(_)) && value.compares(op, literal))
            });
        }
        match op {
            CompareOp::Eq => self.equals(literal),
            CompareOp::Ne => !self.equals(literal),
            CompareOp::Co => self.with_text(literal, contains),
            CompareOp::Sw => self.with_text(literal, starts_with),
            CompareOp::Ew => self.with_text(literal, ends_with),
            CompareOp::Gt => self.order(literal) == Some(Ordering::Greater),
            CompareOp::Ge => matches!(self.order(literal), Some(Ordering::Greater | Ordering::Equal)),
            CompareOp::Lt => self.order(literal) == Some(Ordering::Less),
            CompareOp::Le => matches!(self.order(literal), Some(Ordering::Less | Ordering::Equal)),
        }
    }

    fn equals(&self, literal: &Literal) -> bool {
        match (self, literal) {
            (Value::Bool(value), Literal::Bool(wanted)) => value == wanted,
            (Value::Bool(value), Literal::Text(text)) => {
                text.folded() == if *value { "true" } else { "false" }
            }
            (Value::Text(text), Literal::Bool(wanted)) => {
                text.eq_ignore_ascii_case(if *wanted { "true" } else { "false" })
            }
            (Value::Text(value), Literal::Text(text)) => match (text.moment(), moment(value)) {
                (Some(wanted), Some(value)) => value == wanted,
                _ => equal(value, text),
            },
            (Value::Id(_), Literal::Text(_)) => self.with_text(literal, equal),
            _ => self.order(literal) == Some(Ordering::Equal),
        }
    }

    fn order(&self, literal: &Literal) -> Option<Ordering> {
        match (self, literal) {
            (Value::Text(value), Literal::Text(text)) => Some(match (moment(value), text.moment()) {
                (Some(value), Some(wanted)) => value.cmp(&wanted),
                _ => folded(value).cmp(text.folded().chars()),
            }),
            (Value::Time(value), Literal::Text(text)) => text.moment().map(|wanted| value.cmp(&wanted)),
            (Value::Id(id), Literal::Text(text)) => {
                let mut buffer = Uuid::encode_buffer();
                Some((*id.as_hyphenated().encode_lower(&mut buffer)).cmp(text.folded()))
            }
            (Value::Number(value), Literal::Number(wanted)) => order_of_numbers(value, wanted),
            (Value::Text(value), Literal::Number(wanted)) => {
                value.trim().parse::<f64>().ok()?.partial_cmp(&wanted.as_f64()?)
            }
            (Value::Number(value), Literal::Text(text)) => {
                value.as_f64()?.partial_cmp(&text.as_str().trim().parse::<f64>().ok()?)
            }
            _ => None,
        }
    }

    /// Compares the value as text, if both are text.
    fn with_text(&self, literal: &Literal, test: fn(&str, &Text) -> bool) -> bool {
        let Literal::Text(text) = literal else { return false };
        match self {
            Value::Text(value) => test(value, text),
            Value::Id(id) => {
                let mut buffer = [0; Hyphenated::LENGTH];
                test(id.as_hyphenated().encode_lower(&mut buffer), text)
            }
            Value::Time(time) => test(&time.to_rfc3339_opts(SecondsFormat::Millis, true), text),
            Value::Bool(_) | Value::Number(_) | Value::Complex(_) => false,
        }
    }
}

/// A value without sub-attributes, asked as if it were complex.
struct Simple<'v>(&'v Value<'v>);

impl Attributes for Simple<'_> {
    fn get<'a>(&'a self, path: &AttrPath) -> Values<'a> {
        if path.key() == "value" { Values::One(self.0.clone()) } else { Values::None }
    }
}

fn order_of_numbers(a: &Number, b: &Number) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return Some(a.cmp(&b));
    }
    if let (Some(a), Some(b)) = (a.as_u64(), b.as_u64()) {
        return Some(a.cmp(&b));
    }
    a.as_f64()?.partial_cmp(&b.as_f64()?)
}

fn equal(value: &str, text: &Text) -> bool {
    let wanted = text.folded();
    if value.is_ascii() && wanted.is_ascii() {
        value.eq_ignore_ascii_case(wanted)
    } else {
        folded(value).eq(wanted.chars())
    }
}

fn starts_with(value: &str, text: &Text) -> bool {
    let wanted = text.folded();
    if value.is_ascii() && wanted.is_ascii() {
        value.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
    } else {
        let mut value = folded(value);
        wanted.chars().all(|c| value.next() == Some(c))
    }
}

fn ends_with(value: &str, text: &Text) -> bool {
    let wanted = text.folded();
    if value.is_ascii() && wanted.is_ascii() {
        value.len().checked_sub(wanted.len()).is_some_and(|from| value[from..].eq_ignore_ascii_case(wanted))
    } else {
        folded(value).collect::<String>().ends_with(wanted)
    }
}

fn contains(value: &str, text: &Text) -> bool {
    let wanted = text.folded();
    if wanted.is_empty() {
        true
    } else if value.is_ascii() && wanted.is_ascii() {
        value.as_bytes().windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted.as_bytes()))
    } else {
        folded(value).collect::<String>().contains(wanted)
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => text.fmt(f),
            Value::Bool(value) => value.fmt(f),
            Value::Number(number) => number.fmt(f),
            Value::Id(id) => id.fmt(f),
            Value::Time(time) => time.fmt(f),
            Value::Complex(_) => f.write_str("{…}"),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(Cow::Borrowed(text))
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<Uuid> for Value<'_> {
    fn from(id: Uuid) -> Self {
        Value::Id(id)
    }
}

impl From<DateTime<Utc>> for Value<'_> {
    fn from(time: DateTime<Utc>) -> Self {
        Value::Time(time)
    }
}

impl<'a, V: Into<Value<'a>>> From<V> for Values<'a> {
    fn from(value: V) -> Self {
        Values::One(value.into())
    }
}

impl<'a> FromIterator<Value<'a>> for Values<'a> {
    fn from_iter<I: IntoIterator<Item = Value<'a>>>(values: I) -> Self {
        Values::Many(values.into_iter().collect())
    }
}
