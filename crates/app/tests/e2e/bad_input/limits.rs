//! Requests that are too long or too slow, and what every answer says to a browser.

use std::time::{Duration, Instant};

use reqwest::{Method, header};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Refusals;
use crate::support::{ENVIRONMENT, Home, http_client};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_or_headers_that_are_too_long() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let mut told = Refusals::of(&api);
    told.get("a long address", &format!("/users?filter={}", "x".repeat(50_000))).await;
    let large = api.request(Method::GET, "/users").header("x-large", "x".repeat(20_000));
    let answer = api.send(large).await;
    told.add("large headers", answer);
    insta::assert_snapshot!(told, @r"
    a long address
      414 REQUEST_TOO_LARGE: The address with its query is longer than 49152 bytes. Shorten the filter.
    large headers
      431 REQUEST_TOO_LARGE: The request's headers are larger than 16384 bytes. Send fewer, or shorter ones.
    ");
    let many = (0..150).fold(api.request(Method::GET, "/users"), |request, number| {
        request.header(format!("x-{number}"), "x")
    });
    assert_eq!(api.send(many).await.status, 431);
    let huge = api.request(Method::GET, "/users").header("x-huge", "x".repeat(200_000));
    // Answered before it was read to its end: the client may see the answer, or only that nobody reads on.
    assert!(
        api.try_send(huge).await.is_ok_and(|answer| answer.status == 431)
            || api.get("/users").await.status == 200
    );
}

/// How long until the server gives up this connection, and what it said.
async fn given_up(address: &str, begin: &str) -> (Duration, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(begin.as_bytes()).await.unwrap();
    let began = Instant::now();
    let mut said = String::new();
    let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_string(&mut said)).await;
    assert!(read.is_ok(), "the server still waits for the rest of {begin:?}");
    (began.elapsed(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_dawdles_is_given_up() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let address = usher.url().replace("http://", "");
    let slow_body = |route: &str, media_type: &str| {
        format!(
            "POST /v1/environments/{ENVIRONMENT}{route} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             authorization: Bearer {}\r\ncontent-type: {media_type}\r\ncontent-length: 100\r\n\r\n{{\"username\":",
            api.token()
        )
    };
    let bodies = [slow_body("/users", "application/json"), slow_body("/imports/users", "text/csv")];
    let slow_head = "GET /healthz HTTP/1.1\r\nhost: x\r\nx-sl";
    let (one, file, head) = tokio::join!(
        given_up(&address, &bodies[0]),
        given_up(&address, &bodies[1]),
        given_up(&address, slow_head)
    );
    for body in [&one, &file] {
        assert!(body.1.starts_with("HTTP/1.1 408 "), "{}", body.1);
        assert!(body.1.contains("The request body paused for more than 10 s."), "{}", body.1);
    }
    for (took, said) in [one, file, head] {
        assert!(took < Duration::from_secs(30), "after {took:?}: {said}");
    }
    assert_eq!(api.get("/users?limit=1").await.status, 200);
    assert!(api.list("/users", "users").await.is_empty(), "half a body made a user");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_client_accepts_an_error_of_the_api_is_json_with_its_status() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let stranger = api.as_someone_with("nonsense");
    for accept in ["text/html", "image/png;q=1", "", "nonsense", ";;;", "*/*;q=0", "text/csv", "\u{fc}ml"] {
        let accept = header::HeaderValue::from_bytes(accept.as_bytes()).unwrap();
        for (api, path, status) in
            [(&stranger, "/users", 401), (&api, "/nothing", 404), (&api, "/users?filter=(", 400)]
        {
            let request = api.request(Method::GET, path).header(header::ACCEPT, &accept);
            let answer = http_client().execute(request.build().unwrap()).await.unwrap();
            assert_eq!(answer.status(), status, "{accept:?} {path}");
            assert_eq!(
                answer.headers()["content-type"],
                "application/hal+json;charset=UTF-8",
                "{accept:?} {path}"
            );
            let body: serde_json::Value = answer.json().await.unwrap();
            assert!(body["code"].is_string(), "{accept:?} {path}: {body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_tells_a_browser_to_be_careful() {
    let usher = Home::sqlite().serve().await;
    let http = http_client();
    for path in ["/healthz", "/nothing/here", &format!("/v1/environments/{ENVIRONMENT}/users")] {
        let answer = http.get(format!("{}{path}", usher.url())).send().await.unwrap();
        let said = |name: header::HeaderName| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(said(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
        assert_eq!(said(header::X_FRAME_OPTIONS), "DENY", "{path}");
        assert_eq!(said(header::REFERRER_POLICY), "no-referrer", "{path}");
        assert!(said(header::CACHE_CONTROL).contains("no-store"), "{path}");
        assert!(said(header::CONTENT_SECURITY_POLICY).contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.headers().contains_key(header::STRICT_TRANSPORT_SECURITY), "{path}: this is http");
    }
}
