//! `usher export`, `usher apply` and `usher rekey`: secrets by reference, in the wrong place, and sealed anew.

use std::fs;

use dropbox_simulator::Team;
use serde_json::json;

use super::canaries::{APP_SECRET, Canaries, REFRESH_TOKEN, WRONG_TOKEN};
use crate::support::{Home, World};

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_exported_applied_aloud_or_left_behind_by_a_rekey() {
    let home = Home::with(&[("USHER_LOG", "trace")]);
    let team = Team::builder().credentials("the-app-key", APP_SECRET, REFRESH_TOKEN);
    let world = World::of(home.clone(), team, json!({})).await;
    let mut secrets = Canaries::usual(&world.api);
    world.outbound_rule(json!({})).await;

    let run = async |args: &[&str], code: i32| {
        let output = world.usher.cli(args).await;
        let printed = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&printed).into_owned();
        secrets.none_in(printed, &format!("what `usher {}` prints", args.join(" ")));
        assert_eq!(output.status.code(), Some(code), "usher {}: {text}", args.join(" "));
        text
    };
    let exported = run(&["export"], 0).await;
    assert!(exported.contains("OAUTH_REFRESH_TOKEN = { env = "), "{exported}");

    // By reference; said again although they are there; and a reference that leads nowhere, or to the wrong file.
    let references = exported
        .replace("{ env = \"USHER_DROPBOX_OAUTH_CLIENT_SECRET\" }", "{ file = \"a-secret\" }")
        .replace("{ env = \"USHER_DROPBOX_OAUTH_REFRESH_TOKEN\" }", "{ file = \"a-token\" }");
    let (secret, token) = (home.dir().join("a-secret"), home.dir().join("a-token"));
    fs::write(&secret, APP_SECRET).unwrap();
    fs::write(&token, format!("{REFRESH_TOKEN}\n")).unwrap();
    fs::write(home.dir().join("good.toml"), &references).unwrap();
    run(&["apply", "good.toml", "--plan"], 0).await;
    run(&["apply", "good.toml", "--yes", "--update-secrets"], 0).await;
    fs::write(&token, WRONG_TOKEN).unwrap();
    run(&["apply", "good.toml", "--yes", "--update-secrets"], 1).await;
    fs::write(&token, REFRESH_TOKEN).unwrap();
    let nowhere = references.replace("a-token", "no-token");
    // A state file that is none: the file with the secret itself, and secrets that stand in the file.
    let inline = |instead: &str| references.replace("{ file = \"a-token\" }", instead);
    for (name, text) in [
        ("nowhere.toml", nowhere),
        ("inline.toml", inline(&format!("\"{REFRESH_TOKEN}\""))),
        ("unquoted.toml", inline(REFRESH_TOKEN)),
        ("open.toml", inline(&format!("\"{REFRESH_TOKEN}"))),
        ("list.toml", inline(&format!("[\"{REFRESH_TOKEN}\"]"))),
        ("odd.toml", inline(&format!("{{ value = \"{REFRESH_TOKEN}\" }}"))),
        ("key.toml", format!("{references}\n{REFRESH_TOKEN} = 1\n").replace("[[rule]]", "[[rules]]")),
        (
            "settings.toml",
            references
                .replace("GRANT_TYPE =", &format!("OAUTH_REFRESH_TOKEN = \"{REFRESH_TOKEN}\"\nGRANT_TYPE =")),
        ),
    ] {
        fs::write(home.dir().join(name), text).unwrap();
        // With --update-secrets, so that what the file says of secrets is looked at.
        run(&["apply", name, "--yes", "--update-secrets"], 1).await;
    }
    run(&["apply", "a-token", "--yes"], 1).await;

    // Sealed anew: under neither key is anything in clear, and the old key is nowhere but where it was copied to.
    let key = |name| fs::read_to_string(home.dir().join(name)).unwrap();
    let old = key("usher.key").trim().to_owned();
    let mut rekey = home.command(&["rekey"]);
    let output = tokio::task::spawn_blocking(move || rekey.output()).await.unwrap().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
    secrets.add("the sealing key before", &old);
    for line in key("usher.key").lines().filter(|line| line.trim().len() >= 12) {
        secrets.add("the sealing key", line.trim());
    }
    secrets.none_in(printed, "what `usher rekey` prints");
    assert!(!key("usher.key").contains(&old), "the old key was not removed");
    // What was sealed anew opens.
    world.toggle(true).await;
    let World { mut usher, .. } = world;
    let files =
        fs::read_dir(home.dir()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let ours: Vec<String> = files.filter(|name| name.ends_with(".toml") || name.starts_with("a-")).collect();
    let but: Vec<&str> = ours.iter().map(String::as_str).chain(["usher.key"]).collect();
    secrets.none_in_files(home.dir(), &but, "while it runs");
    usher.stop().await;
    secrets.none_in_files(home.dir(), &but, "after it ended");
}
