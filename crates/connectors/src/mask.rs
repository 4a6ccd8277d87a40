//! Masks secrets in what a remote side sends, however they are spelled: as they are, percent-encoded, with JSON's escapes,
//! in base64. The beginning of a secret is masked too, because an echo may be cut off.

use std::fmt;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use usher_domain::{Secret, secret::MASK};

/// How many bytes of its beginning are enough to recognise a secret.
const BEGINNING: usize = 8;
/// Anything shorter is not looked for: it would be found in innocent words.
const SHORTEST: usize = 4;
/// A shorter piece of base64 would be found in innocent words.
const SHORTEST_BASE64: usize = 6;

/// The secrets that are masked, in all their forms.
pub(crate) struct Secrets {
    forms: Vec<Secret>,
    /// The pairs of bytes that any form may begin with, a bit for each, so that megabytes are looked through quickly.
    pairs: Box<[u64; 1024]>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// These secrets. One of fewer than four bytes is not masked.
    pub(crate) fn of<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut forms: Vec<Secret> = Vec::new();
        let mut add = |text: &str, shortest: usize| {
            if text.len() >= shortest && !forms.iter().any(|form| form.expose() == text) {
                forms.push(Secret::new(text));
            }
        };
        for secret in secrets {
            let secret = secret.expose();
            add(secret, SHORTEST);
            for before in 0..3 {
                // What stands around the secret decides the first and last letters; those between are its own.
                let shifted = [&[0; 3][..before], secret.as_bytes()].concat();
                let own = (before * 8).div_ceil(6)..shifted.len() * 8 / 6;
                for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
                    add(encoded.get(own.clone()).unwrap_or_default(), SHORTEST_BASE64);
                }
            }
        }
        let mut pairs = Box::new([0; 1024]);
        for form in &forms {
            for (first, second) in beginnings(form.expose()) {
                let pair = pair(first, second);
                pairs[pair / 64] |= 1 << (pair % 64);
            }
        }
        Secrets { forms, pairs }
    }

    /// The same text with every secret masked.
    pub(crate) fn mask(&self, text: Vec<u8>) -> Vec<u8> {
        let mut masked = Vec::new();
        let mut kept = 0;
        let mut at = 0;
        while let [first, second, ..] = text[at..] {
            let pair = pair(first, second);
            let length =
                if (self.pairs[pair / 64] >> (pair % 64)) & 1 == 1 { self.found(&text[at..]) } else { 0 };
            if length == 0 {
                at += 1;
                continue;
            }
            masked.extend_from_slice(&text[kept..at]);
            masked.extend_from_slice(MASK.as_bytes());
            at += length;
            kept = at;
        }
        if kept == 0 {
            return text;
        }
        masked.extend_from_slice(&text[kept..]);
        masked
    }

    /// How many bytes at the beginning of this text spell a secret or the beginning of one; the longest counts.
    fn found(&self, text: &[u8]) -> usize {
        self.forms.iter().map(|form| spelled(text, form.expose())).max().unwrap_or_default()
    }
}

/// The first two bytes of each way to spell what begins like this.
fn beginnings(form: &str) -> Vec<(u8, u8)> {
    let bytes = form.as_bytes();
    let (Some(&first), Some(&second)) = (bytes.first(), bytes.get(1)) else { return Vec::new() };
    let hex = format!("{first:02x}").into_bytes()[0];
    let mut pairs = vec![(b'%', hex), (b'%', hex.to_ascii_uppercase()), (b'\\', b'u'), (b'\\', first)];
    for first in if first == b' ' { vec![first, b'+'] } else { vec![first] } {
        pairs.extend([second, b'%', b'\\', b'+'].map(|second| (first, second)));
    }
    pairs
}

/// How many bytes at the beginning of `text` spell `form`, or enough of its beginning; 0 if they do not.
fn spelled(text: &[u8], form: &str) -> usize {
    let enough = form.len().min(BEGINNING);
    let (mut at, mut matched) = (0, 0);
    for c in form.chars() {
        let Some(length) = spelled_char(&text[at..], c) else { break };
        at += length;
        matched += c.len_utf8();
    }
    if matched >= enough { at } else { 0 }
}

