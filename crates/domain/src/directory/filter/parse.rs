//! Tokens made into a filter, by the grammar of RFC 7644 §3.4.2.2: `not` binds tighter than `and`, and `and` tighter
//! than `or`.

use std::ops::Range;

use super::lex::{self, Placed, Token};
use super::{
    AttrPath, CompareOp, Filter, FilterError, Literal, MAX_FILTER_BYTES, MAX_FILTER_DEPTH, Target, ValuePath,
};

const OPERATORS: &str = "eq, ne, co, sw, ew, gt, ge, lt, le, pr or in";
const EXAMPLE: &str = "A condition looks like `userName eq \"ada\"`, `enabled eq true` or `email pr`.";

/// Reads a whole filter.
pub(super) fn filter(source: &str) -> Result<Filter, FilterError> {
    let mut reader = Reader::new(source)?;
    let filter = reader.any_of()?;
    reader.finish("`and`, `or` or the end")?;
    Ok(filter)
}

/// Reads the path of a PATCH operation.
pub(super) fn value_path(source: &str) -> Result<ValuePath, FilterError> {
    let mut reader = Reader::new(source)?;
    let path = reader.path("an attribute")?;
    let (filter, sub) = if reader.takes('[') {
        let filter = reader.bracketed()?;
        (Some(filter), reader.sub_attribute()?)
    } else {
        (None, None)
    };
    reader.finish("the end of the path")?;
    Ok(ValuePath { path, filter, sub })
}

struct Reader<'s> {
    source: &'s str,
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
}

impl<'s> Reader<'s> {
    fn new(source: &'s str) -> Result<Self, FilterError> {
        if source.len() > MAX_FILTER_BYTES {
            return Err(FilterError::whole(
                format!("it is {} bytes long, and {MAX_FILTER_BYTES} are the most", source.len()),
                "Shorten it; a group or an attribute can often stand for a long list of values.",
            ));
        }
        let tokens = lex::tokens(source)?;
        if tokens.is_empty() {
            return Err(FilterError::whole("there is nothing here".into(), EXAMPLE));
        }
        Ok(Self { source, tokens, next: 0, depth: 0 })
    }

    // `a or b or c`
    fn any_of(&mut self) -> Result<Filter, FilterError> {
        self.chain("or", Self::all_of, Filter::Or)
    }

    // `a and b and c`
    fn all_of(&mut self) -> Result<Filter, FilterError> {
        self.chain("and", Self::condition, Filter::And)
    }

    fn chain(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Filter, FilterError>,
        join: fn(Vec<Filter>) -> Filter,
    ) -> Result<Filter, FilterError> {
        let first = part(self)?;
        if !self.at_word(word) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.takes_word(word) {
            parts.push(part(self)?);
        }
        Ok(join(parts))
    }

    fn condition(&mut self) -> Result<Filter, FilterError> {
        if self.takes('(') {
            return self.nested(')');
        }
        if self.takes_word("not") {
            if !self.takes('(') {
                return Err(self.unexpected("`(` after `not`", "Write `not (enabled eq true)`."));
            }
            return Ok(Filter::Not(Box::new(self.nested(')')?)));
        }
        let path = self.path("a condition")?;
        if !self.takes('[') {
            return self.comparison(Target::Attr(path));
        }
        let inner = Box::new(self.bracketed()?);
        match self.sub_attribute()? {
            Some(sub) => self.comparison(Target::Selected { path, filter: inner, sub }),
            None => Ok(Filter::Any(path, inner)),
        }
    }

    /// What stands in parentheses or brackets, behind the opening one, and the closing one.
    fn nested(&mut self, close: char) -> Result<Filter, FilterError> {
        let open = self.tokens[self.next - 1].1.clone();
        if self.depth == MAX_FILTER_DEPTH {
            return Err(FilterError::at(
                self.source,
                open,
                format!("conditions are nested more than {MAX_FILTER_DEPTH} deep"),
                "Leave out parentheses that are not needed, or split the filter.",
            ));
        }
        self.depth += 1;
        let inner = self.any_of()?;
        self.depth -= 1;
        if self.takes(close) {
            return Ok(inner);
        }
        if self.next < self.tokens.len() {
            let expected = format!("`and`, `or` or `{close}`");
            return Err(self.unexpected(&expected, "Join two conditions by `and` or `or`."));
        }
        let opened = &self.source[open.clone()];
        let message = format!("this `{opened}` is never closed");
        Err(FilterError::at(self.source, open, message, format!("Put a `{close}` where the condition ends.")))
    }

    fn bracketed(&mut self) -> Result<Filter, FilterError> {
        self.nested(']')
    }

    /// `.value`, behind a value path. The dot may have been read as part of the word or by itself.
    fn sub_attribute(&mut self) -> Result<Option<AttrPath>, FilterError> {
        if self.takes('.') { self.path("a sub-attribute").map(Some) } else { Ok(None) }
    }

