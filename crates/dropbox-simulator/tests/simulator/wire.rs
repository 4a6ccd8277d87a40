//! The forms of requests and answers: tokens, scopes, strictness, error bodies.

use dropbox_simulator::{Fault, Route, Target, Team};
use serde_json::{Value, json};

use crate::client::{Reply, World, read};

async fn token(world: &World, form: &[(&str, &str)]) -> Reply {
    read(world.http.post(world.simulator.token_url()).form(form).send().await.unwrap()).await.unwrap()
}

async fn with_token(world: &World, authorization: &str) -> Reply {
    let url = format!("{}/2/team/get_info", world.simulator.url());
    let request = world.http.post(url).header("authorization", authorization);
    read(request.send().await.unwrap()).await.unwrap()
}

fn grant<'a>(refresh_token: &'a str, secret: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token),
        ("client_id", "simulated-app-key"),
        ("client_secret", secret),
    ]
}

#[tokio::test]
async fn a_refresh_token_buys_an_access_token_that_expires() {
    let world = World::plain().await;
    let good = grant("simulated-refresh-token", "simulated-app-secret");
    let reply = token(&world, &good).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"));
    let body = reply.json();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(14_400)));
    let bearer = format!("Bearer {}", body["access_token"].as_str().unwrap());
    assert_eq!(with_token(&world, &bearer).await.status, 200);

    world.simulator.team().clock().advance(14_400_000);
    let reply = with_token(&world, &bearer).await;
    assert_eq!((reply.status, &reply.json()["error"][".tag"]), (401, &json!("expired_access_token")));

    world.simulator.team().revoke_authorization();
    let revoked =
        json!({ "error": "invalid_grant", "error_description": "refresh token is invalid or revoked" });
    let reply = token(&world, &good).await;
    assert_eq!((reply.status, reply.json()), (400, revoked));
    assert_eq!(with_token(&world, &bearer).await.json()["error"][".tag"], "invalid_access_token");
    assert_eq!((world.simulator.calls().total(), world.simulator.calls().token_refreshes()), (3, 2));
}

#[tokio::test]
async fn the_token_endpoint_tells_what_is_wrong() {
    let world = World::plain().await;
    let error = async |refresh: &str, secret: &str| token(&world, &grant(refresh, secret)).await.json();
    let wrong = error("simulated-refresh-token", "wrong").await;
    assert_eq!(wrong, json!({ "error": "invalid_client: Invalid client_id or client_secret" }));
    let malformed = error("not a token", "simulated-app-secret").await;
    assert_eq!(malformed["error_description"], "refresh token is malformed");
    assert_eq!(error("unknown", "simulated-app-secret").await["error"], "invalid_grant");

    let basic = world
        .http
        .post(world.simulator.token_url())
        .basic_auth("simulated-app-key", Some("simulated-app-secret"))
        .form(&[("grant_type", "refresh_token"), ("refresh_token", "simulated-refresh-token")]);
    assert_eq!(basic.send().await.unwrap().status(), 200);

    world.simulator.faults().next(Target::Token, Fault::InvalidGrant);
    let good = ("simulated-refresh-token", "simulated-app-secret");
    assert_eq!(error(good.0, good.1).await["error"], "invalid_grant");
    assert!(error(good.0, good.1).await["access_token"].is_string());
}

#[tokio::test]
async fn who_may_not_call_is_told_in_dropboxs_forms() {
    let team = Team::builder().app_without_scope("groups.read").token_without_scope("members.read");
    let world = World::of(team).await;
    let reply = with_token(&world, "Basic eDp5").await;
    assert!(reply.text.contains("Invalid authorization value in HTTP header"), "{}", reply.text);
    assert_eq!((reply.status, reply.header("content-type")), (400, "text/plain; charset=utf-8"));
    let reply = with_token(&world, "Bearer nonsense").await;
    assert_eq!(
        reply.text,
        "Error in call to API function \"team/get_info\": The given OAuth 2 access token is malformed."
    );
    assert_eq!(with_token(&world, "Bearer sl.unknown").await.status, 401);

    let reply = world.call(Route::MembersList, json!({})).await;
    assert_eq!((reply.status, reply.header("content-type")), (401, "application/json"));
    let error = json!({ ".tag": "missing_scope", "required_scope": "members.read" });
    assert_eq!(reply.json()["error"], error);
    let reply = world.call(Route::GroupsList, json!({})).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains("required scope 'groups.read'"), "{}", reply.text);
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_every_error_a_summary_with_dots() {
    let world = World::plain().await;
    let nobody = json!({ "user": { ".tag": "email", "email": "nobody@example.com" } });
    let mut summaries = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let reply = world.call(Route::MembersUnsuspend, nobody.clone()).await;
        assert_eq!(reply.header("x-dropbox-request-id").len(), 32);
        summaries.insert(reply.json()["error_summary"].as_str().unwrap().to_owned());
    }
    let expected = ["user_not_found/", "user_not_found/.", "user_not_found/..", "user_not_found/..."];
    assert!(summaries.iter().eq(expected.iter()), "{summaries:?}");
    let reply = world.call(Route::TeamGetInfo, Value::Null).await;
    let ids: Vec<String> =
        world.simulator.calls().of(Route::TeamGetInfo).into_iter().map(|call| call.request_id).collect();
    assert_eq!(ids, [reply.header("x-dropbox-request-id")]);
}

