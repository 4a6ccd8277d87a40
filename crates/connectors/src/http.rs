//! The one place where text of a remote side enters: every answer is read here, within limits, with the secrets in it
//! masked and its control characters escaped. Nothing else in this crate reads the body of an answer.

use std::time::Duration;

use reqwest::{
    ClientBuilder, RequestBuilder, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap},
};
use usher_domain::{Problem, shown};

use crate::{mask::Secrets, retry_after::retry_after};

/// The longest body of a listing, in bytes after decompression (no compression is asked for).
pub(crate) const LONGEST_LISTING: usize = 32 * 1024 * 1024;
/// The longest body of any other answer, in bytes.
pub(crate) const LONGEST_ANSWER: usize = 1024 * 1024;
/// How much of an answer is read that only says why something was refused, in bytes.
pub(crate) const LONGEST_REFUSAL: usize = 8 * 1024;
/// How many JSON values an answer may hold: small values take far more memory than bytes on the wire.
pub(crate) const MOST_VALUES: usize = 2_000_000;
/// How many bytes of memory one JSON value counts for.
const BYTES_PER_VALUE: usize = 32;
/// The longest request id that is kept, in characters.
const LONGEST_ID: usize = 64;

/// What is expected of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    /// The longest body, in bytes.
    pub(crate) longest: usize,
    /// Which answers are read whole, or not at all when they are longer. Of the others that are no successes only the
    /// beginning is read, of successes nothing.
    pub(crate) whole: fn(StatusCode) -> bool,
    /// Whether a success gives a new secret, which is then not masked: it goes nowhere but into a `Secret`.
    pub(crate) grants: bool,
    /// What is masked.
    pub(crate) secrets: &'a Secrets,
}

/// An answer, read within its limits.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// `X-Dropbox-Request-Id`.
    pub(crate) request_id: Option<String>,
    /// `Retry-After`, in any of its forms.
    pub(crate) retry_after: Option<Duration>,
    html: bool,
    pub(crate) body: Vec<u8>,
    /// About how many bytes of memory its contents take.
    pub(crate) weight: usize,
}

/// Why there is no answer; each with what happened as the end of a sentence.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The request never left: it cannot have had an effect.
    Unsent(String),
    /// It did not come in time. The request may have had an effect.
    Late,
    /// It broke off. The request may have had an effect.
    Lost(String),
    /// The answer is beyond its limits, and was not read to its end.
    TooLong(String),
}

impl NoAnswer {
    /// What happened, as the end of a sentence.
    pub(crate) fn what(&self) -> &str {
        match self {
            NoAnswer::Late => "did not answer in time",
            NoAnswer::Unsent(what) | NoAnswer::Lost(what) | NoAnswer::TooLong(what) => what,
        }
    }
}

/// An HTTP client with these settings. Without CA certificates on this machine it is made all the same, and every
/// connection that needs them fails.
///
/// # Errors
/// When no client can be set up on this machine.
pub(crate) fn client(configure: impl Fn(ClientBuilder) -> ClientBuilder) -> Result<reqwest::Client, Problem> {
    let builder = || {
        configure(reqwest::Client::builder().user_agent(concat!("usher/", env!("CARGO_PKG_VERSION"))))
            .redirect(reqwest::redirect::Policy::none())
    };
    builder().build().or_else(|_| builder().tls_certs_only([]).build()).map_err(|error| {
        Problem::new(
            "HTTP_CLIENT_UNAVAILABLE",
            format!("An HTTPS client could not be set up: {}.", reason(&error.without_url())),
            "Check the system's certificate store and proxy settings.",
        )
    })
}

