//! The schedule of an inbound rule, under a clock that is set.

use std::time::Duration;

use dropbox_simulator::{Fault, Route, Trigger, When};
use serde_json::json;
use usher_domain::{
    Timestamp,
    ports::watch::{LogState, Watched},
    reconcile::run::RunState,
};

use crate::{
    rule::{INBOUND, inbound, member},
    world::World,
};

impl World {
    /// Time goes on until then, and nothing happens meanwhile.
    pub(crate) fn until(&self, time: &str) {
        let then: Timestamp = time.parse().unwrap();
        assert!(then >= self.now(), "{time} is past: {}", self.now());
        self.time_passes(then.since(self.now()));
    }

    /// Time goes on until then, and a server works at that time.
    async fn works_at(&self, time: &str) {
        self.until(time);
        self.work().await;
    }

    /// The initial sync completes at that time.
    async fn initial_at(&self, time: &str) {
        self.until(time);
        self.set_inbound(json!({})).await;
        self.work().await;
    }

    /// When each full run of the inbound rule began, and why.
    async fn full_runs(&self) -> Vec<String> {
        let runs = self.inbound_runs().await;
        let full = runs.iter().filter(|run| run.scope.is_full());
        full.map(|run| format!("{} {:?} {:?}", run.started_at, run.trigger, run.state)).collect()
    }

    async fn next_sync_at(&self) -> Option<String> {
        let status = self.reconciler.sync_status(&self.inbound_rule().await).await.unwrap();
        status.next_sync_at.map(|at| at.to_string())
    }
}

