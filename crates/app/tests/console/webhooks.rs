//! A webhook from its making to its end, by forms alone: what signs is shown once, the values of headers never.

use std::sync::{Arc, Mutex};

use axum::{Router, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use serde_json::json;

use crate::{
    support::{Home, until},
    visitor::{PASSWORD, USERNAME, Visitor},
};

const TOKEN: &str = "Bearer canary-of-a-header-31";

/// Refuses until it is told to accept; keeps the headers of each delivery.
#[derive(Clone, Debug, Default)]
struct Receiver(Arc<Mutex<(bool, Vec<HeaderMap>)>>);

impl Receiver {
    async fn start() -> (Receiver, String) {
        let receiver = Receiver::default();
        let take = async |State(it): State<Receiver>, headers: HeaderMap| {
            let mut inner = it.0.lock().unwrap();
            inner.1.push(headers);
            if inner.0 { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
        };
        let app = Router::new().route("/in", post(take)).with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (receiver, url)
    }
}

fn secret_on(visitor: &Visitor) -> String {
    visitor.page.body.split("id=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_made_fails_is_mended_switched_off_and_deleted_by_forms_alone() {
    let usher = Home::with(&[("USHER_ALLOW_PRIVATE_TARGETS", "127.0.0.1")]).serve().await;
    let api = usher.api().await;
    let (receiver, url) = Receiver::start().await;
    let mut root = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    root.get("/console/settings").await;
    assert!(root.page.text().contains("No webhook yet"), "{}", root.page.text());
    let new = root.page.link("New webhook");
    root.get(&new).await;

    // What is wrong stands where it is wrong, and what was typed stays, but for a header's value.
    let hooks = "/console/settings/webhooks";
    let wrong = [("name", "Collector"), ("url", "ftp://x"), ("header", "Authorization"), ("value", TOKEN)];
    root.send(hooks, &wrong).await;
    assert_eq!(root.page.status, 422);
    for fault in ["url-fault", "others-fault"] {
        assert!(root.page.body.contains(&format!("id=\"{fault}\"")), "{fault}: {}", root.page.text());
    }
    assert!(
        root.page.body.contains("value=\"Collector\"") && root.page.body.contains("value=\"Authorization\"")
    );
    assert!(!root.page.body.contains("canary-of-a-header"), "a header's value is on the page");
    root.send(hooks, &[("url", &url), ("action", "USER.CREATED")]).await;
    assert!(root.page.text().contains("Authorization needs its value."), "{}", root.page.text());
    root.send(hooks, &[("header", "Authorization"), ("value", TOKEN), ("action", "USER.CREATED")]).await;
    assert_eq!(root.page.status, 200, "{}", root.page.text());
    let first = secret_on(&root);
    assert!(first.starts_with("whsec_"), "{first}");
    let hook = root.page.link("I have kept it");

    // It fails: the page says why, and when it is tried again.
    api.post("/users", json!({ "username": "ada", "email": "ada@example.com" })).await.ok();
    until("the receiver refused", async || !receiver.0.lock().unwrap().1.is_empty()).await;
    let id = hook.rsplit('/').next().unwrap();
    let shown = async || api.get(&format!("/subscriptions/{id}")).await.ok();
    until("the failure is known", async || shown().await["delivery"]["state"] == "FAILING").await;
    root.get(&hook).await;
    let text = root.page.text();
    assert!(text.contains("answered 503") && text.contains("The next is made"), "{text}");
    assert!(!root.page.body.contains(&first) && !root.page.body.contains("canary-of-a-header"));

    // Saved with its header as it is, it is tried at once, and the value is still the one that was given.
    receiver.0.lock().unwrap().0 = true;
    root.get(&format!("{hook}/edit")).await;
    assert!(!root.page.body.contains("canary-of-a-header"));
    root.send(&format!("{hook}/edit"), &[("name", "Archive"), ("others", "FLOW.CREATED, USER.DELETED")])
        .await;
    assert!(root.page.text().contains("Archive was saved."), "{}", root.page.text());
    until("it was accepted", async || shown().await["delivery"]["state"] == "CURRENT").await;
    let sent = receiver.0.lock().unwrap().1.last().unwrap()["authorization"].clone();
    assert_eq!(sent, TOKEN);
    let body = shown().await;
    assert_eq!(
        body["filterOptions"]["includedActionTypes"],
        json!(["USER.CREATED", "FLOW.CREATED", "USER.DELETED"])
    );
    root.get(&format!("{hook}/edit")).await;
    assert!(root.page.body.contains("value=\"FLOW.CREATED\""), "a type that Usher does not record is kept");

    // Another address: a stored header is not sent where it was not entered for.
    root.send(&format!("{hook}/edit"), &[("url", "https://elsewhere.example.com/in")]).await;
    assert_eq!(root.page.status, 422);
    assert!(root.page.text().contains("must be given again"), "{}", root.page.text());

    // Another secret, while the first signs too; then off, on and away.
    root.get(&hook).await;
    root.send(&format!("{hook}/secret"), &[]).await;
    let second = secret_on(&root);
    assert_ne!(first, second);
    assert!(root.page.text().contains("The secret before signs too until"), "{}", root.page.text());
    root.get(&hook).await;
    assert!(!root.page.body.contains(&second));
    root.send(&format!("{hook}/toggle"), &[]).await;
    assert!(root.page.text().contains("Archive is off;"), "{}", root.page.text());
    assert_eq!(shown().await["enabled"], false);
    api.post("/users", json!({ "username": "bob", "email": "bob@example.com" })).await.ok();
    root.get(&hook).await;
    assert!(root.page.text().contains("waiting event"), "{}", root.page.text());
    root.send(&format!("{hook}/toggle"), &[]).await;
    assert!(root.page.text().contains("what was kept for it is delivered now"), "{}", root.page.text());
    until("what was kept came", async || shown().await["delivery"]["state"] == "CURRENT").await;
    root.send(&format!("{hook}/delete"), &[]).await;
    assert!(root.page.text().contains("Archive was deleted"), "{}", root.page.text());
    assert!(root.page.text().contains("No webhook yet"));
    assert_eq!(root.get(&hook).await.status, 404);
    root.get("/console/audit?kind=webhooks").await;
    for what in ["Created Subscription Collector", "Deleted Subscription Archive"] {
        assert!(root.page.text().contains(what), "{}", root.page.text());
    }
}
