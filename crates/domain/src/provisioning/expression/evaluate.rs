//! The value of a tree.
//!
//! Values are borrowed from the tree and from the context as long as they are only looked at. What is made or copied
//! is counted, as is every step, so that an expression ends soon whatever it says.

use std::borrow::Cow;
use std::ops::Range;

use regex::Regex;
use serde_json::{Map, Value};

use super::ast::{Kind, Node, Operator, Step, StepKind};
use super::error::{ExpressionError, Fault};
use super::functions::{self, Arguments, Body, Function};
use super::operators::{self, Operand};
use super::{Context, MAX_OUTPUT_BYTES, MAX_STEPS};

/// How much may be made in one evaluation, thrown away parts included.
const MAX_MADE_BYTES: usize = 16 * MAX_OUTPUT_BYTES;

type Held<'a> = Cow<'a, Value>;
type Evaluated<T> = Result<T, ExpressionError>;

/// Evaluates a whole expression.
pub(super) fn value(source: &str, root: &Node, context: &Context<'_>) -> Evaluated<Value> {
    let mut evaluation = Evaluation { source, root: context.root, steps: 0, made: 0 };
    let value = evaluation.node(root, &Cow::Borrowed(context.root))?;
    if size(&value) > MAX_OUTPUT_BYTES {
        let fault = Fault::new(
            format!("the result is larger than {MAX_OUTPUT_BYTES} bytes"),
            "Shorten it with `#string.substring`, or choose fewer elements.",
        );
        return Err(ExpressionError::at(source, &root.place, fault));
    }
    Ok(value.into_owned())
}

struct Evaluation<'a> {
    source: &'a str,
    root: &'a Value,
    steps: usize,
    made: usize,
}

