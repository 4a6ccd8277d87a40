//! The provider that keeps provisioning as code (easytofu): a rule is made inactive, gets its mappings, is made active,
//! and a revision applies it. With its fallbacks, its unknown fields, and both paths of a mapping.

use dropbox_simulator::Team;
use reqwest::Method;
use serde_json::json;

use super::{Client, Seen};
use crate::support::{Api, Dropbox, Home, id, settled};

#[tokio::test]
async fn a_rule_is_made_inactive_gets_mappings_is_activated_and_applied() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    easytofu(&api, &api, &Seen::default()).await;
}

/// By `client`, which may be on a way where things go wrong; what is no part of the sequence is done directly.
pub(super) async fn easytofu(api: &Api, client: &Api, seen: &Seen) {
    let dropbox = Dropbox::start(Team::builder()).await;
    let tofu = Client::new("easytofu provider", client, seen).await;
    let json_type = "application/json";

    let metadata =
        tofu.call(Method::POST, "/propagation/storeMetadata/Dropbox", json_type, Some(json!({}))).await.ok();
    assert!(!metadata["connectionProfiles"][0]["connectionAttributes"].as_array().unwrap().is_empty());
    let stores = tofu.list("/propagation/stores", "stores").await;
    let directory = id(stores.iter().find(|store| store["type"] == "directory").unwrap());

    // A type that Usher cannot drive is kept for whoever manages it; its secrets are not told.
    let scim = json!({
        "type": "SCIM", "name": "Elsewhere", "status": "INACTIVE", "image": {}, "managed": false,
        "configuration": { "SCIM_URL": "https://scim.example.com", "OAUTH_ACCESS_TOKEN": "canary-scim-token-91" },
    });
    let scim = tofu.post("/propagation/stores", scim).await;
    assert!(!scim.to_string().contains("canary-scim-token-91"));
    tofu.delete(&format!("/propagation/stores/{}", id(&scim))).await;

    let body = json!({ "type": "Dropbox", "name": "Dropbox", "status": "INACTIVE", "configuration": dropbox.configuration(json!({})) });
    let check = "application/vnd.pingidentity.connection.check+json";
    let tested = tofu
        .call(Method::POST, "/propagation/stores/connection/status", check, Some(body.clone()))
        .await
        .ok();
    assert_eq!(tested["status"], "SUCCESS");
    let mut store = tofu.post("/propagation/stores", body).await;
    let store_id = id(&store);
    store["status"] = json!("ACTIVE");
    // Sent back as it was shown: the masked secrets mean the stored ones.
    tofu.put(&format!("/propagation/stores/{store_id}"), store).await;

    let plan = id(&tofu.post("/propagation/plans", json!({ "name": "Plan" })).await);
    tofu.post("/users", json!({ "username": "ada", "email": "ada@example.com", "name": { "given": "Ada", "family": "Lovelace" } })).await;

    let made = json!({
        "plan": { "id": plan }, "environment": { "id": "ignored" }, "sourceStore": { "id": directory },
        "targetStore": { "id": store_id }, "name": "People", "active": false, "deprovision": false, "somethingNew": [1, 2],
    });
    let path = format!("/propagation/plans/{plan}/rules");
    tofu.post(&path, made.clone()).await;
    // It does not trust the answer, and looks for its rule by name and ends.
    let rules = tofu.list(&path, "rules").await;
    let rule = rules
        .iter()
        .find(|rule| rule["name"] == "People" && rule["targetStore"]["id"] == json!(store_id))
        .unwrap();
    assert_eq!(rule["active"], false);
    let rule = id(rule);

    let mappings = format!("/propagation/rules/{rule}/mappings");
    let mut ids = Vec::new();
    for (source, target) in [
        ("email", "email"),
        ("name.given", "given_name"),
        ("title", "surname"),
        ("username", "persistent_id"),
    ] {
        let mapping =
            tofu.post(&mappings, json!({ "sourceAttribute": source, "targetAttribute": target })).await;
        ids.push(id(&mapping));
    }
    let mapping = format!("/propagation/mappings/{}", ids[2]);
    let upper = json!({ "expression": "#string.upperCase(user.name.family)", "targetAttribute": "surname" });
    tofu.put(&mapping, upper).await;
    assert!(tofu.get(&mapping).await["sourceAttribute"].is_null());
    // Its SDK has the wrong path; it tries that first, then the right one.
    tofu.delete(&format!("/propagation/mapping/{}", ids[3])).await;
    let gone = tofu.call(Method::DELETE, &format!("/propagation/mappings/{}", ids[3]), "", None).await;
    assert_eq!(gone.status, 404);
    assert_eq!(tofu.list(&mappings, "mappings").await.len(), 3);

    let mut active = made;
    active["active"] = json!(true);
    active["populationExpression"] = json!(r#"enabled eq true AND email EW "@example.com""#);
    active["configuration"] = json!({ "MFA_USER_DEVICE_MANAGEMENT": "false" });
    let rule_path = format!("/propagation/rules/{rule}");
    tofu.put(&rule_path, active).await;
    assert_eq!(tofu.get(&rule_path).await["active"], true);

    let revision = tofu.call(Method::POST, "/propagation/revisions", "", None).await;
    assert_eq!(revision.status, 201);
    let revision = revision.ok();
    for latest in ["/propagation/revisions/id:latest", "/propagation/revisions/id%3Alatest"] {
        assert_eq!(tofu.get(latest).await["id"], revision["id"], "{latest}");
    }
    tofu.get(&format!("/propagation/revisions/{}", id(&revision))).await;

    settled(api, &rule).await;
    assert_eq!(dropbox.people(), ["ada@example.com Ada LOVELACE invited"]);
    let synced = tofu.list(&format!("{rule_path}/syncedUsers"), "syncedUsers").await;
    assert_eq!(synced.len(), 1);
    let ada = synced[0]["user"]["id"].as_str().unwrap();
    let of_user = tofu.list(&format!("/users/{ada}/syncedRules"), "syncedRules").await;
    assert_eq!((&of_user[0]["type"], &of_user[0]["rule"]["id"]), (&json!("OUTBOUND"), &json!(rule)));
    tofu.get(&format!("/users/{ada}/syncedRules/{rule}")).await;
    tofu.list(&format!("{rule_path}/syncedGroups"), "syncedGroups").await;
    let shown = tofu.get(&format!("/propagation/stores/{store_id}")).await;
    assert_eq!(shown["syncStatus"]["userTotal"], 1);
    assert!(shown["syncStatus"]["lastSyncAt"].is_string(), "{shown:#}");

    // The other path that makes a rule, and the way down.
    let other = json!({ "plan": { "id": plan }, "sourceStore": { "id": directory }, "targetStore": { "id": store_id }, "name": "Others" });
    let other = id(&tofu.post("/propagation/rules", other).await);
    assert_eq!(tofu.list("/propagation/rules", "rules").await.len(), 2);
    tofu.delete(&format!("/propagation/rules/{other}")).await;
    tofu.delete(&format!("{rule_path}?deprovision=false")).await;
    tofu.post("/propagation/revisions", json!({})).await;
    dropbox.assert_nothing_was_wiped();
}

#[tokio::test]
async fn a_misspelled_setting_of_a_dropbox_store_is_refused_and_somebody_elses_note_is_not() {
    let dropbox = Dropbox::start(Team::builder()).await;
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let store =
        |more| json!({ "type": "Dropbox", "name": "Dropbox", "configuration": dropbox.configuration(more) });
    let refused = api.post("/propagation/stores", store(json!({ "WIPE_DATE": true }))).await.refused(400);
    assert_eq!(refused["details"][0]["target"], "configuration.WIPE_DATE");
    let allowed = refused["details"][0]["innerError"]["allowedValues"].as_array().unwrap();
    assert!(allowed.contains(&json!("WIPE_DATA")));
    let refused = api.post("/propagation/stores", store(json!({ "wipe_data": true }))).await.refused(400);
    assert!(refused["details"][0]["message"].as_str().unwrap().contains("is spelled `WIPE_DATA`"));
    api.post("/propagation/stores", store(json!({ "x-team-note": "ours" }))).await.ok();
}
