//! One server, used in every way, and failing in every way that has words in it: what it holds is found nowhere.

use std::fs;

use dropbox_simulator::{Fault, Target, Team, Trigger, When};
use serde_json::{Value, json};

use super::canaries::{
    ADMIN_PASSWORD, APP_SECRET, Canaries, GIVEN_PASSWORD, HEADER, REFRESH_TOKEN, WRONG_PASSWORD, WRONG_TOKEN,
};
use crate::support::{Api, Home, Pages, SECRET, World, http_client, id, settled};

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_shown_printed_or_kept_in_clear() {
    let home = Home::with(&[("USHER_LOG", "trace")]);
    let team = Team::builder().credentials("canary-app-key", APP_SECRET, REFRESH_TOKEN);
    let world = World::of(home.clone(), team, json!({ "DEPROVISION_USERS": true })).await;
    let api = &world.api;
    let mut secrets = Canaries::usual(api);
    let ada = world.user("ada").await;
    let crew = world.group("Crew").await;
    world.join(&ada, &crew).await;
    let rule = world.outbound_rule(json!({ "groups": [{ "id": crew }] })).await;
    settled(api, &rule).await;

    // Dropbox fails in every way that has words in it.
    let faults = world.dropbox.0.faults();
    for fault in [
        Fault::InvalidToken,
        Fault::ExpiredToken,
        Fault::Forbidden,
        Fault::EdgeHtml { status: 400 },
        Fault::EdgeHtml { status: 502 },
        Fault::ServerError { status: 500 },
        Fault::Refused("rubbish".into()),
        Fault::Truncated,
        Fault::Reset,
    ] {
        faults.on(Target::Any, Trigger::First(2), fault, When::BeforeEffect);
        let answer = api.post(&format!("/propagation/rules/{rule}/preview"), json!({})).await;
        secrets.none_in(answer.body.to_string(), "the answer of a failing preview");
        api.post(&format!("/propagation/rules/{rule}/syncs"), json!({})).await;
        settled(api, &rule).await;
        faults.clear();
        // A refused authorisation breaks the connection; a test mends it.
        world.toggle(true).await;
    }
    faults.on(Target::Token, Trigger::Always, Fault::InvalidGrant, When::BeforeEffect);
    let wrong = json!({
        "type": "Dropbox", "name": "Broken",
        "configuration": world.dropbox.configuration(json!({ "OAUTH_REFRESH_TOKEN": WRONG_TOKEN })),
    });
    let failed = api.post("/propagation/stores/connection/status", wrong.clone()).await.refused(400);
    secrets.none_in(failed.to_string(), "the answer of a failing test");
    faults.clear();
    let broken = id(&api.post("/propagation/stores", wrong).await.ok());

    // Bad requests that hold secrets in places where they do not belong.
    let misplaced =
        json!({ "type": "Dropbox", "name": "X", "configuration": { "OAUTH_REFRESH_TOKEN": [APP_SECRET] } });
    let refused = api.post("/propagation/stores", misplaced).await;
    secrets.none_in(refused.body.to_string(), "the answer to a misplaced secret");
    let http = http_client();
    let url = format!("{}/{}/as/token", world.usher.url(), crate::support::ENVIRONMENT);
    let refused =
        http.post(url).basic_auth(crate::support::CLIENT, Some(format!("{SECRET}x"))).send().await.unwrap();
    secrets.none_in(refused.bytes().await.unwrap(), "the answer to a wrong secret");

    // Who may call: what was generated is in the one answer that gives it, and nowhere else from then on.
    for (what, secret) in who_may_call(api).await {
        secrets.add(what, &secret);
    }
    let webhook = webhook(api).await;
    secrets.add("a signing secret", &webhook[0]);
    secrets.add("a signing secret that replaced it", &webhook[1]);
    second_factor(&world, &mut secrets).await;
    let key = fs::read_to_string(home.dir().join("usher.key")).unwrap();
    secrets.add("the sealing key", key.trim());

    for (path, answer) in every_answer(api, &rule, &ada, &crew, [&world.store, &broken]).await {
        secrets.none_in(answer.to_string(), &path);
    }
    for verb in [vec!["check"], vec!["connections", "list", "--json"], vec!["status", "--json"]] {
        let output = match verb[0] {
            "check" => home.command(&verb).output().unwrap(),
            _ => world.usher.cli(&verb).await,
        };
        secrets.none_in(&output.stdout, &format!("what `usher {}` prints", verb.join(" ")));
        secrets.none_in(&output.stderr, &format!("what `usher {}` prints as errors", verb.join(" ")));
    }

    let World { mut usher, .. } = world;
    secrets.none_in_files(home.dir(), &["usher.key"], "while it runs");
    usher.stop().await;
    secrets.none_in_files(home.dir(), &["usher.key"], "after it ended");
    let printed = home.printed();
    assert!(printed.contains("TRACE") || printed.contains("trace"), "nothing was printed at trace level");
    assert!(printed.len() > 100_000, "only {} bytes were printed", printed.len());
}

