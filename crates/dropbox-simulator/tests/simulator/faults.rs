//! Faults to order, as a client of the real thing would meet them.

use std::error::Error as _;
use std::time::Duration;

use dropbox_simulator::{Fault, JobEnd, MemberSeed, MemberState, Route, Target, Team, Trigger, When};
use serde_json::{Value, json};

use crate::client::{World, read};

async fn world() -> World {
    let members = ["a", "b", "c"].map(|name| MemberSeed::new(&format!("{name}@example.com"), name, "X"));
    World::of(Team::builder().members(members)).await
}

fn suspend(email: &str) -> Value {
    json!({ "user": { ".tag": "email", "email": email }, "wipe_data": false })
}

fn state(world: &World, email: &str) -> MemberState {
    world.simulator.team().member_by_email(email).unwrap().state
}

#[tokio::test]
async fn throttling_comes_as_json_and_in_plain_text_and_always_says_how_long() {
    let world = world().await;
    world.simulator.faults().next(Target::Any, Fault::throttle(3));
    let reply = world.call(Route::TeamGetInfo, Value::Null).await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, "3"));
    assert_eq!(reply.header("content-type"), "application/json");
    let error = json!({ "reason": { ".tag": "too_many_requests" }, "retry_after": 3 });
    assert_eq!(reply.json()["error"], error);

    world.simulator.faults().next(Target::Any, Fault::Throttle { retry_after: 0, plain: true });
    let reply = world.call(Route::TeamGetInfo, Value::Null).await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, "0"));
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");

    world.simulator.faults().next(Target::Writes, Fault::TooManyWrites { retry_after: 1 });
    world.ok(Route::TeamGetInfo, Value::Null).await;
    let reply = world.call(Route::MembersSuspend, suspend("a@example.com")).await;
    assert_eq!(reply.json()["error"], json!({ "reason": { ".tag": "too_many_write_operations" } }));
    assert_eq!(reply.header("retry-after"), "1");
    assert_eq!(state(&world, "a@example.com"), MemberState::Active);
    assert_eq!(world.simulator.faults().fired(), 3);
}

#[tokio::test]
async fn a_reset_before_leaves_nothing_and_a_reset_after_leaves_everything_done() {
    let world = world().await;
    let cases = [
        (When::BeforeEffect, "a@example.com", MemberState::Active),
        (When::AfterEffect, "b@example.com", MemberState::Suspended),
    ];
    for (when, email, left) in cases {
        world.simulator.faults().on(Route::MembersSuspend, Trigger::Next, Fault::Reset, when);
        let error = world.try_call(Route::MembersSuspend, suspend(email)).await.unwrap_err();
        assert!(error.is_request(), "{error:?}");
        assert!(format!("{:?}", error.source()).contains("onnection"), "{error:?}");
        assert_eq!(state(&world, email), left, "{when:?}");
    }
    let statuses: Vec<Option<u16>> =
        world.simulator.calls().of(Route::MembersSuspend).iter().map(|call| call.status).collect();
    assert_eq!(statuses, [None, None], "each was sent once, and not answered");
    world.ok(Route::MembersSuspend, suspend("a@example.com")).await;
}

#[tokio::test]
async fn a_truncated_answer_breaks_off_in_its_body() {
    let world = world().await;
    world.simulator.faults().next(Route::MembersList, Fault::Truncated);
    let request = world.request(Route::MembersList).header("content-type", "application/json").body("{}");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "the head arrives");
    let error = read(response).await.unwrap_err();
    assert!(error.is_decode() || error.is_body(), "{error:?}");
    world.ok(Route::MembersList, json!({})).await;
}

#[tokio::test]
async fn servers_and_edges_fail_in_their_own_ways() {
    let world = world().await;
    let faults = world.simulator.faults();
    faults.next(Route::TeamGetInfo, Fault::ServerError { status: 503 });
    let reply = world.call(Route::TeamGetInfo, Value::Null).await;
    assert_eq!((reply.status, reply.text.as_str()), (503, ""));
    assert_eq!(reply.header("content-type"), "application/octet-stream");

    faults.next(Route::TeamGetInfo, Fault::EdgeHtml { status: 400 });
    let reply = world.call(Route::TeamGetInfo, Value::Null).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text.starts_with("<!DOCTYPE html>"));

    faults.next(Route::TeamGetInfo, Fault::ExpiredToken);
    let reply = world.call(Route::TeamGetInfo, Value::Null).await;
    assert_eq!((reply.status, &reply.json()["error"][".tag"]), (401, &json!("expired_access_token")));

    faults.next(Route::TeamGetInfo, Fault::Forbidden);
    let reply = world.call(Route::TeamGetInfo, Value::Null).await;
    assert_eq!(reply.status, 403);
    assert_eq!(reply.json()["user_message"]["locale"], "en");

    faults.next(Route::MembersSuspend, Fault::Refused("team_license_limit".into()));
    let refusal = world.refused(Route::MembersSuspend, suspend("a@example.com")).await;
    assert_eq!(refusal, "team_license_limit");
    world.ok(Route::TeamGetInfo, Value::Null).await;
}

