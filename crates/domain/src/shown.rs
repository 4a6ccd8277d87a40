//! Text that others wrote, made safe to show on a terminal, in a log or on a page: no control sequence works, nothing
//! reorders or hides the words around it.

use std::{borrow::Cow, fmt::Write as _};

/// How a character is shown that must not appear as itself: `\x1b` for a control character, `\u{202e}` for one that
/// reorders or hides text. `None` for all others.
///
/// U+200C and U+200D are left alone: Persian, Indic scripts and emoji need them, and they hide nothing.
pub fn escape(c: char) -> Option<String> {
    match c {
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => Some(format!("\\x{:02x}", u32::from(c))),
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => Some(format!("\\u{{{:x}}}", u32::from(c))),
        _ => None,
    }
}

/// Whether this is whitespace that is shown as a space rather than escaped.
pub fn is_plain_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r')
}

/// The text on one line: tabs and line breaks become spaces, everything else that [`escape`] knows is escaped.
pub fn line(text: &str) -> Cow<'_, str> {
    with(text, |c| if is_plain_space(c) { Some(" ".to_owned()) } else { escape(c) })
}

/// The text with its own line breaks and tabs; everything else that [`escape`] knows is escaped.
pub fn lines(text: &str) -> Cow<'_, str> {
    with(text, |c| if matches!(c, '\t' | '\n') { None } else { escape(c) })
}

/// JSON whose strings hold these characters only in JSON's own escapes, so that it stays JSON.
pub fn json(text: &str) -> Cow<'_, str> {
    with(text, |c| {
        let escaped = !matches!(c, '\t' | '\n') && escape(c).is_some();
        escaped.then(|| {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().fold(String::new(), |mut out, unit| {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
                out
            })
        })
    })
}

fn with(text: &str, replaced: impl Fn(char) -> Option<String>) -> Cow<'_, str> {
    let mut out = String::new();
    let mut kept = 0;
    for (at, c) in text.char_indices() {
        if let Some(instead) = replaced(c) {
            out.push_str(&text[kept..at]);
            out.push_str(&instead);
            kept = at + c.len_utf8();
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[kept..]);
    Cow::Owned(out)
}

/// At most this many bytes of the text, cut between characters, with `…` where something is missing.
pub fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let end = (0..=bytes.saturating_sub('…'.len_utf8())).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_or_a_reader_obeys_is_left() {
        assert_eq!(line("a\x1b[2Jb\u{9b}c\u{7f}"), "a\\x1b[2Jb\\x9bc\\x7f");
        assert_eq!(
            line("exe\u{202e}gpj.\u{200b}\u{feff}\u{e0041}"),
            "exe\\u{202e}gpj.\\u{200b}\\u{feff}\\u{e0041}"
        );
        assert_eq!(line("one\r\n\ttwo\0"), "one   two\\x00");
        assert_eq!(lines("one\n\ttwo\r\x07"), "one\n\ttwo\\x0d\\x07");
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in ["", "José – “Größe” 100 % 👍", "نمی\u{200c}خواهم", "👨\u{200d}👩\u{200d}👧", "हिन्दी"]
        {
            assert!(matches!(line(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn json_stays_json_and_means_the_same() {
        let value = serde_json::json!({ "name": "a\u{9b}b\u{202e}c\u{e0041}\x1b" });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = json(&text);
        assert!(!shown.contains(['\u{9b}', '\u{202e}', '\u{e0041}']), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("short".into(), 5), "short");
        assert_eq!(cut("ääääää".into(), 8), "ää…");
        assert!(cut("x".repeat(100), 10).len() <= 10);
    }
}
