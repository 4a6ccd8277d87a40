//! The words of a filter: text cut into tokens, each with its place.

use std::ops::Range;

use serde_json::Number;
use winnow::ascii::multispace0;
use winnow::combinator::{alt, opt, repeat};
use winnow::prelude::*;
use winnow::stream::LocatingSlice;
use winnow::token::{any, one_of, take_while};

use super::FilterError;

/// One word of a filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword, an operator, an attribute path, or `true`, `false`, `null`: the parser knows by its place.
    Word(String),
    Text(String),
    Number(Number),
    /// One of `( ) [ ] ,` and the dot behind a value path.
    Mark(char),
}

/// A token and the bytes that it came from.
pub(super) type Placed = (Token, Range<usize>);

type Input<'i> = LocatingSlice<&'i str>;

/// What a piece of text looked like, before its value is known to be good.
#[derive(Clone, Copy)]
enum Shape {
    Word,
    Text,
    OpenText,
    Number,
    Mark(char),
    Unknown(char),
}

/// Cuts a text into tokens.
pub(super) fn tokens(source: &str) -> Result<Vec<Placed>, FilterError> {
    let mut input = LocatingSlice::new(source);
    let mut tokens = Vec::new();
    loop {
        let blank: winnow::ModalResult<&str, ()> = multispace0.parse_next(&mut input);
        let next: winnow::ModalResult<_, ()> = shape.with_span().parse_next(&mut input);
        let (Ok(_), Ok((shape, place))) = (blank, next) else {
            // `shape` fails only at the end: its last alternative takes any character.
            return Ok(tokens);
        };
        tokens.push((token(source, shape, &place)?, place));
    }
}

fn shape(input: &mut Input<'_>) -> winnow::ModalResult<Shape, ()> {
    let word = (
        one_of(|c: char| c.is_ascii_alphabetic() || c == '$' || c == '_'),
        take_while(0.., |c: char| c.is_ascii_alphanumeric() || "$_-.:".contains(c)),
    );
    let digits = || take_while(1.., |c: char| c.is_ascii_digit());
    let number = (
        opt('-'),
        digits(),
        opt(('.', digits())),
        opt((one_of(['e', 'E']), opt(one_of(['+', '-'])), digits())),
        // What is no longer a number is still shown as one word: a date, an id.
        take_while(0.., |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c)),
    );
    let inside = repeat::<_, _, (), _, _>(
        0..,
        alt((('\\', any).void(), one_of(|c: char| c != '"' && c != '\\').void())),
    );
    alt((
        word.value(Shape::Word),
        // A text that is not closed ends the reading, so whatever is left of it does not matter.
        ('"', inside, opt('"')).map(|(_, (), close)| match close {
            Some(_) => Shape::Text,
            None => Shape::OpenText,
        }),
        number.value(Shape::Number),
        one_of(['(', ')', '[', ']', ',', '.']).map(Shape::Mark),
        any.map(Shape::Unknown),
    ))
    .parse_next(input)
}

/// The value of a piece of text, or what is wrong with it.
fn token(source: &str, shape: Shape, place: &Range<usize>) -> Result<Token, FilterError> {
    let text = &source[place.clone()];
    let fault = |message: String, remedy: &str| Err(FilterError::at(source, place.clone(), message, remedy));
    match shape {
        Shape::Word => Ok(Token::Word(text.to_owned())),
        Shape::Mark(mark) => Ok(Token::Mark(mark)),
        Shape::Text => match serde_json::from_str(text) {
            Ok(text) => Ok(Token::Text(text)),
            Err(_) => fault(
                "this text has an escape or a control character that JSON does not allow".into(),
                r#"Inside the quotes write \" for a quote, \\ for a backslash and \n for a new line."#,
            ),
        },
        Shape::OpenText => {
            fault("this text has no closing quote".into(), "Close the text with a double quote (\").")
        }
        Shape::Number => match number(text) {
            Some(number) => Ok(Token::Number(number)),
            None => fault(
                format!("`{text}` is not a number"),
                "Put the value in double quotes if it is text, such as an id or a date.",
            ),
        },
        Shape::Unknown('\'') => fault(
            "text is written in double quotes here".into(),
            "Replace ' by \" on both sides of the text.",
        ),
        Shape::Unknown(c) => fault(
            format!("`{}` means nothing here", c.escape_debug()),
            "A filter looks like `userName eq \"ada\" and enabled eq true`.",
        ),
    }
}

/// A JSON number. Read here rather than by serde_json, whose reading may be off in the last digit.
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit() {
        return None;
    }
    if text == "-0" || text.bytes().any(|b| matches!(b, b'.' | b'e' | b'E')) {
        return text.parse().ok().and_then(Number::from_f64);
    }
    let whole =
        text.parse::<i64>().ok().map(Number::from).or_else(|| text.parse::<u64>().ok().map(Number::from));
    whole.or_else(|| text.parse().ok().and_then(Number::from_f64))
}

/// The place just behind the end, for faults there.
pub(super) fn end(source: &str) -> Range<usize> {
    let at = source.trim_end().len();
    at..at
}
