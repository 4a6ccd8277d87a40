//! The audit from outside: collected as public collectors do it, checked by the binary, redacted, tampered with.

use std::process::Output;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};

use crate::support::{Api, ENVIRONMENT, Home, id, redacted};

/// All of time, as a filter in a query.
const ALL: &str = "/activities?filter=recordedAt%20gt%20%222020-01-01T00:00:00.999Z%22";

fn filter(more: &str) -> String {
    let filter = format!("recordedAt gt \"2020-01-01T00:00:00Z\"{more}");
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", &filter).finish();
    format!("/activities?{query}")
}

async fn make_user(api: &Api, username: &str) -> String {
    let body = json!({ "username": username, "email": format!("{username}@example.com") });
    id(&api.post("/users", body).await.ok())
}

fn actions(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["action"]["type"].as_str().unwrap()).collect()
}

async fn verify(home: &Home, more: &[&str]) -> (i32, String) {
    let mut command = home.command(&[&["audit", "verify"], more].concat());
    let output: Output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// The end that was printed.
fn end(printed: &str) -> String {
    printed.lines().find_map(|line| line.split_once("elsewhere: ")).unwrap().1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_every_event_once_the_newest_first() {
    let home = Home::sqlite();
    let usher = home.serve().await;
    let api = usher.api().await;
    let ada = make_user(&api, "ada").await;
    for number in 0..9 {
        make_user(&api, &format!("user-{number}")).await;
    }
    // The first page, and then more happens: the pages after it are what they would have been.
    let first = api.get(&format!("{ALL}&limit=4")).await.ok();
    assert_eq!(
        (&first["size"], first["_embedded"]["activities"].as_array().map(Vec::len)),
        (&json!(4), Some(4))
    );
    let before = api.list(&format!("{ALL}&limit=1000"), "activities").await;
    make_user(&api, "late").await;
    let mut seen = first["_embedded"]["activities"].as_array().unwrap().clone();
    let mut next = first["_links"]["next"]["href"].as_str().map(str::to_owned);
    while let Some(href) = next {
        let path = href.strip_prefix(&usher.url()).unwrap().to_owned();
        let page = api.send(api.anywhere(Method::GET, &path)).await.ok();
        seen.extend(page["_embedded"]["activities"].as_array().unwrap().clone());
        next = page["_links"]["next"]["href"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, before);
    let times: Vec<&str> = seen.iter().map(|event| event["recordedAt"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");

    // From where the collector was, to now.
    let range = format!("recordedAt gt \"{}\" AND recordedAt lt \"{}\"", times[0], now());
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("filter", &range).finish();
    let later = api.list(&format!("/activities?limit=500&{query}"), "activities").await;
    assert_eq!(actions(&later), ["USER.CREATED"]);
    assert_eq!(later[0]["resources"][0]["name"], "late");

    let of_ada = api.list(&filter(&format!(" AND resources.id eq \"{ada}\"")), "activities").await;
    assert_eq!(actions(&of_ada), ["USER.CREATED"]);
    let shown = redacted(&serde_json::to_string_pretty(&of_ada[0]).unwrap());
    insta::assert_snapshot!(shown, @r#"
    {
      "_links": {
        "self": {
          "href": "http://127.0.0.1:<port>/v1/environments/<id>/activities/<id>"
        }
      },
      "action": {
        "description": "User Created",
        "type": "USER.CREATED"
      },
      "actors": {
        "client": {
          "environment": {
            "id": "<id>"
          },
          "id": "<id>",
          "name": "Bootstrap client",
          "type": "CLIENT"
        }
      },
      "correlationId": "<id>",
      "createdAt": "<time>",
      "id": "<id>",
      "recordedAt": "<time>",
      "resources": [
        {
          "environment": {
            "id": "<id>"
          },
          "href": "http://127.0.0.1:<port>/v1/environments/<id>/users/<id>",
          "id": "<id>",
          "name": "ada",
          "population": {
            "id": "<id>"
          },
          "type": "USER"
        }
      ],
      "result": {
        "description": "Created User ada",
        "status": "SUCCESS"
      }
    }
    "#);
    assert_eq!(api.get(&format!("/activities/{}", id(&of_ada[0]))).await.ok(), of_ada[0]);
    for (more, found) in [
        // The administrator that every database begins with is one of them.
        (" and action.type in [\"USER.CREATED\", \"X\"]", 12),
        (" and actors.client.name sw \"Boot\" and resources.type eq \"USER\"", 11),
        (" and resources.name eq \"ada\"", 1),
        (" and not (resources.type eq \"USER\") and action.type eq \"USER.CREATED\"", 1),
    ] {
        assert_eq!(api.list(&filter(more), "activities").await.len(), found, "{more}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_asked_for_well_is_refused_with_what_to_do() {
    let home = Home::sqlite();
    let usher = home.serve().await;
    let api = usher.api().await;
    for path in ["/activities", "/activities?filter=action.type%20eq%20%22USER.CREATED%22"] {
        let refused = api.get(path).await.refused(400);
        assert_eq!(
            (&refused["details"][0]["code"], &refused["details"][0]["target"]),
            (&json!("REQUIRED_VALUE"), &json!("filter"))
        );
    }
    let refused = api.get(&filter(" and colour eq \"red\"")).await.refused(400).to_string();
    assert!(refused.contains("recordedAt") && refused.contains("colour"), "{refused}");
    api.post("/activities", json!({})).await.refused(405);
    api.delete(&format!("/activities/{ENVIRONMENT}")).await.refused(405);
    api.get(&format!("/activities/{ENVIRONMENT}")).await.refused(404);
    for body in [json!({}), json!({ "user": "ada" }), json!({ "user": { "id": ENVIRONMENT }, "more": 1 })] {
        api.post("/activities/redactions", body).await.refused(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_finds_what_was_done_to_the_database_and_redaction_is_not_that() {
    let home = Home::sqlite();
    let mut usher = home.serve().await;
    let api = usher.api().await;
    let ada = make_user(&api, "canary-ada").await;
    make_user(&api, "bob").await;
    let (code, text) = verify(&home, &[]).await;
    assert_eq!(code, 0, "{text}");
    let seen = end(&text);
    assert!(seen.starts_with(ENVIRONMENT), "{text}");

    // Gone from the directory, and then from what is told of her.
    api.delete(&format!("/users/{ada}")).await;
    let output = usher.cli(&["audit", "redact", "--user", &ada]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.starts_with("Redacted 2 events"), "{said}");
    let told = api.list(&filter(""), "activities").await;
    assert!(!json!(told).to_string().contains("canary-ada"), "{told:#?}");
    assert_eq!(actions(&told)[..3], ["ACTIVITY.REDACTED", "USER.DELETED", "USER.CREATED"]);
    assert_eq!(told[1]["resources"][0]["id"], json!(ada));
    let output = usher.cli(&["audit", "redact", "--user", &ada]).await;
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("Redacted 0 events"));

    // While it runs, and against an end that was seen before.
    let (code, text) = verify(&home, &["--expect", &seen]).await;
    assert_eq!(code, 0, "{text}");
    let later = end(&text);
    usher.stop().await;
    let file = home.dir().join("usher.db");
    let older = home.dir().join("older.db");
    sql(&home, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    std::fs::copy(&file, &older).unwrap();
    for (done, said) in [
        ("UPDATE events SET personal = replace(personal, 'bob', 'eve')", "CHANGED: event"),
        ("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)", "TRUNCATED: the last event is"),
        ("DELETE FROM events WHERE seq = 2", "REMOVED: event 2 is gone"),
    ] {
        sql(&home, done).await;
        let (code, text) = verify(&home, &[]).await;
        assert_eq!(code, 3, "{done}: {text}");
        assert!(text.contains(said) && text.contains("was tampered with"), "{done}: {text}");
        sql(&home, "PRAGMA wal_checkpoint(TRUNCATE)").await;
        std::fs::copy(&older, &file).unwrap();
    }
    assert_eq!(verify(&home, &["--expect", &later]).await.0, 0);

    // An older copy holds by itself, and does not have the end that was seen later.
    let usher = home.serve().await;
    make_user(&usher.api().await, "carl").await;
    let newest = end(&verify(&home, &[]).await.1);
    drop(usher);
    for rest in ["usher.db-wal", "usher.db-shm"] {
        let _ = std::fs::remove_file(home.dir().join(rest));
    }
    std::fs::copy(&older, &file).unwrap();
    assert_eq!(verify(&home, &[]).await.0, 0);
    let (code, text) = verify(&home, &["--expect", &newest]).await;
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("older copy"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_checked_says_so_and_is_no_tampering() {
    let home = Home::sqlite();
    let (code, text) = verify(&home, &[]).await;
    assert_eq!(code, 1);
    assert!(text.contains("there is no database"), "{text}");
    drop(home.serve().await);
    assert_eq!(verify(&home, &["--expect", "nonsense"]).await.0, 64, "a mistake in the command is neither");
    std::fs::rename(home.dir().join("usher.key"), home.dir().join("elsewhere.key")).unwrap();
    let (code, text) = verify(&home, &[]).await;
    assert_eq!(code, 1);
    assert!(text.contains("seal_key_file") && !home.dir().join("usher.key").exists(), "{text}");
}

async fn sql(home: &Home, text: &'static str) {
    let url = format!("sqlite://{}", home.dir().join("usher.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    connection.execute(text).await.unwrap();
    connection.close().await.unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a collector has a clock of its own")]
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
