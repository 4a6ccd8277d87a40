//! The seal key: a database that was used is not started on, or written to, without the key that it was used with.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use crate::support::{Home, bare_command, person};

/// How long a command that must refuse may take.
const REFUSES: Duration = Duration::from_secs(30);

/// Every file of the place with what is in it, but for the servers' logs, the lock that a worker takes, and SQLite's index of
/// a log, which whoever reads the log writes.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| !name.ends_with(".log") && !name.ends_with(".lock") && !name.ends_with("-shm"))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect()
}

async fn ended(mut command: Command) -> (bool, String) {
    let ran = tokio::task::spawn_blocking(move || command.output());
    let Output { status, stdout, stderr } =
        tokio::time::timeout(REFUSES, ran).await.unwrap().unwrap().unwrap();
    (status.success(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// Nothing that opens the database does so, each says what is wrong, and not a byte has changed.
async fn is_refused_everywhere(home: &Home, says: &str) {
    let before = files(home.dir());
    let into = home.dir().join("backup").display().to_string();
    let verbs: [&[&str]; 7] = [
        &["serve"],
        &["serve", "--role", "web"],
        &["migrate"],
        &["rekey"],
        &["audit", "verify"],
        &["check"],
        &["backup", &into],
    ];
    for verb in verbs {
        let mut command = home.command(verb);
        command.env("USHER_LISTEN", "127.0.0.1:0");
        let (success, said) = ended(command).await;
        assert!(!success, "{verb:?} went on: {said}");
        for words in [says, "usher.key", "would lose every secret", "Nothing was changed"] {
            assert!(said.contains(words), "{verb:?} does not say {words:?}: {said}");
        }
        assert!(files(home.dir()) == before, "{verb:?} changed {:?}", files(home.dir()).keys());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_database_is_not_touched_without_its_key_or_with_another() {
    let home = Home::sqlite();
    let mut usher = home.serve().await;
    usher.api().await.post("/users", person("ada")).await.ok();
    usher.stop().await;
    let (key, away) = (home.dir().join("usher.key"), home.dir().join("kept-elsewhere"));
    fs::rename(&key, &away).unwrap();
    is_refused_everywhere(&home, "is not there").await;

    let other = Home::sqlite();
    drop(other.serve().await);
    fs::copy(other.dir().join("usher.key"), &key).unwrap();
    is_refused_everywhere(&home, "does not fit").await;

    // Nor one that was killed, whose last changes are in the log beside it.
    fs::rename(&away, &key).unwrap();
    let mut usher = home.serve().await;
    usher.api().await.post("/users", person("bob")).await.ok();
    usher.kill9();
    fs::rename(&key, &away).unwrap();
    is_refused_everywhere(&home, "is not there").await;
    fs::rename(&away, &key).unwrap();
    let usher = home.serve().await;
    assert_eq!(usher.api().await.list("/users", "users").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_is_replaced_by_another_makes_a_server_not_ready_until_it_is_back() {
    let home = Home::sqlite();
    let usher = home.serve().await;
    let api = usher.api().await;
    let ready = async || api.send(api.anywhere(reqwest::Method::GET, "/readyz")).await;
    let other = Home::sqlite();
    drop(other.serve().await);
    let key = home.dir().join("usher.key");
    let own = fs::read(&key).unwrap();
    fs::write(&key, fs::read(other.dir().join("usher.key")).unwrap()).unwrap();
    // The next change seals with what the file has now, and the ends of the audit are not ours then: nothing is written.
    crate::support::until("the key does not fit", async || ready().await.status == 503).await;
    let refused = ready().await.refused(503);
    assert!(refused["message"].as_str().unwrap().contains("seal key"), "{refused}");
    fs::write(&key, own).unwrap();
    crate::support::until("it is ready again", async || ready().await.status == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_makes_nothing() {
    let empty = tempfile::tempdir().unwrap();
    for url in ["sqlite://usher.db", "sqlite://no/such/directory/usher.db"] {
        let mut command = bare_command(&["check"]);
        command.current_dir(empty.path()).env("USHER_DATABASE_URL", url);
        let (success, said) = ended(command).await;
        assert_eq!(success, url == "sqlite://usher.db", "{said}");
        assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "{url}");
    }

    let home = Home::sqlite();
    let mut usher = home.serve().await;
    usher.api().await.post("/users", person("ada")).await.ok();
    let (success, said) = ended(home.command(&["check"])).await;
    assert!(success && said.contains("database: ok"), "{said}");
    usher.stop().await;
    let before = files(home.dir());
    let (success, said) = ended(home.command(&["check"])).await;
    assert!(success && said.contains("database: ok"), "{said}");
    assert!(files(home.dir()) == before, "{:?}", files(home.dir()).keys());
}
