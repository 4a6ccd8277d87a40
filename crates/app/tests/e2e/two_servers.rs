//! Two servers on one PostgreSQL: they share the rules, never run one twice at once, and one takes over what the
//! other left when it died.

use std::{collections::BTreeMap, time::Duration};

use dropbox_simulator::{Route, Team};
use serde_json::{Value, json};

use crate::support::{Home, Usher, World, id, until};

/// A rule for each of several populations, so that there is work to share.
async fn rules(world: &World, count: usize, people: usize) -> Vec<String> {
    let mut rules = Vec::new();
    for rule in 0..count {
        let population = world.population(&format!("Population {rule}")).await;
        for person in 0..people {
            let home = json!({ "population": { "id": population } });
            world.user_with(&format!("user{rule}x{person}"), home).await;
        }
        let filter = format!("population.id eq \"{population}\"");
        let body = json!({ "name": format!("Rule {rule}"), "populationExpression": filter });
        rules.push(world.outbound_rule(body).await);
    }
    rules
}

/// The runs of a rule never overlap: each began when the one before it had ended.
async fn assert_one_at_a_time(world: &World, rule: &str) {
    let mut runs = world.runs(rule).await;
    runs.reverse();
    let mut ended = String::new();
    for run in runs {
        let text = |name: &str| {
            run[name].as_str().unwrap_or_else(|| panic!("{name} is missing: {run:#}")).to_owned()
        };
        // Written alike, times are in order as texts.
        assert!(
            text("startedAt") >= ended,
            "run {} began before the one before it ended, at {ended}",
            run["id"]
        );
        ended = text("finishedAt");
    }
}

/// Nobody was invited twice, by whichever server.
fn assert_invited_once(world: &World) {
    let mut invited: BTreeMap<String, usize> = BTreeMap::new();
    for call in world.dropbox.0.calls().of(Route::MembersAdd) {
        for member in call.request["new_members"].as_array().unwrap() {
            *invited.entry(member["member_email"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    let twice: Vec<_> = invited.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "invited more than once: {twice:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_the_rules_and_never_run_one_twice_at_once() {
    let Some(home) = Home::postgres(&[]).await else { return };
    let team = Team::builder().latency(Duration::from_millis(10));
    let world = World::of(home.clone(), team, json!({})).await;
    let other = home.serve().await;
    let rules = rules(&world, 8, 6).await;
    for rule in &rules {
        world.settled(rule).await;
    }
    // Changes (which make every rule due) and revisions, asked of both servers by turns while both work. A full sync
    // that a person asks for would be a run from then on, before any server begins it.
    let through = [world.api.clone(), other.api().await];
    for round in 0..6 {
        let users = world.api.list("/users?limit=200", "users").await;
        for (number, user) in users.iter().enumerate() {
            let rename = json!({ "name": { "family": format!("Family {round}") } });
            through[number % 2].patch(&format!("/users/{}", id(user)), rename).await.ok();
        }
        through[round % 2].post("/propagation/revisions", json!({})).await.ok();
    }
    for rule in &rules {
        let status = world.settled(rule).await;
        assert_eq!(status["users"]["success"], 6, "{status:#}");
        assert_one_at_a_time(&world, rule).await;
    }
    assert_invited_once(&world);
    let people = world.dropbox.people();
    assert_eq!(people.len(), 48);
    assert!(people.iter().all(|person| person.contains("Family 5")), "{people:#?}");

    // Both took part.
    let worked = |usher: &Usher| usher.printed().matches(Route::MembersSetProfile.path()).count();
    let (one, two) = (worked(&world.usher), worked(&other));
    assert!(one > 0 && two > 0, "one server updated {one} people, the other {two}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_dies_in_the_middle_the_other_takes_over() {
    let Some(home) = Home::postgres(&[("USHER_LEASE_MS", "3000")]).await else { return };
    let team = Team::builder().latency(Duration::from_millis(250));
    let mut world = World::of(home.clone(), team, json!({ "MAX_IN_FLIGHT": 1 })).await;
    let rule = rules(&world, 1, 120).await.remove(0);

    // The first server alone is at it; it dies when some people are invited and others are not.
    until("some are invited", async || world.dropbox.0.team().on_team() > 20).await;
    let other = home.serve().await;
    world.usher.kill9();
    let done = world.dropbox.0.team().on_team();
    assert!(done < 121, "the run was over before the server died");

    world.api = other.api().await;
    until("the status says what the rule waits for", async || {
        let status = world.api.get(&format!("/propagation/rules/{rule}/syncStatus")).await.ok();
        let detail = status["detail"].as_str().unwrap_or_default();
        status["worker"] == "STOPPED" && detail.contains("waits for a server that stopped, until 20")
    })
    .await;
    let shown = String::from_utf8(other.cli(&["status", &rule]).await.stdout).unwrap();
    eprintln!("{shown}");
    let status = world.settled(&rule).await;
    assert_eq!(status["users"]["success"], 120, "{status:#}");
    assert_eq!(world.dropbox.0.team().on_team(), 121);
    let team = world.dropbox.0.team();
    assert!(team.members().iter().all(|member| member.welcome_emails <= 1), "somebody was invited twice");
    drop(team);

    // The run that died is told as what it is, and the other server's run as its own.
    let runs = world.runs(&rule).await;
    let states: Vec<&Value> = runs.iter().map(|run| &run["state"]).collect();
    assert!(runs.len() >= 2, "{states:?}");
    assert!(runs.iter().all(|run| run["finishedAt"].is_string()), "a run is still open: {runs:#?}");
    assert_eq!(*states[0], "SUCCEEDED", "{states:?}");
    assert_one_at_a_time(&world, &rule).await;
}
