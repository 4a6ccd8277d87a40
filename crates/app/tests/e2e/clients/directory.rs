//! PingOne's own Terraform provider, by its Go SDK: populations, users, groups, and the plan.

use reqwest::Method;
use serde_json::json;

use super::{Client, Seen};
use crate::support::{Api, Home, id};

const IMPORT: &str = "application/vnd.pingidentity.user.import+json";
const LOCK: &str = "application/vnd.pingidentity.account.lock+json";
const UNLOCK: &str = "application/vnd.pingidentity.account.unlock+json";

#[tokio::test]
async fn the_terraform_provider_keeps_a_directory() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    terraform(&api, &api, &Seen::default()).await;
}

/// By `client`, which may be on a way where things go wrong; what is no part of the sequence is done directly.
pub(super) async fn terraform(_: &Api, client: &Api, seen: &Seen) {
    let tf = Client::new("Terraform provider (Go SDK)", client, seen).await;

    let environment = tf.get("").await;
    assert!(environment["_links"]["propagation/revisions/id:latest"]["href"].is_string());

    // A population; fields that Usher has no use for are ignored.
    let body = json!({ "name": "Staff", "description": "Everyone", "passwordPolicy": { "id": "x" }, "alternativeIdentifiers": [] });
    let staff = id(&tf.post("/populations", body).await);
    let found = tf.get("/populations?filter=name%20sw%20%22Sta%22").await;
    assert_eq!((&found["count"], &found["size"]), (&json!(1), &json!(1)));
    tf.put(&format!("/populations/{staff}"), json!({ "name": "Staff" })).await;
    let replaced = tf.get(&format!("/populations/{staff}")).await;
    assert!(replaced["description"].is_null(), "PUT clears what is left out: {replaced:#}");

    // A user, by the import media type.
    let body = json!({
        "username": "ada", "email": "ada@example.com", "population": { "id": staff }, "title": "Engineer",
        "lifecycle": { "status": "ACCOUNT_OK" }, "password": { "value": "2FederateM0re!", "forceChange": false },
    });
    let ada = tf.call(Method::POST, "/users", IMPORT, Some(body)).await.ok();
    assert!(!ada.to_string().contains("2FederateM0re"));
    let user = format!("/users/{}", id(&ada));
    assert_eq!(tf.get(&format!("{user}/enabled")).await, json!({ "enabled": true }));
    tf.put(&format!("{user}/enabled"), json!({ "enabled": false })).await;
    assert_eq!(tf.get(&format!("{user}/mfaEnabled")).await, json!({ "mfaEnabled": false }));
    tf.put(&format!("{user}/mfaEnabled"), json!({ "mfaEnabled": true })).await;
    let locked = tf.call(Method::POST, &user, LOCK, Some(json!({}))).await.ok();
    assert_eq!(locked["account"], json!({ "canAuthenticate": false, "status": "LOCKED" }));
    // `enabled` in a body is read-only, and what the body leaves out is cleared, but not the lock.
    let whole = json!({ "username": "ada", "email": "ada@example.org", "enabled": true, "population": { "id": staff } });
    let replaced = tf.put(&user, whole).await;
    assert_eq!(replaced["enabled"], false);
    assert_eq!(replaced["mfaEnabled"], true);
    assert_eq!(replaced["account"]["status"], "LOCKED");
    assert!(replaced["title"].is_null());
    let unlocked = tf.call(Method::POST, &user, UNLOCK, None).await.ok();
    assert_eq!(unlocked["account"]["status"], "OK");
    let patched =
        tf.call(Method::PATCH, &user, "application/json", Some(json!({ "nickname": "Countess" }))).await;
    assert_eq!(patched.ok()["nickname"], "Countess");
    let cleared =
        tf.call(Method::PATCH, &user, "application/json", Some(json!({ "nickname": null }))).await.ok();
    assert!(cleared["nickname"].is_null());
    assert_eq!(tf.get(&format!("{user}/population")).await["id"], json!(staff));
    let other = id(&tf.post("/populations", json!({ "name": "Alumni" })).await);
    tf.put(&format!("{user}/population"), json!({ "id": other })).await;

    // Its data source asks with upper-case operators.
    tf.post("/users", json!({ "username": "grace", "email": "grace@example.com" })).await;
    let both = tf.list(r#"/users?filter=(username eq "ada") OR (username eq "grace")"#, "users").await;
    assert_eq!(both.len(), 2);

    // Groups, nested, with a member.
    let group = id(&tf.post("/groups", json!({ "name": "Engineers", "customData": { "cost": 7 } })).await);
    let parent = id(&tf.post("/groups", json!({ "name": "Everyone" })).await);
    tf.put(&format!("/groups/{group}"), json!({ "name": "Engineering" })).await;
    tf.post(&format!("/groups/{group}/memberOfGroups"), json!({ "id": parent })).await;
    tf.get(&format!("/groups/{group}/memberOfGroups/{parent}")).await;
    assert_eq!(tf.list(&format!("/groups/{group}/memberOfGroups"), "groupMemberships").await.len(), 1);
    let made = tf.post(&format!("{user}/memberOfGroups"), json!({ "id": group })).await;
    assert_eq!((&made["id"], &made["type"]), (&json!(group), &json!("DIRECT")));
    let shown = tf.get(&format!("{user}?include=memberOfGroupIDs,memberOfGroupNames")).await;
    assert_eq!(shown["memberOfGroupNames"].as_array().unwrap().len(), 2);
    let counted = tf.get(&format!("/groups/{parent}?include=totalMemberCounts")).await;
    assert_eq!(counted["totalMemberCounts"]["users"], 1);
    assert_eq!(counted["directMemberCounts"], json!({ "users": 0, "groups": 1 }));
    let expanded = tf.get(&format!("{user}/memberOfGroups/{group}?expand=group")).await;
    assert_eq!(expanded["_embedded"]["group"]["name"], "Engineering");
    // Filtered before it is paged: the first page has the one that fits.
    let path = format!(r#"{user}/memberOfGroups?limit=1&filter=type eq "INDIRECT""#);
    let indirect = tf.get(&path).await;
    assert_eq!(
        (&indirect["count"], &indirect["_embedded"]["groupMemberships"][0]["id"]),
        (&json!(1), &json!(parent))
    );

    // The one plan; a second is refused with the words that clients look for.
    let plan = tf.post("/propagation/plans", json!({ "name": "Plan", "status": "INACTIVE" })).await;
    let plan = format!("/propagation/plans/{}", id(&plan));
    let second = tf
        .call(Method::POST, "/propagation/plans", "application/json", Some(json!({ "name": "Other" })))
        .await;
    let second = second.refused(400);
    assert!(second["message"].as_str().unwrap().contains("existing plan"), "{second:#}");
    assert_eq!(second["details"][0]["target"], "environment");
    tf.put(&plan, json!({ "name": "Plan", "status": "ACTIVE" })).await;
    assert_eq!(tf.get(&plan).await["status"], "ACTIVE");

    // And all of it is taken down again.
    tf.delete(&plan).await;
    tf.delete(&format!("{user}/memberOfGroups/{group}")).await;
    tf.delete(&format!("/groups/{group}/memberOfGroups/{parent}")).await;
    tf.delete(&format!("/groups/{group}")).await;
    tf.delete(&user).await;
    assert_eq!(tf.call(Method::GET, &user, "", None).await.status, 404);
    tf.delete(&format!("/populations/{other}")).await;
    tf.delete(&format!("/populations/{staff}")).await;
    let last = id(&tf.list("/populations", "populations").await[0]);
    let kept = tf.call(Method::DELETE, &format!("/populations/{last}"), "", None).await.refused(400);
    assert_eq!(kept["details"][0]["code"], "CONSTRAINT_VIOLATION");
    assert!(kept["details"][0]["message"].as_str().unwrap().contains("must contain at least one population"));
}
