//! Tokens made into a tree, by SpEL's precedence: choices (`?:`) bind loosest, then `or`, `and`, the relations, `+ -`,
//! `* / %`, the signs, and navigation tightest.

use std::ops::Range;

use regex::Regex;
use serde_json::{Number, Value};

use super::ast::{Kind, LEVELS, Node, Operator, RELATIONAL, Step, StepKind};
use super::error::{ExpressionError, Fault};
use super::functions::{self, Function};
use super::lex::{self, Placed, Token};
use super::{MAX_EXPRESSION_BYTES, MAX_EXPRESSION_DEPTH};

const OPERAND_REMEDY: &str =
    "A value looks like `user.name.given`, `'text'`, `12` or `#string.trim(user.title)`.";
const OPERATORS: [(&str, Operator); 24] = [
    ("or", Operator::Or),
    ("||", Operator::Or),
    ("and", Operator::And),
    ("&&", Operator::And),
    ("==", Operator::Eq),
    ("eq", Operator::Eq),
    ("!=", Operator::Ne),
    ("ne", Operator::Ne),
    ("<", Operator::Lt),
    ("lt", Operator::Lt),
    ("<=", Operator::Le),
    ("le", Operator::Le),
    (">", Operator::Gt),
    ("gt", Operator::Gt),
    (">=", Operator::Ge),
    ("ge", Operator::Ge),
    ("matches", Operator::Matches),
    ("+", Operator::Add),
    ("-", Operator::Subtract),
    ("*", Operator::Multiply),
    ("/", Operator::Divide),
    ("div", Operator::Divide),
    ("%", Operator::Remainder),
    ("mod", Operator::Remainder),
];

/// Reads a whole expression.
pub(super) fn expression(source: &str) -> Result<Node, ExpressionError> {
    if source.len() > MAX_EXPRESSION_BYTES {
        let fault = Fault::new(
            format!("it is {} bytes long, and {MAX_EXPRESSION_BYTES} are the most", source.len()),
            "Shorten it, or prepare the value in the source.",
        );
        return Err(ExpressionError::at(source, &(0..0), fault));
    }
    let mut reader = Reader { source, tokens: lex::tokens(source)?, next: 0, depth: 0 };
    let node = reader.choice()?;
    if reader.next < reader.tokens.len() {
        return Err(reader.unexpected("an operator or the end", "Join two texts with `+`."));
    }
    Ok(node)
}

struct Reader<'s> {
    source: &'s str,
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
}

type Parsed<T> = Result<T, ExpressionError>;

