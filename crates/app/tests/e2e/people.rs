//! People's data is shown only to those who may read identities, through whichever door.

use dropbox_simulator::Team;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Home, Pages, World, http_client, id, until};

const PASSWORD: &str = "canary-long-enough-password-93";
/// Words from people's data, which must not be seen without the right role.
const CANARIES: [&str; 3] = ["quintessa", "zebedee", "5550123"];

fn shows_nobody(whose: &str, told: &str) {
    let told = told.to_lowercase();
    for canary in CANARIES {
        assert!(!told.contains(canary), "{whose} shows {canary}: {told}");
    }
}

/// The API as a client with these roles sees it.
async fn client(world: &World, name: &str, roles: &[&str]) -> Api {
    let made = world.api.post("/clients", json!({ "name": name, "roles": roles })).await.ok();
    let environment = crate::support::ENVIRONMENT;
    let request = http_client().post(format!("{}/{environment}/as/token", world.usher.url()));
    let request = request.basic_auth(id(&made), Some(made["secret"].as_str().unwrap()));
    let answer = request.form(&[("grant_type", "client_credentials")]).send().await.unwrap();
    let token: Value = answer.json().await.unwrap();
    world.api.as_someone_with(token["access_token"].as_str().unwrap())
}

/// People who are synced, and a held run that would take them all away.
async fn world() -> (World, String, String) {
    let world = World::of(Home::sqlite(), Team::builder(), json!({ "DEPROVISION_USERS": true })).await;
    let mut users = Vec::new();
    for number in 0..6 {
        let more = json!({ "mobilePhone": format!("+49 170 5550123{number}") });
        users.push(world.user_with(&format!("quintessa{number}"), more).await);
    }
    let group = world.group("Zebedee's friends").await;
    world.join(&users[0], &group).await;
    let configuration = json!({ "configuration": { "GUARD_MAX_REMOVALS": 2 } });
    let rule = world.outbound_rule(configuration).await;
    world.settled(&rule).await;
    let path = format!("/propagation/rules/{rule}");
    let mut body = world.api.get(&path).await.ok();
    body["populationExpression"] = json!("username sw \"nobody\"");
    world.api.put(&path, body).await.ok();
    world.api.post("/propagation/revisions", json!({})).await.ok();
    until("a run is held", async || world.settled(&rule).await["status"] == "HELD").await;
    let run = id(&world.settled(&rule).await["currentRun"]);
    (world, rule, run)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_identities_sees_numbers_and_nobody_through_whichever_door() {
    let (world, rule, run) = world().await;
    let rule_path = format!("/propagation/rules/{rule}");
    let mut gets = vec![
        rule_path.clone(),
        format!("{rule_path}/syncStatus"),
        format!("{rule_path}/runs"),
        format!("{rule_path}/mappings"),
        format!("/propagation/runs/{run}"),
        format!("/propagation/runs/{run}/operations"),
        format!("/propagation/stores/{}/census", world.store),
        format!("/propagation/stores/{}", world.store),
        "/propagation/stores".into(),
        "/populations".into(),
        "/subscriptions".into(),
        "/guardDefaults".into(),
    ];
    for run in world.runs(&rule).await {
        gets.push(format!("/propagation/runs/{}/operations", id(&run)));
    }
    for roles in [&["Configuration Read Only"][..], &["Sync Approver"], &["Environment Admin"]] {
        let whose = roles.join(", ");
        let api = client(&world, &whose, roles).await;
        // A configuration makes the server call addresses that the caller chose.
        let metadata = "/propagation/storeMetadata/Dropbox";
        api.post(metadata, json!({})).await.ok();
        if whose != "Environment Admin" {
            let given = world.dropbox.configuration(json!({}));
            api.post(metadata, json!({ "configuration": given })).await.refused(403);
        }
        for path in &gets {
            shows_nobody(&format!("{whose}: GET {path}"), &api.get(path).await.ok().to_string());
        }
        let preview = api.post(&format!("{rule_path}/preview"), json!({})).await.ok();
        shows_nobody(&format!("{whose}: the preview"), &preview.to_string());
        // The numbers are there.
        assert_eq!(preview["counts"]["CANCEL_INVITATION"], 6, "{preview:#}");
        assert_eq!(preview["guard"]["verdict"], "HOLD", "{preview:#}");
        assert!(preview["text"].as_str().unwrap().contains("6 invitations to cancel"), "{preview:#}");
        let operations = api.get(&format!("/propagation/runs/{run}/operations")).await.ok();
        assert_eq!(operations["count"], 6, "{operations:#}");
        let census = api.get(&format!("/propagation/stores/{}/census", world.store)).await.ok();
        assert!(census["matched"].as_u64().unwrap() >= 6, "{census:#}");

        // A draft can ask for any attribute of anybody, and so can an expression.
        let mapping = json!([{ "expression": "user.mobilePhone", "targetAttribute": "given_name" }]);
        for draft in
            [json!({ "mappings": mapping }), json!({ "populationExpression": "mobilePhone sw \"+49\"" })]
        {
            let refused = api.post(&format!("{rule_path}/preview"), draft).await.refused(403);
            let told = refused["message"].as_str().unwrap();
            assert!(told.contains("Identity Data Read Only"), "{told}");
        }
        let try_it = json!({ "expression": "user.mobilePhone", "user": {} });
        api.post("/propagation/expressions/evaluate", try_it).await.refused(403);
        let forbidden =
            [format!("{rule_path}/syncedUsers"), format!("{rule_path}/syncedGroups"), "/users".into()];
        for path in forbidden {
            api.get(&path).await.refused(403);
        }

        // The console.
        let username = format!("one of {}", whose.to_lowercase());
        let body = json!({ "username": username, "password": PASSWORD, "roles": roles });
        world.api.post("/administrators", body).await.ok();
        let mut pages = Pages::sign_in(&world.usher, &username, PASSWORD).await;
        for path in [
            "/console".to_owned(),
            "/console/runs".into(),
            format!("/console/runs/{run}"),
            format!("/console/runs/{run}?kind=CANCEL_INVITATION"),
            "/console/rules".into(),
            format!("/console/rules/{rule}"),
            format!("/console/rules/{rule}/runs"),
            format!("/console/rules/{rule}/mapping"),
            format!("/console/rules/{rule}/preview"),
            format!("/console/rules/{rule}/preview?now=true"),
            format!("/console/connections/{}", world.store),
            "/console/settings".into(),
        ] {
            pages.open(&path).await;
            assert_eq!(pages.status, 200, "{path}");
            shows_nobody(&format!("{whose}: {path}"), &pages.html);
        }
        pages.open(&format!("/console/runs/{run}")).await;
        pages.says("To see who they are, you need one of the roles");
    }
    // With a role that may, they are shown.
    let reader = client(&world, "Both", &["Configuration Read Only", "Identity Data Read Only"]).await;
    let shown = reader.post(&format!("{rule_path}/preview"), json!({})).await.ok();
    assert!(shown.to_string().contains("quintessa"), "{shown:#}");
    let mappings = json!([
        { "sourceAttribute": "email", "targetAttribute": "email" },
        { "sourceAttribute": "mobilePhone", "targetAttribute": "given_name" },
    ]);
    let draft = json!({ "populationExpression": "username sw \"q\"", "mappings": mappings });
    let shown = reader.post(&format!("{rule_path}/preview"), draft).await.ok();
    assert!(shown.to_string().contains("5550123"), "{shown:#}");
    let operations =
        reader.send(reader.request(Method::GET, &format!("/propagation/runs/{run}/operations"))).await;
    let operations = operations.ok();
    assert!(operations.to_string().contains("quintessa"), "{operations:#}");
}