impl<'a> Evaluation<'a> {
    fn node(&mut self, node: &'a Node, this: &Held<'a>) -> Evaluated<Held<'a>> {
        self.step(&node.place)?;
        match &node.kind {
            Kind::Literal(value) => Ok(Cow::Borrowed(value)),
            Kind::Root => Ok(Cow::Borrowed(self.root)),
            Kind::This => self.copied(this, &node.place),
            Kind::Path(start, steps) => self.path(start, steps, this),
            Kind::List(items) => {
                let items: Result<Vec<Value>, _> = items.iter().map(|item| self.owned(item, this)).collect();
                Ok(Cow::Owned(Value::Array(items?)))
            }
            Kind::Map(entries) => self.map(entries, this).map(Cow::Owned),
            Kind::Not(inner) => Ok(Cow::Owned((!self.truth(inner, this)?).into())),
            Kind::Negate(inner) => {
                let value = self.node(inner, this)?;
                self.made(operators::negate(&self.operand(&value, &inner.place)), &node.place)
            }
            Kind::Chain(first, rest) => self.chain(first, rest, this),
            Kind::Ternary(nodes) => {
                let [condition, yes, no] = &**nodes;
                if self.truth(condition, this)? { self.node(yes, this) } else { self.node(no, this) }
            }
            Kind::Elvis(nodes) => {
                let [value, default] = &**nodes;
                let value = self.node(value, this)?;
                // As in SpEL, empty text counts as no value.
                let empty = matches!(&*value, Value::Null) || value.as_str() == Some("");
                if empty { self.node(default, this) } else { Ok(value) }
            }
            Kind::Call(function, arguments, regexes) => match function.body {
                Body::Switch => self.switch(arguments, this),
                Body::Apply(apply) => {
                    let values: Result<Vec<_>, _> =
                        arguments.iter().map(|node| self.node(node, this)).collect();
                    let values = values?;
                    self.steps += searching(&values, regexes, function);
                    self.step(&node.place)?;
                    let given = Arguments { values: &values, nodes: arguments, regexes, source: self.source };
                    self.made(apply(&given), &node.place)
                }
            },
            Kind::Matches(nodes, regex) => {
                let values = [self.node(&nodes[0], this)?, self.node(&nodes[1], this)?];
                self.steps += searching_cost(&values[0], regex.is_none());
                self.step(&node.place)?;
                let regexes = [None, regex.clone()];
                let given = Arguments {
                    values: &values,
                    nodes: nodes.as_slice(),
                    regexes: &regexes,
                    source: self.source,
                };
                self.made(functions::matches(&given), &node.place)
            }
        }
    }

    fn chain(
        &mut self,
        first: &'a Node,
        rest: &'a [(Operator, Node)],
        this: &Held<'a>,
    ) -> Evaluated<Held<'a>> {
        if let Some((operator @ (Operator::And | Operator::Or), _)) = rest.first() {
            let decisive = *operator == Operator::Or;
            for node in std::iter::once(first).chain(rest.iter().map(|(_, node)| node)) {
                if self.truth(node, this)? == decisive {
                    return Ok(Cow::Owned(decisive.into()));
                }
            }
            return Ok(Cow::Owned((!decisive).into()));
        }
        let mut value = self.node(first, this)?;
        let mut place = first.place.clone();
        for (operator, node) in rest {
            let right = self.node(node, this)?;
            let result = {
                let left = self.operand(&value, &place);
                operators::apply(*operator, &left, &self.operand(&right, &node.place))
            };
            place = first.place.start..node.place.end;
            value = self.made(result, &place)?;
        }
        Ok(value)
    }

    fn map(&mut self, entries: &'a [(Node, Node)], this: &Held<'a>) -> Evaluated<Value> {
        let mut map = Map::new();
        for (key, value) in entries {
            let Value::String(name) = self.owned(key, this)? else {
                let fault =
                    Fault::new("the key of a map must be text", "Put it in quotes: `{'key': value}`.");
                return Err(ExpressionError::at(self.source, &key.place, fault));
            };
            let value = self.owned(value, this)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }

    /// `#core.switchExpr(value, case, result, …, default)`: only the result that is chosen is evaluated.
    fn switch(&mut self, arguments: &'a [Node], this: &Held<'a>) -> Evaluated<Held<'a>> {
        let Some((value, mut rest)) = arguments.split_first() else { return Ok(Cow::Owned(Value::Null)) };
        let value = self.node(value, this)?;
        while let [case, result, others @ ..] = rest {
            if operators::equal(&value, &*self.node(case, this)?) {
                return self.node(result, this);
            }
            rest = others;
        }
        rest.first().map_or(Ok(Cow::Owned(Value::Null)), |default| self.node(default, this))
    }

    fn path(&mut self, start: &'a Node, steps: &'a [Step], this: &Held<'a>) -> Evaluated<Held<'a>> {
        let mut value = self.node(start, this)?;
        let mut place = start.place.clone();
        for step in steps {
            self.step(&step.place)?;
            value = match &step.kind {
                StepKind::Member(name) => self.member(value, name, &place)?,
                StepKind::Index(index) => {
                    let index = (self.node(index, this)?, &index.place);
                    self.index(value, &index.0, index.1, &place)?
                }
                StepKind::Project(inner) => {
                    let mut made = Vec::new();
                    for element in self.elements(value, &place)? {
                        made.push(self.owned(inner, &element)?);
                    }
                    Cow::Owned(Value::Array(made))
                }
                StepKind::Select(inner) | StepKind::First(inner) | StepKind::Last(inner) => {
                    self.select(value, &step.kind, inner, &place)?
                }
            };
            place.end = step.place.end;
        }
        Ok(value)
    }

    fn select(
        &mut self,
        list: Held<'a>,
        which: &StepKind,
        condition: &'a Node,
        place: &Range<usize>,
    ) -> Evaluated<Held<'a>> {
        let mut chosen = Vec::new();
        for element in self.elements(list, place)? {
            if self.truth(condition, &element)? {
                chosen.push(element);
                if matches!(which, StepKind::First(_)) {
                    break;
                }
            }
        }
        if matches!(which, StepKind::Select(_)) {
            let mut made = Vec::new();
            for element in chosen {
                made.push(self.taken(element, place)?);
            }
            return Ok(Cow::Owned(Value::Array(made)));
        }
        Ok(chosen.pop().unwrap_or(Cow::Owned(Value::Null)))
    }

    /// The elements of a list; null has none.
    fn elements(&self, list: Held<'a>, place: &Range<usize>) -> Evaluated<Vec<Held<'a>>> {
        match list {
            Cow::Borrowed(Value::Array(items)) => Ok(items.iter().map(Cow::Borrowed).collect()),
            Cow::Owned(Value::Array(items)) => Ok(items.into_iter().map(Cow::Owned).collect()),
            list if list.is_null() => Ok(Vec::new()),
            other => {
                let remedy = "Only a list has elements; `{value}` makes a list of one value.";
                Err(self.wrong(&other, place, "a list", remedy))
            }
        }
    }

    fn member(&self, value: Held<'a>, name: &str, place: &Range<usize>) -> Evaluated<Held<'a>> {
        match value {
            Cow::Borrowed(Value::Object(map)) => Ok(Cow::Borrowed(map.get(name).unwrap_or(&Value::Null))),
            Cow::Owned(Value::Object(mut map)) => Ok(Cow::Owned(map.remove(name).unwrap_or(Value::Null))),
            value if value.is_null() => Ok(value),
            value => {
                let remedy = match &*value {
                    Value::Array(_) => {
                        format!("Read `{name}` of each element with `.![{name}]`, or of one with `[0]`.")
                    }
                    _ => "Leave out what follows the last dot.".to_owned(),
                };
                Err(self.wrong(&value, place, &format!("a map with `{name}` in it"), &remedy))
            }
        }
    }

    fn index(
        &self,
        value: Held<'a>,
        index: &Value,
        index_place: &Range<usize>,
        place: &Range<usize>,
    ) -> Evaluated<Held<'a>> {
        if value.is_null() || index.is_null() {
            return Ok(Cow::Owned(Value::Null));
        }
        match (&*value, index) {
            (Value::Object(_), Value::String(name)) => self.member(value, name, place),
            (Value::Object(_), Value::Number(number)) => self.member(value, &number.to_string(), place),
            (Value::Array(_), Value::Number(number)) => {
                let at = number.as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX);
                Ok(match value {
                    Cow::Borrowed(Value::Array(items)) => {
                        Cow::Borrowed(items.get(at).unwrap_or(&Value::Null))
                    }
                    Cow::Owned(Value::Array(items)) => {
                        Cow::Owned(items.into_iter().nth(at).unwrap_or(Value::Null))
                    }
                    _ => Cow::Owned(Value::Null),
                })
            }
            (Value::Array(_), index) => {
                Err(self.wrong(index, index_place, "a number", "A list is indexed by numbers from 0: `[0]`."))
            }
            (Value::Object(_), index) => {
                Err(self.wrong(index, index_place, "text", "A map is indexed by text: `['name']`."))
            }
            (other, _) => {
                let remedy = "For a part of a text use `#string.substring(text, start, end)`.";
                Err(self.wrong(other, place, "a list or a map", remedy))
            }
        }
    }

    fn truth(&mut self, node: &'a Node, this: &Held<'a>) -> Evaluated<bool> {
        let value = self.node(node, this)?;
        operators::truth(&self.operand(&value, &node.place))
            .map_err(|fault| ExpressionError::at(self.source, &node.place, fault))
    }

    fn operand<'v>(&self, value: &'v Value, place: &Range<usize>) -> Operand<'v>
    where
        'a: 'v,
    {
        Operand { value, written: self.source.get(place.clone()).unwrap_or_default(), place: place.clone() }
    }

    fn wrong(&self, value: &Value, place: &Range<usize>, wanted: &str, remedy: &str) -> ExpressionError {
        let written = operators::shortened(self.source.get(place.clone()).unwrap_or_default());
        let message = format!("`{written}` is {}, not {wanted}", operators::kind(value));
        ExpressionError::at(self.source, place, Fault::new(message, remedy))
    }

    fn step(&mut self, place: &Range<usize>) -> Evaluated<()> {
        self.steps += 1;
        if self.steps <= MAX_STEPS {
            return Ok(());
        }
        let message = format!("the evaluation takes more than {MAX_STEPS} steps");
        let remedy =
            "Choose fewer elements before projecting them, or avoid a projection inside a projection.";
        Err(ExpressionError::at(self.source, place, Fault::new(message, remedy)))
    }

    /// A value that an operator or a function made.
    fn made(&mut self, result: Result<Value, Fault>, place: &Range<usize>) -> Evaluated<Held<'a>> {
        let value = result.map_err(|fault| ExpressionError::at(self.source, place, fault))?;
        self.count(size(&value), place)?;
        Ok(Cow::Owned(value))
    }

    fn copied(&mut self, value: &Held<'a>, place: &Range<usize>) -> Evaluated<Held<'a>> {
        if matches!(value, Cow::Owned(_)) {
            self.count(size(value), place)?;
        }
        Ok(value.clone())
    }

    fn owned(&mut self, node: &'a Node, this: &Held<'a>) -> Evaluated<Value> {
        let value = self.node(node, this)?;
        self.taken(value, &node.place)
    }

    fn taken(&mut self, value: Held<'a>, place: &Range<usize>) -> Evaluated<Value> {
        if matches!(value, Cow::Borrowed(_)) {
            self.count(size(&value), place)?;
        }
        Ok(value.into_owned())
    }

    fn count(&mut self, bytes: usize, place: &Range<usize>) -> Evaluated<()> {
        self.made = self.made.saturating_add(bytes);
        if self.made <= MAX_MADE_BYTES {
            return Ok(());
        }
        let message = format!("the evaluation makes more than {MAX_MADE_BYTES} bytes of values");
        Err(ExpressionError::at(
            self.source,
            place,
            Fault::new(message, "Shorten the values, or choose fewer of them."),
        ))
    }
}

/// What a function takes in steps beyond the one of its call, for its regular expressions.
fn searching(values: &[Held<'_>], regexes: &[Option<Regex>], function: &Function) -> usize {
    let searches = (0..values.len()).filter(|n| function.regex(*n).is_some());
    searches.map(|n| searching_cost(&values[0], regexes[n].is_none())).sum()
}

/// One search takes time in proportion to the text, finding all matches at worst to its square, and compiling more.
fn searching_cost(text: &Value, compiled_now: bool) -> usize {
    // Longer texts are refused without being searched.
    let length = text.as_str().map_or(0, str::len).min(functions::MAX_SEARCHED_BYTES);
    length / 8 + length * length / 1024 + if compiled_now { 100 } else { 0 }
}

/// About how many bytes a value takes as JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(size).sum::<usize>(),
        Value::Object(map) => 2 + map.iter().map(|(key, value)| key.len() + 3 + size(value)).sum::<usize>(),
    }
}
