//! What a crash leaves behind, and what continues it: one worker on an SQLite database, a sync that is waited for over a
//! `kill -9`, and PostgreSQL going away for a while.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use dropbox_simulator::{Route, Team};
use serde_json::json;

use crate::support::{Home, World, http_client, id, pause, settled, until};

/// A server that is to work on an SQLite file that has a worker already.
fn second_server(home: &Home, role: &str) -> Command {
    let mut command = home.command(&["serve", "--role", role]);
    command.env("USHER_LISTEN", "127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_worker_on_one_sqlite_file_is_refused_in_words_and_a_web_server_beside_it_is_fine() {
    let world = World::start().await;
    let home = world.usher.home().clone();
    for role in ["all", "worker"] {
        let refused = second_server(&home, role).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains("another Usher process ("), "{said}");
        assert!(said.contains("usher.db, and an SQLite database has one worker"), "{said}");
        assert!(said.contains("--role web") && said.contains("PostgreSQL"), "{said}");
    }
    for command in [&["migrate"][..], &["rekey"], &["check"]] {
        let done = home.command(command).output().unwrap();
        assert!(done.status.success(), "usher {command:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    let mut web = second_server(&home, "web");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    web.env("USHER_LISTEN", format!("127.0.0.1:{port}")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut web = web.spawn().unwrap();
    let url = format!("http://127.0.0.1:{port}/readyz");
    until("the web server is ready", async || {
        http_client().get(&url).send().await.is_ok_and(|answer| answer.status().is_success())
    })
    .await;
    // The worker works on beside it.
    world.user("ada").await;
    let rule = world.outbound_rule(json!({})).await;
    assert_eq!(world.settled(&rule).await["users"]["success"], 1);
    web.kill().unwrap();
    web.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_waited_for_ends_over_a_kill_and_a_restart() {
    let team = Team::builder().latency(Duration::from_millis(100));
    let mut world = World::of(Home::sqlite(), team, json!({ "MAX_IN_FLIGHT": 1 })).await;
    for number in 0..30 {
        world.user(&format!("user{number}")).await;
    }
    let rule = world.outbound_rule(json!({})).await;
    world.settled(&rule).await;
    for user in world.api.list("/users?limit=100", "users").await {
        let rename = json!({ "name": { "family": "Renamed" } });
        world.api.patch(&format!("/users/{}", id(&user)), rename).await.ok();
    }
    world.settled(&rule).await;

    let waits = world.usher.cli_started(&["sync", &rule, "--wait"]);
    until("the run is asked for", async || {
        world.runs(&rule).await.iter().any(|run| run["trigger"] == "MANUAL")
    })
    .await;
    world.usher.restart().await;
    let began = Instant::now();
    let ended = tokio::task::spawn_blocking(move || waits.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(began.elapsed() < Duration::from_secs(30), "it waited {:?}: {said}", began.elapsed());
    assert!(said.contains("run "), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(world.settled(&rule).await["users"]["success"], 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_asked_for_while_one_plans_is_another_run_that_sees_the_last_change() {
    let team = Team::builder().latency(Duration::from_millis(300));
    let world = World::of(Home::sqlite(), team, json!({})).await;
    world.user("ada").await;
    let rule = world.outbound_rule(json!({})).await;
    world.settled(&rule).await;

    let syncs = format!("/propagation/rules/{rule}/syncs");
    let first = id(&world.api.post(&syncs, json!({})).await.ok());
    until("the first run is at work", async || {
        let status = world.api.get(&format!("/propagation/rules/{rule}/syncStatus")).await.ok();
        status["worker"] == "WORKING" && status["currentRun"]["id"] == first.as_str()
    })
    .await;
    let bob = world.user("bob").await;
    let second = id(&world.api.post(&syncs, json!({})).await.ok());
    assert_ne!(first, second, "it had begun before bob was there");
    let third = id(&world.api.post(&syncs, json!({})).await.ok());
    assert_eq!(second, third, "nobody has begun that one");
    let ended = loop {
        let run = world.api.get(&format!("/propagation/runs/{second}")).await.ok();
        if run["finishedAt"].is_string() {
            break run;
        }
        pause().await;
    };
    assert_eq!(ended["state"], "SUCCEEDED", "{ended:#}");
    assert!(world.dropbox.people().iter().any(|person| person.starts_with("bob@")), "bob {bob} is not there");
}

/// As a restart, a failover or a firewall of PostgreSQL looks from here: connections end, and for a while there are none.
#[tokio::test(flavor = "multi_thread")]
async fn rules_go_on_within_a_lease_after_postgres_was_away_and_nothing_is_done_twice() {
    let Some((home, cable)) = Home::postgres_by_cable(&[("USHER_LEASE_MS", "6000")]).await else { return };
    let team = Team::builder().latency(Duration::from_millis(100));
    let world = World::of(home, team, json!({ "MAX_IN_FLIGHT": 1 })).await;
    for number in 0..30 {
        world.user(&format!("user{number}")).await;
    }
    let rule = world.outbound_rule(json!({})).await;
    world.settled(&rule).await;
    let users = world.api.list("/users?limit=100", "users").await;
    let path = format!("/propagation/rules/{rule}/runs?limit=1");
    let renamed = || world.dropbox.0.calls().count(Route::MembersSetProfile);
    // Shorter than a lease, and longer.
    for (round, away) in [Duration::from_millis(500), Duration::from_secs(8)].into_iter().enumerate() {
        let before = renamed();
        for user in &users {
            let rename = json!({ "name": { "family": format!("Family {round}") } });
            world.api.patch(&format!("/users/{}", id(user)), rename).await.ok();
        }
        until("the run is under way", async || renamed() > before + 3).await;
        let latest = world.api.get(&path).await.ok()["_embedded"]["runs"][0]["id"].clone();
        cable.pull();
        tokio::time::sleep(away).await;
        cable.plug_in();
        let back = Instant::now();
        until("it is planned anew", async || {
            let runs = world.api.get(&path).await;
            runs.status == 200 && runs.body["_embedded"]["runs"][0]["id"] != latest
        })
        .await;
        assert!(back.elapsed() < Duration::from_secs(15), "it went on after {:?}", back.elapsed());
        let status = settled(&world.api, &rule).await;
        assert_eq!(status["users"]["success"], 30, "{status:#}");
        let people = world.dropbox.people();
        assert!(people.iter().all(|person| person.contains(&format!("Family {round}"))), "{people:#?}");
    }
    let team = world.dropbox.0.team();
    assert!(team.members().iter().all(|member| member.welcome_emails <= 1), "somebody was invited twice");
}