    fn path(&mut self, expected: &str) -> Result<AttrPath, FilterError> {
        let Some((Token::Word(word), place)) = self.tokens.get(self.next) else {
            return Err(self.unexpected(expected, EXAMPLE));
        };
        let path = AttrPath::checked(word).map_err(|why| {
            FilterError::at(self.source, place.clone(), format!("expected {expected}: {why}"), EXAMPLE)
        })?;
        self.next += 1;
        Ok(path)
    }

    fn comparison(&mut self, target: Target) -> Result<Filter, FilterError> {
        let expected = format!("an operator ({OPERATORS})");
        let remedy = format!("Put an operator between `{target}` and the value.");
        let Some((Token::Word(word), place)) = self.tokens.get(self.next).cloned() else {
            return Err(self.unexpected(&expected, remedy));
        };
        let is = |operator: &str| word.eq_ignore_ascii_case(operator);
        if is("pr") {
            self.next += 1;
            return Ok(Filter::Present(target));
        }
        if is("in") {
            self.next += 1;
            return Ok(Filter::In(target, self.list()?));
        }
        let Some(op) = CompareOp::ALL.into_iter().find(|op| is(op.as_str())) else {
            return Err(self.unexpected(&expected, remedy));
        };
        self.next += 1;
        let at = self.place();
        let value = self.literal()?;
        let fits = match value {
            Literal::Text(_) => true,
            Literal::Number(_) => !op.is_substring(),
            Literal::Bool(_) | Literal::Null => !op.is_substring() && !op.is_order(),
        };
        if !fits {
            let message = format!("`{op}` cannot compare with {value}, as it has no {}", {
                if op.is_substring() { "characters" } else { "order" }
            });
            let remedy = match value {
                Literal::Number(_) => "Put the value in double quotes to compare text.",
                _ => "Use `eq` or `ne` with true, false and null.",
            };
            return Err(FilterError::at(self.source, place.start..at.end, message, remedy));
        }
        Ok(Filter::Compare(target, op, value))
    }

    fn list(&mut self) -> Result<Vec<Literal>, FilterError> {
        let remedy = "Write the values as `type in [\"A\", \"B\"]`.";
        if !self.takes('[') {
            return Err(self.unexpected("`[` after `in`", remedy));
        }
        let mut values = vec![self.literal()?];
        while self.takes(',') {
            values.push(self.literal()?);
        }
        if self.takes(']') { Ok(values) } else { Err(self.unexpected("`,` or `]`", remedy)) }
    }

    fn literal(&mut self) -> Result<Literal, FilterError> {
        let literal = match self.tokens.get(self.next) {
            Some((Token::Text(text), _)) => Literal::Text(text.as_str().into()),
            Some((Token::Number(number), _)) => Literal::Number(number.clone()),
            Some((Token::Word(word), _)) if word.eq_ignore_ascii_case("true") => Literal::Bool(true),
            Some((Token::Word(word), _)) if word.eq_ignore_ascii_case("false") => Literal::Bool(false),
            Some((Token::Word(word), _)) if word.eq_ignore_ascii_case("null") => Literal::Null,
            _ => {
                return Err(self.unexpected(
                    "a value (text in double quotes, a number, true, false or null)",
                    "Put text in double quotes: `userName eq \"ada\"`.",
                ));
            }
        };
        self.next += 1;
        Ok(literal)
    }

    fn at_word(&self, keyword: &str) -> bool {
        matches!(self.tokens.get(self.next), Some((Token::Word(word), _)) if word.eq_ignore_ascii_case(keyword))
    }

    fn takes_word(&mut self, keyword: &str) -> bool {
        let here = self.at_word(keyword);
        self.next += usize::from(here);
        here
    }

    fn takes(&mut self, mark: char) -> bool {
        let here = matches!(self.tokens.get(self.next), Some((Token::Mark(found), _)) if *found == mark);
        self.next += usize::from(here);
        here
    }

    fn finish(&self, expected: &str) -> Result<(), FilterError> {
        match self.tokens.get(self.next) {
            None => Ok(()),
            Some((Token::Mark(mark @ (')' | ']')), place)) => Err(FilterError::at(
                self.source,
                place.clone(),
                format!("this `{mark}` closes nothing"),
                "Take it away, or open it where the condition begins.",
            )),
            Some(_) => Err(self.unexpected(expected, "Join two conditions by `and` or `or`.")),
        }
    }

    fn place(&self) -> Range<usize> {
        self.tokens.get(self.next).map_or_else(|| lex::end(self.source), |(_, place)| place.clone())
    }

    fn unexpected(&self, expected: &str, remedy: impl Into<String>) -> FilterError {
        let place = self.place();
        let found = match self.source.get(place.clone()) {
            Some(text) if !text.is_empty() => format!("`{}`", text.replace(char::is_control, " ")),
            _ => "the end".to_owned(),
        };
        FilterError::at(self.source, place, format!("expected {expected}, found {found}"), remedy)
    }
}
