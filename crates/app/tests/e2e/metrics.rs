//! `GET /metrics`: numbers that are right, in the form that Prometheus reads, and about nobody.

use std::collections::{BTreeMap, BTreeSet};

use dropbox_simulator::{Fault, Route, Target, Team, Trigger, When};
use reqwest::Method;
use serde_json::json;

use crate::support::{Api, Home, SECRET, World, person, settled, until};

/// Every sample by its name and labels, after a strict look at the form (OpenMetrics 1.0).
async fn scraped(api: &Api) -> BTreeMap<String, f64> {
    let answer = api.as_someone_with("").anywhere(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let media_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(media_type.starts_with("application/openmetrics-text; version=1.0.0"), "{media_type}");
    let text = answer.text().await.unwrap();
    let text = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("the end is missing: {text}"));
    let (mut samples, mut kinds, mut helped) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let mut family = String::new();
    for line in text.lines() {
        if let Some(told) = line.strip_prefix("# ") {
            let (what, rest) = told.split_once(' ').unwrap();
            let (name, words) = rest.split_once(' ').unwrap();
            match what {
                "HELP" => assert!(helped.insert(name.to_owned()), "{name} is told twice"),
                "TYPE" => drop(kinds.insert(name.to_owned(), words.to_owned())),
                "UNIT" => assert!(name.ends_with(words), "{line}"),
                _ => panic!("what is {line}?"),
            }
            family = name.to_owned();
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
        let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("{line} is in the family {family}"));
        let fits = match kinds[&family].as_str() {
            "counter" => suffix == "_total",
            "gauge" => suffix.is_empty(),
            "info" => suffix == "_info",
            "histogram" => ["_bucket", "_count", "_sum"].contains(&suffix),
            _ => false,
        };
        assert!(fits && labels.ends_with('}'), "{line}");
        assert!(
            samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(),
            "{sample} is there twice"
        );
    }
    for (sample, value) in &samples {
        if let Some(bucket) = sample.strip_suffix("le=\"+Inf\"}") {
            let whole = bucket.replace("_bucket{", "_count{");
            let whole = format!("{}}}", whole.trim_end_matches(','));
            assert_eq!(samples.get(&whole), Some(value), "{sample}");
        }
    }
    samples
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_and_what_waits_is_counted_and_nobody_is_named() {
    let home = Home::with(&[("USHER_ALLOW_PRIVATE_TARGETS", "127.0.0.1")]);
    let world = World::of(home, Team::builder(), json!({ "DEPROVISION_USERS": true })).await;
    let api = &world.api;
    let before = scraped(api).await;
    assert_eq!(before["usher_runs_total{direction=\"outbound\",state=\"failed\"}"], 0.0);
    for name in ["ada", "bob", "cy"] {
        world.user(name).await;
    }
    let rule = world
        .outbound_rule(json!({
            "populationExpression": "enabled eq true",
            "configuration": { "GUARD_MAX_REMOVALS": 1, "GUARD_MAX_REMOVAL_PERCENT": 100 },
        }))
        .await;
    settled(api, &rule).await;

    let now = scraped(api).await;
    assert!(now["usher_runs_total{direction=\"outbound\",state=\"succeeded\"}"] >= 1.0);
    assert_eq!(now["usher_operations_total{kind=\"create\",outcome=\"done\"}"], 3.0);
    let calls = world.dropbox.0.calls();
    let added = calls.of(Route::MembersAdd).len() as f64;
    assert_eq!(now["usher_dropbox_calls_total{route=\"team/members/add_v2\",answer=\"ok\"}"], added);
    assert_eq!(now["usher_dropbox_call_duration_seconds_count{route=\"team/members/add_v2\"}"], added);
    assert!(now.contains_key("usher_dropbox_calls_total{route=\"oauth2/token\",answer=\"ok\"}"));
    let users = "method=\"POST\",route=\"/v1/environments/{environmentId}/users\"";
    assert_eq!(now[&format!("usher_http_requests_total{{{users},status=\"201\"}}")], 3.0);
    assert_eq!(now[&format!("usher_http_request_duration_seconds_count{{{users}}}")], 3.0);
    assert_eq!((now["usher_database_up"], now["usher_database_errors_total"]), (1.0, 0.0));
    assert_eq!((now["usher_connections"], now["usher_connections_failing"]), (1.0, 0.0));
    assert_eq!((now["usher_runs_held"], now["usher_jobs_due"]), (0.0, 0.0));
    assert!(now["usher_audit_events"] > 3.0);
    let seats: Vec<(&String, &f64)> =
        now.iter().filter(|(name, _)| name.starts_with("usher_seats_left{")).collect();
    let left = world.dropbox.0.team().members().len();
    assert_eq!(seats.len(), 1, "of {left} members");
    assert!(seats[0].0.contains(&world.store), "{seats:?}");

    // A held run, throttling, a webhook that refuses, a connection that is no longer let in.
    world.dropbox.0.faults().on(Target::Reads, Trigger::Next, Fault::throttle(0), When::BeforeEffect);
    for user in api.list("/users", "users").await {
        let path = format!("/users/{}/enabled", user["id"].as_str().unwrap());
        api.put(&path, json!({ "enabled": false })).await.ok();
    }
    settled(api, &rule).await;
    api.post(&format!("/propagation/rules/{rule}/syncs"), json!({})).await.ok();
    until("a run is held", async || scraped(api).await["usher_runs_held"] == 1.0).await;
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/in", dead.local_addr().unwrap());
    drop(dead);
    let webhook = json!({
        "name": "Collector", "enabled": true, "verifyTlsCertificates": true, "format": "ACTIVITY",
        "httpEndpoint": { "url": url }, "filterOptions": { "includedActionTypes": ["USER.CREATED"] },
    });
    api.post("/subscriptions", webhook).await.ok();
    api.post("/users", person("dan")).await.ok();
    until("the webhook is failing", async || {
        let now = scraped(api).await;
        now["usher_webhook_subscriptions_failing"] == 1.0
            && now["usher_webhook_events_pending"] >= 1.0
            && now["usher_webhook_deliveries_total{outcome=\"failed\"}"] >= 1.0
    })
    .await;
    world.dropbox.0.faults().on(Target::Any, Trigger::Always, Fault::Forbidden, When::BeforeEffect);
    api.post(&format!("/propagation/rules/{rule}/syncs"), json!({})).await.ok();
    until("the connection is failing", async || {
        let now = scraped(api).await;
        now["usher_connections_failing"] == 1.0
            && now.contains_key("usher_runs_total{direction=\"outbound\",state=\"failed\"}")
    })
    .await;

    let now = scraped(api).await;
    let throttled = now.iter().filter(|(name, _)| name.contains("answer=\"throttled\""));
    assert_eq!(throttled.map(|(_, times)| times).sum::<f64>(), 1.0);
    let users: Vec<String> = api
        .list("/users", "users")
        .await
        .iter()
        .map(|user| user["id"].as_str().unwrap().to_owned())
        .collect();
    for sample in now.keys() {
        assert!(!sample.contains('@') && !sample.contains("canary") && !sample.contains(SECRET), "{sample}");
        assert!(users.iter().all(|user| !sample.contains(user.as_str())), "{sample}");
    }
}