/// Makes and changes clients and administrators; the secrets that were generated on the way.
async fn who_may_call(api: &Api) -> Vec<(&'static str, String)> {
    let mut secrets = Vec::new();
    let mut keep = |what, answer: &Value, member: &str| {
        secrets.push((what, answer[member].as_str().unwrap().to_owned()));
    };
    let made = api.post("/clients", json!({ "name": "HR", "roles": ["Identity Data Admin"] })).await.ok();
    keep("a generated client secret", &made, "secret");
    let path = format!("/clients/{}/secret", id(&made));
    keep("a rotated client secret", &api.post(&path, json!({})).await.ok(), "secret");
    let made =
        api.post("/administrators", json!({ "username": "eve", "roles": ["Sync Approver"] })).await.ok();
    keep("a generated password", &made, "password");
    let path = format!("/administrators/{}/password", id(&made));
    api.post(&path, json!({ "password": GIVEN_PASSWORD })).await.ok();
    keep("another generated password", &api.post(&path, json!({})).await.ok(), "password");
    api.post("/signingKeys", json!({})).await.ok();
    for (path, body) in [
        (
            "/administrators",
            json!({ "username": "eve", "roles": ["Sync Approver"], "password": GIVEN_PASSWORD }),
        ),
        ("/administrators", json!({ "username": "mal", "roles": ["none"], "password": GIVEN_PASSWORD })),
        ("/clients", json!({ "name": "X", "roles": ["none"], "secret": WRONG_PASSWORD })),
    ] {
        let refused = api.post(path, body).await;
        assert!(refused.status >= 400, "{path} took it: {}", refused.body);
        Canaries::usual(api).none_in(refused.body.to_string(), &format!("the answer to a bad {path}"));
    }
    secrets
}

/// A webhook that nobody answers at; the two secrets that signed for it.
async fn webhook(api: &Api) -> [String; 2] {
    let made = api.post("/subscriptions", json!({
        "name": "Collector", "enabled": true, "verifyTlsCertificates": true, "format": "ACTIVITY",
        "httpEndpoint": { "url": "https://receiver.invalid/in", "headers": { "Authorization": format!("Splunk {HEADER}") } },
        "filterOptions": { "includedActionTypes": ["USER.CREATED"] },
    }));
    let made = made.await.ok();
    let path = format!("/subscriptions/{}", id(&made));
    let rotated = api.post(&format!("{path}/signingSecret"), json!({})).await.ok();
    for body in
        [json!({ "httpEndpoint": { "headers": { "Authorization": HEADER } } }), json!({ "name": [HEADER] })]
    {
        let refused = api.put(&path, body).await.refused(400);
        Canaries::usual(api).none_in(refused.to_string(), "the answer to a bad subscription");
    }
    [made, rotated]
        .map(|answer| answer["signingSecret"].as_str().unwrap().trim_start_matches("whsec_").to_owned())
}

