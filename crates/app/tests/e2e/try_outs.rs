//! Ways to look before anything is done: the census of a team, an expression tried on a user, a rule as a draft would have it.

use dropbox_simulator::{MemberSeed, MemberState, Team};
use serde_json::{Value, json};

use crate::support::{Home, World, id, settled};

#[tokio::test(flavor = "multi_thread")]
async fn a_census_says_whose_the_accounts_are_and_changes_nothing() {
    let suspended =
        MemberSeed { state: MemberState::Suspended, ..MemberSeed::new("sue@example.com", "Sue", "Example") };
    let team = Team::builder()
        .licences(10)
        .member(MemberSeed::new("ADA@example.com", "Ada", "Example"))
        .member(MemberSeed::invited("ian@example.com", "Ian", "Example"))
        .member(suspended)
        .member(MemberSeed::new("nobody@example.com", "No", "Body"))
        .member(MemberSeed::new("boss@example.com", "The", "Boss"));
    let settings = json!({ "PROTECTED_EMAILS": ["boss@example.com"] });
    let world = World::of(Home::sqlite(), team, settings).await;
    let api = &world.api;
    let ada = world.user("ada").await;
    world.user("sue").await;
    for twin in ["twin1", "twin2"] {
        world.user_with(twin, json!({ "email": "ian@example.com" })).await;
    }
    let path = format!("/propagation/stores/{}/census", world.store);
    let before = world.dropbox.people();
    let census = api.get(&path).await.ok();
    // The app's own administrator is on the team, too, and always protected.
    for (what, many) in [
        ("accounts", 6),
        ("matched", 2),
        ("ambiguous", 1),
        ("unmatched", 3),
        ("invited", 1),
        ("suspended", 1),
        ("active", 4),
        ("protected", 2),
    ] {
        assert_eq!(census[what], json!(many), "{what}: {census:#}");
    }
    assert_eq!(census["seats"], json!({ "licensed": 10, "used": 6, "left": 4 }));
    let of = |email: &str| {
        let all = census["_embedded"]["accounts"].as_array().unwrap();
        all.iter().find(|account| account["email"] == email).unwrap().clone()
    };
    assert_eq!(
        (&of("ada@example.com")["user"]["id"], &of("ada@example.com")["linked"]),
        (&json!(ada), &json!(false))
    );
    assert_eq!(of("ian@example.com")["belonging"], "AMBIGUOUS");
    assert!(of("ian@example.com")["user"].is_null());
    assert_eq!(
        (&of("boss@example.com")["belonging"], &of("boss@example.com")["protected"]),
        (&json!("UNMATCHED"), &json!(true))
    );

    // Narrowed: the list, not the counts.
    let narrowed = api.get(&format!("{path}?belonging=unmatched&limit=2")).await.ok();
    let listed = narrowed["_embedded"]["accounts"].as_array().unwrap();
    assert!(listed.len() == 2 && listed.iter().all(|account| account["belonging"] == "UNMATCHED"));
    assert_eq!(narrowed["matched"], 2);
    let refused = api.get(&format!("{path}?belonging=mine")).await.refused(400);
    assert_eq!(refused["details"][0]["target"], "belonging");
    api.get(&format!("/propagation/stores/{ada}/census")).await.refused(404);
    assert!(api.get(&format!("/propagation/stores/{}/census", world.directory)).await.status >= 400);

    // What a rule links is linked in the next one.
    let rule = world.outbound_rule(json!({ "populationExpression": "username eq \"ada\"" })).await;
    settled(api, &rule).await;
    let after = api.get(&path).await.ok();
    let linked =
        after["_embedded"]["accounts"].as_array().unwrap().iter().filter(|it| it["linked"] == true).count();
    assert_eq!(linked, 1);
    assert_eq!(world.dropbox.people(), before);
}