/// Sends the request and reads the answer.
pub(crate) async fn ask(request: RequestBuilder, expected: Expected<'_>) -> Result<Answer, NoAnswer> {
    let mut response = request.send().await.map_err(no_answer)?;
    let status = response.status();
    let headers = response.headers();
    let request_id = text(headers, "x-dropbox-request-id").map(|id| {
        let id = String::from_utf8_lossy(&expected.secrets.mask(id.as_bytes().to_vec())).into_owned();
        shown::line(&id).chars().take(LONGEST_ID).collect()
    });
    let retry_after = retry_after(headers);
    let html = text(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("text/html"));
    let body = if (expected.whole)(status) {
        whole(&mut response, expected.longest).await?
    } else if status.is_success() {
        Vec::new()
    } else {
        beginning(&mut response).await
    };
    let values = body.iter().filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{')).count();
    if values > MOST_VALUES {
        return Err(NoAnswer::TooLong(format!("answered with more than {MOST_VALUES} JSON values")));
    }
    let weight = body.len().max(values * BYTES_PER_VALUE);
    let body = if expected.grants && status.is_success() { body } else { clean(body, expected.secrets) };
    Ok(Answer { status, request_id, retry_after, html, body, weight })
}

async fn whole(response: &mut Response, longest: usize) -> Result<Vec<u8>, NoAnswer> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        if body.len() + chunk.len() > longest {
            return Err(NoAnswer::TooLong(format!("answered with more than {} KiB", longest / 1024)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// As much as comes of the first [`LONGEST_REFUSAL`] bytes.
async fn beginning(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < LONGEST_REFUSAL
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body.truncate(LONGEST_REFUSAL);
    body
}

impl Answer {
    /// A 429, for tests.
    #[cfg(test)]
    pub(crate) fn throttled(retry_after: Option<Duration>, body: String) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Answer { status, request_id: None, retry_after, html: false, body: body.into_bytes(), weight: 0 }
    }

    /// Whether it is a page for people, which only the network edge before Dropbox sends.
    pub(crate) fn is_page(&self) -> bool {
        self.html || self.body.trim_ascii_start().starts_with(b"<")
    }

    /// The beginning of the body, as one line of text for an error.
    pub(crate) fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut short: String = line.chars().take(300).collect();
        if short.len() < line.len() {
            short.push('…');
        }
        short
    }
}

/// The body with its secrets masked, and with those characters escaped that no log, page or terminal should obey, also
/// where JSON spells them. JSON stays JSON, and plain text has them as `\x1b`.
fn clean(body: Vec<u8>, secrets: &Secrets) -> Vec<u8> {
    let body = secrets.mask(body);
    let json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'));
    let mut clean = Vec::new();
    let (mut kept, mut at) = (0, 0);
    while at < body.len() {
        if matches!(body[at], b' '..=b'[' | b']'..=b'~') {
            at += 1;
            continue;
        }
        let (c, length) = if json { json_char(&body[at..]) } else { plain_char(&body[at..]) };
        let instead = c.and_then(|c| match c {
            // Between the values of JSON; within strings it is always escaped.
            _ if shown::is_plain_space(c) && length == 1 => None,
            _ if shown::is_plain_space(c) => Some(" ".to_owned()),
            _ => shown::escape(c).map(|shown| if json { shown.replace('\\', "\\\\") } else { shown }),
        });
        if let Some(instead) = instead {
            clean.extend_from_slice(&body[kept..at]);
            clean.extend_from_slice(instead.as_bytes());
            kept = at + length;
        }
        at += length;
    }
    if kept == 0 {
        return body;
    }
    clean.extend_from_slice(&body[kept..]);
    clean
}

/// The character at the beginning of this text, and its length in bytes; `None` for bytes that are none.
fn plain_char(text: &[u8]) -> (Option<char>, usize) {
    let length = match text[0] {
        byte @ 0..0x80 => return (Some(char::from(byte)), 1),
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    match text.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok()) {
        Some(one) => (one.chars().next(), length),
        None => (None, 1),
    }
}

/// The same, read through JSON's escapes. `None` also for an escape that spells no control character.
fn json_char(text: &[u8]) -> (Option<char>, usize) {
    match text {
        [b'\\', b'u', ..] => {
            let unit = |at: usize| {
                let digits = text.get(at..at + 6).filter(|it| it.starts_with(b"\\u"))?;
                u16::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
            };
            let units = [unit(0), unit(6)].into_iter().map_while(|unit| unit);
            match char::decode_utf16(units).next() {
                Some(Ok(c)) => (Some(c), 6 * c.len_utf16()),
                _ => (None, 2),
            }
        }
        [b'\\', escaped, ..] => {
            let c = match escaped {
                b'n' | b'r' | b't' => Some('\n'),
                b'b' => Some('\x08'),
                b'f' => Some('\x0c'),
                _ => None,
            };
            (c, 2)
        }
        _ => plain_char(text),
    }
}

fn no_answer(error: reqwest::Error) -> NoAnswer {
    let unsent = error.is_connect() || error.is_builder();
    let error = error.without_url();
    if unsent {
        NoAnswer::Unsent(format!("cannot be reached ({})", reason(&error)))
    } else if error.is_timeout() {
        NoAnswer::Late
    } else {
        NoAnswer::Lost(format!("broke off ({})", reason(&error)))
    }
}

/// A header's text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The innermost cause, which is the one that says something.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let reason = cause.to_string();
    let missing = if reason.contains("UnknownIssuer") {
        ": this machine has no CA certificate for it; install the system's CA certificates, or name a file of them in \
         SSL_CERT_FILE, and restart Usher"
    } else {
        ""
    };
    format!("{}{missing}", shown::line(&reason))
}

#[cfg(test)]
mod tests {
    use usher_domain::Secret;

    use super::*;

    fn cleaned(body: &str) -> String {
        let secrets = Secrets::of([&Secret::new("refresh-9f31c2")]);
        String::from_utf8(clean(body.as_bytes().to_vec(), &secrets)).unwrap()
    }

    #[test]
    fn control_characters_in_plain_text_are_shown_and_not_obeyed() {
        assert_eq!(cleaned("bad\x1b[2J \u{9b}1m\u{202e}txt\x07"), "bad\\x1b[2J \\x9b1m\\u{202e}txt\\x07");
        assert_eq!(cleaned("a\nb refresh-9f31c2"), "a\nb ********");
    }

    #[test]
    fn control_characters_in_json_are_shown_however_they_are_spelled_and_json_stays_json() {
        let body = "{\n\t\"a\\u001b\": \"\\u001B[2J\\u009b\u{9b}\\b\\f\\u202e\u{202e}\\udb40\\udc41\",\r\n \"b\": \"one\\ntwo\\tthree\\r\"}";
        let value: serde_json::Value = serde_json::from_str(&cleaned(body)).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "a\\x1b": "\\x1b[2J\\x9b\\x9b\\x08\\x0c\\u{202e}\\u{202e}\\u{e0041}", "b": "one two three ",
            })
        );
        let harmless =
            r#"{"a": "C:\\\\new \u00e9\ud83d\ude00 \" \/ \ud83d نمی‌خواهم", "n": [1, -2.5e3, null]}"#;
        assert_eq!(cleaned(harmless), harmless);
    }

    #[test]
    fn a_body_that_is_no_text_is_left_as_it_is() {
        let secrets = Secrets::of([]);
        for body in [&b"\xff\xfe\xc3"[..], b"\xe2\x80", b"{\"\\", b"{\\u00", b"\"\\u12"] {
            assert_eq!(clean(body.to_vec(), &secrets), body);
        }
    }
}
