//! Who may call: clients, administrators and signing keys over the API; nobody gets more than they may give; rekeying
//! while a server runs.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use dropbox_simulator::Team;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, CLIENT, ENVIRONMENT, Home, SECRET, Usher, World, http_client, id, until};

const ALL: [&str; 5] = [
    "Environment Admin",
    "Identity Data Admin",
    "Identity Data Read Only",
    "Configuration Read Only",
    "Sync Approver",
];

/// The status, the body and `Retry-After` of a request for a token.
async fn ask(usher: &Usher, client: &str, secret: &str) -> (u16, Value, Option<String>) {
    let request = http_client().post(format!("{}/{ENVIRONMENT}/as/token", usher.url()));
    let form = [("grant_type", "client_credentials")];
    let answer = request.basic_auth(client, Some(secret)).form(&form).send().await.unwrap();
    let wait = answer.headers().get("retry-after").map(|wait| wait.to_str().unwrap().to_owned());
    (answer.status().as_u16(), answer.json().await.unwrap(), wait)
}

async fn token(usher: &Usher, client: &str, secret: &str) -> String {
    let (status, body, _) = ask(usher, client, secret).await;
    assert_eq!(status, 200, "{body:#}");
    body["access_token"].as_str().unwrap().to_owned()
}

/// A client with these roles: its id, its secret, and the API as it sees it.
async fn client(usher: &Usher, api: &Api, name: &str, roles: &[&str]) -> (String, String, Api) {
    let made = api.post("/clients", json!({ "name": name, "roles": roles })).await.ok();
    let secret = made["secret"].as_str().unwrap().to_owned();
    let token = token(usher, &id(&made), &secret).await;
    (id(&made), secret, api.as_someone_with(&token))
}

/// The target of the one fault of a refused request, and what it is called.
fn fault(answer: Answer, status: u16) -> (String, String) {
    let body = answer.refused(status);
    let text = |name: &str| body["details"][0][name].as_str().unwrap_or_default().to_owned();
    (text("target"), text("code"))
}

