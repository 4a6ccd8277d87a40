//! A remote system that is slow, or asks to wait, delays no other work.

use std::time::{Duration, Instant};

use dropbox_simulator::{Fault, Route, Target, Team, Trigger, When};
use serde_json::{Value, json};

use crate::support::{Dropbox, Home, World, id, until};

/// How long each call of a slow team takes.
const SLOW: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_asks_to_wait_for_thirty_years_ends_the_run_and_everything_else_goes_on() {
    let mut world = World::of(Home::sqlite(), Team::builder(), json!({})).await;
    let [ada, bob] = [world.user("ada").await, world.user("bob").await];
    let rule = world.outbound_rule(json!({})).await;
    world.settled(&rule).await;
    world.dropbox.0.team().accept_all_invitations();
    // The connection's test has called it, too.
    let calls = world.dropbox.0.calls().count(Route::MembersSuspend.path());
    world.dropbox.0.faults().next(Route::MembersSuspend, Fault::throttle(1_000_000_000));
    let disable = async |user: &str| {
        world.api.put(&format!("/users/{user}/enabled"), json!({ "enabled": false })).await.ok();
    };

    // The run ends at once, and says until when.
    let began = Instant::now();
    disable(&ada).await;
    until("the run has ended", async || world.runs(&rule).await[0]["error"].is_object()).await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let run = world.runs(&rule).await.remove(0);
    assert_eq!((&run["state"], &run["error"]["code"]), (&json!("FAILED"), &json!("THROTTLED")), "{run:#}");
    assert!(names_the_time(&run["error"]["message"]), "{run:#}");
    let status = world.settled(&rule).await;
    assert!(names_the_time(&status["detail"]), "{status:#}");
    assert!(is_within_a_day(&status["nextSyncAt"]), "{status:#}");
    let explained = world.api.get(&format!("/users/{ada}/explanation?rule={rule}")).await.ok();
    assert!(explained.to_string().contains("Dropbox asks to wait until 20"), "{explained:#}");

    // Other routes and other people go on at once.
    world.api.patch(&format!("/users/{bob}"), json!({ "name": { "family": "King" } })).await.ok();
    world.user("cleo").await;
    let is = |person: &str| world.dropbox.people().iter().any(|it| it == person);
    until("bob is renamed", async || is("bob@example.com Bob King active")).await;
    until("cleo is invited", async || is("cleo@example.com Cleo Example invited")).await;
    // The same route is left alone.
    disable(&bob).await;
    until("bob's run has ended", async || {
        let runs = world.runs(&rule).await;
        runs.iter().filter(|run| run["error"]["code"] == "THROTTLED").count() == 2
    })
    .await;
    assert_eq!(world.dropbox.0.calls().count(Route::MembersSuspend.path()), calls + 1);
    // A full look does what can be done, and says what cannot.
    world.user("dora").await;
    let full = world.api.post(&format!("/propagation/rules/{rule}/syncs"), json!({})).await.ok();
    world.settled(&rule).await;
    let full = world.api.get(&format!("/propagation/runs/{}", id(&full))).await.ok();
    assert_eq!(full["error"]["code"], "THROTTLED", "{full:#}");
    assert!(is("dora@example.com Dora Example invited"));

    // It stops like any other, and whoever changes again is tried again.
    let began = Instant::now();
    assert!(world.usher.stop().await.success());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    world.usher.restart().await;
    world.api.patch(&format!("/users/{ada}"), json!({ "title": "Countess" })).await.ok();
    let is = |person: &str| world.dropbox.people().iter().any(|it| it == person);
    until("ada is suspended", async || is("ada@example.com Ada Example suspended")).await;
}

fn names_the_time(message: &Value) -> bool {
    message.as_str().is_some_and(|message| message.contains("Dropbox asks to wait until 20"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test asks what the server will do soon, by the server's clock"
)]
fn is_within_a_day(at: &Value) -> bool {
    let at: chrono::DateTime<chrono::Utc> = at.as_str().unwrap().parse().unwrap();
    (1..=24 * 60).contains(&(at - chrono::Utc::now()).num_minutes())
}

/// With room for one run that computes, so that any that waited in its place would be seen.
#[tokio::test(flavor = "multi_thread")]
async fn beside_four_teams_whose_calls_take_five_seconds_a_quick_team_is_synced_at_once() {
    let home = Home::with(&[("USHER_RULES_AT_ONCE", "1")]);
    let world = World::of(home, Team::builder(), json!({})).await;
    let ada = world.user("ada").await;
    let quick = world.outbound_rule(json!({})).await;
    let mut slow = Vec::new();
    for number in 0..4_u64 {
        let team = Dropbox::start(Team::builder().seed(number + 1)).await;
        let body = json!({
            "type": "Dropbox", "name": format!("Slow {number}"), "status": "ACTIVE",
            "configuration": team.configuration(json!({})),
        });
        let store = id(&world.api.post("/propagation/stores", body).await.ok());
        let rule = world
            .rule(json!({
                "name": format!("Slow {number}"), "sourceStore": { "id": world.directory },
                "targetStore": { "id": store }, "active": false,
            }))
            .await;
        slow.push((team, rule));
    }
    world.settled(&quick).await;
    for (_, rule) in &slow {
        world.settled(rule).await;
    }
    for (team, _) in &slow {
        team.0.faults().on(Target::Any, Trigger::Always, Fault::Slow(SLOW), When::BeforeEffect);
    }

    let rename = async |family: String| {
        world.api.patch(&format!("/users/{ada}"), json!({ "name": { "family": family } })).await.ok();
    };
    rename("Busy".to_owned()).await;
    for (team, _) in &slow {
        until("a slow team has a call in hand", async || team.0.faults().fired() > 0).await;
    }
    let mut took = Vec::new();
    for round in 0..5 {
        let expected = format!("ada@example.com Ada Round{round} invited");
        let began = Instant::now();
        rename(format!("Round{round}")).await;
        until("the quick team has it", async || world.dropbox.people() == [expected.clone()]).await;
        took.push(began.elapsed());
    }
    took.sort();
    eprintln!("the quick team had a change after {:.0?} at the median, {:.0?} at most", took[2], took[4]);
    assert!(took[4] < SLOW * 3 / 5, "a quick team waited for a slow one: {took:?}");
    // The slow ones get there, too.
    for (team, rule) in &slow {
        team.0.faults().clear();
        until("a slow team has it", async || team.people() == ["ada@example.com Ada Round4 invited"]).await;
        world.settled(rule).await;
    }
}
