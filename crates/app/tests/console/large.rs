//! A large directory: pages that look at a whole team come at once, and what they saw comes in their place.

use serde_json::json;

use crate::{
    browser::Browser,
    support::World,
    visitor::{PASSWORD, USERNAME, Visitor},
};

/// With more than 2,000 users, and a rule that wants none of them.
async fn large() -> (World, [(String, &'static str); 3]) {
    let world = World::start().await;
    let mut file = String::from("username,email\n");
    for n in 0..2_001 {
        file.push_str(&format!("person{n},person{n}@example.com\n"));
    }
    let report = world.api.post_text("/imports/users", "text/csv", file).await.ok();
    assert_eq!(report["created"], 2_001, "{report:#}");
    let rule = world.outbound_rule(json!({ "populationExpression": "username eq \"nobody\"" })).await;
    world.settled(&rule).await;
    let pages = [
        (format!("/console/rules/{rule}/preview"), "The rule targets 0 users"),
        (format!("/console/rules/{rule}/delete"), "This takes nothing away."),
        (format!("/console/connections/{}/census?of=unmatched", world.store), "In numbers"),
    ];
    (world, pages)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_looks_at_a_whole_team_comes_before_what_it_saw() {
    let (world, pages) = large().await;
    let mut visitor = Visitor::signed_in(&world.usher, USERNAME, PASSWORD).await;
    for (path, seen) in &pages {
        visitor.get(path).await;
        let text = visitor.page.text();
        assert!(text.contains("which has 2,001 users") && !text.contains(seen), "{path}: {text}");
        visitor.get(&visitor.page.link("Wait for it on a page of its own")).await;
        assert!(visitor.page.text().contains(seen), "{path}: {}", visitor.page.text());
    }
    let Some(browser) = Browser::at(&world.usher).await else { return };
    browser.sign_in().await;
    for (path, seen) in &pages {
        browser.open(path).await;
        browser.says(seen).await;
    }
}
