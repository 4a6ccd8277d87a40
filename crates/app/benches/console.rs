//! How fast every page of the console comes, and how long it is, with 100,000 users who are all at a simulated Dropbox
//! team, and 1,000 groups. The real server in a process of its own, over HTTP. Prints one Markdown table.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails should say where")]

#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the binary; not all of it is needed here"
)]
#[path = "../tests/e2e/support/mod.rs"]
mod support;

#[allow(dead_code, reason = "shared with the tests of the console; not all of it is needed here")]
#[path = "../tests/console/visitor.rs"]
mod visitor;

#[allow(dead_code, reason = "shared with the other benchmark; not all of it is needed here")]
mod scale;

use std::time::Instant;

use dropbox_simulator::Team;
use serde_json::json;
use support::{CLIENT, Home, World, id};
use visitor::{PASSWORD, USERNAME, Visitor};

/// Each page is opened so often.
const OPENED: usize = 9;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let home = Home::with(&[("USHER_MAX_REQUESTS_PER_SECOND", "0"), ("USHER_LOG", "info")]);
    let licences = u32::try_from(scale::USERS).unwrap() + 100;
    let team = Team::builder().licences(licences).check_answers(false);
    let world = World::of(home, team, json!({})).await;
    scale::fill(&world.api).await;
    let rule = world.outbound_rule(json!({})).await;
    let status = world.settled(&rule).await;
    assert_eq!(world.dropbox.people().len(), scale::USERS, "{status:#}");

    let of = |listing: serde_json::Value, name: &str| id(&listing["_embedded"][name][0]);
    let user = of(world.api.get("/users?limit=1").await.ok(), "users");
    let group = of(world.api.get("/groups?limit=1").await.ok(), "groups");
    let population = of(world.api.get("/populations").await.ok(), "populations");
    let run = id(&world.runs(&rule).await[0]);
    let connection = &world.store;

    let mut visitor = Visitor::signed_in(&world.usher, USERNAME, PASSWORD).await;
    let overview = visitor.get("/console").await.body.clone();
    let mut assets = 0;
    for part in overview.split('"').filter(|part| part.starts_with("/console/assets/")) {
        if part.ends_with(".css") || part.ends_with(".js") {
            assets += visitor.get(part).await.body.len();
        }
    }
    println!("| page | median of {OPENED} | with stylesheet and script |");
    println!("|---|---:|---:|");
    let pages = [
        String::new(),
        "/account".into(),
        "/users".into(),
        "/users?q=person77777".into(),
        "/users/new".into(),
        format!("/users/{user}"),
        format!("/users/{user}/edit"),
        format!("/users/{user}/explanation"),
        format!("/users/{user}/delete"),
        "/groups".into(),
        "/groups/new".into(),
        format!("/groups/{group}"),
        format!("/groups/{group}/edit"),
        format!("/groups/{group}/delete"),
        "/populations".into(),
        "/populations/new".into(),
        format!("/populations/{population}"),
        format!("/populations/{population}/edit"),
        "/import".into(),
        "/audit".into(),
        "/settings".into(),
        "/settings/administrators/new".into(),
        "/settings/clients/new".into(),
        format!("/settings/clients/{CLIENT}"),
        "/connections".into(),
        "/connections/new".into(),
        "/connections/new/dropbox".into(),
        format!("/connections/{connection}"),
        format!("/connections/{connection}/edit"),
        format!("/connections/{connection}/actions"),
        format!("/connections/{connection}/census"),
        format!("/connections/{connection}/census?now=1"),
        format!("/connections/{connection}/delete"),
        "/rules".into(),
        "/rules/new".into(),
        format!("/rules/{rule}"),
        format!("/rules/{rule}/directory"),
        format!("/rules/{rule}/mapping"),
        format!("/rules/{rule}/onboarding"),
        format!("/rules/{rule}/runs"),
        format!("/rules/{rule}/preview"),
        format!("/rules/{rule}/preview?now=1"),
        format!("/rules/{rule}/edit"),
        format!("/rules/{rule}/edit?step=filter"),
        format!("/rules/{rule}/delete"),
        format!("/rules/{rule}/delete?now=1"),
        "/runs".into(),
        format!("/runs/{run}"),
    ];
    for page in pages {
        let mut took = Vec::new();
        for _ in 0..OPENED {
            let began = Instant::now();
            visitor.get(&format!("/console{page}")).await;
            took.push(began.elapsed().as_secs_f64());
        }
        let shown = &visitor.page;
        assert_eq!(shown.status, 200, "{page}: {}", shown.text());
        let (took, kilobytes) = (scale::median(took), (shown.body.len() + assets) as f64 / 1000.0);
        let mut named = page.clone();
        for (id, word) in [
            (user.as_str(), "{user}"),
            (&group, "{group}"),
            (&population, "{population}"),
            (CLIENT, "{client}"),
            (connection, "{connection}"),
            (&rule, "{rule}"),
            (&run, "{run}"),
        ] {
            named = named.replace(id, word);
        }
        println!("| `/console{named}` | {took:.1} ms | {kilobytes:.0} KB |");
    }
}