#[tokio::test]
async fn the_daily_slot_is_when_the_initial_sync_completed_whatever_comes() {
    let mut world = inbound(json!({}), [member("ada")]).await;
    world.initial_at("2026-01-01T14:37:00Z").await;
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-02T14:37:00.000Z");

    // A manual sync moves nothing.
    world.until("2026-01-02T09:00:00Z");
    world.bring_in().await;
    world.work().await;
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-02T14:37:00.000Z");

    // A restart a minute before loses nothing.
    world.until("2026-01-02T14:36:00Z");
    world.restart().await;
    world.work().await;
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-02T14:37:00.000Z");
    world.works_at("2026-01-02T14:37:00Z").await;
    world.works_at("2026-01-02T14:37:01Z").await;
    world.works_at("2026-01-03T14:36:59.999Z").await;
    world.works_at("2026-01-03T14:37:02Z").await;

    // Three days down are one run.
    world.until("2026-01-06T20:00:00Z");
    world.restart().await;
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-04T14:37:00.000Z", "it waits since then");
    world.work().await;
    world.works_at("2026-01-06T20:00:01Z").await;
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-07T14:37:00.000Z");
    world.works_at("2026-01-07T14:37:00Z").await;

    insta::assert_snapshot!(world.full_runs().await.join("\n"), @r"
    2026-01-01T14:37:00.000Z Configuration Succeeded
    2026-01-02T09:00:00.000Z Manual Succeeded
    2026-01-02T14:37:00.000Z Schedule Succeeded
    2026-01-03T14:37:02.000Z Schedule Succeeded
    2026-01-06T20:00:00.000Z Schedule Succeeded
    2026-01-07T14:37:00.000Z Schedule Succeeded
    ");
}

#[tokio::test]
async fn a_clock_that_once_was_years_ahead_stops_no_schedule() {
    let world = inbound(json!({"SCHEDULE": "every 15m"}), [member("ada")]).await;
    world.initial_at("2026-01-01T12:00:00Z").await;
    let ahead: Timestamp = "2028-01-01T12:00:00Z".parse().unwrap();
    let lease = world.store.claim_watch("ahead", ahead, Duration::from_secs(60)).await.unwrap().unwrap();
    let served = Watched {
        slot: Some(ahead),
        set_back: None,
        log: LogState::default(),
        due: Vec::new(),
        again: Some(ahead.plus(Duration::from_secs(900))),
    };
    world.store.watched(&lease, &served).await.unwrap();
    // The clock is right again, and upkeep comes round.
    world.reconciler.tend().await.unwrap();
    world.work().await;
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-01T12:15:00.000Z");
    world.works_at("2026-01-01T12:15:00Z").await;
    world.works_at("2026-01-01T12:30:01Z").await;
    assert_eq!(
        world.full_runs().await[1..],
        ["2026-01-01T12:15:00.000Z Schedule Succeeded", "2026-01-01T12:30:01.000Z Schedule Succeeded"]
    );
}

#[tokio::test]
async fn several_servers_serve_a_slot_once() {
    let world = inbound(json!({"SCHEDULE": "every 15m"}), [member("ada")]).await;
    world.initial_at("2026-01-01T12:00:00Z").await;
    world.until("2026-01-01T12:15:00Z");
    let (one, other) = (world.another_server(), world.another_server());
    for _ in 0..3 {
        let looks = tokio::join!(one.look_once(), other.look_once());
        looks.0.unwrap();
        looks.1.unwrap();
        let runs = tokio::join!(one.work_once(), other.work_once());
        runs.0.unwrap();
        runs.1.unwrap();
    }
    assert_eq!(world.full_runs().await[1..], ["2026-01-01T12:15:00.000Z Schedule Succeeded"]);
}

#[tokio::test]
async fn another_schedule_holds_at_once() {
    let world = inbound(json!({"SCHEDULE": "0 3 * * *"}), [member("ada")]).await;
    world.initial_at("2026-01-01T12:00:00Z").await;
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-02T03:00:00.000Z");
    world.until("2026-01-01T12:10:00Z");
    world.set_inbound(json!({"SCHEDULE": "every 15m"})).await;
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-01T12:10:00.000Z", "what changed is looked at");
    world.work().await;
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-01T12:15:00.000Z");
    world.works_at("2026-01-01T12:15:00Z").await;
    world.set_inbound(json!({"SCHEDULE": "daily"})).await;
    world.work().await;
    world.works_at("2026-01-01T12:30:00Z").await;
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-02T12:00:00.000Z");
    insta::assert_snapshot!(world.full_runs().await.join("\n"), @r"
    2026-01-01T12:00:00.000Z Configuration Succeeded
    2026-01-01T12:10:00.000Z Configuration Succeeded
    2026-01-01T12:15:00.000Z Schedule Succeeded
    2026-01-01T12:15:00.000Z Configuration Succeeded
    ");
}

#[tokio::test]
async fn a_rule_that_sleeps_has_no_slots_and_catches_up_once_when_it_wakes() {
    let world = inbound(json!({}), [member("ada")]).await;
    world.initial_at("2026-01-01T12:00:00Z").await;
    let switched = |active| {
        let world = &world;
        async move {
            let mut rule = world.inbound_rule().await;
            rule.active = active;
            rule.updated_at = world.now();
            world.save_inbound(rule).await;
        }
    };
    switched(false).await;
    world.works_at("2026-01-04T12:00:00Z").await;
    assert_eq!(world.next_sync_at().await, None);
    assert_eq!(world.full_runs().await.len(), 1);
    world.until("2026-01-04T15:00:00Z");
    switched(true).await;
    world.work().await;
    world.works_at("2026-01-04T15:10:00Z").await;
    assert_eq!(world.full_runs().await[1..], ["2026-01-04T15:00:00.000Z Schedule Succeeded"]);
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-05T12:00:00.000Z");
}

#[tokio::test]
async fn what_fails_at_a_slot_is_tried_again_and_moves_no_slot() {
    let world = inbound(json!({}), [member("ada")]).await;
    world.initial_at("2026-01-01T12:00:00Z").await;
    world.simulator.faults().on(
        Route::MembersList,
        Trigger::First(20),
        Fault::ServerError { status: 503 },
        When::BeforeEffect,
    );
    world.works_at("2026-01-02T12:00:00Z").await;
    world.simulator.faults().clear();
    world.time_passes(Duration::from_secs(3600));
    world.work().await;
    let runs = world.inbound_runs().await;
    let ends: Vec<RunState> = runs.iter().map(|run| run.state).collect();
    assert_eq!(ends, [RunState::Succeeded, RunState::Failed, RunState::Succeeded]);
    assert!(!world.store.watch(INBOUND).await.unwrap().slot_waits);
    assert_eq!(world.next_sync_at().await.unwrap(), "2026-01-03T12:00:00.000Z");
}
