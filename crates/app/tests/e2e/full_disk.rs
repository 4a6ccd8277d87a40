//! A disk that is full, and log targets that take nothing: Usher goes on, and is whole again by itself.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::json;

use crate::support::{Api, Home, SmallDisk, Usher, person, until};

/// How soon writes must work once there is room again.
const SOON: Duration = Duration::from_secs(10);

async fn status(api: &Api, path: &str) -> u16 {
    api.as_someone_with("").send(api.anywhere(Method::GET, path)).await.status
}

async fn sample(api: &Api, name: &str) -> f64 {
    let text = api.send(api.as_someone_with("").anywhere(Method::GET, "/metrics")).await.body;
    let text = text.as_str().unwrap().to_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

async fn usernames(api: &Api) -> BTreeSet<String> {
    let users = api.list("/users?limit=200", "users").await;
    users.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_no_acknowledged_change_and_writes_work_again_by_themselves() {
    let Some(disk) = SmallDisk::mount(16) else { return };
    let url = format!("sqlite://{}/usher.db", disk.path().display());
    let home = Home::with(&[("USHER_DATABASE_URL", &url)]);
    let mut usher = home.serve().await;
    let api = usher.api().await;
    let (mut acknowledged, mut tried) = (BTreeSet::new(), 0);
    for round in 0..2 {
        disk.fill();
        // What room is left in SQLite's log may still take some.
        loop {
            tried += 1;
            let name = format!("user{tried}");
            let answer = api.post("/users", person(&name)).await;
            if answer.status != 201 {
                answer.refused(503);
                break;
            }
            acknowledged.insert(name);
            assert!(tried < 3_000, "the disk is never full");
        }
        until("it is not ready", async || status(&api, "/readyz").await == 503).await;
        assert_eq!(sample(&api, "usher_ready").await, 0.0);
        assert_eq!(status(&api, "/healthz").await, 200);
        assert_eq!(
            usernames(&api).await,
            acknowledged,
            "what was read while the disk is full, round {round}"
        );

        disk.free();
        let began = Instant::now();
        loop {
            tried += 1;
            let name = format!("user{tried}");
            if api.post("/users", person(&name)).await.status == 201 {
                acknowledged.insert(name);
                break;
            }
            assert!(began.elapsed() < SOON, "no writes {SOON:?} after there was room\n{}", usher.tail());
        }
        until("it is ready again", async || status(&api, "/readyz").await == 200).await;
        assert!(began.elapsed() < SOON, "not ready {SOON:?} after there was room");
    }
    assert_eq!(usernames(&api).await, acknowledged);
    assert!(usher.stop().await.success());
    let verified = home.command(&["audit", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

async fn works_on(usher: &Usher, api: &Api) {
    let name = format!("user-{}", usernames(api).await.len());
    api.post("/users", person(&name)).await.ok();
    assert!(usernames(&usher.api().await).await.contains(&name));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_full_loses_lines_and_nothing_else() {
    let home = Home::with(&[("USHER_LOG", "trace")]);
    let mut usher = home.serve_printing_to("/dev/full".into()).await;
    let api = usher.api().await;
    until("lines are counted as dropped", async || sample(&api, "usher_log_lines_dropped_total").await > 0.0)
        .await;
    works_on(&usher, &api).await;
    assert!(usher.stop().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_pipe_that_nobody_reads_or_that_is_closed_keeps_nobody_waiting() {
    let home = Home::with(&[("USHER_LOG", "trace")]);
    let pipe = home.dir().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = File::options().read(true).write(true).open(&pipe).unwrap();
    let mut usher = home.serve_printing_to(pipe).await;
    let api = usher.api().await;
    // Each is in a line of its own, and together they are more than may wait.
    let long = format!("/{}", "x".repeat(40_000));
    for _ in 0..40 {
        assert_eq!(status(&api, &long).await, 404);
    }
    assert!(sample(&api, "usher_log_lines_dropped_total").await > 0.0, "no line was dropped");
    works_on(&usher, &api).await;

    drop(reader);
    let before = sample(&api, "usher_log_lines_dropped_total").await;
    until("lines are dropped since the pipe is closed", async || {
        sample(&api, "usher_log_lines_dropped_total").await > before
    })
    .await;
    works_on(&usher, &api).await;
    assert!(usher.stop().await.success());
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_may_read_the_files_and_a_clean_stop_leaves_the_database_whole_in_one() {
    let home = Home::sqlite();
    let mut usher = home.serve().await;
    let api = usher.api().await;
    api.post("/users", person("ada")).await.ok();
    for name in ["usher.db", "usher.db-wal", "usher.db-shm", "usher.key"] {
        assert_eq!(mode(&home.dir().join(name)), 0o600, "{name}");
    }
    assert!(usher.stop().await.success());
    for name in ["usher.db-wal", "usher.db-shm"] {
        assert!(!home.dir().join(name).exists(), "{name} is left behind");
    }
    // The one file alone, elsewhere.
    let copy = Home::sqlite();
    for name in ["usher.db", "usher.key"] {
        fs::copy(home.dir().join(name), copy.dir().join(name)).unwrap();
    }
    let usher = copy.serve().await;
    assert_eq!(usernames(&usher.api().await).await, BTreeSet::from(["ada".to_owned()]));
    let told = copy.command(&["audit", "verify"]).output().unwrap();
    assert!(told.status.success(), "{}", json!(String::from_utf8_lossy(&told.stdout)));
}
