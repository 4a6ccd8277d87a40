//! Secrets of the configuration: in a file with every fault that has words in it, and in a file that a server is started with.

use std::fs;

use dropbox_simulator::{Fault, Target, Team, Trigger, When};
use serde_json::json;

use super::canaries::{APP_SECRET, Canaries, REFRESH_TOKEN};
use crate::support::{Home, World, bare_command, settled};

/// In the configuration file, and in files and variables that it names.
const FILE_SECRET: &str = "canary-client-secret-of-the-file-3e0b";
const NAMED_PASSWORD: &str = "canary-password-of-a-named-file-90cd";

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
    let mut secrets = Canaries::default();
    secrets.add("a secret of the file", FILE_SECRET);
    secrets.add("a secret of a named file", NAMED_PASSWORD);
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
            secrets.none_in(printed, &format!("what `usher {verb}` prints of file {number}"));
            assert_eq!(output.status.success(), number == 0, "`usher {verb}` of file {number}");
        }
    }
    for made in ["other.db", "other.db-wal"] {
        if let Ok(bytes) = fs::read(home.dir().join(made)) {
            secrets.none_in(bytes, made);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_started_from_a_file_shows_none_of_its_secrets() {
    let home = Home::by_file(&[("USHER_LOG", "trace")]);
    let team = Team::builder().credentials("the-app-key", APP_SECRET, REFRESH_TOKEN);
    let world = World::of(home.clone(), team, json!({})).await;
    let api = &world.api;
    let mut secrets = Canaries::usual(api);
    let key = fs::read_to_string(home.dir().join("usher.key")).unwrap();
    secrets.add("the sealing key", key.trim());
    world.user("ada").await;
    let rule = world.outbound_rule(json!({})).await;
    settled(api, &rule).await;
    world.dropbox.0.faults().on(Target::Any, Trigger::First(2), Fault::InvalidToken, When::BeforeEffect);
    api.post(&format!("/propagation/rules/{rule}/syncs"), json!({})).await.ok();
    settled(api, &rule).await;
    for path in [
        "/activities?filter=recordedAt%20gt%20%222020-01-01T00:00:00Z%22",
        "/propagation/stores",
        "/clients",
        "/administrators",
    ] {
        secrets.none_in(api.get(path).await.ok().to_string(), path);
    }
    for verb in ["check", "migrate"] {
        let mut command = home.command(&[verb]);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success() || verb == "check", "{}", String::from_utf8_lossy(&output.stderr));
        secrets.none_in([output.stdout, output.stderr].concat(), &format!("what `usher {verb}` prints"));
    }
    let World { mut usher, .. } = world;
    let but = ["usher.key", "usher.toml"];
    secrets.none_in_files(home.dir(), &but, "while it runs");
    usher.stop().await;
    secrets.none_in_files(home.dir(), &but, "after it ended");
}
