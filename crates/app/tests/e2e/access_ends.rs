//! Access ends when it should: sessions with a password, tokens with a secret or a key. It can be recovered on the server's
//! own machine when nobody is left. The audit records all of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};

use crate::support::{Api, CLIENT, ENVIRONMENT, Home, Pages, SECRET, Usher, http_client, id, until};

const PASSWORD: &str = "canary-long-enough-password-93";
/// The audit wants to be asked for a time.
const SINCE: &str = "recordedAt%20gt%20%222020-01-01T00:00:00Z%22";

async fn ask(usher: &Usher, client: &str, secret: &str) -> (u16, Value) {
    let request = http_client().post(format!("{}/{ENVIRONMENT}/as/token", usher.url()));
    let form = [("grant_type", "client_credentials")];
    let answer = request.basic_auth(client, Some(secret)).form(&form).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// A client with these roles: its id, its secret, and the API as it sees it.
async fn client(usher: &Usher, api: &Api, name: &str, roles: &[&str]) -> (String, String, Api) {
    let made = api.post("/clients", json!({ "name": name, "roles": roles })).await.ok();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let (_, token) = ask(usher, &id(&made), &secret).await;
    (id(&made), secret, api.as_someone_with(token["access_token"].as_str().unwrap()))
}

async fn administrator(api: &Api, username: &str, roles: &[&str]) -> String {
    let body = json!({ "username": username, "password": PASSWORD, "roles": roles });
    id(&api.post("/administrators", body).await.ok())
}

/// Whether the session of these pages goes on.
async fn is_in(pages: &mut Pages) -> bool {
    pages.open("/console/account").await;
    pages.path == "/console/account"
}

/// What the audit has of these action types, in order.
async fn audited(api: &Api, actions: &[&str]) -> Vec<String> {
    let events = api.list(&format!("/activities?filter={SINCE}"), "activities").await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found: Vec<String> = events
        .iter()
        .filter(|event| actions.contains(&text(&event["action"]["type"]).as_str()))
        .map(|event| {
            let result = &event["result"];
            let what =
                (text(&event["action"]["type"]), text(&result["status"]), text(&result["description"]));
            format!("{} {} {}", what.0, what.1, what.2)
        })
        .collect();
    found.reverse();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lets_somebody_in_ends_their_sessions_when_somebody_else_changes_it() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let ada = administrator(&api, "ada", &["Identity Data Admin"]).await;
    let path = format!("/administrators/{ada}");
    let body =
        |enabled: bool| json!({ "username": "ada", "roles": ["Identity Data Admin"], "enabled": enabled });

    // A new password, by the API.
    let mut there = Pages::sign_in(&usher, "ada", PASSWORD).await;
    let mut here = Pages::sign_in(&usher, "ada", PASSWORD).await;
    api.post(&format!("{path}/password"), json!({ "password": PASSWORD })).await.ok();
    assert!(!is_in(&mut there).await && !is_in(&mut here).await);

    // Disabled and enabled again before anybody looked.
    let mut pages = Pages::sign_in(&usher, "ada", PASSWORD).await;
    api.put(&path, body(false)).await.ok();
    api.put(&path, body(true)).await.ok();
    assert!(!is_in(&mut pages).await);

    // The second factor of somebody who lost it.
    let mut pages = Pages::sign_in(&usher, "ada", PASSWORD).await;
    pages.open("/console/account").await;
    pages.submit("/console/account/totp", &[]).await;
    api.delete(&format!("{path}/totp")).await.ok();
    assert!(!is_in(&mut pages).await);

    // Roles are looked up with each request: they end nothing, and are gone at once.
    let mut pages = Pages::sign_in(&usher, "ada", PASSWORD).await;
    api.put(&path, json!({ "username": "ada", "roles": ["Sync Approver"] })).await.ok();
    pages.open("/console/users").await;
    assert_eq!(pages.status, 403);

    // In the settings of the console, nobody changes their own without what proves who they are.
    let mut root = Pages::sign_in(&usher, "root", "canary-admin-password-77ab").await;
    let own = api.list("/administrators", "administrators").await;
    let own = id(own.iter().find(|it| it["username"] == "root").unwrap());
    for what in ["password", "totp/off"] {
        root.open("/console/account").await;
        root.post_with_token(
            &format!("/console/settings/administrators/{own}/{what}"),
            &[("password", PASSWORD)],
        )
        .await;
        assert_eq!(root.status, 400, "{what}");
        root.says("under My account");
    }
    assert!(is_in(&mut root).await);
}

/// On every server of the database, and soon.
async fn tokens_end(home: Home) {
    let (one, two) = (home.serve().await, home.serve().await);
    let api = one.api().await;
    let (id_of, secret, theirs) = client(&one, &api, "Reader", &["Identity Data Read Only"]).await;
    let there = two.api().await.as_someone_with(theirs.token());
    there.get("/users").await.ok();
    let path = format!("/clients/{id_of}/secret");

    // A rotation alone ends no token; with the wish it ends them all, on both servers, and the new secret gets new ones.
    let second = api.post(&path, json!({ "overlapSeconds": 600 })).await.ok();
    there.get("/users").await.ok();
    let both = api.post(&path, json!({ "overlapSeconds": 600, "endTokens": true })).await.refused(400);
    assert_eq!(both["details"][0]["target"], "endTokens", "{both:#}");
    let third = api.post(&path, json!({ "endTokens": true })).await.ok();
    for api in [&theirs, &there] {
        let refused = api.get("/users").await.refused(401);
        assert!(
            refused["message"].as_str().unwrap().contains("when the client got a new secret"),
            "{refused:#}"
        );
    }
    for old in [secret.as_str(), second["secret"].as_str().unwrap()] {
        assert_eq!(ask(&two, &id_of, old).await.0, 401);
    }
    let (_, fresh) = ask(&two, &id_of, third["secret"].as_str().unwrap()).await;
    theirs.as_someone_with(fresh["access_token"].as_str().unwrap()).get("/users").await.ok();

    // A signing key that is revoked.
    let old = id(&api.list("/signingKeys", "signingKeys").await[0]);
    let there = two.api().await;
    api.post("/signingKeys", json!({})).await.ok();
    until("a token is signed with the new key", async || {
        one.api().await.get("/signingKeys").await.status == 200 && one.api().await.token() != api.token()
    })
    .await;
    there.get("/users").await.ok();
    api.delete(&format!("/signingKeys/{old}")).await.ok();
    let revoked = Instant::now();
    until("its tokens are refused there", async || there.get("/users").await.status == 401).await;
    assert!(revoked.elapsed() < Duration::from_secs(2), "{:?}", revoked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_with_their_secret_or_key_on_every_server() {
    let Some(home) = Home::postgres(&[]).await else { return };
    tokens_end(home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn access_that_nobody_has_any_more_is_made_anew_on_the_servers_machine() {
    let home = Home::sqlite();
    let mut usher = home.serve().await;
    let recover = async |usher: &Usher| {
        let mut command = usher.home().command(&["recover-admin"]);
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
    };
    // While somebody can give every role, it says who, and does nothing.
    let refused = recover(&usher).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{said}");
    assert!(said.contains("(client Bootstrap client, administrator root)"), "{said}");
    let api = usher.api().await;
    api.get("/users").await.ok();

    // Somebody meddled with the database; the server goes on.
    let url = format!("sqlite://{}", home.dir().join("usher.db").display());
    let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for meddling in ["update clients set enabled = 0", "update administrators set enabled = 0"] {
        database.execute(meddling).await.unwrap();
    }
    database.close().await.unwrap();
    assert_eq!(ask(&usher, CLIENT, SECRET).await.0, 401);
    let made = recover(&usher).await;
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(made.status.success(), "{said}{}", String::from_utf8_lossy(&made.stderr));
    let word = |after: &str| {
        said.lines()
            .find_map(|line| line.strip_prefix(after))
            .unwrap_or_else(|| panic!("{said}"))
            .trim()
            .to_owned()
    };
    let mut pages = Pages::sign_in(&usher, &word("Console administrator"), &word("Password")).await;
    pages.open("/console/settings/administrators/new").await;
    assert_eq!(pages.status, 200);
    let (status, token) = ask(&usher, &word("Worker client"), &word("Client secret")).await;
    assert_eq!(status, 200, "{token:#}");
    let api = api.as_someone_with(token["access_token"].as_str().unwrap());
    insta::assert_snapshot!(audited(&api, &["ACCESS.RECOVERED"]).await.join("\n"), @"ACCESS.RECOVERED SUCCESS Made Administrator recovery and Application Recovery client with every role, by recover-admin on the server's machine: nobody could give Environment Admin, Identity Data Admin, Identity Data Read Only, Configuration Read Only, Sync Approver any more");
    let again = recover(&usher).await;
    let again = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.contains("(client Recovery client, administrator recovery)"), "{again}");
    for secret in [word("Password"), word("Client secret")] {
        assert!(!usher.printed().contains(&secret));
    }
    usher.stop().await;
    let verified = home.command(&["audit", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_records_refusals_sign_outs_tests_exports_and_rekeying() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let ask_often = async |client: &str| {
        for _ in 0..5 {
            assert_eq!(ask(&usher, client, "a guess").await.0, 401);
        }
    };
    ask_often(CLIENT).await;
    ask_often("0197b2d0-0000-7000-8000-00000000dead").await;
    let (disabled, secret, _) = client(&usher, &api, "Asleep", &["Sync Approver"]).await;
    let body = json!({ "name": "Asleep", "roles": ["Sync Approver"], "enabled": false });
    api.put(&format!("/clients/{disabled}"), body).await.ok();
    assert_eq!(ask(&usher, &disabled, &secret).await.0, 401);

    let mut pages = Pages::sign_in(&usher, "root", "canary-admin-password-77ab").await;
    pages.submit("/console/sign-out", &[]).await;
    assert_eq!(pages.path, "/console/sign-in");
    pages.submit("/console/sign-in", &[("username", "nobody"), ("password", "canary guess")]).await;
    let mut pages = Pages::sign_in(&usher, "root", "canary-admin-password-77ab").await;
    pages.open("/console/account").await;
    pages.submit("/console/account/sign-out-everywhere", &[]).await;

    let store = json!({
        "type": "Dropbox", "name": "Tried", "status": "INACTIVE",
        "configuration": { "BASE_URL": "http://127.0.0.1:9/2", "AUTHENTICATION_METHOD": "OAUTH", "OAUTH_CLIENT_ID": "a",
            "OAUTH_CLIENT_SECRET": "b", "OAUTH_REFRESH_TOKEN": "c", "OAUTH_TOKEN_URL": "http://127.0.0.1:9/token",
            "GRANT_TYPE": "refresh_token" },
    });
    api.post("/propagation/stores/connection/status", store).await.refused(400);
    let exported = usher.cli(&["export"]).await;
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let mut rekey = usher.home().command(&["rekey"]);
    assert!(tokio::task::spawn_blocking(move || rekey.output()).await.unwrap().unwrap().status.success());

    let events = audited(
        &api,
        &[
            "SECRET.CHECK_FAILED",
            "USER.ACCESS_DENIED",
            "SESSION.DELETED",
            "PROVISIONING_CONNECTION.TESTED",
            "ENVIRONMENT.EXPORTED",
            "KEY.UPDATED",
        ],
    )
    .await;
    let shorter = |event: String| match event.split_once(" failed at ") {
        Some((before, _)) => format!("{before} failed"),
        None => event.split_once(" under the key ").map_or(event.clone(), |(before, _)| before.to_owned()),
    };
    insta::assert_snapshot!(events.into_iter().map(shorter).collect::<Vec<_>>().join("\n"), @"
    SECRET.CHECK_FAILED FAILED Refused an access token to Application Bootstrap client: its secret was wrong, from 127.0.0.1
    SECRET.CHECK_FAILED FAILED Refused an access token to an unknown Application, from 127.0.0.1
    SECRET.CHECK_FAILED FAILED Refused an access token to Application Asleep: it is disabled, from 127.0.0.1
    SESSION.DELETED SUCCESS Signed out Administrator root
    USER.ACCESS_DENIED FAILED Refused to sign in an unknown username, from 127.0.0.1
    SESSION.DELETED SUCCESS Signed out everywhere Administrator root
    PROVISIONING_CONNECTION.TESTED FAILED Tested connection Tried of type Dropbox. The test of the connection failed
    ENVIRONMENT.EXPORTED SUCCESS Exported the configuration of Environment Default
    KEY.UPDATED SUCCESS Sealed every secret anew
    ");
}
