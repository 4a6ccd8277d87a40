//! The guard's defaults, by forms alone: what looser ones let through is said first, and a rule says where its limits are from.

use dropbox_simulator::Team;
use serde_json::json;

use crate::{
    support::{Home, World},
    visitor::{PASSWORD, USERNAME, Visitor},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looser_defaults_say_what_they_let_through_and_a_rule_says_where_its_limits_are_from() {
    let world = World::of(Home::sqlite(), Team::builder(), json!({})).await;
    for n in 0..12 {
        world.user(&format!("user{n:02}")).await;
    }
    let rule = world.outbound_rule(json!({ "configuration": { "GUARD_WINDOW_MINUTES": 30 } })).await;
    world.settled(&rule).await;
    let mut root = Visitor::signed_in(&world.usher, USERNAME, PASSWORD).await;
    let guard = "/console/settings/guard";

    root.get(guard).await;
    root.send(guard, &[("max_percent", "101")]).await;
    assert_eq!(root.page.status, 422);
    let seen = root.page.text();
    assert!(seen.contains("12 accounts without asking anyone; now it is 1."), "{seen}");
    root.send(guard, &[]).await;
    assert!(root.page.body.contains("id=\"max_percent-fault\""), "{}", root.page.text());

    // Tighter is saved at once.
    root.get(guard).await;
    root.send(guard, &[("max_removals", "5"), ("max_percent", "9")]).await;
    assert!(root.page.text().contains("From the next run on"), "{}", root.page.text());
    let kept = world.api.get("/guardDefaults").await.ok();
    assert_eq!(kept["configuration"], json!({ "GUARD_MAX_REMOVALS": 5, "GUARD_MAX_REMOVAL_PERCENT": 9 }));
    assert_eq!(kept["limits"]["GUARD_WINDOW_MINUTES"], 60);

    // Looser, with another number slipped in after the warning: it is said anew.
    root.get(guard).await;
    root.send(guard, &[("max_percent", "50")]).await;
    assert!(
        root.page.text().contains("5 of its 12 accounts without asking anyone; now it is 1."),
        "{}",
        root.page.text()
    );
    root.send(guard, &[("max_removals", "100"), ("max_percent", "100")]).await;
    assert!(root.page.text().contains("12 of its 12 accounts"), "{}", root.page.text());
    root.send(guard, &[]).await;
    assert!(root.page.text().contains("From the next run on"), "{}", root.page.text());

    root.get(&format!("/console/rules/{rule}/onboarding")).await;
    let text = root.page.text();
    assert!(text.contains("100 (the environment&#39;s, from Settings)"), "{text}");
    assert!(text.contains("30 minutes (this rule&#39;s own)"), "{text}");
    root.get("/console/audit?kind=places").await;
    assert!(root.page.text().contains("Updated guard.GUARD_MAX_REMOVALS"), "{}", root.page.text());
}
