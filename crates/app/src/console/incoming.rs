//! Reading a form that was sent, and making sure that it is one of ours. Until its token was seen, no more of it is read
//! than of a guest's: without a page of ours, nobody can make the server hold megabytes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    body::Body,
    extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, multipart::MultipartError},
    http::{HeaderMap, header, request::Parts},
};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::{
    error::{ConsoleError, ConsoleResult},
    form::{FILE_LIMIT, FORM_LIMIT, Form},
};
use crate::body::{self, Allowed, BodyFault, GUEST_BYTES};

/// The name of the field that has the token; pages put it first.
const TOKEN: &str = "csrf";

/// Reads the form of someone who is signed in (`known`), or of a guest. It must carry this token.
pub(super) async fn read(parts: &Parts, body: Body, token: &str, known: bool) -> ConsoleResult<Form> {
    let has_file = parts
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
    let (allowed, reading) = match (known, has_file) {
        (true, true) => (Allowed::known(FILE_LIMIT), true),
        (true, false) => (Allowed::known(FORM_LIMIT), false),
        (false, false) => (Allowed::GUEST, false),
        (false, true) => {
            return Err(ConsoleError::bad_request("Only a signed-in administrator can upload a file."));
        }
    };
    body::announced(&parts.headers, allowed.bytes)?;
    let form = async {
        match reading {
            true => with_file(&parts.headers, body, token).await,
            false => without_file(body, token, allowed.bytes).await,
        }
    };
    let form = timeout(allowed.time, form).await.unwrap_or(Err(BodyFault::TooSlow(allowed.time).into()))?;
    if !same(form.raw(TOKEN).as_bytes(), token) {
        return Err(ConsoleError::not_our_form());
    }
    Ok(form)
}

/// `application/x-www-form-urlencoded`
async fn without_file(body: Body, token: &str, most: usize) -> ConsoleResult<Form> {
    let allowed = Arc::new(AtomicUsize::new(most));
    let mut pieces = Box::pin(body::pieces(body, allowed));
    let (mut bytes, mut is_ours) = (Vec::new(), false);
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece?);
        if bytes.len() > GUEST_BYTES && !is_ours {
            is_ours = url::form_urlencoded::parse(&bytes)
                .any(|(name, value)| name == TOKEN && same(value.as_bytes(), token));
            if !is_ours {
                return Err(ConsoleError::not_our_form());
            }
        }
    }
    let mut form = Form::default();
    for (name, value) in url::form_urlencoded::parse(&bytes) {
        form.add(name.into_owned(), value.into_owned());
    }
    Ok(form)
}

/// `multipart/form-data`, with files as text. A file is read only after the token.
async fn with_file(headers: &HeaderMap, body: Body, token: &str) -> ConsoleResult<Form> {
    let allowed = Arc::new(AtomicUsize::new(GUEST_BYTES));
    let mut request = Request::new(Body::from_stream(body::pieces(body, Arc::clone(&allowed))));
    *request.headers_mut() = headers.clone();
    // The limit is kept above, and does not stay the same.
    DefaultBodyLimit::disable().apply(&mut request);
    let parts = Multipart::from_request(request, &()).await;
    let mut parts = parts.map_err(|error| ConsoleError::bad_request(error.body_text()))?;
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(unread)? {
        let name = part.name().unwrap_or_default().to_owned();
        let is_file = part.file_name().is_some();
        if is_file && allowed.load(Ordering::Relaxed) == GUEST_BYTES {
            return Err(ConsoleError::not_our_form());
        }
        let bytes = part.bytes().await.map_err(unread)?;
        if name == TOKEN && same(&bytes, token) {
            allowed.store(FILE_LIMIT, Ordering::Relaxed);
        }
        match String::from_utf8(bytes.into()) {
            Ok(text) => form.add(name, text),
            Err(_) if is_file => form.fault(&name, "The file is not in UTF-8; save it as UTF-8."),
            Err(_) => return Err(ConsoleError::bad_request("The form is not in UTF-8.")),
        }
    }
    Ok(form)
}

fn unread(error: MultipartError) -> ConsoleError {
    match BodyFault::behind(&error) {
        // It is larger than what is read before its token was seen.
        Some(BodyFault::TooLarge(GUEST_BYTES)) => ConsoleError::not_our_form(),
        Some(fault) => fault.into(),
        None => ConsoleError::bad_request("The form could not be read to its end."),
    }
}

/// Whether this is the token; without one, nothing is.
fn same(given: &[u8], token: &str) -> bool {
    !token.is_empty() && aws_lc_rs::constant_time::verify_slices_are_equal(given, token.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    async fn sent(kind: &str, body: String, known: bool) -> Result<Form, StatusCode> {
        let request = Request::builder().header(header::CONTENT_TYPE, kind).body(()).unwrap();
        let parts = request.into_parts().0;
        read(&parts, Body::from(body), "good", known).await.map_err(|error| error.status)
    }

    async fn plain(body: String, known: bool) -> Result<Form, StatusCode> {
        sent("application/x-www-form-urlencoded", body, known).await
    }

    async fn with_parts(parts: &[(&str, &str)]) -> Result<Form, StatusCode> {
        let mut body = String::new();
        for (name, value) in parts {
            body.push_str(&format!(
                "--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        sent("multipart/form-data; boundary=x", body + "--x--\r\n", true).await
    }

    #[tokio::test]
    async fn a_guests_form_is_small_and_has_the_token() {
        assert_eq!(plain("csrf=good&username=ada".into(), false).await.unwrap().value("username"), "ada");
        assert_eq!(plain("username=ada".into(), false).await.unwrap_err(), StatusCode::FORBIDDEN);
        let long = format!("csrf=good&username={}", "x".repeat(GUEST_BYTES));
        assert_eq!(plain(long.clone(), false).await.unwrap_err(), StatusCode::PAYLOAD_TOO_LARGE);
        assert!(plain(long, true).await.is_ok());
    }

    #[tokio::test]
    async fn nothing_large_is_read_before_the_token() {
        let long = "x".repeat(2 * GUEST_BYTES);
        let first = format!("csrf=good&note={long}");
        assert_eq!(plain(first, true).await.unwrap().raw("note").len(), long.len());
        assert_eq!(plain(format!("note={long}&csrf=good"), true).await.unwrap_err(), StatusCode::FORBIDDEN);
        assert_eq!(plain(format!("csrf=bad&note={long}"), true).await.unwrap_err(), StatusCode::FORBIDDEN);

        let file = ("file\"; filename=\"a.csv", long.as_str());
        assert_eq!(with_parts(&[("csrf", "good"), file]).await.unwrap().raw("file").len(), long.len());
        for parts in
            [&[file, ("csrf", "good")][..], &[("csrf", "bad"), file], &[("note", &long), ("csrf", "good")]]
        {
            assert_eq!(with_parts(parts).await.unwrap_err(), StatusCode::FORBIDDEN);
        }
    }

    #[tokio::test]
    async fn only_a_signed_in_administrator_can_upload_a_file() {
        let refused = sent("multipart/form-data; boundary=x", "--x--\r\n".into(), false).await.unwrap_err();
        assert_eq!(refused, StatusCode::BAD_REQUEST);
    }
}
