//! A filter as a form has it: groups of conditions that all, or any, must hold, and rows of attribute, operator and
//! value. Every filter can be shown so, for what has no row of its own stands as a line of text; and what is shown
//! reads back as the same filter.

use std::fmt;

use super::{AttrPath, CompareOp, Filter, FilterError, Literal, Target};

/// Whether all conditions of a group must hold, or one suffices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Join {
    /// All of them.
    #[default]
    All,
    /// At least one of them.
    Any,
}

/// Conditions that belong together. One without conditions asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Conditions {
    /// How many of them must hold.
    pub join: Join,
    /// The conditions, in order.
    pub items: Vec<Condition>,
}

/// One condition of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A comparison of an attribute with a value.
    Row(Row),
    /// A group inside the group.
    Group(Conditions),
    /// A condition as SCIM text.
    Text(String),
}

/// A comparison as it is filled in. A value of `true` or `false` is that, any other one is text.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Row {
    /// The attribute's path.
    pub attribute: String,
    /// A comparison operator, or `pr`.
    pub operator: String,
    /// The value; `pr` has none.
    pub value: String,
}

/// The operator that asks only whether there is a value.
pub const PRESENT: &str = "pr";

/// What is wrong with a condition, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// The way to it: the place in each group, outermost first.
    pub place: Vec<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConditionError {}

impl Conditions {
    /// A filter as conditions; none are no conditions.
    pub fn of(filter: Option<&Filter>) -> Self {
        match filter.map(condition) {
            None => Conditions::default(),
            Some(Condition::Group(group)) => group,
            Some(one) => Conditions { join: Join::All, items: vec![one] },
        }
    }

    /// The filter that the conditions are; `None` when they ask for nothing. Rows that are blank, and groups without
    /// conditions, are left out.
    ///
    /// # Errors
    /// Names the first condition that is not complete, or cannot be read.
    pub fn filter(&self) -> Result<Option<Filter>, ConditionError> {
        self.read(&mut Vec::new())
    }

    fn read(&self, place: &mut Vec<usize>) -> Result<Option<Filter>, ConditionError> {
        let mut parts = Vec::new();
        for (n, item) in self.items.iter().enumerate() {
            place.push(n);
            let wrong = |message: String| ConditionError { place: place.clone(), message };
            match item {
                Condition::Row(row) => parts.extend(row.filter().map_err(wrong)?),
                Condition::Text(text) if text.trim().is_empty() => {}
                Condition::Text(text) => parts.push(Filter::parse(text).map_err(|it| wrong(it.to_string()))?),
                Condition::Group(group) => parts.extend(group.read(place)?),
            }
            place.pop();
        }
        Ok(match (parts.len(), self.join) {
            (0 | 1, _) => parts.pop(),
            (_, Join::All) => Some(Filter::And(parts)),
            (_, Join::Any) => Some(Filter::Or(parts)),
        })
    }

    /// The group at a place; the outermost one is at the empty place.
    pub fn group_mut(&mut self, place: &[usize]) -> Option<&mut Conditions> {
        let Some((first, rest)) = place.split_first() else { return Some(self) };
        match self.items.get_mut(*first)? {
            Condition::Group(group) => group.group_mut(rest),
            Condition::Row(_) | Condition::Text(_) => None,
        }
    }

    /// Takes away what is at a place; nothing, if there is nothing.
    pub fn remove(&mut self, place: &[usize]) {
        let Some((last, outer)) = place.split_last() else { return };
        if let Some(group) = self.group_mut(outer).filter(|group| *last < group.items.len()) {
            group.items.remove(*last);
        }
    }
}

impl Row {
    /// Whether nothing is filled in.
    pub fn is_blank(&self) -> bool {
        self.attribute.trim().is_empty() && self.value.trim().is_empty()
    }

    fn filter(&self) -> Result<Option<Filter>, String> {
        if self.is_blank() {
            return Ok(None);
        }
        let attribute = self.attribute.trim();
        if attribute.is_empty() {
            return Err("Choose an attribute, or take the condition away.".to_owned());
        }
        let target = Target::Attr(AttrPath::parse(attribute).map_err(told)?);
        if self.operator == PRESENT {
            return Ok(Some(Filter::Present(target)));
        }
        let Some(op) = CompareOp::ALL.into_iter().find(|op| op.as_str() == self.operator) else {
            return Err(format!("Choose an operator for {attribute}."));
        };
        if self.value.is_empty() {
            return Err(format!("Give a value for {attribute}, or take the condition away."));
        }
        let value = match self.value.as_str() {
            "true" if !op.is_substring() => Literal::Bool(true),
            "false" if !op.is_substring() => Literal::Bool(false),
            text => Literal::Text(text.into()),
        };
        if op.is_order() && matches!(value, Literal::Bool(_)) {
            return Err(format!("{attribute} cannot be more or less than true or false."));
        }
        Ok(Some(Filter::Compare(target, op, value)))
    }

    /// The row that a comparison is, unless a row would read back as another one.
    fn of(path: &AttrPath, op: CompareOp, value: &Literal) -> Option<Row> {
        let row = |value: &str| Row {
            attribute: path.to_string(),
            operator: op.as_str().to_owned(),
            value: value.to_owned(),
        };
        match value {
            Literal::Bool(value) => Some(row(if *value { "true" } else { "false" })),
            Literal::Text(text) => {
                let text = text.as_str();
                let is_word = matches!(text, "true" | "false") && !op.is_substring();
                // A field of a form loses line ends and the space around a text, so such a text does not survive one.
                let survives = !text.is_empty() && text.trim() == text && !text.contains(['\r', '\n', '\0']);
                (!is_word && survives).then(|| row(text))
            }
            Literal::Null | Literal::Number(_) => None,
        }
    }
}

fn told(error: FilterError) -> String {
    format!("{}. {}", error.message(), error.remedy())
}

fn condition(filter: &Filter) -> Condition {
    let group = |join, parts: &[Filter]| {
        Condition::Group(Conditions { join, items: parts.iter().map(condition).collect() })
    };
    let row = match filter {
        Filter::And(all) => return group(Join::All, all),
        Filter::Or(any) => return group(Join::Any, any),
        Filter::Present(Target::Attr(path)) => {
            Some(Row { attribute: path.to_string(), operator: PRESENT.to_owned(), value: String::new() })
        }
        Filter::Compare(Target::Attr(path), op, value) => Row::of(path, *op, value),
        _ => None,
    };
    row.map_or_else(|| Condition::Text(filter.to_string()), Condition::Row)
}
