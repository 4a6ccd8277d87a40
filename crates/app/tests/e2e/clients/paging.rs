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

#[tokio::test]
async fn the_count_of_a_filtered_listing_is_of_all_that_match_on_every_page() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    for number in 0..12 {
        let mut body = person(&format!("user{number}"));
        body["title"] = json!(if number % 2 == 0 { "Pilot" } else { "Engineer" });
        api.post("/users", body).await.ok();
    }
    // By an index, by a look at each user, and by a filter that nobody meets.
    for (filter, matching) in
        [(r#"username sw "user1""#, 3), (r#"title eq "Pilot""#, 6), (r#"title eq "Nobody""#, 0)]
    {
        let mut page = api.get(&format!("/users?limit=2&filter={filter}")).await.ok();
        let mut seen = 0;
        loop {
            assert_eq!(page["count"], json!(matching), "{filter}: {page:#}");
            seen += page["size"].as_u64().unwrap();
            let Some(next) = page["_links"]["next"]["href"].as_str() else { break };
            page = api.send(api.follow(next)).await.ok();
        }
        assert_eq!(seen, matching, "{filter}");
    }
    // Somebody more matches: the count is not an old one.
    api.post("/users", person("user13")).await.ok();
    assert_eq!(api.get(r#"/users?limit=2&filter=username sw "user1""#).await.ok()["count"], 4);
}
