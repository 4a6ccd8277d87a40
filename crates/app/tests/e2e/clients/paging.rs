//! Pages stay what they are while rows come and go, and links lead to where the client came from.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use crate::support::{Home, id, person};

#[tokio::test]
async fn a_listing_has_each_row_once_while_others_come_and_go() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let mut staying = Vec::new();
    let mut leaving = Vec::new();
    for number in 0..24 {
        let user = id(&api.post("/users", person(&format!("user{number}"))).await.ok());
        if number % 3 == 0 { leaving.push(user) } else { staying.push(user) }
    }
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut page = api.get("/users?limit=5").await.ok();
    let mut round = 0;
    loop {
        for user in page["_embedded"]["users"].as_array().unwrap() {
            *seen.entry(id(user)).or_default() += 1;
        }
        let Some(next) = page["_links"]["next"]["href"].as_str().map(str::to_owned) else { break };
        round += 1;
        api.post("/users", person(&format!("late{round}"))).await.ok();
        if let Some(user) = leaving.pop() {
            assert_eq!(api.delete(&format!("/users/{user}")).await.status, 204);
        }
        let path = next.split_once("/users").unwrap().1.to_owned();
        page = api.get(&format!("/users{path}")).await.ok();
    }
    assert!(round >= 4, "there were pages to change between");
    for user in &staying {
        assert_eq!(seen.get(user), Some(&1), "{user}");
    }
    assert!(seen.values().all(|times| *times == 1));
}

#[tokio::test]
async fn links_are_on_the_host_that_the_client_used_and_the_answer_has_the_clients_transaction() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let request = api
        .request(Method::GET, "/groups?limit=1")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-Host", "api.example.com")
        .header("X-Ping-External-Transaction-ID", "change-4711");
    let client = reqwest::Client::builder().build().unwrap();
    let answer = client.execute(request.build().unwrap()).await.unwrap();
    assert_eq!(answer.headers()["correlation-id"], "change-4711");
    assert_eq!(answer.headers()["content-type"], "application/hal+json;charset=UTF-8");
    let body: serde_json::Value = answer.json().await.unwrap();
    let own = body["_links"]["self"]["href"].as_str().unwrap();
    assert!(
        own.starts_with("https://api.example.com/v1/environments/") && own.ends_with("/groups?limit=1"),
        "{own}"
    );
    assert_eq!(body["_embedded"]["groups"], json!([]));
    assert_eq!((&body["count"], &body["size"]), (&json!(0), &json!(0)));
}
