//! The first page: what it says of licences and of the audit.

use dropbox_simulator::Team;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::{
    support::{Home, World, until},
    visitor::{PASSWORD, USERNAME, Visitor},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn licences_are_shown_as_last_seen_and_a_lack_of_them_waits_for_a_person() {
    let world = World::of(Home::sqlite(), Team::builder().licences(3), json!({})).await;
    let mut root = Visitor::signed_in(&world.usher, USERNAME, PASSWORD).await;
    assert!(root.get("/console").await.text().contains("not seen yet"), "{}", root.page.text());

    for name in ["ada", "bob", "cy", "dan"] {
        world.user(name).await;
    }
    let rule = world.outbound_rule(json!({ "name": "People" })).await;
    world.settled(&rule).await;
    let text = root.get("/console").await.text();
    // What the rule's first full run saw; or its second one, where setting the rule up made two of it.
    let [first, second] =
        ["1 of 3, 2 left seen 2", "3 of 3, None left seen 2"].map(|seen| text.contains(seen));
    assert!(first || second, "{text}");
    assert!(text.contains("2 licences of “") && text.contains("” missing"), "{text}");
    let needs = if first { "needs 4 licences, and 2 of 3" } else { "needs 2 licences, and 0 of 3" };
    assert!(text.contains(&format!("“People” {needs} were left")), "{text}");

    // Bought: who waited is taken in at the next look, and nothing is missing any more.
    world.dropbox.0.team().set_licences(10);
    world.api.post(&format!("/propagation/rules/{rule}/syncs"), json!({})).await.ok();
    world.settled(&rule).await;
    let text = root.get("/console").await.text();
    assert!(text.contains("3 of 10, 7 left"), "{text}");
    assert!(!text.contains("missing"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chain_is_verified_from_the_page_and_what_was_done_to_it_is_told() {
    let home = Home::sqlite();
    let usher = home.serve().await;
    let mut root = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    let text = root.get("/console/audit").await.text();
    assert!(
        text.contains("Last verified never from here") && text.contains("none yet; one is signed"),
        "{text}"
    );

    let root = tokio::sync::Mutex::new(root);
    let verified = async |what: &str| {
        root.lock().await.get("/console/audit").await;
        root.lock().await.send("/console/audit/verify", &[]).await;
        until("the audit is verified", async || {
            let mut root = root.lock().await;
            let text = root.get("/console/audit?part=chain").await.text();
            !text.contains("Verifying") && text.contains(what)
        })
        .await;
        root.lock().await.page.text()
    };
    let text = verified("It holds").await;
    assert!(text.contains("by root") && text.contains("Its end then"), "{text}");
    assert!(!root.lock().await.get("/console").await.text().contains("tampered"));

    let url = format!("sqlite://{}", home.dir().join("usher.db").display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    database.execute("update events set action = 'USER.CREATED' where seq = 2").await.unwrap();
    database.close().await.unwrap();
    let text = verified("Tampered with").await;
    assert!(text.contains("CHANGED: event 2 is not what was recorded"), "{text}");
    let text = root.lock().await.get("/console").await.text();
    assert!(text.contains("The audit was tampered with CHANGED: event 2"), "{text}");
}
