//! A token endpoint, a Service URI and a receiver of webhooks that say in their refusals what they were sent.

use axum::{Router, body::Bytes, extract::Request, http::StatusCode, response::IntoResponse};
use dropbox_simulator::Team;
use serde_json::{Value, json};

use super::canaries::{APP_SECRET, Canaries, HEADER, REFRESH_TOKEN};
use crate::support::{Home, World, id, until};

/// How it is said; each with the status that goes with it.
const SHAPES: [(u16, &str); 10] = [
    (400, "grant"),
    (400, "json"),
    (401, "json"),
    (403, "json"),
    (409, "json"),
    (400, "text"),
    (418, "text"),
    (302, "text"),
    (400, "cut"),
    (200, "typed"),
];

/// Serves `/STATUS/SHAPE/…`: an answer that repeats the request's headers and body.
async fn start() -> String {
    let app = Router::new().fallback(async |request: Request| {
        let (parts, body) = request.into_parts();
        let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let headers: Vec<&str> = parts.headers.values().filter_map(|value| value.to_str().ok()).collect();
        let said = format!("you sent {} {}", String::from_utf8_lossy(&body), headers.join(" "));
        let path: Vec<&str> = parts.uri.path().split('/').collect();
        let status = StatusCode::from_u16(path[1].parse().unwrap()).unwrap();
        let json =
            |body: Value| (status, [("content-type", "application/json")], body.to_string()).into_response();
        match path[2] {
            "grant" => json(json!({ "error": "invalid_grant", "error_description": said })),
            "json" => {
                json(json!({ "error": { ".tag": said, "reason": { ".tag": said } }, "error_summary": said }))
            }
            "typed" => json(json!({ "access_token": [said], "members": said, "name": [said], "team_id": 5 })),
            // Of a secret at the end, only the beginning is repeated.
            "cut" => (status, said[..said.find("canary").map_or(said.len(), |at| at + 14)].to_owned())
                .into_response(),
            _ => (status, said).into_response(),
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_repeats_a_secret_in_a_refusal_has_it_masked() {
    let home = Home::with(&[("USHER_LOG", "trace"), ("USHER_ALLOW_PRIVATE_TARGETS", "127.0.0.1")]);
    let team = Team::builder().credentials("the-app-key", APP_SECRET, REFRESH_TOKEN);
    let world = World::of(home.clone(), team, json!({})).await;
    let api = &world.api;
    let mut canaries = Canaries::usual(api);
    // The beginning alone would be found in harmless words; of these it is not.
    canaries.add("the beginning of the refresh token", &REFRESH_TOKEN[..14]);
    canaries.add("the beginning of the app's secret", &APP_SECRET[..14]);
    let echo = start().await;
    let mut told = 0;
    for (status, shape) in SHAPES {
        let here = format!("{echo}/{status}/{shape}");
        // A token endpoint that answers 200 with something else is asked again and again, and not quoted.
        let token = (status != 200).then(|| json!({ "OAUTH_TOKEN_URL": here }));
        for wrong in token.into_iter().chain([json!({ "BASE_URL": here })]) {
            let what = format!("{wrong}");
            let store = json!({ "type": "Dropbox", "name": what, "configuration": world.dropbox.configuration(wrong) });
            let tested = api.post("/propagation/stores/connection/status", store.clone()).await.refused(400);
            canaries.none_in(tested.to_string(), &format!("the answer of the test of {what}"));
            told += usize::from(tested.to_string().contains("********"));
            // Kept with what its test said.
            let made = api.post("/propagation/stores", store).await.ok();
            let read = api.get(&format!("/propagation/stores/{}", id(&made))).await.ok();
            canaries.none_in(read.to_string(), &format!("the store {what}"));
        }
    }
    assert!(told > 0, "no answer told what was said: then nothing is shown by this test");

    for (status, shape) in [(400, "text"), (400, "json"), (500, "text")] {
        let made = api.post("/subscriptions", json!({
            "name": shape, "enabled": true, "verifyTlsCertificates": true, "format": "ACTIVITY",
            "httpEndpoint": { "url": format!("{echo}/{status}/{shape}"), "headers": { "Authorization": format!("Splunk {HEADER}") } },
            "filterOptions": { "includedActionTypes": ["USER.CREATED"] },
        })).await.ok();
        canaries
            .add("a signing secret", made["signingSecret"].as_str().unwrap().trim_start_matches("whsec_"));
        world.user(&format!("{shape}{status}")).await;
        let path = format!("/subscriptions/{}", id(&made));
        until("it was refused", async || api.get(&path).await.ok()["delivery"]["state"] == "FAILING").await;
        canaries.none_in(api.get(&path).await.ok().to_string(), "the subscription that is refused");
    }
    let World { mut usher, .. } = world;
    usher.stop().await;
    canaries.none_in_files(home.dir(), &["usher.key"], "after the echoes");
}
