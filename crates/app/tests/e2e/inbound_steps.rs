//! An inbound rule, taken through the API alone: made, previewed, run, watched, and taken away again with its users.

use dropbox_simulator::{MemberSeed, Team};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Home, World, id};

/// Everybody in the directory, by username.
async fn everyone(world: &World) -> Vec<String> {
    let mut told: Vec<String> = world
        .api
        .list("/users", "users")
        .await
        .iter()
        .map(|user| {
            let name = format!(
                "{} {}",
                user["name"]["given"].as_str().unwrap_or("-"),
                user["name"]["family"].as_str().unwrap_or("-")
            );
            format!("{} {name} enabled {}", user["username"].as_str().unwrap(), user["enabled"])
        })
        .collect();
    told.sort();
    told
}

fn told(operations: &Value) -> Vec<String> {
    let lines = operations.as_array().unwrap().iter();
    lines
        .map(|it| format!("{} {}", it["kind"].as_str().unwrap(), it["subject"]["name"].as_str().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbound_rule_brings_the_team_into_a_population() {
    let team = Team::builder()
        .member(MemberSeed::new("ada@example.com", "Ada", "Lovelace"))
        .member(MemberSeed::new("bob@example.com", "Bob", "Martin"))
        .member(MemberSeed::invited("cleo@example.com", "Cleo", "Patra"));
    let world = World::of(Home::sqlite(), team, json!({})).await;
    let api = &world.api;
    let people = world.population("From Dropbox").await;

    // Without a population it cannot be active; a population that is not there is named; a filter is placed.
    let rules = format!("/propagation/plans/{}/rules", world.plan);
    let body = |more: Value| {
        let mut body = json!({
            "name": "Dropbox to people", "sourceStore": { "id": world.store }, "targetStore": { "id": world.directory },
            "populationExpression": "domain eq \"example.com\"", "plan": { "id": world.plan },
        });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    let refused = api.post(&rules, body(json!({ "active": true }))).await.refused(400);
    assert_snapshot!(refused["details"][0]["message"].as_str().unwrap(), @"An active inbound rule says in which population new users live: give `configuration.POPULATION_ID`");
    let refused =
        api.post(&rules, body(json!({ "populationExpression": "mail eq \"x\"" }))).await.refused(400);
    assert_eq!(refused["details"][0]["target"], "populationExpression");

    let nowhere = json!({ "POPULATION_ID": "5a0f9f6d-0000-4000-8000-000000000000" });
    let refused = api.post(&rules, body(json!({ "configuration": nowhere }))).await.refused(400);
    assert_eq!(refused["details"][0]["target"], "configuration.POPULATION_ID");

    // Made inactive, previewed, made active: a revision brings everybody in.
    let settings = json!({ "POPULATION_ID": people, "DEPROVISION_USERS": true, "REMOVE_ACTION": "Delete", "GUARD_MAX_REMOVAL_PERCENT": 100 });
    let rule = id(&api.post(&rules, body(json!({ "configuration": settings }))).await.ok());
    let path = format!("/propagation/rules/{rule}");
    let preview = api.post(&format!("{path}/preview"), json!({})).await.ok();
    assert_eq!(preview["calls"], 0, "what it changes is in the directory");
    assert_snapshot!(preview["text"].as_str().unwrap(), @r"
    Create users in the directory
      + create ada@example.com in the directory
          name.family: Lovelace
          name.given: Ada
      + create bob@example.com in the directory
          name.family: Martin
          name.given: Bob
      + create cleo@example.com in the directory
          name.family: Patra
          name.given: Cleo

    Plan: 3 users to create.
    ");
    assert_eq!(everyone(&world).await, Vec::<String>::new());
    api.put(&path, body(json!({ "configuration": settings, "active": true }))).await.ok();
    api.post("/propagation/revisions", json!({})).await.ok();
    let status = world.settled(&rule).await;
    assert_eq!((&status["direction"], &status["status"]), (&json!("INBOUND"), &json!("ACTIVE")));
    assert_eq!(status["users"]["success"], 3);
    assert_eq!(
        everyone(&world).await,
        [
            "ada@example.com Ada Lovelace enabled true",
            "bob@example.com Bob Martin enabled true",
            "cleo@example.com Cleo Patra enabled true",
        ]
    );

    // What each of them sees of it.
    let users = api.list("/users", "users").await;
    let ada = users.iter().find(|user| user["username"] == "ada@example.com").map(id).unwrap();
    assert_eq!(users.iter().find(|user| id(user) == ada).unwrap()["population"]["id"], json!(people));
    let synced = api.get(&format!("/users/{ada}/syncedRules/{rule}")).await.ok();
    assert_eq!((&synced["status"], &synced["type"]), (&json!("SUCCESS"), &json!("INBOUND")));
    assert_eq!(api.list(&format!("{path}/syncedUsers"), "syncedUsers").await.len(), 3);
    let explained = api.get(&format!("/users/{ada}/explanation?rule={rule}")).await.ok();
    assert_eq!(explained["rules"][0]["next"], json!([]));
    assert_eq!(explained["rules"][0]["link"]["origin"], "CREATED");

    // People act in Dropbox; a sync brings it in, and says what it did.
    {
        let mut team = world.dropbox.0.team();
        team.rename_by_person("ada@example.com", "Augusta", "King").unwrap();
        team.suspend_by_person("bob@example.com").unwrap();
        team.remove_by_person("cleo@example.com").unwrap();
    }
    let run = id(&api.post(&format!("{path}/syncs"), json!({})).await.ok());
    world.settled(&rule).await;
    let run = api.get(&format!("/propagation/runs/{run}")).await.ok();
    assert_eq!(run["state"], "SUCCEEDED");
    let operations = api.list(&format!("/propagation/runs/{}/operations", id(&run)), "operations").await;
    let mut all = told(&json!(operations));
    all.sort();
    assert_eq!(
        all,
        ["DELETE_USER cleo@example.com", "DISABLE_USER bob@example.com", "UPDATE_USER ada@example.com"]
    );
    let update = operations.iter().find(|it| it["kind"] == "UPDATE_USER").unwrap();
    assert_eq!(update["before"], json!({ "name.given": "Ada", "name.family": "Lovelace" }));
    assert_eq!(update["after"], json!({ "name.given": "Augusta", "name.family": "King" }));
    assert_eq!(
        everyone(&world).await,
        ["ada@example.com Augusta King enabled true", "bob@example.com Bob Martin enabled false"]
    );

    // A preview of Sync Only Active Users, before it is saved.
    let draft = json!({ "configuration": { "POPULATION_ID": people, "SYNC_ONLY_ACTIVE_USERS": true } });
    let preview = api.post(&format!("{path}/preview"), draft).await.ok();
    assert_eq!(told(&preview["operations"]), ["DELETE_USER bob@example.com"]);

    // The rule goes, and its users with it, by the consent to what was seen.
    let gone = api.delete(&format!("{path}?deprovision=true")).await;
    assert!((200..300).contains(&gone.status), "{}", gone.status);
    crate::support::until("its users are gone", async || everyone(&world).await.is_empty()).await;
    assert_eq!(world.dropbox.people().len(), 2, "nobody in Dropbox was touched");
}