fn forbidden(answer: Answer) {
    let body = answer.refused(403);
    assert_eq!(body["code"], "ACCESS_FAILED", "{body:#}");
    let told = body["message"].as_str().unwrap();
    assert!(told.starts_with("The actor attempting to perform the request is not authorized."), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_the_roles_that_it_has_now_and_a_secret_that_is_shown_once() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let (reader, secret, theirs) = client(&usher, &api, "Reader", &["Identity Data Read Only"]).await;
    let path = format!("/clients/{reader}");
    theirs.get("/users").await.ok();
    forbidden(theirs.get("/clients").await);
    let shown = api.get(&path).await.ok();
    assert!(shown["secret"].is_null() && !shown.to_string().contains("argon2"), "{shown:#}");
    assert!(!api.get("/clients").await.ok().to_string().contains(&secret));

    // What is taken away is gone at once, with the token that is out.
    api.put(&path, json!({ "name": "Reader", "roles": ["Sync Approver"] })).await.ok();
    forbidden(theirs.get("/users").await);
    api.put(&path, json!({ "name": "Reader", "roles": ["Identity Data Read Only"], "enabled": false }))
        .await
        .ok();
    theirs.get("/users").await.refused(401);
    assert_eq!(ask(&usher, &reader, &secret).await.0, 401);
    api.put(&path, json!({ "name": "Reader", "roles": ["Identity Data Read Only"] })).await.ok();
    theirs.get("/users").await.ok();

    // A new secret; the old one lives on for as long as was asked, and not beside a third.
    let rotated = api.post(&format!("{path}/secret"), json!({ "overlapSeconds": 600 })).await.ok();
    assert!(rotated["oldSecretUntil"].is_string(), "{rotated:#}");
    let second = rotated["secret"].as_str().unwrap();
    token(&usher, &reader, &secret).await;
    token(&usher, &reader, second).await;
    let third = api.post(&format!("{path}/secret"), json!({})).await.ok();
    assert_eq!(ask(&usher, &reader, &secret).await.0, 401);
    assert_eq!(ask(&usher, &reader, second).await.0, 401);
    token(&usher, &reader, third["secret"].as_str().unwrap()).await;
    let too_long = api.post(&format!("{path}/secret"), json!({ "overlapSeconds": 99_999_999 })).await;
    assert_eq!(fault(too_long, 400), ("overlapSeconds".into(), "INVALID_VALUE".into()));
    let unknown = api.post(&format!("{path}/secret"), json!({ "overlap": 1 })).await;
    assert_eq!(fault(unknown, 400), ("overlap".into(), "INVALID_VALUE".into()));

    let again = api.post("/clients", json!({ "name": "READER", "roles": [] })).await;
    assert_eq!(fault(again, 400), ("name".into(), "UNIQUENESS_VIOLATION".into()));
    let wrong = api.post("/clients", json!({ "name": "x", "roles": ["Emperor"] })).await;
    assert_eq!(fault(wrong, 400), ("roles".into(), "INVALID_VALUE".into()));
    api.delete(&path).await.ok();
    theirs.get("/users").await.refused(401);
    api.get(&path).await.refused(404);

    // Neither the log nor the database ever had one of them.
    let log = ("the log".to_owned(), usher.printed().into_bytes());
    let database = std::fs::read_dir(usher.home().dir()).unwrap().map(|entry| entry.unwrap().path());
    let files = database.filter(|path| path.to_string_lossy().contains("usher.db"));
    let files = files.map(|path| (path.display().to_string(), std::fs::read(path).unwrap()));
    for (place, bytes) in files.chain([log]) {
        for secret in [&secret, second, theirs.token()] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{place} holds a secret");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_or_takes_over_a_role_that_they_do_not_have_and_the_last_admin_stays() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let (keeper, _, theirs) = client(&usher, &api, "Keeper", &["Environment Admin"]).await;
    let root = api.list("/administrators", "administrators").await.remove(0);
    assert_eq!(root["username"], "root");
    let (root, boot) = (format!("/administrators/{}", id(&root)), format!("/clients/{CLIENT}"));

    // By giving …
    for role in &ALL[1..] {
        forbidden(theirs.post("/clients", json!({ "name": *role, "roles": [*role] })).await);
        let body = json!({ "username": *role, "roles": ["Environment Admin", *role] });
        forbidden(theirs.post("/administrators", body).await);
        let itself = json!({ "name": "Keeper", "roles": ["Environment Admin", *role] });
        forbidden(theirs.put(&format!("/clients/{keeper}"), itself).await);
    }
    // … by taking over …
    forbidden(theirs.post(&format!("{boot}/secret"), json!({})).await);
    forbidden(theirs.post(&format!("{root}/password"), json!({ "password": "mine, all mine" })).await);
    forbidden(theirs.delete(&format!("{root}/totp")).await);
    // … by a username that an OpenID provider knows as one's own …
    forbidden(theirs.put(&root, json!({ "username": "keeper@example.com", "roles": ALL })).await);
    // … by waking who sleeps.
    let (strong, _, _) = client(&usher, &api, "Strong", &["Sync Approver"]).await;
    let strong = format!("/clients/{strong}");
    let body = |enabled: bool| json!({ "name": "Strong", "roles": ["Sync Approver"], "enabled": enabled });
    theirs.put(&strong, body(false)).await.ok();
    forbidden(theirs.put(&strong, body(true)).await);
    // What one has, one may give.
    theirs
        .post("/administrators", json!({ "username": "second", "roles": ["Environment Admin"] }))
        .await
        .ok();

    // Taking away is no gift, until a role would be left without anybody who can give it.
    theirs.delete(&boot).await.ok();
    for last in [
        theirs.delete(&root).await,
        theirs.put(&root, json!({ "username": "root", "roles": ALL, "enabled": false })).await,
        theirs.put(&root, json!({ "username": "root", "roles": ["Environment Admin"] })).await,
        // Holding a role is not enough: without Environment Admin nobody can give it.
        theirs.put(&root, json!({ "username": "root", "roles": &ALL[1..] })).await,
    ] {
        let told = last.body["details"][0]["message"].as_str().unwrap_or_default().to_owned();
        assert_eq!(fault(last, 400), ("roles".into(), "CONSTRAINT_VIOLATION".into()));
        let wanted = "The administrator root is the last enabled holder of Identity Data Admin, Identity Data Read Only, \
                      Configuration Read Only, Sync Approver: nobody could give it any more.";
        assert!(told.starts_with(wanted), "{told}");
    }
    // What others can give as well goes.
    theirs.delete(&format!("/clients/{keeper}")).await.ok();
}

async fn two_leave_at_once(home: Home) {
    let usher = home.serve().await;
    let api = usher.api().await;
    let root = api.list("/administrators", "administrators").await.remove(0);
    api.delete(&format!("/administrators/{}", id(&root))).await.ok();
    for round in 0..5 {
        let (other, _, theirs) = client(&usher, &api, &format!("Other {round}"), &ALL).await;
        let less = |name: &str| json!({ "name": name, "roles": [] });
        let (one, two) = (format!("/clients/{CLIENT}"), format!("/clients/{other}"));
        let name = format!("Other {round}");
        let (first, second) =
            tokio::join!(theirs.put(&one, less("Bootstrap client")), api.put(&two, less(&name)));
        let left = [first.status, second.status].iter().filter(|status| **status == 200).count();
        assert_eq!(left, 1, "{} {}", first.body, second.body);
        if first.status == 200 {
            // The one who stayed gives the roles back.
            theirs.put(&one, json!({ "name": "Bootstrap client", "roles": ALL })).await.ok();
            theirs.delete(&two).await.ok();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_leave_at_the_same_moment_one_stays() {
    two_leave_at_once(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_admins_who_leave_at_the_same_moment_one_stays_on_postgresql() {
    let Some(home) = Home::postgres(&[]).await else { return };
    two_leave_at_once(home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_made_changed_and_told_of_without_what_lets_them_in() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let made =
        api.post("/administrators", json!({ "username": "Ada", "roles": ["Sync Approver"] })).await.ok();
    assert!(made["password"].as_str().unwrap().len() >= 20 && made["totpEnabled"] == false, "{made:#}");
    let path = format!("/administrators/{}", id(&made));
    let shown = api.get(&path).await.ok();
    assert!(shown["password"].is_null() && !shown.to_string().contains("argon2"), "{shown:#}");
    let given = json!({ "username": "bob", "roles": [], "password": "correct horse" });
    assert!(api.post("/administrators", given).await.ok()["password"].is_null());
    let taken = api.post("/administrators", json!({ "username": "ADA", "roles": [] })).await;
    assert_eq!(fault(taken, 400), ("username".into(), "UNIQUENESS_VIOLATION".into()));
    let short = json!({ "username": "eve", "roles": [], "password": "short" });
    assert_eq!(fault(api.post("/administrators", short).await, 400).0, "password");
    let renamed =
        api.put(&path, json!({ "username": "ada", "roles": ["Sync Approver"], "enabled": false })).await.ok();
    assert_eq!((renamed["username"].as_str(), renamed["enabled"].as_bool()), (Some("ada"), Some(false)));
    let reset = api.post(&format!("{path}/password"), json!({})).await.ok();
    assert_ne!(reset["password"], made["password"]);
    api.delete(&path).await.ok();
    api.get(&path).await.refused(404);
    assert!(!usher.printed().contains("correct horse"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_forged_or_for_another_environment_opens_nothing() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let [header, claims, signature] = api.token().split('.').collect::<Vec<_>>().try_into().unwrap();
    // Another server's token, for the same ids: another key.
    let theirs = Home::sqlite().serve().await.api().await;
    for forged in [
        theirs.token().to_owned(),
        format!("{header}.{claims}."),
        format!("{header}.{claims}.{}", signature.chars().rev().collect::<String>()),
        format!("{claims}.{header}.{signature}"),
        "a.b.c".to_owned(),
    ] {
        let body = api.as_someone_with(&forged).get("/users").await.refused(401);
        assert_eq!(body["code"], "INVALID_TOKEN", "{body:#}");
    }
    api.as_someone_with("").get("/users").await.refused(401);
    let elsewhere = "/v1/environments/0197b2d0-0000-7000-8000-0000000000e2/users";
    forbidden(api.send(api.anywhere(Method::GET, elsewhere)).await);
}

/// Two servers of one database, of which one works: an SQLite database has one worker.
async fn two_servers(home: &Home) -> (Usher, Usher) {
    (home.serve().await, home.serve_as("web").await)
}

async fn all_servers_learn_of_a_new_signing_key(home: &Home) {
    let (one, two) = two_servers(home).await;
    let (here, there) = (one.api().await, two.api().await);
    there.get("/users").await.ok();
    let keys = here.list("/signingKeys", "signingKeys").await;
    assert_eq!((keys.len(), keys[0]["signs"].as_bool()), (1, Some(true)));
    let old = id(&keys[0]);
    let new = id(&here.post("/signingKeys", json!({})).await.ok());
    assert_ne!(old, new);

    // The server that did not make it takes a token of the new key at once, and the old ones too.
    until("a token is signed with the new key", async || kid(one.api().await.token()) == new).await;
    let fresh = one.api().await;
    there.as_someone_with(fresh.token()).get("/users").await.ok();
    there.as_someone_with(here.token()).get("/users").await.ok();
    until("the other server signs with it too", async || kid(two.api().await.token()) == new).await;

    assert_eq!(fault(here.delete(&format!("/signingKeys/{new}")).await, 400).1, "CONSTRAINT_VIOLATION");
    fresh.delete(&format!("/signingKeys/{old}")).await.ok();
    for (server, old) in [(&one, &here), (&two, &there)] {
        let api = server.api().await.as_someone_with(old.token());
        until("its tokens are void", async || api.get("/users").await.status == 401).await;
        server.api().await.get("/users").await.ok();
    }
}

/// The id of the key that signed a token.
fn kid(token: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_of_one_sqlite_file_learn_of_a_new_signing_key_without_a_restart() {
    all_servers_learn_of_a_new_signing_key(&Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_of_one_postgresql_learn_of_a_new_signing_key_without_a_restart() {
    let Some(home) = Home::postgres(&[]).await else { return };
    all_servers_learn_of_a_new_signing_key(&home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_a_secret_is_made_to_wait_and_nobody_else_is() {
    let usher = Home::sqlite().serve().await;
    let api = usher.api().await;
    let (other, secret, _) = client(&usher, &api, "Other", &["Sync Approver"]).await;
    for _ in 0..10 {
        let (status, body, _) = ask(&usher, CLIENT, "a guess").await;
        assert_eq!((status, body["error"].as_str()), (401, Some("invalid_client")));
    }
    let (status, body, wait) = ask(&usher, CLIENT, SECRET).await;
    assert_eq!((status, body["error"].as_str()), (429, Some("invalid_client")), "{body:#}");
    assert!((1..=5).contains(&wait.unwrap().parse::<u32>().unwrap()));
    token(&usher, &other, &secret).await;
    api.get("/users").await.ok();
    until("the door opens by itself", async || ask(&usher, CLIENT, SECRET).await.0 == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_too_often_is_told_when_to_go_on() {
    let usher = Home::with(&[("USHER_MAX_REQUESTS_PER_SECOND", "2")]).serve().await;
    let api = usher.api().await;
    let mut refused = None;
    for _ in 0..20 {
        let answer = api.request(Method::GET, "/users").send().await.unwrap();
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.headers()["retry-after"], "1");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["code"], "REQUEST_LIMITED", "{body:#}");
    until("it may ask again", async || api.get("/users").await.status == 200).await;
}

/// How many stores the rekeying test has: enough that it can be interrupted.
const STORES: usize = 60;

/// A server seals and opens while its key is changed under it; the first attempt is killed in the middle.
async fn rekeying_loses_nothing(home: Home) {
    let world = World::of(home.clone(), Team::builder(), json!({})).await;
    let body = |name: String, secret: &str| {
        let configuration = json!({ "OAUTH_CLIENT_SECRET": secret });
        json!({ "type": "Dropbox", "name": name, "status": "INACTIVE",
                "configuration": world.dropbox.configuration(configuration) })
    };
    let mut stores = Vec::new();
    for number in 0..STORES {
        let made = world.api.post("/propagation/stores", body(format!("Store {number}"), "canary-one")).await;
        stores.push(id(&made.ok()));
    }
    let key_file = home.dir().join("usher.key");
    let before = std::fs::read_to_string(&key_file).unwrap();

    // Changes go on all the while.
    let stop = flag();
    let (api, mut changed) = (world.api.clone(), stores.clone());
    let bodies: Vec<Value> =
        (0..STORES).map(|number| body(format!("Store {number}"), "canary-two")).collect();
    let stopped = std::sync::Arc::clone(&stop);
    let load = tokio::spawn(async move {
        let mut done = 0;
        while !stopped.load(std::sync::atomic::Ordering::SeqCst) {
            let place = done % changed.len();
            let path = format!("/propagation/stores/{}", changed[place]);
            api.put(&path, bodies[place].clone()).await.ok();
            api.get(&path).await.ok();
            done += 1;
        }
        changed.clear();
        done
    });

    let mut child = home.command(&["rekey"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let begun = lines.map_while(Result::ok).any(|line| line.starts_with("sealed anew:"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(begun, "it was killed in the middle");
    let between = std::fs::read_to_string(&key_file).unwrap();
    assert_eq!(between.lines().count(), 2, "the old key is still there");
    assert!(between.ends_with(&before));

    let again = home.command(&["rekey"]).output().unwrap();
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success(), "{said}{}", String::from_utf8_lossy(&again.stderr));
    assert!(said.contains("Going on with a rekey that was not finished"), "{said}");
    let after = std::fs::read_to_string(&key_file).unwrap();
    assert_eq!(after, format!("{}\n", between.lines().next().unwrap()), "only the new key is left");

    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(load.await.unwrap() > 0);
    // The running server opens all of it with the new key, and so does one that knows no other.
    let mut usher = world.usher;
    for round in 0..2 {
        let api = usher.api().await;
        for store in &stores {
            api.get(&format!("/propagation/stores/{store}")).await.ok();
        }
        let tested = api.post("/propagation/stores/connection/status", json!({ "id": world.store, "type": "Dropbox", "name": "Dropbox", "configuration": world.dropbox.configuration(json!({
            "OAUTH_CLIENT_SECRET": "********", "OAUTH_REFRESH_TOKEN": "********",
        })) })).await.ok();
        assert_eq!(tested["status"], "SUCCESS", "{tested:#}");
        api.post("/populations", json!({ "name": format!("After {round}") })).await.ok();
        usher.restart().await;
    }
    assert!(!said.contains("canary") && !said.contains(before.trim()));
}

fn flag() -> std::sync::Arc<std::sync::atomic::AtomicBool> {
    std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false))
}

#[tokio::test(flavor = "multi_thread")]
async fn rekeying_under_load_and_killed_in_the_middle_loses_nothing_on_sqlite() {
    rekeying_loses_nothing(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rekeying_under_load_and_killed_in_the_middle_loses_nothing_on_postgresql() {
    let Some(home) = Home::postgres(&[]).await else { return };
    rekeying_loses_nothing(home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_can_be_prepared_and_old_ones_kept_for_servers_with_a_copy_of_the_file() {
    let home = Home::sqlite();
    let usher = home.serve().await;
    let api = usher.api().await;
    let key_file = home.dir().join("usher.key");
    let rekey = |args: &[&str]| {
        let output = home.command(&[&["rekey"], args].concat()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let file = std::fs::read_to_string(&key_file).unwrap();
        file.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let old = std::fs::read_to_string(&key_file).unwrap().trim().to_owned();
    let prepared = rekey(&["--prepare"]);
    let next = prepared[1].strip_prefix("next:").unwrap().to_owned();
    assert_eq!(prepared[0], old, "the old key seals");
    api.post("/populations", json!({ "name": "One" })).await.ok();
    assert_eq!(rekey(&["--keep-old"]), [next.clone(), old]);
    api.post("/populations", json!({ "name": "Two" })).await.ok();
    assert_eq!(rekey(&[]), [next]);
    api.post("/signingKeys", json!({})).await.ok();
    usher.api().await.get("/populations").await.ok();
}

/// Eight at once make a client of one name, and eight a client each; six make a subscription where there is room for two.
async fn at_once(home: Home) {
    let usher = home.serve().await;
    let api = usher.api().await;
    let all = |names: Vec<String>| {
        let api = api.clone();
        async move {
            let made = names.into_iter().map(|name| {
                let api = api.clone();
                async move { api.post("/clients", json!({ "name": name, "roles": ["Sync Approver"] })).await }
            });
            futures_util::future::join_all(made).await
        }
    };
    let same = all(vec!["Twin".into(); 8]).await;
    assert_eq!(same.iter().filter(|answer| answer.status == 201).count(), 1);
    for refused in same.into_iter().filter(|answer| answer.status != 201) {
        assert_eq!(fault(refused, 400), ("name".into(), "UNIQUENESS_VIOLATION".into()));
    }
    for made in all((0..8).map(|number| format!("Client {number}")).collect()).await {
        made.ok();
    }
    let subscription = |number: usize| {
        json!({
            "name": format!("Webhook {number}"), "enabled": false, "verifyTlsCertificates": true, "format": "ACTIVITY",
            "httpEndpoint": { "url": "https://hooks.example.com/in" },
            "filterOptions": { "includedActionTypes": ["USER.CREATED"] },
        })
    };
    for number in 0..48 {
        api.post("/subscriptions", subscription(number)).await.ok();
    }
    let made = (48..54).map(|number| {
        let (api, body) = (api.clone(), subscription(number));
        async move { api.post("/subscriptions", body).await }
    });
    let made = futures_util::future::join_all(made).await;
    assert_eq!(made.iter().filter(|answer| answer.status == 201).count(), 2);
    for refused in made.into_iter().filter(|answer| answer.status != 201) {
        assert_eq!(fault(refused, 400), ("subscriptions".into(), "CONSTRAINT_VIOLATION".into()));
    }
    assert_eq!(api.list("/subscriptions", "subscriptions").await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_take_a_name_or_the_last_room_at_once_no_more_get_it_than_may() {
    at_once(Home::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_take_a_name_or_the_last_room_at_once_no_more_get_it_than_may_on_postgresql() {
    let Some(home) = Home::postgres(&[]).await else { return };
    at_once(home).await;
}
