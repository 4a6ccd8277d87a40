//! What every HTTP exchange here has in common: what an answer asks, and why there is none.

use reqwest::header::HeaderMap;
use usher_domain::{Secret, secret::MASK};

/// A repeated secret is known by so many bytes of its beginning: an echo may be cut off.
const BEGINNING: usize = 8;

/// A header's text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The same bytes with every one of these secrets masked, also where only its beginning is repeated. Whoever refuses a
/// request may say in its answer what it was sent, and answers are told to people.
pub(crate) fn masked(body: Vec<u8>, secrets: &[&Secret]) -> Vec<u8> {
    secrets.iter().fold(body, |body, secret| {
        let secret = secret.expose().as_bytes();
        let beginning = secret.len().min(BEGINNING);
        if beginning == 0 || !body.windows(beginning).any(|window| window == &secret[..beginning]) {
            return body;
        }
        let mut kept = Vec::with_capacity(body.len());
        let mut at = 0;
        while let Some(first) = body.get(at) {
            let repeated = body[at..].iter().zip(secret).take_while(|(one, other)| one == other).count();
            if repeated >= beginning {
                kept.extend_from_slice(MASK.as_bytes());
                at += repeated;
            } else {
                kept.push(*first);
                at += 1;
            }
        }
        kept
    })
}

/// The innermost cause, which is the one that says something.
pub(crate) fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_repeated_is_masked_and_nothing_else_is_changed() {
        let (secret, other) = (Secret::new("refresh-9f31c2"), Secret::new("hush"));
        let masked = |text: &str| {
            String::from_utf8(super::masked(text.as_bytes().to_vec(), &[&secret, &other])).unwrap()
        };
        assert_eq!(masked("{\"error\":\"refresh token\"}"), "{\"error\":\"refresh token\"}");
        assert_eq!(masked("no refresh-9f31c2 is hush, refresh-9f31c2"), "no ******** is ********, ********");
        assert_eq!(masked("cut off: refresh-9f3"), "cut off: ********");
        assert_eq!(super::masked(b"any".to_vec(), &[&Secret::new("")]), b"any");
    }
}