#[tokio::test]
async fn requests_are_judged_by_the_specification() {
    let world = World::plain().await;
    let text = async |route: Route, content_type: &str, body: &str| {
        let request = world.request(route).header("content-type", content_type).body(body.to_owned());
        let reply = read(request.send().await.unwrap()).await.unwrap();
        (reply.status, reply.text)
    };
    let long_name = json!({ "new_members": [
        { "member_email": "a@example.com", "member_given_name": "x".repeat(51) }
    ] });
    let two_keys = json!({ "user": { ".tag": "email", "email": "a@example.com", "external_id": "e" } });
    let cases = [
        (Route::TeamGetInfo, "{}".to_owned(), "expected null, got value"),
        (Route::MembersList, "".to_owned(), "could not decode input as JSON"),
        (Route::MembersList, r#"{"limit": 0}"#.to_owned(), "limit: 0 is not within range [1, 1000]"),
        (Route::MembersList, r#"{"limits": 1}"#.to_owned(), "unknown field 'limits'"),
        (Route::MembersList, r#"{"include_removed": null}"#.to_owned(), "null is not a valid boolean"),
        (Route::MembersListContinue, "{}".to_owned(), "missing required field 'cursor'"),
        (Route::MembersUnsuspend, two_keys.to_string(), "user: unexpected key 'external_id'"),
        (
            Route::MembersUnsuspend,
            r#"{"user": "email"}"#.to_owned(),
            "user: expected object for 'email', got symbol",
        ),
        (Route::MembersUnsuspend, r#"{"user": {".tag": "phone"}}"#.to_owned(), "user: unknown tag 'phone'"),
        (Route::MembersAdd, long_name.to_string(), "must be at most 50 characters, got 51"),
        (
            Route::MembersUnsuspend,
            json!({ "user": { ".tag": "email", "email": "no address" } }).to_string(),
            "user: '*****' did not match pattern",
        ),
        (
            Route::GroupsCreate,
            json!({ "group_name": "G", "group_management_type": "other" }).to_string(),
            "group_management_type: unexpected use of the catch-all tag 'other'",
        ),
    ];
    for (route, body, expected) in cases {
        let (status, text) = text(route, "application/json", &body).await;
        let prefix = format!("Error in call to API function \"{}\": request body: ", route.path());
        assert_eq!(status, 400, "{body}: {text}");
        assert!(text.starts_with(&prefix) && text.contains(expected), "{body}: {text}");
    }
    assert_eq!(
        text(Route::MembersList, "application/json", "null").await.0,
        200,
        "every field has a default"
    );
    assert_eq!(text(Route::TeamGetInfo, "application/json", "null").await.0, 200);
    let short = json!({ "group_name": "G", "group_management_type": "company_managed" });
    assert_eq!(text(Route::GroupsCreate, "application/json; charset=utf-8", &short.to_string()).await.0, 200);
    let (status, text) = text(Route::MembersList, "application/x-www-form-urlencoded", "a=b").await;
    assert_eq!(status, 400);
    assert!(
        text.contains("Bad HTTP \"Content-Type\" header: \"application/x-www-form-urlencoded\""),
        "{text}"
    );
}

#[tokio::test]
async fn twenty_one_new_members_are_one_too_many() {
    let world = World::plain().await;
    let new = |count: usize| {
        let new: Vec<Value> =
            (0..count).map(|n| json!({ "member_email": format!("m{n}@example.com") })).collect();
        json!({ "new_members": new })
    };
    assert_eq!(world.call(Route::MembersAdd, new(21)).await.status, 400);
    assert_eq!(world.simulator.team().on_team(), 1);
    world.ok(Route::MembersAdd, new(20)).await;
}

#[tokio::test]
async fn what_rust_tests_do_can_be_done_over_http() {
    let world = World::plain().await;
    let post = async |what: &str, body: Value| {
        let url = format!("{}/_simulator/{what}", world.simulator.url());
        let request = world.http.post(url).body(body.to_string());
        read(request.send().await.unwrap()).await.unwrap()
    };
    let ada = json!({ "email": "ada@example.com", "given_name": "Ada", "surname": "L", "invited": true });
    assert_eq!(post("people", json!({ "add_member": ada })).await.status, 200);
    assert_eq!(post("people", json!({ "add_member": ada })).await.status, 409);
    let accept = json!({ "accept_invitation": { "email": "ada@example.com" } });
    assert_eq!(post("people", accept).await.status, 200);
    let fault = json!({
        "target": "team/get_info", "trigger": { "nth": 1 }, "when": "before_effect",
        "fault": { "throttle": { "retry_after": 7 } },
    });
    assert_eq!(post("faults", fault).await.status, 200);
    assert_eq!(world.call(Route::TeamGetInfo, Value::Null).await.header("retry-after"), "7");
    assert_eq!(post("faults", json!({ "target": "nothing" })).await.status, 400);
    let get = async |what: &str| {
        let url = format!("{}/_simulator/{what}", world.simulator.url());
        read(world.http.get(url).send().await.unwrap()).await.unwrap().json()
    };
    assert_eq!(get("state").await["active"], 2);
    assert_eq!(get("members").await[1]["state"], "active");
    assert_eq!(get("calls").await["counts"]["team/get_info"], 1);
}
