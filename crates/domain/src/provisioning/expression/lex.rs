//! The words of an expression: text cut into tokens, each with its place.

use std::ops::Range;

use serde_json::Number;
use winnow::ascii::multispace0;
use winnow::combinator::{alt, opt, repeat};
use winnow::prelude::*;
use winnow::stream::LocatingSlice;
use winnow::token::{any, literal, none_of, one_of, take_while};

use super::error::{ExpressionError, Fault};

/// One word of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name or a word operator: the parser knows by its place.
    Name(String),
    /// `#name`
    Variable(String),
    Text(String),
    Number(Number),
    Mark(&'static str),
}

/// A token and the bytes that it came from.
pub(super) type Placed = (Token, Range<usize>);

/// Operators and brackets, longest first where one begins another.
const MARKS: [&str; 34] = [
    "?.![", "?.?[", "?.^[", "?.$[", ".![", ".?[", ".^[", ".$[", "?.", "?:", "?", ".", "==", "!=", "<=", ">=",
    "<", ">", "&&", "||", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]", "{", "}", ",", ":",
];

type Input<'i> = LocatingSlice<&'i str>;

/// What a piece of text looked like, before its value is known to be good.
#[derive(Clone, Copy)]
enum Shape {
    Name,
    Variable,
    Text(char),
    OpenText(char),
    Number,
    Mark(&'static str),
    Unknown(char),
}

/// Cuts a text into tokens.
pub(super) fn tokens(source: &str) -> Result<Vec<Placed>, ExpressionError> {
    let mut input = LocatingSlice::new(source);
    let mut tokens = Vec::new();
    loop {
        let blank: ModalResult<&str, ()> = multispace0.parse_next(&mut input);
        let next: ModalResult<_, ()> = shape.with_span().parse_next(&mut input);
        let (Ok(_), Ok((shape, place))) = (blank, next) else {
            // `shape` fails only at the end: its last alternative takes any character.
            return Ok(tokens);
        };
        let token = token(&source[place.clone()], shape)
            .map_err(|fault| ExpressionError::at(source, &place, fault))?;
        tokens.push((token, place));
    }
}

fn shape(input: &mut Input<'_>) -> ModalResult<Shape, ()> {
    let name = || {
        (
            one_of(|c: char| c.is_alphabetic() || c == '_' || c == '$'),
            take_while(0.., |c: char| c.is_alphanumeric() || c == '_' || c == '$'),
        )
    };
    let digits = || take_while(1.., |c: char| c.is_ascii_digit());
    let number = (
        digits(),
        opt(('.', digits())),
        opt((one_of(['e', 'E']), opt(one_of(['+', '-'])), digits())),
        take_while(0.., |c: char| c.is_alphanumeric()),
    );
    let text = |quote: char| {
        let doubled = if quote == '"' { "\"\"" } else { "''" };
        let inside = repeat::<_, _, (), _, _>(0.., alt((literal(doubled).void(), none_of([quote]).void())));
        (quote, inside, opt(quote)).map(move |(_, (), close)| match close {
            Some(_) => Shape::Text(quote),
            None => Shape::OpenText(quote),
        })
    };
    alt((
        name().value(Shape::Name),
        ('#', name()).value(Shape::Variable),
        text('\''),
        text('"'),
        number.value(Shape::Number),
        mark,
        any.map(Shape::Unknown),
    ))
    .parse_next(input)
}

fn mark(input: &mut Input<'_>) -> ModalResult<Shape, ()> {
    for mark in MARKS {
        if opt(literal::<_, _, winnow::error::ErrMode<()>>(mark)).parse_next(input)?.is_some() {
            return Ok(Shape::Mark(mark));
        }
    }
    Err(winnow::error::ErrMode::Backtrack(()))
}

/// The value of a piece of text, or what is wrong with it.
fn token(text: &str, shape: Shape) -> Result<Token, Fault> {
    match shape {
        Shape::Name => Ok(Token::Name(text.to_owned())),
        Shape::Variable => Ok(Token::Variable(text[1..].to_owned())),
        Shape::Mark(mark) => Ok(Token::Mark(mark)),
        Shape::Text(quote) => {
            let doubled = if quote == '"' { "\"\"" } else { "''" };
            Ok(Token::Text(text[1..text.len() - 1].replace(doubled, &doubled[..1])))
        }
        Shape::OpenText(quote) => Err(Fault::new(
            "this text has no closing quote",
            format!("Close it with {quote}; a {quote} inside the text is written twice."),
        )),
        Shape::Number => number(text).map(Token::Number).ok_or_else(|| {
            Fault::new(format!("`{text}` is not a number"), "Put it in quotes if it is text: `'007'`.")
        }),
        Shape::Unknown('=') => Err(Fault::new("`=` means nothing here", "Write `==` to compare.")),
        Shape::Unknown('&' | '|') => {
            Err(Fault::new(format!("`{text}` means nothing here"), "Write `and` and `or`, or `&&` and `||`."))
        }
        Shape::Unknown(c) => Err(Fault::new(
            format!("`{}` means nothing here", c.escape_debug()),
            "Text is written in quotes: `'text'`.",
        )),
    }
}

/// A number, with or without Java's `L` for long.
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_suffix(['l', 'L']).unwrap_or(text);
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return digits.parse::<i64>().ok().map(Number::from);
    }
    text.parse().ok().and_then(Number::from_f64)
}
