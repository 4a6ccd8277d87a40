//! Secrets that could be recognised anywhere, looked for everywhere: in answers, in what is printed at the most
//! talkative level, in the files of the database, in the errors of calls that fail.

use std::{fs, path::Path};

use dropbox_simulator::{Fault, Target, Team, Trigger, When};
use serde_json::{Value, json};

use crate::support::{Api, Home, SECRET, World, bare_command, http_client, id, settled};

const APP_SECRET: &str = "canary-app-secret-a91f";
const REFRESH_TOKEN: &str = "canary-refresh-token-b82e";
const WRONG_TOKEN: &str = "canary-wrong-refresh-token-c73d";
/// Every access token that the simulator gives out begins like this.
const ACCESS_TOKENS: &str = "sl.u.";
const ADMIN_PASSWORD: &str = "canary-admin-password-77ab";

/// In the configuration file, and in files and variables that it names.
const FILE_SECRET: &str = "canary-client-secret-of-the-file-3e0b";
const NAMED_PASSWORD: &str = "canary-password-of-a-named-file-90cd";
const GIVEN_PASSWORD: &str = "canary-given-password-51aa";
const WRONG_PASSWORD: &str = "canary-wrong-secret-e2c4";

fn secrets(api: &Api) -> Vec<(&'static str, String)> {
    vec![
        ("the app's secret", APP_SECRET.into()),
        ("the refresh token", REFRESH_TOKEN.into()),
        ("a wrong refresh token", WRONG_TOKEN.into()),
        ("a Dropbox access token", ACCESS_TOKENS.into()),
        ("the client's secret", SECRET.into()),
        ("the administrator's password", ADMIN_PASSWORD.into()),
        ("an access token of ours", api.token().to_owned()),
        ("a given password", GIVEN_PASSWORD.into()),
        ("a wrong secret", WRONG_PASSWORD.into()),
    ]
}

#[track_caller]
fn assert_none(secrets: &[(&str, String)], bytes: &[u8], place: &str) {
    for (what, secret) in secrets {
        let found = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(120)..(at + 40).min(bytes.len())];
            panic!("{what} is in {place}: …{}…", String::from_utf8_lossy(around));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_shown_printed_or_kept_in_clear() {
    let home = Home::with(&[("USHER_LOG", "trace")]);
    let team = Team::builder().credentials("canary-app-key", APP_SECRET, REFRESH_TOKEN);
    let world = World::of(home.clone(), team, json!({ "DEPROVISION_USERS": true })).await;
    let api = &world.api;
    let mut secrets = secrets(api);
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
        assert_none(&secrets, answer.body.to_string().as_bytes(), "the answer of a failing preview");
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
    assert_none(&secrets, failed.to_string().as_bytes(), "the answer of a failing test");
    faults.clear();
    let broken = id(&api.post("/propagation/stores", wrong).await.ok());

    // Bad requests that hold secrets in places where they do not belong.
    let misplaced =
        json!({ "type": "Dropbox", "name": "X", "configuration": { "OAUTH_REFRESH_TOKEN": [APP_SECRET] } });
    let refused = api.post("/propagation/stores", misplaced).await;
    assert_none(&secrets, refused.body.to_string().as_bytes(), "the answer to a misplaced secret");
    let http = http_client();
    let url = format!("{}/{}/as/token", world.usher.url(), crate::support::ENVIRONMENT);
    let refused =
        http.post(url).basic_auth(crate::support::CLIENT, Some(format!("{SECRET}x"))).send().await.unwrap();
    assert_none(&secrets, &refused.bytes().await.unwrap(), "the answer to a wrong secret");

    // Who may call: what was generated is in the one answer that gives it, and nowhere else from then on.
    for (what, secret) in who_may_call(api).await {
        secrets.push((what, secret));
    }
    let key = fs::read_to_string(home.dir().join("usher.key")).unwrap();
    secrets.push(("the sealing key", key.trim().to_owned()));

    for (path, answer) in every_answer(api, &rule, &ada, &crew, [&world.store, &broken]).await {
        assert_none(&secrets, answer.to_string().as_bytes(), &path);
    }
    for verb in [vec!["check"], vec!["connections", "list", "--json"], vec!["status", "--json"]] {
        let output = match verb[0] {
            "check" => home.command(&verb).output().unwrap(),
            _ => world.usher.cli(&verb).await,
        };
        assert_none(&secrets, &output.stdout, &format!("what `usher {}` prints", verb.join(" ")));
        assert_none(&secrets, &output.stderr, &format!("what `usher {}` prints as errors", verb.join(" ")));
    }

    let World { mut usher, .. } = world;
    // The files as they are while the server runs, and after it ended.
    for when in ["while it runs", "after it ended"] {
        for file in fs::read_dir(home.dir()).unwrap().map(|file| file.unwrap().path()) {
            // The one place where the sealing key is.
            if name(&file) == "usher.key" {
                continue;
            }
            assert_none(&secrets, &fs::read(&file).unwrap(), &format!("{} {when}", name(&file)));
        }
        if when == "while it runs" {
            usher.stop().await;
        }
    }
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
        assert_none(
            &[("a given password", GIVEN_PASSWORD.into()), ("a wrong secret", WRONG_PASSWORD.into())],
            refused.body.to_string().as_bytes(),
            &format!("the answer to a bad {path}"),
        );
    }
    secrets
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_the_configuration_is_printed_or_kept() {
    let home = Home::sqlite();
    fs::write(home.dir().join("password"), format!("{NAMED_PASSWORD}\n")).unwrap();
    let file = home.dir().join("usher.toml");
    let good = format!(
        "log = \"trace\"\nlog_format = \"json\"\ndatabase_url = \"sqlite://{0}/other.db\"\n\
         seal_key_file = \"{0}/other.key\"\n[bootstrap]\nclient_secret = \"{FILE_SECRET}\"\n\
         admin_username = \"root\"\nadmin_password = {{ file = \"password\" }}\n",
        home.dir().display()
    );
    // Good, then with each fault that has words in it.
    let broken = [
        good.clone(),
        good.replace("json", "xml"),
        good.replace("[bootstrap]", "[bootstrap]\ncolour = 1"),
        good.replace("client_secret = ", "client_secret = [").replace("0b\"", "0b\", 5]"),
        good.replace("\nadmin_username", "\n= admin_username"),
        good.replace("0b\"", "0b"),
        format!("database_url = \"postgres://usher:{FILE_SECRET}@localhost:1/usher\"\n"),
    ];
    let secrets =
        [("a secret of the file", FILE_SECRET.into()), ("a secret of a named file", NAMED_PASSWORD.into())];
    for (number, text) in broken.iter().enumerate() {
        fs::write(&file, text).unwrap();
        for verb in ["check", "migrate", "audit"] {
            let mut args = vec![verb];
            args.extend((verb == "audit").then_some("verify"));
            args.extend(["--config", "usher.toml"]);
            let mut command = bare_command(&args);
            command.current_dir(home.dir());
            let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
            let printed = [output.stdout, output.stderr].concat();
            assert_none(&secrets, &printed, &format!("what `usher {verb}` prints of file {number}"));
            assert_eq!(output.status.success(), number == 0, "`usher {verb}` of file {number}");
        }
    }
    for made in ["other.db", "other.db-wal"] {
        if let Ok(bytes) = fs::read(home.dir().join(made)) {
            assert_none(&secrets, &bytes, made);
        }
    }
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
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
