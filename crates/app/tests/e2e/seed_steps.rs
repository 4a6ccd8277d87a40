//! The steps of the page "Provisioning Dropbox with PingOne", taken through the API alone, and what each does to
//! the team.

use dropbox_simulator::{MemberState, Team};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Dropbox, Home, World, id, shown};

/// Users and groups of a sync status, as PingOne's screen has them.
fn numbers(status: &Value) -> String {
    let line = |what: &str| {
        let counts = &status[what];
        format!(
            "{what}: impacted {} success {} unsynced {} partial {} failed {}",
            counts["impacted"], counts["success"], counts["unsynced"], counts["partial"], counts["failed"]
        )
    };
    let word = |name: &str| status[name].as_str().unwrap_or("-").to_owned();
    format!("{} {}\n{}\n{}", word("direction"), word("status"), line("users"), line("groups"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_made_refused_repaired_and_enabled() {
    let dropbox = Dropbox::start(Team::builder().name("Acme")).await;
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;

    // A wrong refresh token: the test says which check failed, and why.
    let wrong = json!({
        "type": "Dropbox", "name": "Dropbox", "description": "Our team",
        "configuration": dropbox.configuration(json!({ "OAUTH_REFRESH_TOKEN": "not-the-token" })),
    });
    let test = "/propagation/stores/connection/status";
    let failed = api.post(test, wrong.clone()).await.refused(400);
    assert_snapshot!(shown(&failed), @r#"
    {
      "checks": [
        {
          "detail": "Dropbox refused the refresh token: refresh token is invalid or revoked. Have a team administrator authorise the app again with offline access, and enter the new OAUTH_REFRESH_TOKEN.",
          "name": "token",
          "requestId": "<digest>",
          "status": "FAILED"
        }
      ],
      "code": "INVALID_DATA",
      "details": [
        {
          "code": "INVALID_VALUE",
          "message": "Dropbox refused the refresh token: refresh token is invalid or revoked. Have a team administrator authorise the app again with offline access, and enter the new OAUTH_REFRESH_TOKEN.",
          "target": "token"
        }
      ],
      "id": "<id>",
      "message": "The connection test failed."
    }
    "#);

    // It may be saved all the same, and begins disabled.
    let made = api.post("/propagation/stores", wrong).await.ok();
    assert_eq!(made["status"], "INACTIVE");
    assert_eq!(made["configuration"]["OAUTH_REFRESH_TOKEN"], "********");
    assert_eq!(made["configuration"]["OAUTH_CLIENT_SECRET"], "********");
    let path = format!("/propagation/stores/{}", id(&made));

    // But it cannot be enabled.
    let mut enabled = made.clone();
    enabled["status"] = json!("ACTIVE");
    let refused = api.put(&path, enabled.clone()).await.refused(400);
    assert_snapshot!(shown(&refused), @r#"
    {
      "code": "INVALID_DATA",
      "details": [
        {
          "code": "CONSTRAINT_VIOLATION",
          "message": "The connection cannot be made ACTIVE, because its test failed: The test of the connection failed at token: Dropbox refused the refresh token: refresh token is invalid or revoked. Have a team administrator authorise the app again with offline access, and enter the new OAUTH_REFRESH_TOKEN. Correct the connection and test it again. Or save it with status INACTIVE",
          "target": "status"
        }
      ],
      "id": "<id>",
      "message": "The request could not be completed. One or more validation errors were in the request."
    }
    "#);
    assert_eq!(api.get(&path).await.ok()["status"], "INACTIVE");

    // Repaired: the secrets that are sent masked stay as they are.
    let mut repaired = made.clone();
    repaired["configuration"]["OAUTH_REFRESH_TOKEN"] = json!(dropbox.0.refresh_token());
    let saved = api.put(&path, repaired).await.ok();
    let tested = api.post(test, saved.clone()).await.ok();
    assert_snapshot!(shown(&tested), @r#"
    {
      "checks": [
        {
          "detail": "An access token was issued.",
          "name": "token",
          "status": "SUCCESS"
        },
        {
          "detail": "Acme: 1 members, 1000000 licences bought.",
          "name": "team",
          "requestId": "<digest>",
          "status": "SUCCESS"
        },
        {
          "detail": "Authorised by admin@team.example.com, who is never disabled or removed.",
          "name": "administrator",
          "requestId": "<digest>",
          "status": "SUCCESS"
        },
        {
          "detail": "Granted.",
          "name": "members.read",
          "requestId": "<digest>",
          "status": "SUCCESS"
        },
        {
          "detail": "Granted.",
          "name": "groups.read",
          "requestId": "<digest>",
          "status": "SUCCESS"
        },
        {
          "detail": "Granted.",
          "name": "members.write",
          "requestId": "<digest>",
          "status": "SUCCESS"
        },
        {
          "detail": "Granted.",
          "name": "members.delete",
          "requestId": "<digest>",
          "status": "SUCCESS"
        },
        {
          "detail": "Granted.",
          "name": "groups.write",
          "requestId": "<digest>",
          "status": "SUCCESS"
        },
        {
          "detail": "Granted.",
          "name": "events.read",
          "requestId": "<digest>",
          "status": "SUCCESS"
        }
      ],
      "status": "SUCCESS"
    }
    "#);
    let mut enabled = saved;
    enabled["status"] = json!("ACTIVE");
    assert_eq!(api.put(&path, enabled).await.ok()["status"], "ACTIVE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_names_each_scope_that_is_missing() {
    let team = Team::builder().token_without_scope("members.delete").token_without_scope("groups.write");
    let dropbox = Dropbox::start(team).await;
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let deletes = json!({ "DEPROVISION_USERS": true, "REMOVE_ACTION": "Delete" });
    let store =
        json!({ "type": "Dropbox", "name": "Dropbox", "configuration": dropbox.configuration(deletes) });
    let failed = api.post("/propagation/stores/connection/status", store).await.refused(400);
    let told: Vec<String> =
        failed["details"].as_array().unwrap().iter().map(|detail| detail["message"].to_string()).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    for scope in ["members.delete", "groups.write"] {
        assert!(told.iter().any(|message| message.contains(scope)), "{scope} is not named: {told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_walked_from_connection_to_sync_status() {
    let world =
        World::of(Home::sqlite(), Team::builder().name("Acme"), json!({ "DEPROVISION_USERS": true })).await;
    let api = &world.api;

    // Users assigned to a population, and groups, one nested in another.
    let staff = world.population("Staff").await;
    let in_staff = || json!({ "population": { "id": staff } });
    let ada = world.user_with("ada", in_staff()).await;
    let bob = world.user_with("bob", in_staff()).await;
    let cleo = world.user_with("cleo", in_staff()).await;
    let outsider = world.user("mallory").await;
    let everyone = world.group("Everyone").await;
    let engineering = world.group("Engineering").await;
    world.join(&ada, &engineering).await;
    world.join(&bob, &engineering).await;
    world.join(&cleo, &everyone).await;
    world.join(&outsider, &everyone).await;
    api.post(&format!("/groups/{engineering}/memberOfGroups"), json!({ "id": everyone })).await.ok();

    // The rule: made inactive, given its mappings, made active, applied by a revision.
    let mut rule = json!({
        "name": "Staff to Dropbox",
        "sourceStore": { "id": world.directory }, "targetStore": { "id": world.store },
        "populationExpression": format!("population.id eq \"{staff}\""),
        "groups": [{ "id": everyone }, { "id": engineering }],
        "active": false,
    });
    let path = format!("/propagation/plans/{}/rules", world.plan);
    let rule_id = id(&api.post(&path, rule.clone()).await.ok());
    let path = format!("/propagation/rules/{rule_id}");
    for (source, target) in
        [("email", "email"), ("name.given", "given_name"), ("name.family", "surname"), ("enabled", "status")]
    {
        let mapping = json!({ "sourceAttribute": source, "targetAttribute": target });
        api.post(&format!("{path}/mappings"), mapping).await.ok();
    }
    assert_eq!(api.list(&format!("{path}/mappings"), "mappings").await.len(), 4);
    assert_eq!(world.dropbox.people(), Vec::<String>::new(), "an inactive rule does nothing");
    rule["plan"] = json!({ "id": world.plan });
    rule["active"] = json!(true);
    api.put(&path, rule).await.ok();
    let revision = api.post("/propagation/revisions", json!({})).await.ok();
    assert_eq!(api.get("/propagation/revisions/id:latest").await.ok()["id"], revision["id"]);

    let status = world.settled(&rule_id).await;
    assert_snapshot!(numbers(&status), @r"
    OUTBOUND ACTIVE
    users: impacted 3 success 3 unsynced 0 partial 0 failed 0
    groups: impacted 2 success 2 unsynced 0 partial 0 failed 0
    ");
    assert_eq!(status["source"]["id"], json!(world.directory));
    assert_eq!(status["target"]["id"], json!(world.store));
    assert!(status["lastSyncAt"].is_string());

    // The team has them: named, marked as ours, in the groups that they are in directly or by nesting.
    assert_snapshot!(world.dropbox.people().join("\n"), @r"
    ada@example.com Ada Example invited
    bob@example.com Bob Example invited
    cleo@example.com Cleo Example invited
    ");
    assert_snapshot!(world.dropbox.memberships().join("\n"), @r"
    Engineering: ada@example.com
    Engineering: bob@example.com
    Everyone: ada@example.com
    Everyone: bob@example.com
    Everyone: cleo@example.com
    ");
    for (user, email) in [(&ada, "ada@example.com"), (&bob, "bob@example.com"), (&cleo, "cleo@example.com")] {
        let team = world.dropbox.0.team();
        let member = team.member_by_email(email).unwrap();
        assert_eq!(member.external_id.as_deref(), Some(user.as_str()), "{email}");
        assert_eq!(member.welcome_emails, 1, "{email}");
    }
    for (group, name) in [(&everyone, "Everyone"), (&engineering, "Engineering")] {
        let team = world.dropbox.0.team();
        assert_eq!(team.group_by_name(name).unwrap().external_id.as_deref(), Some(group.as_str()));
    }

    // What each of them sees of it.
    let synced = api.get(&format!("/users/{ada}/syncedRules/{rule_id}")).await.ok();
    assert_eq!((&synced["status"], &synced["type"]), (&json!("SUCCESS"), &json!("OUTBOUND")));
    assert_eq!(api.list(&format!("{path}/syncedUsers"), "syncedUsers").await.len(), 3);
    assert_eq!(api.list(&format!("{path}/syncedGroups"), "syncedGroups").await.len(), 2);

    // They accept; from now on each change of the directory reaches the team by itself.
    world.dropbox.0.team().accept_all_invitations();

    // A person is renamed.
    api.patch(&format!("/users/{ada}"), json!({ "name": { "family": "Lovelace" } })).await.ok();
    world.settled(&rule_id).await;
    assert!(world.dropbox.people().contains(&"ada@example.com Ada Lovelace active".to_owned()));

    // Disabled, enabled.
    api.put(&format!("/users/{bob}/enabled"), json!({ "enabled": false })).await.ok();
    world.settled(&rule_id).await;
    assert!(world.dropbox.people().contains(&"bob@example.com Bob Example suspended".to_owned()));
    api.put(&format!("/users/{bob}/enabled"), json!({ "enabled": true })).await.ok();
    world.settled(&rule_id).await;
    assert!(world.dropbox.people().contains(&"bob@example.com Bob Example active".to_owned()));

    // A group is renamed; a membership ends.
    let group = json!({ "name": "Builders" });
    api.put(&format!("/groups/{engineering}"), group).await.ok();
    api.delete(&format!("/users/{bob}/memberOfGroups/{engineering}")).await.ok();
    world.settled(&rule_id).await;
    assert_snapshot!(world.dropbox.memberships().join("\n"), @r"
    Builders: ada@example.com
    Everyone: ada@example.com
    Everyone: cleo@example.com
    ");

    // Deleted: REMOVE_ACTION is Disable, so the account is suspended.
    api.delete(&format!("/users/{cleo}")).await.ok();
    let status = world.settled(&rule_id).await;
    assert_snapshot!(world.dropbox.people().join("\n"), @r"
    ada@example.com Ada Lovelace active
    bob@example.com Bob Example active
    cleo@example.com Cleo Example suspended
    ");
    assert_snapshot!(numbers(&status), @r"
    OUTBOUND ACTIVE
    users: impacted 2 success 2 unsynced 0 partial 0 failed 0
    groups: impacted 2 success 2 unsynced 0 partial 0 failed 0
    ");

    // Every run that changed something is there to read, and nothing was wiped or invited twice.
    let runs = world.runs(&rule_id).await;
    let states: Vec<&str> = runs.iter().map(|run| run["state"].as_str().unwrap()).collect();
    assert!(states.iter().all(|state| *state == "SUCCEEDED"), "{states:?}");
    world.dropbox.assert_nothing_was_wiped();
    let team = world.dropbox.0.team();
    assert!(team.members().iter().all(|member| member.welcome_emails <= 1));
    assert_eq!(team.count(MemberState::Removed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_toggle_is_off_changes_wait_and_then_arrive() {
    let world = World::start().await;
    let ada = world.user("ada").await;
    let rule = world.outbound_rule(json!({})).await;
    world.settled(&rule).await;
    world.dropbox.0.team().accept_all_invitations();

    world.toggle(false).await;
    let calls = world.dropbox.0.calls().total();
    world.user("bob").await;
    api_rename(&world, &ada, "Lovelace").await;
    let status = world.settled(&rule).await;
    assert_eq!(status["status"], "INACTIVE", "{status:#}");
    assert_eq!(world.dropbox.people(), ["ada@example.com Ada Example active"]);
    assert_eq!(world.dropbox.0.calls().total(), calls, "a disabled connection is not called");

    world.toggle(true).await;
    let status = world.settled(&rule).await;
    assert_eq!(status["status"], "ACTIVE", "{status:#}");
    assert_snapshot!(world.dropbox.people().join("\n"), @r"
    ada@example.com Ada Lovelace active
    bob@example.com Bob Example invited
    ");
}

async fn api_rename(world: &World, user: &str, family: &str) {
    world.api.patch(&format!("/users/{user}"), json!({ "name": { "family": family } })).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_removes_from_the_team_when_the_remove_action_says_so() {
    let deletes = json!({ "DEPROVISION_USERS": true, "REMOVE_ACTION": "Delete" });
    let world = World::of(Home::sqlite(), Team::builder(), deletes).await;
    let ada = world.user("ada").await;
    world.user("bob").await;
    let rule = world.outbound_rule(json!({})).await;
    world.settled(&rule).await;
    world.dropbox.0.team().accept_all_invitations();
    world.api.delete(&format!("/users/{ada}")).await.ok();
    world.settled(&rule).await;
    assert_eq!(world.dropbox.people(), ["bob@example.com Bob Example active"]);
    world.dropbox.assert_nothing_was_wiped();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rule_and_the_server_end_gently() {
    let world = World::of(Home::sqlite(), Team::builder(), json!({ "DEPROVISION_USERS": true })).await;
    world.user("ada").await;
    let rule = world.outbound_rule(json!({})).await;
    world.settled(&rule).await;

    // A store that a rule uses stays; a rule goes, and what it made is left unless deprovisioning is asked for.
    let in_use = world.api.delete(&format!("/propagation/stores/{}", world.store)).await;
    assert!(matches!(in_use.status, 400 | 409), "{:#}", in_use.body);
    assert_eq!(world.api.delete(&format!("/propagation/rules/{rule}")).await.status, 204);
    world.api.get(&format!("/propagation/rules/{rule}")).await.refused(404);
    assert_eq!(world.dropbox.people(), ["ada@example.com Ada Example invited"]);

    // Asked to stop, the server ends well; started again, everything is there.
    let World { mut usher, api, store, .. } = world;
    assert!(usher.stop().await.success(), "{}", usher.tail());
    usher.restart().await;
    assert_eq!(api.list("/users", "users").await.len(), 1);
    assert_eq!(api.get(&format!("/propagation/stores/{store}")).await.ok()["status"], "ACTIVE");
}
