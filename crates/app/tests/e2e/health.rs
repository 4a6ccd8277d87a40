//! `/healthz`, `/readyz` and `/metrics`: what they ask, how long they take, and who serves them.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::{ENVIRONMENT, Home, http_client, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stands_still_keeps_no_health_check_waiting() {
    let Some((home, way)) = Home::postgres_that_stalls().await else { return };
    let usher = home.serve().await;
    let api = usher.api().await;
    let ask = async |path: &str, limit: u64| {
        let answer = api.send(api.as_someone_with("").anywhere(Method::GET, path));
        let answer = tokio::time::timeout(Duration::from_secs(limit), answer).await;
        answer.unwrap_or_else(|_| panic!("{path} took more than {limit} s"))
    };
    way.stand_still(true);
    for _ in 0..20 {
        assert_eq!(ask("/healthz", 2).await.ok()["environment"], ENVIRONMENT);
    }
    // An answer of a moment ago is given again.
    until("it is not ready", async || ask("/readyz", 10).await.status == 503).await;
    let refused = ask("/readyz", 10).await.refused(503);
    assert!(refused["message"].as_str().unwrap().contains("does not answer"), "{refused}");
    let metrics = ask("/metrics", 10).await.ok();
    let metrics = metrics.as_str().unwrap();
    assert!(metrics.contains("usher_database_up 0\n") && metrics.contains("usher_ready 0\n"), "{metrics}");

    way.stand_still(false);
    until("it is ready again", async || ask("/readyz", 10).await.status == 200).await;
    assert!(ask("/metrics", 10).await.ok().as_str().unwrap().contains("usher_ready 1\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_whether_it_is_ready_cost_one_write() {
    let home = Home::sqlite();
    let usher = home.serve().await;
    let probes = async || -> i64 {
        use sqlx::{Connection as _, Row as _};
        let url = format!("sqlite://{}", home.dir().join("usher.db").display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        let row = sqlx::query("SELECT probes FROM write_probe").fetch_one(&mut connection).await.unwrap();
        row.get(0)
    };
    let (before, began) = (probes().await, std::time::Instant::now());
    let url = format!("{}/readyz", usher.url());
    let http = http_client();
    let asked = (0..200).map(|_| http.get(&url).send());
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
    }
    let written = probes().await - before;
    let seconds = i64::try_from(began.elapsed().as_secs()).unwrap();
    assert!(written <= seconds + 2, "{written} writes for 200 questions in {seconds} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_serves_health_readiness_and_metrics_and_nothing_else() {
    let home = Home::sqlite();
    let usher = home.serve_as("worker").await;
    let http = http_client();
    let get = async |path: &str| http.get(format!("{}{path}", usher.url())).send().await.unwrap();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(get(path).await.status(), StatusCode::OK, "{path}");
    }
    let environments = format!("/v1/environments/{ENVIRONMENT}/users");
    for path in ["/console", "/console/sign-in", "/openapi.json", "/v1/environments", &environments, "/"] {
        let answer = get(path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["code"], "NOT_FOUND", "{path}");
    }
    let token = http.post(format!("{}/{ENVIRONMENT}/as/token", usher.url())).send().await.unwrap();
    assert_eq!(token.status(), StatusCode::NOT_FOUND);
}