#[tokio::test]
async fn faults_come_on_the_calls_they_were_ordered_for() {
    let world = world().await;
    let statuses = async |count: usize| {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(world.call(Route::TeamGetInfo, Value::Null).await.status);
        }
        statuses
    };
    let fault = Fault::ServerError { status: 500 };
    let faults = world.simulator.faults();
    faults.on(Target::Any, Trigger::Nth(2), fault.clone(), When::BeforeEffect);
    assert_eq!(statuses(3).await, [200, 500, 200]);
    faults.on(Target::Reads, Trigger::First(2), fault.clone(), When::BeforeEffect);
    assert_eq!(statuses(3).await, [500, 500, 200]);
    faults.on(Route::TeamGetInfo, Trigger::Every(2), fault.clone(), When::BeforeEffect);
    assert_eq!(statuses(4).await, [200, 500, 200, 500]);
    faults.clear();
    faults.on(Route::GroupsList, Trigger::Always, fault.clone(), When::BeforeEffect);
    assert_eq!(statuses(2).await, [200, 200]);
    faults.on(Target::Any, Trigger::Chance(0.5), fault, When::BeforeEffect);
    let drawn = statuses(40).await;
    assert!(drawn.contains(&200) && drawn.contains(&500), "seed 0: {drawn:?}");
}

#[tokio::test]
async fn a_slow_answer_takes_its_time() {
    let world = world().await;
    world.simulator.faults().next(Target::Any, Fault::Slow(Duration::from_secs(60)));
    let request = world.request(Route::TeamGetInfo).timeout(Duration::from_millis(200));
    assert!(request.send().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn listings_come_short_empty_double_or_from_the_future() {
    let world = world().await;
    let faults = world.simulator.faults();
    let list = async || world.ok(Route::MembersList, json!({ "limit": 3 })).await;
    let length = |page: &Value| page["members"].as_array().unwrap().len();

    faults.next(Route::MembersList, Fault::ShortList { missing: 2 });
    let page = list().await;
    assert_eq!((length(&page), &page["has_more"]), (1, &json!(true)));

    faults.next(Route::MembersList, Fault::DuplicateMember);
    let page = list().await;
    assert_eq!(length(&page), 4);
    assert_eq!(page["members"][0], page["members"][3]);

    faults.next(Route::MembersList, Fault::EmptyPage);
    let page = list().await;
    assert_eq!((length(&page), &page["has_more"]), (0, &json!(true)));
    let cursor = json!({ "cursor": page["cursor"] });
    let page = world.ok(Route::MembersListContinue, cursor.clone()).await;
    assert_eq!(page["members"], list().await["members"], "nobody is lost over it");

    faults.next(Route::MembersListContinue, Fault::InvalidCursor);
    assert_eq!(world.refused(Route::MembersListContinue, cursor).await, "invalid_cursor");

    faults.next(Route::MembersList, Fault::UnknownTag);
    let page = list().await;
    let statuses: Vec<&Value> = (0..3).map(|at| &page["members"][at]["profile"]["status"][".tag"]).collect();
    assert_eq!(statuses, ["hibernating", "active", "active"]);
    assert!(page["members"][2]["profile"]["from_the_future"].is_object());
}

#[tokio::test]
async fn a_job_is_polled_until_it_is_complete_or_has_failed() {
    let world = world().await;
    let faults = world.simulator.faults();
    let add = |email: &str| json!({ "new_members": [{ "member_email": email }] });
    let poll = async |id: &Value| world.ok(Route::MembersAddJobStatus, json!({ "async_job_id": id })).await;

    faults.next(Route::MembersAdd, Fault::AsyncJob { polls: 2, end: JobEnd::Complete });
    let id = world.ok(Route::MembersAdd, add("d@example.com")).await["async_job_id"].clone();
    for _ in 0..2 {
        assert_eq!(poll(&id).await, json!({ ".tag": "in_progress" }));
    }
    assert_eq!(poll(&id).await["complete"][0][".tag"], "success");

    let cases = [(When::BeforeEffect, "e@example.com", false), (When::AfterEffect, "f@example.com", true)];
    for (when, email, is_there) in cases {
        let end = JobEnd::Failed("something broke".into());
        faults.on(Route::MembersAdd, Trigger::Next, Fault::AsyncJob { polls: 0, end }, when);
        let id = world.ok(Route::MembersAdd, add(email)).await["async_job_id"].clone();
        assert_eq!(poll(&id).await, json!({ ".tag": "failed", "failed": "something broke" }));
        assert_eq!(world.simulator.team().member_by_email(email).is_some(), is_there);
    }
    let foreign = json!({ "async_job_id": id });
    assert_eq!(world.refused(Route::MembersRemoveJobStatus, foreign).await, "invalid_async_job_id");

    let forced = json!({ "new_members": [], "force_async": true });
    let id = world.ok(Route::MembersAdd, forced).await["async_job_id"].clone();
    assert_eq!(poll(&id).await, json!({ ".tag": "in_progress" }));
    assert_eq!(poll(&id).await, json!({ ".tag": "complete", "complete": [] }));
}
