//! Following the team's log of events between full syncs: hints to look again, whatever the log is like.

use std::time::Duration;

use dropbox_simulator::{Fault, GroupSeed, MemberSeed, Route, Trigger, When};
use serde_json::json;
use usher_domain::{
    provisioning::connection::Health,
    reconcile::{run::Run, scope::Scope},
};

use crate::{
    rule::{INBOUND, inbound, member},
    world::{DROPBOX, ENVIRONMENT, World},
};

/// A rule that follows, after its initial sync, at the end of the log.
async fn following(members: &[&str]) -> World {
    let world = inbound(
        json!({"FOLLOW_EVENTS": true, "DEPROVISION_USERS": true}),
        members.iter().map(|name| member(name)),
    )
    .await;
    world.set_inbound(json!({})).await;
    world.work().await;
    world.a_second_passes().await;
    world
}

impl World {
    async fn a_second_passes(&self) {
        self.time_passes(Duration::from_secs(1));
        self.work().await;
    }

    async fn last_inbound(&self) -> Run {
        self.inbound_runs().await.pop().unwrap()
    }

    async fn full_inbound_runs(&self) -> usize {
        self.inbound_runs().await.iter().filter(|run| run.scope.is_full()).count()
    }
}

#[tokio::test]
async fn a_member_whom_a_person_adds_is_in_the_directory_at_the_next_look() {
    let world = following(&["ada"]).await;
    world.dropbox().add_member(member("bob"));
    world.a_second_passes().await;
    assert_eq!(world.user("bob").await, "enabled, Bob Example, bob@example.com");
    assert!(matches!(world.last_inbound().await.scope, Scope::Accounts(accounts) if accounts.len() == 1));
    assert_eq!(world.full_inbound_runs().await, 1, "nothing but the initial sync looked at everything");
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn whatever_becomes_of_a_member_is_followed() {
    let world = following(&["ada", "bob", "cy", "dan"]).await;
    {
        let mut team = world.dropbox();
        team.rename_by_person("ada@example.com", "Augusta", "King").unwrap();
        team.change_email_by_person("ada@example.com", "lovelace@example.com").unwrap();
        team.suspend_by_person("bob@example.com").unwrap();
        team.remove_by_person("cy@example.com").unwrap();
        team.leave_for_another_team("dan@example.com").unwrap();
        team.add_member(MemberSeed::invited("eve@example.com", "Eve", "Example"));
    }
    world.a_second_passes().await;
    world.dropbox().accept_invitation("eve@example.com").unwrap();
    world.dropbox().unsuspend_by_person("bob@example.com").unwrap();
    world.a_second_passes().await;
    insta::assert_snapshot!(world.everyone().await.join("\n"), @r"
    bob@example.com: enabled, Bob Example, bob@example.com
    cy@example.com: disabled, Cy Example, cy@example.com
    dan@example.com: disabled, Dan Example, dan@example.com
    eve@example.com: enabled, Eve Example, eve@example.com
    lovelace@example.com: enabled, Augusta King, lovelace@example.com
    ");
    assert_eq!(world.full_inbound_runs().await, 1);
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn events_out_of_order_late_and_twice_lead_to_the_same_end() {
    let names = ["ada", "bob", "cy", "dan", "eve", "fay"];
    let world = following(&names).await;
    {
        let mut team = world.dropbox();
        team.switches.events_late_ms = 4_000;
        team.switches.events_repeated = 0.5;
        for name in names {
            let email = format!("{name}@example.com");
            team.suspend_by_person(&email).unwrap();
            team.rename_by_person(&email, "New", "Name").unwrap();
            team.unsuspend_by_person(&email).unwrap();
        }
        team.suspend_by_person("fay@example.com").unwrap();
    }
    for _ in 0..6 {
        world.a_second_passes().await;
    }
    let everyone = world.everyone().await;
    assert!(everyone.iter().all(|user| user.contains("New Name")), "{everyone:?}");
    assert_eq!(world.user("fay").await, "disabled, New Name, fay@example.com");
    assert_eq!(everyone.iter().filter(|user| user.contains(" enabled")).count(), 5);
    assert_eq!(world.full_inbound_runs().await, 1);
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn a_look_at_which_nothing_changed_takes_two_calls_and_no_run() {
    let world = following(&["ada"]).await;
    world.simulator.calls().clear();
    let runs = world.inbound_runs().await.len();
    world.a_second_passes().await;
    assert_eq!(world.simulator.calls().total(), 2);
    assert_eq!(world.inbound_runs().await.len(), runs);
}

#[tokio::test]
async fn a_log_that_forgets_its_cursors_has_everything_looked_at_but_not_all_the_time() {
    let world = following(&["ada"]).await;
    world.dropbox().suspend_by_person("ada@example.com").unwrap();
    world.dropbox().forget_event_cursors();
    world.a_second_passes().await;
    assert_eq!(world.user("ada").await, "disabled, Ada Example, ada@example.com");
    assert_eq!(world.full_inbound_runs().await, 2);
    for _ in 0..5 {
        world.dropbox().forget_event_cursors();
        world.a_second_passes().await;
    }
    assert_eq!(world.full_inbound_runs().await, 2, "not again within ten minutes");
    world.time_passes(Duration::from_secs(600));
    world.work().await;
    assert_eq!(world.full_inbound_runs().await, 3, "but then");
    world.dropbox().unsuspend_by_person("ada@example.com").unwrap();
    world.a_second_passes().await;
    assert_eq!(world.user("ada").await, "enabled, Ada Example, ada@example.com", "and following went on");
}

#[tokio::test]
async fn what_happens_while_the_initial_sync_is_under_way_is_not_lost() {
    let world = inbound(json!({"FOLLOW_EVENTS": true}), [member("ada")]).await;
    world.set_inbound(json!({})).await;
    world.sync_due().await;
    // The listing is over; the log was not looked at yet.
    world.dropbox().suspend_by_person("ada@example.com").unwrap();
    world.time_passes(Duration::from_secs(300));
    world.work().await;
    assert_eq!(world.user("ada").await, "disabled, Ada Example, ada@example.com");
    assert_eq!(world.full_inbound_runs().await, 1);
}

#[tokio::test]
async fn a_server_that_dies_with_what_it_read_has_it_read_again() {
    let mut world = following(&["ada"]).await;
    world.dropbox().suspend_by_person("ada@example.com").unwrap();
    world.time_passes(Duration::from_secs(1));
    // It claims the watch, reads, and is never heard of again.
    let store = std::sync::Arc::clone(&world.store);
    let lease = store.claim_watch("dead", world.now(), Duration::from_secs(60)).await.unwrap();
    assert_eq!(lease.unwrap().rule, INBOUND);
    world.restart().await;
    world.a_second_passes().await;
    assert_eq!(world.user("ada").await, "enabled, Ada Example, ada@example.com", "the lease is not over");
    store.end_leases(world.now()).await.unwrap();
    world.work().await;
    assert_eq!(world.user("ada").await, "disabled, Ada Example, ada@example.com");
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_told_and_stops_nothing_else() {
    let world = following(&["ada"]).await;
    world.simulator.faults().on(
        Route::GetEventsContinue,
        Trigger::Always,
        Fault::Forbidden,
        When::BeforeEffect,
    );
    world.a_second_passes().await;
    let status = world.reconciler.sync_status(&world.inbound_rule().await).await.unwrap();
    let problem = status.following.unwrap().problem.unwrap();
    assert_eq!(problem.code, "ACCESS_DENIED");
    let connection = world.store.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap();
    assert!(matches!(connection.health, Health::Valid { .. }), "full syncs go on");
    world.dropbox().suspend_by_person("ada@example.com").unwrap();
    world.bring_in().await;
    assert_eq!(world.user("ada").await, "disabled, Ada Example, ada@example.com");
    world.simulator.faults().clear();
    world.dropbox().unsuspend_by_person("ada@example.com").unwrap();
    world.time_passes(Duration::from_secs(300));
    world.work().await;
    assert_eq!(
        world.user("ada").await,
        "enabled, Ada Example, ada@example.com",
        "it was found where it was left"
    );
    let status = world.reconciler.sync_status(&world.inbound_rule().await).await.unwrap();
    assert_eq!(status.following.unwrap().problem, None);
}

#[tokio::test]
async fn a_rule_that_does_not_follow_reads_no_log_and_one_that_does_no_more_forgets_where_it_was() {
    let world = following(&["ada"]).await;
    world.set_inbound(json!({"FOLLOW_EVENTS": false})).await;
    world.work().await;
    world.simulator.calls().clear();
    world.dropbox().suspend_by_person("ada@example.com").unwrap();
    world.a_second_passes().await;
    assert_eq!(world.simulator.calls().total(), 0);
    assert_eq!(world.user("ada").await, "enabled, Ada Example, ada@example.com");
    assert_eq!(world.store.watch(INBOUND).await.unwrap().log.position, None);
}

#[tokio::test]
async fn a_group_that_is_made_or_renamed_is_followed_where_groups_come_in() {
    let world = following(&["ada"]).await;
    world.dropbox().add_group(GroupSeed::new("Sales", &["ada@example.com"]));
    world.a_second_passes().await;
    assert_eq!(world.full_inbound_runs().await, 1, "groups do not come in");
    world.set_inbound(json!({"SYNC_GROUPS": true})).await;
    world.work().await;
    let before = world.full_inbound_runs().await;
    world.dropbox().rename_group_by_person("Sales", "Selling").unwrap();
    world.a_second_passes().await;
    assert_eq!(world.full_inbound_runs().await, before + 1);
}

#[tokio::test]
async fn whatever_goes_wrong_with_the_log_once_or_for_a_while_the_change_arrives_once() {
    let faults = [
        Fault::throttle(0),
        Fault::Throttle { retry_after: 0, plain: true },
        Fault::ServerError { status: 500 },
        Fault::ServerError { status: 503 },
        Fault::EdgeHtml { status: 502 },
        Fault::Reset,
        Fault::Truncated,
        Fault::ExpiredToken,
        Fault::InvalidToken,
        Fault::Forbidden,
        Fault::Refused("other".into()),
        Fault::InvalidCursor,
        Fault::ResetCursor,
        Fault::EmptyPage,
        Fault::UnknownTag,
        Fault::DuplicateMember,
        Fault::ShortList { missing: 1 },
    ];
    for fault in faults {
        for trigger in [Trigger::Next, Trigger::First(5)] {
            let world = following(&["ada"]).await;
            world.simulator.faults().on(Route::GetEventsContinue, trigger, fault.clone(), When::BeforeEffect);
            world.dropbox().add_member(member("bob"));
            for _ in 0..8 {
                world.a_second_passes().await;
            }
            world.simulator.faults().clear();
            // However long it was told to wait, and if the event itself was left out, the next slot.
            world.days_pass(1);
            world.work().await;
            let everyone = [
                "ada@example.com: enabled, Ada Example, ada@example.com",
                "bob@example.com: enabled, Bob Example, bob@example.com",
            ];
            assert_eq!(world.everyone().await, everyone, "{fault:?} {trigger:?}");
            let connection = world.store.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap();
            assert!(
                matches!(connection.health, Health::Valid { .. }),
                "{fault:?}: reading a log stops nothing"
            );
            world.assert_inbound_at_rest().await;
        }
    }
}
