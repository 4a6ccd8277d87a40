//! A remote side without an end, and a machine without CA certificates: the server lives, and says what to do.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use dropbox_simulator::Team;
use serde_json::{Value, json};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use crate::support::{Home, Usher, World, http_client, id, settled, until};

/// The most memory that a server may ever have used, in bytes.
const MOST_MEMORY: u64 = 200 * 1024 * 1024;

/// In front of a simulated Dropbox: answers of some paths have no end.
#[derive(Clone, Debug)]
struct Endless {
    url: String,
    paths: Arc<Mutex<BTreeSet<String>>>,
}

impl Endless {
    async fn start(dropbox: &str) -> Endless {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let endless = Endless { url, paths: Arc::default() };
        let (proxy, dropbox, http) = (endless.clone(), dropbox.to_owned(), http_client());
        let app = Router::new().fallback(async move |request: Request| {
            let path = request.uri().path().to_owned();
            if path.starts_with("/status") || proxy.paths.lock().unwrap().contains(&path) {
                let status = path.strip_prefix("/status/").map_or(200, |status| status.parse().unwrap());
                return without_end(status);
            }
            forward(&http, &dropbox, request).await
        });
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        endless
    }

    /// From now on these have no end, and no others.
    fn are(&self, paths: &[&str]) {
        *self.paths.lock().unwrap() = paths.iter().map(|path| (*path).to_owned()).collect();
    }
}

fn without_end(status: u16) -> Response {
    let piece = Bytes::from_static(&[b' '; 64 * 1024]);
    let body = Body::from_stream(futures_util::stream::repeat(Ok::<_, Infallible>(piece)));
    (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json")], body).into_response()
}

async fn forward(http: &reqwest::Client, dropbox: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let url = format!("{dropbox}{}", parts.uri);
    let answer = http.request(parts.method, url).headers(parts.headers).body(body).send().await.unwrap();
    let (status, kind) = (answer.status(), answer.headers().get("content-type").cloned());
    let body = answer.bytes().await.unwrap();
    let mut response = (status, body).into_response();
    if let Some(kind) = kind {
        response.headers_mut().insert("content-type", kind);
    }
    response
}

#[track_caller]
fn assert_small(usher: &Usher, when: &str) {
    let memory = usher.memory();
    let (now, peak) = (memory.now >> 20, memory.peak >> 20);
    assert!(memory.peak < MOST_MEMORY, "the server used {peak} MiB {when}, and uses {now} MiB now");
}

/// An active store for the simulated team by way of another server.
async fn store(world: &World, name: &str, configuration: Value) -> Value {
    json!({
        "type": "Dropbox", "name": name, "status": "ACTIVE",
        "configuration": world.dropbox.configuration(configuration),
    })
}

/// Asks for a sync and waits until that run is over.
async fn synced(world: &World, rule: &str) -> Value {
    let run = world.api.post(&format!("/propagation/rules/{rule}/syncs"), json!({})).await.ok();
    let path = format!("/propagation/runs/{}", id(&run));
    until("the run is over", async || {
        let state = world.api.get(&path).await.ok()["state"].as_str().unwrap_or_default().to_owned();
        !["PLANNING", "APPLYING"].contains(&&*state)
    })
    .await;
    world.api.get(&path).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_without_an_end_take_little_memory_and_end_in_errors_that_say_what_to_do() {
    let home = Home::with(&[("USHER_ALLOW_PRIVATE_TARGETS", "127.0.0.1")]);
    let mut world = World::of(home, Team::builder().licences(10), json!({})).await;
    let endless = Endless::start(&world.dropbox.0.url()).await;
    let token_url = world.dropbox.0.token_url().replace(&world.dropbox.0.url(), &endless.url);
    let token_path = token_url.replace(&endless.url, "");
    let there = json!({ "BASE_URL": format!("{}/2", endless.url), "OAUTH_TOKEN_URL": token_url });
    let body = store(&world, "Endless", there).await;
    world.store = id(&world.api.post("/propagation/stores", body.clone()).await.ok());
    world.user("ada").await;
    let rule = world.outbound_rule(json!({})).await;
    settled(&world.api, &rule).await;
    let people = world.dropbox.people();
    assert_eq!(people.len(), 1);

    for path in ["/2/team/members/list_v2", "/2/team/groups/list", "/2/team/get_info"] {
        endless.are(&[path]);
        let run = synced(&world, &rule).await;
        assert_eq!(run["state"], "FAILED", "{run:#}");
        assert_eq!(run["error"]["code"], "ANSWER_TOO_LONG", "{run:#}");
        let remedy = run["error"]["remedy"].as_str().unwrap();
        assert!(remedy.starts_with("The answer was not used. Check that BASE_URL"), "{remedy}");
        assert_small(&world.usher, &format!("after {path} without an end"));
    }
    for path in [&*token_path, "/2/team/get_info", "/2/team/members/list_v2"] {
        endless.are(&[path]);
        let tested = world.api.post("/propagation/stores/connection/status", body.clone()).await.refused(400);
        assert!(tested.to_string().contains("was not read further"), "{path}: {tested:#}");
        assert_small(&world.usher, &format!("after a test of a connection whose {path} has no end"));
    }
    for (status, delivered) in [(200, true), (500, false)] {
        let made = world.api.post("/subscriptions", json!({
            "name": format!("Endless {status}"), "enabled": true, "verifyTlsCertificates": true, "format": "ACTIVITY",
            "httpEndpoint": { "url": format!("{}/status/{status}", endless.url), "headers": {} },
            "filterOptions": { "includedActionTypes": ["USER.CREATED"] },
        }));
        let path = format!("/subscriptions/{}", id(&made.await.ok()));
        world.user(&format!("user{status}")).await;
        until("it was delivered or refused", async || {
            let delivery = world.api.get(&path).await.ok()["delivery"].clone();
            if delivered { delivery["delivered"] == 1 } else { delivery["state"] == "FAILING" }
        })
        .await;
        assert_small(&world.usher, "after a webhook whose answer has no end");
    }
    // Nothing was concluded about anybody, and all goes on.
    endless.are(&[]);
    let run = synced(&world, &rule).await;
    assert_eq!(run["state"], "SUCCEEDED", "{run:#}");
    assert!(world.dropbox.people().iter().any(|it| it == &people[0]));
    world.dropbox.assert_nothing_was_wiped();
}

/// A server with a certificate that no machine knows.
async fn https() -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { drop(acceptor.accept(stream).await) });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ca_certificates_the_server_starts_and_only_https_connections_say_so() {
    let home = Home::with(&[("SSL_CERT_FILE", "/nonexistent/ca.pem"), ("SSL_CERT_DIR", "/nonexistent")]);
    let world = World::of(home.clone(), Team::builder().licences(10), json!({})).await;
    world.user("ada").await;
    let rule = world.outbound_rule(json!({})).await;
    assert_eq!(settled(&world.api, &rule).await["status"], "ACTIVE");
    assert_eq!(world.dropbox.people().len(), 1);

    let there = json!({ "OAUTH_TOKEN_URL": format!("{}/oauth2/token", https().await) });
    let body = store(&world, "By https", there).await;
    let tested = world.api.post("/propagation/stores/connection/status", body).await.refused(400).to_string();
    assert!(tested.contains("this machine has no CA certificate for it"), "{tested}");
    assert!(!tested.contains("tried again on its own"), "{tested}");

    let mut command = home.command(&["status"]);
    command.env("USHER_URL", world.usher.url());
    command.env("USHER_CLIENT_ID", crate::support::CLIENT).env("USHER_CLIENT_SECRET", crate::support::SECRET);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