/// How many bytes at the beginning of `text` spell this character.
fn spelled_char(text: &[u8], c: char) -> Option<usize> {
    let mut units = [0; 2];
    let mut at = 0;
    let as_json = c.encode_utf16(&mut units).iter().all(|unit| {
        let digits = text.get(at..at + 6).filter(|it| it.starts_with(b"\\u")).map(|it| &it[2..]);
        at += 6;
        digits.and_then(hexadecimal) == Some(u32::from(*unit))
    });
    if as_json {
        return Some(at);
    }
    let mut bytes = [0; 4];
    let mut at = 0;
    for byte in c.encode_utf8(&mut bytes).bytes() {
        at += match text.get(at..)? {
            [b'%', high, low, ..] if hexadecimal(&[*high, *low]) == Some(byte.into()) => 3,
            [b'\\', escaped, ..] if *escaped == byte && matches!(byte, b'/' | b'"' | b'\\') => 2,
            [b'+', ..] if byte == b' ' => 1,
            [same, ..] if *same == byte => 1,
            _ => return None,
        };
    }
    Some(at)
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(u16::from_be_bytes([first, second]))
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| Some((sum << 4) | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use url::form_urlencoded::byte_serialize;

    use super::*;

    fn masked(text: &str) -> String {
        let secrets = ["refresh-9f31c2", "hush", "ü/ \"st%41r\\nge+", "x"].map(Secret::new);
        String::from_utf8(Secrets::of(&secrets).mask(text.as_bytes().to_vec())).unwrap()
    }

    #[test]
    fn a_secret_that_is_repeated_is_masked_and_nothing_else_is_changed() {
        assert_eq!(masked("{\"error\":\"refresh token\"}"), "{\"error\":\"refresh token\"}");
        assert_eq!(masked("no refresh-9f31c2 is hush, refresh-9f31c2"), "no ******** is ********, ********");
        assert_eq!(masked("cut off: refresh-9f3"), "cut off: ********");
        assert_eq!(masked("x marks the spot"), "x marks the spot");
        assert_eq!(masked("ü/ \"st%41r\\nge+ is strange"), "******** is strange");
        let none = Secrets::of([&Secret::new("")]);
        assert_eq!(none.mask(b"any".to_vec()), b"any");
    }

    #[test]
    fn a_secret_is_found_however_it_is_spelled() {
        let strange = "ü/ \"st%41r\\nge+";
        let all_percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let all_json =
            |text: &str| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
        for secret in ["refresh-9f31c2", strange] {
            let spellings = [
                byte_serialize(secret.as_bytes()).collect(),
                all_percent(secret),
                all_percent(secret).to_lowercase(),
                all_json(secret),
                serde_json::to_string(secret).unwrap().trim_matches('"').to_owned(),
                secret.replace('/', "\\/"),
            ];
            for spelling in spellings {
                assert_eq!(masked(&format!("[{spelling}]")), "[********]", "{spelling}");
            }
            for around in ["", "a", "ab", "app-key:"] {
                let encoded = STANDARD.encode(format!("{around}{secret}"));
                let shown = masked(&encoded);
                assert!(shown.contains("********"), "{encoded} is shown as {shown}");
                let left = shown.replace("********", "");
                assert!(left.len() <= around.len() * 4 / 3 + 8, "{encoded} is shown as {shown}");
            }
        }
    }

    #[test]
    fn json_stays_json_where_a_secret_is_masked() {
        let json = serde_json::json!({ "a": "x ü/ \"st%41r\\nge+ y", "b": ["hush"] }).to_string();
        let shown: serde_json::Value = serde_json::from_str(&masked(&json)).unwrap();
        assert_eq!(shown, serde_json::json!({ "a": "x ******** y", "b": ["********"] }));
    }
}
