use dropbox_simulator::{MemberSeed, Team};
use serde_json::json;

use super::{ALL, administrator};
use crate::support::{Home, World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_brings_the_members_of_a_team_into_the_directory() {
    let team = Team::builder()
        .member(MemberSeed::new("grace@example.com", "Grace", "Hopper"))
        .member(MemberSeed::new("alan@example.com", "Alan", "Turing"));
    let world = World::of(Home::sqlite(), team, json!({})).await;
    let home = world.population("From Dropbox").await;
    let mut console = administrator(&world.usher, &world.api, "newcomer", &ALL).await;

    let new = "/console/rules/new";
    console.open(&format!("{new}?connection={}", world.store)).await;
    console.submit_without(new, "direction", &[("direction", "inbound"), ("go", "next")]).await;
    console.submit(new, &[("name", "From the team"), ("go", "next")]).await;
    console.says("Which members");
    console.submit(new, &[("filter", "email sw \"grace\""), ("go", "count")]).await;
    console.says("Grace Hopper");
    console.says("1 of 3 members");
    console.submit(new, &[("go", "next")]).await;
    console.says("the username is the e-mail address");
    console.submit(new, &[("go", "next")]).await;
    console.says("Onboarding settings");
    console.submit(new, &[("schedule", "sometimes"), ("population", &home), ("go", "next")]).await;
    assert_eq!(console.status, 422, "a schedule that cannot be read stays where it is: {}", console.text());
    console.submit(new, &[("schedule", "every 15m"), ("go", "next")]).await;
    console.says("Create users in the directory 1");
    console.submit(new, &[("go", "save")]).await;
    console.says("it is on, and its sync begins");

    let rules = world.api.list("/propagation/rules", "rules").await;
    let rule = rules[0]["id"].as_str().unwrap().to_owned();
    let users = async || world.api.list("/users", "users").await;
    until("she is in the directory", async || users().await.len() == 1).await;
    assert_eq!(users().await[0]["email"], "grace@example.com");
    world.settled(&rule).await;
    console.open(&format!("/console/rules/{rule}")).await;
    console.says("Sync direction Inbound");
    console.says("Impacted 1");
    console.open(&format!("/console/rules/{rule}/onboarding")).await;
    console.says("Population From Dropbox");
    console.says("Schedule every 15m");

    // Whose the accounts are, afterwards.
    console.open(&format!("/console/connections/{}/census", world.store)).await;
    console.says("grace@example.com Grace Hopper Active Linked");
    console.says("Unmatched");
}