#[tokio::test]
async fn an_expression_is_tried_on_a_user_or_told_where_it_is_wrong() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let body = json!({
        "username": "ada", "email": "ada@example.com", "title": " Countess ",
        "name": { "given": "Ada", "family": "Lovelace" },
    });
    let ada = id(&api.post("/users", body).await.ok());
    let path = "/propagation/expressions/evaluate";
    let text = "#string.upperCase(user.name.family) + ', ' + user.name.given";
    for user in [json!(ada), json!({ "id": ada })] {
        let tried = api.post(path, json!({ "expression": text, "user": user })).await.ok();
        assert_eq!(tried["value"], "LOVELACE, Ada");
        assert_eq!(tried["inputs"].as_array().unwrap().len(), 2, "{tried:#}");
    }
    // On somebody who is only thought of; and on nobody.
    let thought = json!({ "name": { "given": "Grace", "family": "Hopper" } });
    let tried = api.post(path, json!({ "expression": text, "user": thought })).await.ok();
    assert_eq!(tried["value"], "HOPPER, Grace");
    assert_eq!(api.post(path, json!({ "expression": "1 + 2" })).await.ok()["value"], 3);

    let refused = async |body: Value| {
        let refused = api.post(path, body).await.refused(400);
        let detail = &refused["details"][0];
        (
            detail["target"].as_str().unwrap().to_owned(),
            detail["innerError"]["column"].clone(),
            refused.to_string(),
        )
    };
    // Where it cannot be read, and where it has no value.
    for (wrong, column) in [("user.name given", 11), ("'a' +", 6), ("user.", 6)] {
        let (target, at, told) = refused(json!({ "expression": wrong, "user": ada })).await;
        assert_eq!((target.as_str(), at), ("expression", json!(column)), "{told}");
    }
    let (target, at, told) =
        refused(json!({ "expression": "#string.upperCase(user.enabled)", "user": ada })).await;
    assert!(target == "expression" && at.as_u64().is_some_and(|column| column > 1), "{told}");
    // Limits: how long it may be, and how large what it makes.
    let long = format!("'{}'", "x".repeat(5000));
    assert_eq!(refused(json!({ "expression": long })).await.0, "expression");
    let doubled = (0..40)
        .fold("user.title".to_owned(), |text, _| format!("({text} + {text})").chars().take(3000).collect());
    assert_eq!(refused(json!({ "expression": doubled, "user": ada })).await.0, "expression");
    for (body, target) in [
        (json!({ "user": ada }), "expression"),
        (json!({ "expression": 5 }), "expression"),
        (json!({ "expression": "1", "user": "ada" }), "user"),
        (json!({ "expression": "1", "user": 5 }), "user"),
        (json!({ "expression": "1", "users": ada }), "users"),
    ] {
        assert_eq!(refused(body.clone()).await.0, target, "{body}");
    }
    let nobody = json!({ "expression": "1", "user": "0197b2d0-0000-7000-8000-00000000dead" });
    api.post(path, nobody).await.refused(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_of_a_rule_is_previewed_and_neither_the_rule_nor_the_team_changes() {
    let world = World::of(Home::sqlite(), Team::builder(), json!({ "DEPROVISION_USERS": true })).await;
    let api = &world.api;
    let mut users = Vec::new();
    for (name, title) in [("ada", "Pilot"), ("bob", "Pilot"), ("cy", "Cook")] {
        users.push(world.user_with(name, json!({ "title": title })).await);
    }
    let rule = world.outbound_rule(json!({ "populationExpression": "title eq \"Pilot\"" })).await;
    settled(api, &rule).await;
    let (rule_path, people) = (format!("/propagation/rules/{rule}"), world.dropbox.people());
    let before = api.get(&rule_path).await.ok();
    let preview = async |draft: Value| api.post(&format!("{rule_path}/preview"), draft).await;
    let told = |preview: &Value| {
        let operations = preview["operations"].as_array().unwrap().iter();
        let told = operations.map(|it| {
            format!("{} {}", it["kind"].as_str().unwrap(), it["subject"]["name"].as_str().unwrap())
        });
        let mut told: Vec<String> = told.collect();
        told.sort();
        told
    };

    // As it is, nothing is to be done; each draft says what it would do, with a digest of its own.
    let as_it_is = preview(json!({})).await.ok();
    assert_eq!((told(&as_it_is).len(), &as_it_is["guard"]["verdict"]), (0, &json!("CLEAR")));
    let narrower = preview(json!({ "populationExpression": "username eq \"ada\"" })).await.ok();
    assert_eq!(told(&narrower), ["CANCEL_INVITATION bob@example.com"]);
    let wider = preview(json!({ "populationExpression": "enabled eq true" })).await.ok();
    assert_eq!(told(&wider), ["CREATE cy@example.com"]);
    assert!(narrower["digest"] != as_it_is["digest"] && narrower["digest"] != wider["digest"]);
    assert_eq!(
        preview(json!({ "populationExpression": "enabled eq true" })).await.ok()["digest"],
        wider["digest"]
    );
    let renamed = preview(json!({ "mappings": [
        { "sourceAttribute": "email", "targetAttribute": "email" },
        { "expression": "#string.upperCase(user.name.given)", "targetAttribute": "given_name" },
        { "sourceAttribute": "name.family", "targetAttribute": "surname" },
    ] }))
    .await
    .ok();
    assert_eq!(told(&renamed), ["UPDATE ada@example.com", "UPDATE bob@example.com"]);
    let forbidden = preview(json!({
        "populationExpression": "username eq \"ada\"", "actions": { "DISABLE_USERS": false, "DEPROVISION_USERS": false },
    })).await.ok();
    assert!(told(&forbidden).iter().all(|it| !it.starts_with("CANCEL_INVITATION")), "{forbidden:#}");
    let held = preview(json!({
        "populationExpression": "username eq \"nobody\"", "configuration": { "GUARD_MAX_REMOVALS": 1 },
    }))
    .await
    .ok();
    assert_eq!(held["guard"]["verdict"], "HOLD");
    assert!(!held["guard"]["reasons"].as_array().unwrap().is_empty());

    // What is wrong is told where it is.
    for (draft, target) in [
        (json!({ "populationExpression": "title eq" }), "populationExpression"),
        (json!({ "filter": "title eq \"x\"" }), "filter"),
        (json!({ "mappings": [{ "expression": "user.", "targetAttribute": "surname" }] }), "expression"),
        (json!({ "mappings": "none" }), "mappings"),
        (json!({ "actions": { "WIPE_DATA": true } }), "actions.WIPE_DATA"),
        (json!({ "actions": [] }), "actions"),
        (json!({ "groups": [{ "id": users[0] }] }), "groups[0].id"),
    ] {
        let refused = preview(draft.clone()).await.refused(400);
        let at = refused["details"][0]["target"].as_str().unwrap();
        assert!(at.ends_with(target), "{draft}: {refused:#}");
    }
    assert_eq!(api.get(&rule_path).await.ok(), before, "a preview changed the rule");
    assert_eq!(world.dropbox.people(), people, "a preview changed the team");
}
