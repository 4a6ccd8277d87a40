//! The drill of docs/guide/backup.md, and what a restore refuses.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, Executor as _};

use crate::support::{Api, Home, bare_command, person};

async fn run(home: &Home, args: &[&str]) -> (bool, String) {
    let mut command = home.command(args);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

async fn usernames(api: &Api) -> BTreeSet<String> {
    let users = api.list("/users?limit=200", "users").await;
    users.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

fn manifest(dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(dir.join("manifest.json")).unwrap()).unwrap()
}

/// Makes the manifest fit a copy that was changed.
fn fit(dir: &Path) {
    let bytes = fs::read(dir.join("usher.db")).unwrap();
    let mut changed = manifest(dir);
    changed["bytes"] = json!(bytes.len());
    changed["sha256"] =
        json!(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    fs::write(dir.join("manifest.json"), changed.to_string()).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_brings_back_a_destroyed_database() {
    let home = Home::sqlite();
    let mut usher = home.serve().await;
    let api = usher.api().await;
    for name in ["ada", "bob", "cy"] {
        api.post("/users", person(name)).await.ok();
    }
    let before = usernames(&api).await;

    let (stop, dir) = (AtomicBool::new(false), home.dir().join("backups/one"));
    let text = dir.display().to_string();
    let load = async {
        let mut number = 0;
        while !stop.load(Ordering::SeqCst) {
            api.post("/users", person(&format!("during{number}"))).await.ok();
            number += 1;
        }
    };
    let backup = async {
        let made = run(&home, &["backup", &text]).await;
        stop.store(true, Ordering::SeqCst);
        made
    };
    let ((success, said), ()) = tokio::join!(backup, load);
    assert!(success, "{said}");
    let after = usernames(&api).await;
    assert!(after.len() > before.len(), "nothing was written while the backup was made");
    api.post("/users", person("too-late")).await.ok();

    let told = manifest(&dir);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 2, "{told:#}");
    assert_eq!(
        (mode(&dir), mode(&dir.join("usher.db")), mode(&dir.join("manifest.json"))),
        (0o700, 0o600, 0o600)
    );
    let key = fs::read_to_string(home.dir().join("usher.key")).unwrap();
    for file in ["usher.db", "manifest.json"] {
        let bytes = fs::read(dir.join(file)).unwrap();
        assert!(!bytes.windows(20).any(|part| part == &key.as_bytes()[..20]), "the key is in {file}");
    }
    let (success, said) = run(&home, &["backup", &text]).await;
    assert!(!success && said.contains("is not empty"), "{said}");

    usher.stop().await;
    fs::remove_file(home.dir().join("usher.db")).unwrap();
    let (success, said) = run(&home, &["restore", &text]).await;
    assert!(success, "{said}");
    assert_eq!(mode(&home.dir().join("usher.db")), 0o600);

    let usher = home.serve().await;
    let restored = usernames(&usher.api().await).await;
    assert!(before.is_subset(&restored) && restored.is_subset(&after), "{restored:?}");
    usher.api().await.post("/users", person("afterwards")).await.ok();
    for end in told["auditEnds"].as_array().unwrap() {
        let (success, said) =
            run(&home, &["audit", "verify", "--expect", end["end"].as_str().unwrap()]).await;
        assert!(success, "{said}");
    }
}

/// A refusal in words, and nothing else.
async fn is_refused(home: &Home, args: &[&str], words: &str) {
    let database = home.dir().join("usher.db");
    let before = fs::read(&database).ok();
    let entries = fs::read_dir(home.dir()).unwrap().count();
    let (success, said) = run(home, args).await;
    assert!(!success && said.contains(words), "{args:?} does not say {words:?}: {said}");
    assert!(fs::read(&database).ok() == before, "{args:?} changed the database");
    assert_eq!(fs::read_dir(home.dir()).unwrap().count(), entries, "{args:?} left something behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_refuses_what_would_lose_something_and_changes_nothing() {
    let home = Home::sqlite();
    let mut usher = home.serve().await;
    usher.api().await.post("/users", person("ada")).await.ok();
    let dir = home.dir().join("backup");
    let text = dir.display().to_string();
    assert!(run(&home, &["backup", &text]).await.0);
    let whole = [fs::read(dir.join("usher.db")).unwrap(), fs::read(dir.join("manifest.json")).unwrap()];
    let make_whole = || {
        fs::write(dir.join("usher.db"), &whole[0]).unwrap();
        fs::write(dir.join("manifest.json"), &whole[1]).unwrap();
    };

    is_refused(&home, &["restore", &text], "pass --force").await;
    let (success, said) = run(&home, &["restore", &text, "--force"]).await;
    assert!(!success && said.contains("stop every Usher server"), "{said}");
    usher.api().await.post("/users", person("bob")).await.ok();
    usher.stop().await;
    is_refused(&home, &["restore", &text], "pass --force").await;

    let restore = ["restore", text.as_str(), "--force"];
    let mut damaged = whole[0].clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(dir.join("usher.db"), &damaged).unwrap();
    is_refused(&home, &restore, "is not the file that was backed up").await;

    make_whole();
    sql(&dir, "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1").await;
    fit(&dir);
    is_refused(&home, &restore, "made by Usher").await;

    make_whole();
    sql(&dir, "UPDATE events SET personal = replace(personal, 'ada', 'eve')").await;
    fit(&dir);
    is_refused(&home, &restore, "tampered with").await;

    make_whole();
    fs::remove_file(dir.join("manifest.json")).unwrap();
    is_refused(&home, &restore, "is not a complete backup").await;

    make_whole();
    let key = home.dir().join("usher.key");
    fs::rename(&key, home.dir().join("away")).unwrap();
    is_refused(&home, &restore, "would lose every secret").await;
    let other = Home::sqlite();
    drop(other.serve().await);
    fs::copy(other.dir().join("usher.key"), &key).unwrap();
    is_refused(&home, &restore, "does not fit").await;
    fs::rename(home.dir().join("away"), &key).unwrap();

    let (success, said) = run(&home, &restore).await;
    assert!(success, "{said}");
    let usher = home.serve().await;
    assert_eq!(usernames(&usher.api().await).await, BTreeSet::from(["ada".to_owned()]));
}

#[test]
fn on_postgresql_both_say_what_to_run_and_show_no_password() {
    for (verb, tool) in [("backup", "pg_dump --format=custom"), ("restore", "pg_restore --clean")] {
        let mut command = bare_command(&[verb, "/backups/one"]);
        command.env("USHER_DATABASE_URL", "postgres://usher:canary-password@db.example/usher");
        let output = command.output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!output.status.success() && said.contains(tool), "{said}");
        assert!(said.contains("postgres://usher@db.example/usher") && !said.contains("canary"), "{said}");
    }
}

async fn sql(dir: &Path, text: &'static str) {
    let url = format!("sqlite://{}", dir.join("usher.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    connection.execute(text).await.unwrap();
    connection.close().await.unwrap();
}