/// The administrator gets a second factor, mistypes a code, and signs in with a code and with a recovery code.
async fn second_factor(world: &World, secrets: &mut Canaries) {
    let mut pages = Pages::sign_in(&world.usher, "root", ADMIN_PASSWORD).await;
    pages.open("/console/account").await;
    pages.submit("/console/account/totp", &[]).await;
    let key = between(&pages.html, "<code id=\"key\">", "</code>");
    let secret = totp_rs::Secret::try_from_base32(&key).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    secrets.add("a second factor's key", &key);
    secrets.add_bytes("a second factor's key, as bytes", &base32(&key));
    pages.submit("/console/account/totp/confirm", &[("code", "000000")]).await;
    pages.open("/console/account").await;
    pages.submit("/console/account/totp/confirm", &[("code", &code(&totp))]).await;
    let codes = between(&pages.html, "<pre id=\"codes\">", "</pre>");
    let codes: Vec<&str> = codes.split_whitespace().collect();
    assert_eq!(codes.len(), 10, "{}", pages.text());
    for code in &codes {
        secrets.add("a recovery code", code);
        secrets.add("a recovery code without its dashes", &code.replace('-', ""));
        pages.never_shows(code);
    }
    pages.never_shows(&key);
    pages.open("/console/account").await;
    pages.open("/console/audit").await;
    pages.says("root");
    // Another reader, who has the password and a recovery code.
    let http = http_client();
    let form = [("username", "root"), ("password", ADMIN_PASSWORD), ("code", codes[0])];
    let answer =
        http.post(format!("{}/console/sign-in", world.usher.url())).form(&form).send().await.unwrap();
    secrets.none_in(answer.bytes().await.unwrap(), "the answer to a sign-in");
}

fn between(html: &str, before: &str, after: &str) -> String {
    let (_, rest) = html.split_once(before).unwrap_or_else(|| panic!("no {before} in {html}"));
    rest.split_once(after).unwrap().0.to_owned()
}

#[expect(clippy::disallowed_methods, reason = "a test is the authenticator app, which has a clock")]
fn code(totp: &totp_rs::Totp) -> String {
    totp.generate(u64::try_from(chrono::Utc::now().timestamp()).unwrap()).to_string()
}

/// The bytes that base32 (RFC 4648) stands for.
fn base32(text: &str) -> Vec<u8> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = letters.iter().position(|known| *known == letter).unwrap();
        bits = bits << 5 | u32::try_from(value).unwrap();
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}

/// The answer of every route that reads something.
async fn every_answer(
    api: &Api,
    rule: &str,
    user: &str,
    group: &str,
    stores: [&String; 2],
) -> Vec<(String, Value)> {
    let mut paths: Vec<String> = [
        "",
        "/populations",
        "/users",
        "/groups",
        "/propagation/plans",
        "/propagation/stores",
        "/propagation/rules",
        "/propagation/revisions/id:latest",
        "/activities?limit=1000&filter=recordedAt%20gt%20%222020-01-01T00:00:00Z%22",
        "/clients",
        "/administrators",
        "/signingKeys",
        "/subscriptions",
    ]
    .map(String::from)
    .into();
    paths.extend(stores.map(|store| format!("/propagation/stores/{store}")));
    for part in ["", "/mappings", "/syncStatus", "/syncedUsers", "/syncedGroups", "/runs"] {
        paths.push(format!("/propagation/rules/{rule}{part}"));
    }
    for part in ["", "/memberOfGroups", "/syncedRules", "/explanation"] {
        paths.push(format!("/users/{user}{part}"));
    }
    paths.push(format!("/groups/{group}/syncedRules"));
    for run in api.list(&format!("/propagation/rules/{rule}/runs"), "runs").await {
        paths.push(format!("/propagation/runs/{}", id(&run)));
        paths.push(format!("/propagation/runs/{}/operations", id(&run)));
    }
    let mut answers = Vec::new();
    for path in paths {
        let answer = api.get(&path).await.ok();
        answers.push((format!("the answer of {path}"), answer));
    }
    answers
}
