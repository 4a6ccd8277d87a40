//! Webhooks, from outside: receivers that refuse, are slow or are not there; servers that die, and two at once. What is
//! delivered is checked by the receiver alone, its signature by arithmetic of its own.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, atomic::AtomicUsize, atomic::Ordering},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use insta::assert_snapshot;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Api, Home, id, person, redacted, until};

/// Where receivers are in these tests must be allowed.
const ALLOW: (&str, &str) = ("USHER_ALLOW_PRIVATE_TARGETS", "127.0.0.1");

/// One delivery, as it came.
#[derive(Debug, Clone)]
struct Received {
    headers: HeaderMap,
    body: String,
    accepted: bool,
}

impl Received {
    fn events(&self) -> Vec<Value> {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// Someone who receives, and answers as told; when nothing more is told, 200.
#[derive(Debug, Clone, Default)]
struct Receiver(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    received: Mutex<Vec<Received>>,
    answers: Mutex<VecDeque<u16>>,
    latency: Mutex<Duration>,
    in_hand: AtomicUsize,
    /// The most deliveries that were ever in hand at once.
    most_in_hand: AtomicUsize,
}

impl Receiver {
    async fn start() -> (Receiver, String) {
        let receiver = Receiver::default();
        let app = Router::new().route("/in", post(Receiver::take)).with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (receiver, url)
    }

    async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
        let inner = &receiver.0;
        let in_hand = inner.in_hand.fetch_add(1, Ordering::SeqCst) + 1;
        inner.most_in_hand.fetch_max(in_hand, Ordering::SeqCst);
        let latency = *inner.latency.lock().unwrap();
        tokio::time::sleep(latency).await;
        let status = inner.answers.lock().unwrap().pop_front().unwrap_or(200);
        let body = String::from_utf8(body.to_vec()).unwrap();
        inner.received.lock().unwrap().push(Received { headers, body, accepted: status == 200 });
        inner.in_hand.fetch_sub(1, Ordering::SeqCst);
        StatusCode::from_u16(status).unwrap()
    }

    fn answers(&self, answers: impl IntoIterator<Item = u16>) {
        self.0.answers.lock().unwrap().extend(answers);
    }

    fn is_slow(&self, latency: Duration) {
        *self.0.latency.lock().unwrap() = latency;
    }

    fn received(&self) -> Vec<Received> {
        self.0.received.lock().unwrap().clone()
    }

    /// The usernames of which it was told, each once, in the order in which they came first.
    fn users(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let received = self.received();
        let events = received.iter().filter(|one| one.accepted).flat_map(Received::events);
        events
            .filter(|event| seen.insert(event["id"].as_str().unwrap().to_owned()))
            .map(|event| event["resources"][0]["name"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A subscription to users that are created.
fn subscription(url: &str) -> Value {
    json!({
        "name": "Collector", "enabled": true, "verifyTlsCertificates": true, "format": "ACTIVITY",
        "httpEndpoint": { "url": url, "headers": { "Authorization": "Splunk canary-webhook-header-61f0" } },
        "filterOptions": { "includedActionTypes": ["USER.CREATED"] },
    })
}

async fn users(api: &Api, names: impl IntoIterator<Item = String>) {
    for name in names {
        api.post("/users", person(&name)).await.ok();
    }
}

fn names(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("user{number:04}")).collect()
}

/// HMAC-SHA256 as RFC 2104 writes it, so that not the same library judges its own work.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    assert!(key.len() <= 64);
    let padded =
        |with: u8| -> Vec<u8> { (0..64).map(|index| key.get(index).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

/// The signatures that the secret gives for what was received.
fn signature(secret: &Value, received: &Received) -> String {
    let key = BASE64.decode(secret.as_str().unwrap().strip_prefix("whsec_").unwrap()).unwrap();
    let (id, at) = (received.header("webhook-id"), received.header("webhook-timestamp"));
    let tag = hmac(&key, format!("{id}.{at}.{}", received.body).as_bytes());
    format!("v1,{}", BASE64.encode(tag))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_delivered_in_order_signed_and_again_until_it_is_accepted() {
    let usher = Home::with(&[ALLOW]).serve().await;
    let api = usher.api().await;
    let (receiver, url) = Receiver::start().await;
    receiver.answers([500, 302]);
    users(&api, names(0..1)).await;
    let made = api.post("/subscriptions", subscription(&url)).await.ok();
    let path = format!("/subscriptions/{}", id(&made));
    users(&api, names(1..2)).await;
    until("it was refused", async || receiver.received().len() == 1).await;
    let failing = api.get(&path).await.ok();
    assert_eq!(failing["delivery"]["state"], "FAILING", "{failing:#}");
    assert!(
        failing["delivery"]["lastFailure"]["message"].as_str().unwrap().contains("answered 500"),
        "{failing:#}"
    );
    users(&api, names(2..6)).await;
    // Only what happened since it was made; everything of that, in order.
    until("everything arrived", async || receiver.users().len() == 5).await;
    assert_eq!(receiver.users(), names(1..6));
    assert!(receiver.received().len() >= 3, "a redirect was taken for an acceptance, or followed");

    let received = receiver.received();
    for one in &received {
        assert_eq!(one.header("webhook-signature"), signature(&made["signingSecret"], one));
        assert_eq!(one.header("authorization"), "Splunk canary-webhook-header-61f0");
        assert_eq!(one.header("content-type"), "application/json");
        assert!(one.header("webhook-id").starts_with("msg_"));
    }
    let event = &received.last().unwrap().events()[0];
    let members: Vec<&String> = event.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["_embedded", "action", "actors", "correlationId", "id", "recordedAt", "resources", "result"]
    );
    assert_eq!(event["_embedded"], json!({}));

    until("it is told", async || api.get(&path).await.ok()["delivery"]["state"] == "CURRENT").await;
    let current = api.get(&path).await.ok();
    assert_eq!(current["delivery"]["delivered"], 5, "{current:#}");
    assert_eq!(
        (&current["signingSecret"], &current["httpEndpoint"]["headers"]["Authorization"]),
        (&json!("********"), &json!("********"))
    );

    // Another secret: both sign for a day.
    let rotated = api.post(&format!("{path}/signingSecret"), json!({})).await.ok();
    users(&api, names(6..7)).await;
    until("it arrived", async || receiver.users().len() == 6).await;
    let last = receiver.received().pop().unwrap();
    let both: Vec<&str> = last.header("webhook-signature").split(' ').collect();
    assert_eq!(both, [signature(&rotated["signingSecret"], &last), signature(&made["signingSecret"], &last)]);

    // Sending the mask back keeps the header; the filter is another; then it is gone.
    let mut changed = api.get(&path).await.ok();
    changed["filterOptions"]["includedActionTypes"] = json!(["USER.DELETED", "SUBSCRIPTION.UPDATED"]);
    api.put(&path, changed).await.ok();
    until("it was told of its own change", async || {
        receiver.received().iter().any(|one| one.body.contains("SUBSCRIPTION.UPDATED"))
    })
    .await;
    assert_eq!(
        receiver.received().pop().unwrap().header("authorization"),
        "Splunk canary-webhook-header-61f0"
    );
    api.delete(&path).await.ok();
    api.get(&path).await.refused(404);
    let count = receiver.received().len();
    users(&api, names(7..8)).await;
    assert_eq!(receiver.received().len(), count);
    let files = std::fs::read(usher.home().dir().join("usher.db-wal")).unwrap();
    assert!(!files.windows(20).any(|window| window == b"canary-webhook-heade"), "a header is kept in clear");
    assert!(!usher.printed().contains("canary-webhook-header"), "a header was printed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_and_a_slow_receiver_cost_a_healthy_one_nothing() {
    let usher = Home::with(&[ALLOW]).serve().await;
    let api = usher.api().await;
    let (slow, slow_url) = Receiver::start().await;
    slow.is_slow(Duration::from_secs(3600));
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead_url = format!("http://{}/in", dead.local_addr().unwrap());
    drop(dead);
    let (healthy, healthy_url) = Receiver::start().await;
    let mut dead_ones = Vec::new();
    for _ in 0..8 {
        dead_ones.push(id(&api.post("/subscriptions", subscription(&dead_url)).await.ok()));
        api.post("/subscriptions", subscription(&slow_url)).await.ok();
    }
    api.post("/subscriptions", subscription(&healthy_url)).await.ok();
    users(&api, names(0..20)).await;
    until("the healthy one has everything", async || healthy.users().len() == 20).await;
    assert_eq!(healthy.users(), names(0..20));
    assert!(slow.received().is_empty());
    assert!(slow.0.most_in_hand.load(Ordering::SeqCst) <= 8, "a slow receiver was called twice at once");
    let told = api.get(&format!("/subscriptions/{}", dead_ones[0])).await.ok();
    assert_eq!(told["delivery"]["state"], "FAILING", "{told:#}");
    assert!(told["delivery"]["nextAttemptAt"].is_string(), "{told:#}");
    assert!(
        told["delivery"]["lastFailure"]["message"].as_str().unwrap().contains("cannot be reached"),
        "{told:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_it_is_disabled_is_kept() {
    let usher = Home::with(&[ALLOW]).serve().await;
    let api = usher.api().await;
    let (receiver, url) = Receiver::start().await;
    let mut body = subscription(&url);
    body["enabled"] = json!(false);
    let path = format!("/subscriptions/{}", id(&api.post("/subscriptions", body.clone()).await.ok()));
    // Another one, enabled, says when the time of the first would have come.
    let (other, other_url) = Receiver::start().await;
    api.post("/subscriptions", subscription(&other_url)).await.ok();
    users(&api, names(0..3)).await;
    until("the other one has everything", async || other.users().len() == 3).await;
    assert!(receiver.received().is_empty());
    let told = api.get(&path).await.ok();
    assert_eq!(told["delivery"]["state"], "DISABLED");
    assert!(told["delivery"]["backlog"].as_u64().unwrap() >= 3, "{told:#}");
    body["enabled"] = json!(true);
    api.put(&path, body).await.ok();
    until("it has everything", async || receiver.users().len() == 3).await;
    assert_eq!(receiver.users(), names(0..3));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_batch_is_larger_than_500_and_nothing_is_lost_when_the_server_dies() {
    let mut usher = Home::with(&[ALLOW]).serve().await;
    let api = usher.api().await;
    let (receiver, url) = Receiver::start().await;
    let made = id(&api.post("/subscriptions", subscription(&url)).await.ok());
    // The second answer is lost with the server; what was not acknowledged comes again.
    let rows: String = names(0..1600).iter().map(|name| format!("{name},{name}@example.com\n")).collect();
    receiver.is_slow(Duration::from_millis(200));
    api.post_text("/imports/users", "text/csv", format!("username,email\n{rows}")).await.ok();
    until("some arrived", async || !receiver.received().is_empty()).await;
    usher.kill9();
    usher.restart().await;
    until("everything arrived", async || receiver.users().len() == 1600).await;
    assert_eq!(receiver.users(), names(0..1600));
    let sizes: Vec<usize> = receiver.received().iter().map(|one| one.events().len()).collect();
    assert!(sizes.iter().all(|size| *size <= 500) && sizes.contains(&500), "{sizes:?}");
    let api = usher.api().await;
    until("it is told", async || {
        api.get(&format!("/subscriptions/{made}")).await.ok()["delivery"]["backlog"] == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_never_deliver_one_subscription_side_by_side() {
    let Some(home) = Home::postgres(&[ALLOW, ("USHER_LEASE_MS", "3000")]).await else { return };
    let mut one = home.serve().await;
    let two = home.serve().await;
    let through = [one.api().await, two.api().await];
    let (receiver, url) = Receiver::start().await;
    receiver.is_slow(Duration::from_millis(20));
    through[0].post("/subscriptions", subscription(&url)).await.ok();
    for (number, name) in names(0..60).into_iter().enumerate() {
        users(&through[number % 2], [name]).await;
    }
    until("everything arrived", async || receiver.users().len() == 60).await;
    // One dies; the other goes on.
    one.kill9();
    users(&through[1], names(60..80)).await;
    until("everything arrived", async || receiver.users().len() == 80).await;
    assert_eq!(receiver.users(), names(0..80));
    assert_eq!(receiver.0.most_in_hand.load(Ordering::SeqCst), 1, "two deliveries were in hand at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_leads_nowhere_that_is_not_allowed() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let mut told = String::new();
    for url in [
        "http://hooks.example.com/in",
        "https://127.0.0.1/in",
        "https://localhost:8443/in",
        "https://[::ffff:10.0.0.1]/in",
        "https://0xa9fea9fe/latest/meta-data",
        "https://user:pass@hooks.example.com/in",
        "file:///etc/passwd",
    ] {
        let refused = api.post("/subscriptions", subscription(url)).await.refused(400);
        told.push_str(&format!("{url}: {}\n", refused["details"][0]["message"].as_str().unwrap()));
    }
    assert_snapshot!(redacted(told.trim_end()), @r"
    http://hooks.example.com/in: `httpEndpoint.url` must be an https:// address; http:// is for this machine only, unless the server's allow_http_targets is set
    https://127.0.0.1/in: `httpEndpoint.url` must be an address that may be connected to, and this is 127.0.0.1, this machine itself (loopback): the server's allow_private_targets does not name it
    https://localhost:8443/in: `httpEndpoint.url` must be an address that may be connected to, and this is 127.0.0.1, this machine itself (loopback): the server's allow_private_targets does not name it
    https://[::ffff:10.0.0.1]/in: `httpEndpoint.url` must be an address that may be connected to, and this is 10.0.0.1, in a private network: the server's allow_private_targets does not name it
    https://0xa9fea9fe/latest/meta-data: `httpEndpoint.url` must be an address that may be connected to, and this is 169.254.169.254, link-local, where clouds keep their secrets: the server's allow_private_targets does not name it
    https://user:pass@hooks.example.com/in: `httpEndpoint.url` must be an address without user and password; send them as a header
    file:///etc/passwd: `httpEndpoint.url` must be an address with a host
    ");
}
