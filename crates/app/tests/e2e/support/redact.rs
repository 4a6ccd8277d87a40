//! Answers as snapshots hold them: what differs from run to run is replaced.

use serde_json::Value;

/// Pretty JSON, redacted.
pub(crate) fn shown(value: &Value) -> String {
    redacted(&serde_json::to_string_pretty(value).unwrap())
}

/// Replaces ids, digests, times and addresses of this machine.
pub(crate) fn redacted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let known = PATTERNS.iter().find_map(|(matches, name)| matches(rest).map(|length| (length, *name)));
        // In the middle of a word nothing begins.
        let in_word = out.ends_with(|c: char| c.is_ascii_alphanumeric());
        match known {
            Some((length, name)) if !in_word => {
                out.push_str(name);
                rest = &rest[length..];
            }
            _ => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

type Matches = fn(&str) -> Option<usize>;

const PATTERNS: [(Matches, &str); 5] = [
    (uuid, "<id>"),
    (time, "<time>"),
    (digest, "<digest>"),
    (address, "127.0.0.1:<port>"),
    (dropbox_id, "<dropbox id>"),
];

fn uuid(text: &str) -> Option<usize> {
    let bytes = text.as_bytes().get(..36)?;
    let fits = bytes.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    fits.then_some(36)
}

/// `2026-11-24T02:57:16.123Z`, with or without a fraction.
fn time(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let head = bytes.get(..19)?;
    let fits = head.iter().zip(b"0000-00-00T00:00:00").all(|(byte, pattern)| match pattern {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    });
    if !fits {
        return None;
    }
    let more = bytes[19..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    (bytes.get(19 + more) == Some(&b'Z')).then_some(20 + more)
}

/// Sixteen or more hexadecimal digits.
fn digest(text: &str) -> Option<usize> {
    let length = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    (length >= 16).then_some(length)
}

fn address(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("127.0.0.1:")?.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then_some("127.0.0.1:".len() + digits)
}

/// `dbmid:…`, `dbid:…`, `g:…`
fn dropbox_id(text: &str) -> Option<usize> {
    let prefix = ["dbmid:", "dbid:", "g:"].into_iter().find(|prefix| text.starts_with(prefix))?;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let length = text.bytes().skip(prefix.len()).take_while(is_part).count();
    (length >= 30).then_some(prefix.len() + length)
}

#[test]
fn only_what_differs_from_run_to_run_is_replaced() {
    let text = "run 0197b2d0-0000-7000-8000-0000000000e1 at 2026-11-24T02:57:16.123Z on http://127.0.0.1:4711/v1, \
                digest 00112233445566778899aabbccddeeff: ada@example.com, line 3, beef";
    assert_eq!(
        redacted(text),
        "run <id> at <time> on http://127.0.0.1:<port>/v1, digest <digest>: ada@example.com, line 3, beef"
    );
}
