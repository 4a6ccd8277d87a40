//! The patterns of PingOne's texts (facts §2.4), and where a text leaves them.

use std::sync::LazyLock;

use regex::Regex;

/// The pattern of texts: everything that can be seen, and spaces.
pub(crate) const PRINTABLE: &str = r"^[\p{L}\p{M}\p{Zs}\p{S}\p{N}\p{P}]*$";
/// The pattern of the parts of a person's name.
pub(crate) const NAME: &str = r"^[\p{L}\p{M}\p{N}' .-]*$";
/// The pattern of a timezone.
pub(crate) const TIMEZONE: &str = r"^\w+\/\w+$";

static UNPRINTABLE: LazyLock<Regex> = LazyLock::new(|| compiled(r"[^\p{L}\p{M}\p{Zs}\p{S}\p{N}\p{P}]"));
static UNPRINTABLE_LINES: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"[^\p{L}\p{M}\p{Zs}\p{S}\p{N}\p{P}\r\n\t]"));
static NOT_IN_NAMES: LazyLock<Regex> = LazyLock::new(|| compiled(r"[^\p{L}\p{M}\p{N}' .-]"));

#[expect(
    clippy::expect_used,
    reason = "the patterns are constants of this file, and a test compiles them all"
)]
fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

/// The first character that is not in [`PRINTABLE`].
pub(crate) fn unprintable(text: &str) -> Option<char> {
    first(&UNPRINTABLE, text)
}

/// The first character that is not in [`PRINTABLE`], line breaks and tabs aside.
pub(crate) fn unprintable_in_lines(text: &str) -> Option<char> {
    first(&UNPRINTABLE_LINES, text)
}

/// The first character that is not in [`NAME`].
pub(crate) fn not_in_names(text: &str) -> Option<char> {
    first(&NOT_IN_NAMES, text)
}

fn first(outside: &Regex, text: &str) -> Option<char> {
    outside.find(text)?.as_str().chars().next()
}

/// Whether the whole text matches [`TIMEZONE`].
pub(crate) fn is_timezone(text: &str) -> bool {
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    text.split_once('/').is_some_and(|(area, place)| word(area) && word(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_written_in_every_script() {
        for name in ["José", "Jose\u{301}", "O'Neil", "Mary-Jane Jr.", "हिन्दी", "李", "Łukasz", "Анна", "نور"]
        {
            assert_eq!(not_in_names(name), None, "{name}");
        }
        for name in ["<b>", "a@b", "tab\t", "a_b", "\u{1f600}"] {
            assert!(not_in_names(name).is_some(), "{name}");
        }
    }

    #[test]
    fn texts_may_hold_all_that_is_seen() {
        assert_eq!(unprintable("R&D – “Größe” 100 % 👍 a_b\u{a0}c"), None);
        for c in
            ['\u{0}', '\n', '\u{7f}', '\u{200b}', '\u{202e}', '\u{2028}', '\u{feff}', '\u{e000}', '\u{ffff}']
        {
            assert_eq!(unprintable(&format!("a{c}b")), Some(c));
        }
        assert_eq!(unprintable_in_lines("one\r\n\ttwo"), None);
        assert_eq!(unprintable_in_lines("one\u{0}"), Some('\0'));
    }

    #[test]
    fn a_timezone_is_an_area_and_a_place() {
        assert!(is_timezone("Europe/Berlin") && is_timezone("America/New_York"));
        assert!(!is_timezone("Berlin") && !is_timezone("/") && !is_timezone("a/b/c"));
    }
}