impl Reader<'_> {
    /// `condition ? yes : no`, `value ?: default`, or what binds tighter. Every nesting passes here.
    fn choice(&mut self) -> Parsed<Node> {
        self.enter()?;
        let first = self.operators()?;
        let choice = if self.takes("?:") {
            let default = self.choice()?;
            joined(first.place.start..default.place.end, Kind::Elvis(Box::new([first, default])))
        } else if self.takes("?") {
            let yes = self.choice()?;
            self.needs(":", "`:` and the value for the other case", "Write `condition ? one : other`.")?;
            let no = self.choice()?;
            joined(first.place.start..no.place.end, Kind::Ternary(Box::new([first, yes, no])))
        } else {
            first
        };
        self.depth -= 1;
        Ok(choice)
    }

    /// Values and operators between them. They are read as one row and then grouped, the tightest first, which keeps
    /// the stack small.
    fn operators(&mut self) -> Parsed<Node> {
        let first = self.sign()?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator() {
            let place = self.place();
            self.next += 1;
            rest.push((operator, place, self.sign()?));
        }
        if rest.is_empty() { Ok(first) } else { self.grouped(first, rest) }
    }

    fn grouped(&self, mut first: Node, mut rest: Vec<(Operator, Range<usize>, Node)>) -> Parsed<Node> {
        for level in (0..LEVELS).rev() {
            let mut looser = Vec::new();
            let mut group = Vec::new();
            // Where the group of this level that is being read belongs: behind the last looser operator, or first.
            for (operator, place, node) in rest {
                if operator.level() == level {
                    if level == RELATIONAL && !group.is_empty() {
                        let written = &self.source[place.clone()];
                        let fault = Fault::new(
                            format!("expected `and`, `or` or the end, found `{written}`"),
                            "Two comparisons are joined by `and`: `a < b and b < c`.",
                        );
                        return Err(ExpressionError::at(self.source, &place, fault));
                    }
                    group.push((operator, node));
                } else {
                    self.close(&mut first, &mut looser, std::mem::take(&mut group))?;
                    looser.push((operator, place, node));
                }
            }
            self.close(&mut first, &mut looser, group)?;
            rest = looser;
        }
        Ok(first)
    }

    /// Joins a group of operators with the value before it.
    fn close(
        &self,
        first: &mut Node,
        looser: &mut [(Operator, Range<usize>, Node)],
        mut group: Vec<(Operator, Node)>,
    ) -> Parsed<()> {
        let before = looser.last_mut().map_or(first, |(.., node)| node);
        let Some((operator, last)) = group.last() else { return Ok(()) };
        let place = before.place.start..last.place.end;
        let start = std::mem::replace(before, joined(0..0, Kind::This));
        *before = if *operator == Operator::Matches {
            let regex = self.compiled(last, true)?;
            let Some((_, pattern)) = group.pop() else { return Ok(()) };
            joined(place, Kind::Matches(Box::new([start, pattern]), regex))
        } else {
            joined(place, Kind::Chain(Box::new(start), group))
        };
        Ok(())
    }

    fn operator(&self) -> Option<Operator> {
        let written = match self.tokens.get(self.next)? {
            (Token::Name(name), _) => name.as_str(),
            (Token::Mark(mark), _) => mark,
            _ => return None,
        };
        OPERATORS.iter().find(|(known, _)| known.eq_ignore_ascii_case(written)).map(|(_, operator)| *operator)
    }

    /// `!x`, `not x`, `-x`
    fn sign(&mut self) -> Parsed<Node> {
        let mut signs = Vec::new();
        loop {
            let start = self.place().start;
            if self.takes("!") || self.takes_word("not") {
                signs.push((start, Kind::Not as fn(Box<Node>) -> Kind));
            } else if self.takes("-") {
                signs.push((start, Kind::Negate));
            } else {
                break;
            }
            self.enter()?;
        }
        let mut node = self.path()?;
        self.depth -= signs.len();
        while let Some((start, sign)) = signs.pop() {
            node = joined(start..node.place.end, sign(Box::new(node)));
        }
        Ok(node)
    }

    /// A value and its steps.
    fn path(&mut self) -> Parsed<Node> {
        let mut steps = Vec::new();
        let start = self.value(&mut steps)?;
        loop {
            let from = self.place().start;
            let kind = if self.takes(".") || self.takes("?.") {
                StepKind::Member(self.member()?)
            } else if self.takes("[") {
                StepKind::Index(self.bracketed()?)
            } else if self.takes(".![") || self.takes("?.![") {
                StepKind::Project(self.bracketed()?)
            } else if self.takes(".?[") || self.takes("?.?[") {
                StepKind::Select(self.bracketed()?)
            } else if self.takes(".^[") || self.takes("?.^[") {
                StepKind::First(self.bracketed()?)
            } else if self.takes(".$[") || self.takes("?.$[") {
                StepKind::Last(self.bracketed()?)
            } else {
                break;
            };
            steps.push(Step { kind, place: from..self.tokens[self.next - 1].1.end });
        }
        let Some(last) = steps.last() else { return Ok(start) };
        let place = start.place.start..last.place.end;
        Ok(joined(place, Kind::Path(Box::new(start), steps)))
    }

    fn member(&mut self) -> Parsed<String> {
        let Some((Token::Name(name), place)) = self.tokens.get(self.next).cloned() else {
            return Err(self.unexpected(
                "the name of an attribute",
                "A name that is not made of letters and digits is written `user['full-name']`.",
            ));
        };
        self.next += 1;
        self.no_method(&name, &place)?;
        Ok(name)
    }

    /// Refuses `name(`.
    fn no_method(&self, name: &str, place: &Range<usize>) -> Parsed<()> {
        if !matches!(self.tokens.get(self.next), Some((Token::Mark("("), _))) {
            return Ok(());
        }
        let remedy = match functions::like(name) {
            Some(function) => format!("Write `{}`.", function.usage),
            None => format!("There are these functions: {}.", functions::names()),
        };
        let fault = Fault::new(format!("`{name}` is a method, and methods cannot be called"), remedy);
        Err(ExpressionError::at(self.source, place, fault))
    }

    fn bracketed(&mut self) -> Parsed<Node> {
        let inner = self.choice()?;
        self.needs("]", "`]`", "Close what was opened with `[`.")?;
        Ok(inner)
    }

    fn value(&mut self, steps: &mut Vec<Step>) -> Parsed<Node> {
        let Some((token, place)) = self.tokens.get(self.next).cloned() else {
            return Err(self.unexpected("a value", OPERAND_REMEDY));
        };
        self.next += 1;
        let literal = |value| Ok(joined(place.clone(), Kind::Literal(value)));
        match token {
            Token::Text(text) => literal(Value::String(text)),
            Token::Number(number) => literal(Value::Number(number)),
            Token::Name(name) => {
                self.no_method(&name, &place)?;
                match name.to_ascii_lowercase().as_str() {
                    "true" => literal(Value::Bool(true)),
                    "false" => literal(Value::Bool(false)),
                    "null" => literal(Value::Null),
                    "user" if name == "user" => Ok(joined(place, Kind::Root)),
                    _ => {
                        steps.push(Step { kind: StepKind::Member(name), place: place.clone() });
                        Ok(joined(place.start..place.start, Kind::This))
                    }
                }
            }
            Token::Variable(name) => match name.as_str() {
                "root" => Ok(joined(place, Kind::Root)),
                "this" => Ok(joined(place, Kind::This)),
                library => self.call(library, place.clone()),
            },
            Token::Mark("(") => {
                let mut inner = self.choice()?;
                self.needs(")", "`)`", "Close what was opened with `(`.")?;
                inner.place = place.start..self.tokens[self.next - 1].1.end;
                Ok(inner)
            }
            Token::Mark("{") => self.list_or_map(place.start),
            Token::Mark(_) => {
                self.next -= 1;
                Err(self.unexpected("a value", OPERAND_REMEDY))
            }
        }
    }

    /// `{a, b}`, `{'a': b}`, behind the `{`.
    fn list_or_map(&mut self, start: usize) -> Parsed<Node> {
        let (mut items, mut entries) = (Vec::new(), Vec::new());
        if self.takes(":") {
            self.needs("}", "`}`", "An empty map is written `{:}`.")?;
            return Ok(joined(start..self.tokens[self.next - 1].1.end, Kind::Map(entries)));
        }
        if !self.takes("}") {
            loop {
                let item = self.choice()?;
                if items.is_empty() && self.takes(":") {
                    entries.push((key(item), self.choice()?));
                } else if entries.is_empty() {
                    items.push(item);
                } else {
                    return Err(self.unexpected("`:`", "Write a map as `{'a': 1, 'b': 2}`."));
                }
                if self.takes("}") {
                    break;
                }
                self.needs(
                    ",",
                    "`,` or `}`",
                    "Write a list as `{'a', 'b'}` and a map as `{'a': 1, 'b': 2}`.",
                )?;
            }
        }
        let kind = if entries.is_empty() { Kind::List(items) } else { Kind::Map(entries) };
        Ok(joined(start..self.tokens[self.next - 1].1.end, kind))
    }

    /// `#library.function(…)`, behind the `#library`.
    fn call(&mut self, library: &str, place: Range<usize>) -> Parsed<Node> {
        if !functions::is_library(library) {
            let fault = Fault::new(
                format!("`#{library}` is not known"),
                format!("There are `#root`, `#this` and the functions {}.", functions::names()),
            );
            return Err(ExpressionError::at(self.source, &place, fault));
        }
        self.needs(".", "`.` and a function", format!("The functions are {}.", functions::names()))?;
        let Some((Token::Name(name), end)) = self.tokens.get(self.next).cloned() else {
            return Err(self.unexpected("a function", format!("The functions are {}.", functions::names())));
        };
        let Some(function) = functions::find(library, &name) else {
            let remedy = match functions::like(&name) {
                Some(function) => format!("Did you mean `{}`?", function.usage),
                None => format!("The functions are {}.", functions::names()),
            };
            let fault = Fault::new(format!("there is no function `#{library}.{name}`"), remedy);
            return Err(ExpressionError::at(self.source, &(place.start..end.end), fault));
        };
        self.next += 1;
        let usage = format!("Write `{}`.", function.usage);
        self.needs("(", "`(`", &usage)?;
        let mut arguments = Vec::new();
        if !self.takes(")") {
            loop {
                arguments.push(self.choice()?);
                if self.takes(")") {
                    break;
                }
                self.needs(",", "`,` or `)`", &usage)?;
            }
        }
        let place = place.start..self.tokens[self.next - 1].1.end;
        if !function.takes(arguments.len()) {
            let fault = Fault::new(
                format!("`#{library}.{name}` cannot be called with this number of arguments"),
                format!("Write `{}`.", function.usage),
            );
            return Err(ExpressionError::at(self.source, &place, fault));
        }
        let regexes = self.regexes(function, &arguments)?;
        Ok(joined(place, Kind::Call(function, arguments, regexes)))
    }

    fn regexes(&self, function: &Function, arguments: &[Node]) -> Parsed<Vec<Option<Regex>>> {
        let one = |(n, argument)| match function.regex(n) {
            Some(whole) => self.compiled(argument, whole),
            None => Ok(None),
        };
        arguments.iter().enumerate().map(one).collect()
    }

    /// The regular expression of a literal; other arguments are compiled when they are known.
    fn compiled(&self, node: &Node, whole: bool) -> Parsed<Option<Regex>> {
        let Kind::Literal(Value::String(pattern)) = &node.kind else { return Ok(None) };
        let compiled = functions::compile(pattern, whole);
        compiled.map(Some).map_err(|fault| ExpressionError::at(self.source, &node.place, fault))
    }

    fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth <= MAX_EXPRESSION_DEPTH {
            return Ok(());
        }
        let fault = Fault::new(
            format!("it is nested more than {MAX_EXPRESSION_DEPTH} deep"),
            "Leave out parentheses that are not needed, or use `#core.switchExpr` for a long choice.",
        );
        Err(ExpressionError::at(self.source, &self.place(), fault))
    }

    fn takes(&mut self, mark: &str) -> bool {
        let here = matches!(self.tokens.get(self.next), Some((Token::Mark(found), _)) if *found == mark);
        self.next += usize::from(here);
        here
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let here = matches!(self.tokens.get(self.next), Some((Token::Name(found), _)) if found.eq_ignore_ascii_case(word));
        self.next += usize::from(here);
        here
    }

    fn needs(&mut self, mark: &str, expected: &str, remedy: impl Into<String>) -> Parsed<()> {
        if self.takes(mark) { Ok(()) } else { Err(self.unexpected(expected, remedy)) }
    }

    fn place(&self) -> Range<usize> {
        let end = self.source.trim_end().len();
        self.tokens.get(self.next).map_or(end..end, |(_, place)| place.clone())
    }

    fn unexpected(&self, expected: &str, remedy: impl Into<String>) -> ExpressionError {
        let place = self.place();
        let found = match &self.source[place.clone()] {
            "" => "the end".to_owned(),
            text => format!("`{}`", text.replace(char::is_control, " ")),
        };
        let fault = Fault::new(format!("expected {expected}, found {found}"), remedy);
        ExpressionError::at(self.source, &place, fault)
    }
}

fn joined(place: Range<usize>, kind: Kind) -> Node {
    Node { kind, place }
}

/// The key of a map entry: a bare name stands for itself.
fn key(node: Node) -> Node {
    match node.kind {
        Kind::Path(start, mut steps)
            if matches!(start.kind, Kind::This) && start.place.is_empty() && steps.len() == 1 =>
        {
            match steps.pop() {
                Some(Step { kind: StepKind::Member(name), place }) => {
                    joined(place, Kind::Literal(name.into()))
                }
                step => joined(node.place, Kind::Path(start, step.into_iter().collect())),
            }
        }
        Kind::Literal(Value::Number(number)) => joined(node.place, Kind::Literal(number_key(&number))),
        kind => joined(node.place, kind),
    }
}

fn number_key(number: &Number) -> Value {
    Value::String(number.to_string())
}
