//! Where in a line of source text something is wrong, shown to a person.
//!
//! Both small languages of this crate (filters and expressions) point at the fault with this. It knows nothing
//! about either of them.

use std::fmt;
use std::ops::Range;

/// How many characters of the source are shown; longer sources are cut around the fault.
const WIDTH: usize = 76;

/// A place in a source text: its column, and the text around it with a caret under the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caret {
    column: usize,
    shown: String,
    indent: usize,
    length: usize,
}

impl Caret {
    /// Points at a byte range of `source`. A range that is outside, or that cuts a character, is moved to fit.
    pub(crate) fn at(source: &str, range: Range<usize>) -> Self {
        let start = floor(source, range.start);
        let end = floor(source, range.end).max(start);
        let before = source[..start].chars().count();
        let length = source[start..end].chars().count().max(1);
        let total = source.chars().count();

        let first = if total <= WIDTH || before <= WIDTH / 2 { 0 } else { before - WIDTH / 2 };
        let last = total.min(first + WIDTH);
        let (head, tail) = (if first > 0 { "…" } else { "" }, if last < total { "…" } else { "" });
        let middle: String = source
            .chars()
            .skip(first)
            .take(last - first)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let indent = before - first + head.chars().count();
        let room = (last - first + head.chars().count()).saturating_sub(indent).max(1);
        Self { column: before + 1, shown: format!("{head}{middle}{tail}"), indent, length: length.min(room) }
    }

    /// The column of the place, in characters, counted from 1.
    pub(crate) fn column(&self) -> usize {
        self.column
    }

    /// Whether there is no text to point into.
    pub(crate) fn is_blank(&self) -> bool {
        self.shown.trim().is_empty()
    }
}

impl fmt::Display for Caret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "    {}", self.shown)?;
        write!(f, "    {:indent$}{:^<length$}", "", "", indent = self.indent, length = self.length)
    }
}

fn floor(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        insta::assert_snapshot!(Caret::at("username foo \"x\"", 9..12), @r#"
            username foo "x"
                     ^^^
        "#);
    }

    #[test]
    fn a_long_source_is_cut_around_the_place() {
        let source = format!("{}HERE{}", "a".repeat(300), "b".repeat(300));
        let caret = Caret::at(&source, 300..304);
        assert_eq!(caret.column(), 301);
        let text = caret.to_string();
        let (line, marks) = text.split_once('\n').unwrap();
        let from = marks.chars().position(|c| c == '^').unwrap();
        assert_eq!(line.chars().skip(from).take(4).collect::<String>(), "HERE");
        assert!(line.chars().count() <= 4 + WIDTH + 2, "{line}");
    }

    #[test]
    fn any_range_is_accepted() {
        for range in [0..0, 1..2, 1..1, 50..90] {
            let _ = Caret::at("é\n", range).to_string();
        }
    }
}
