//! What happens when something goes wrong: one subject, the remote side as a whole, this server.

use std::time::Duration;

use usher_connectors::fake::Fault;
use usher_domain::{
    ports::store::StoreError,
    provisioning::connection::Health,
    reconcile::{run::RunState, scope::Scope, status::Standing},
};
use usher_engine::reconcile::Stop;

use crate::world::{World, names};

#[tokio::test]
async fn one_refusal_is_one_subjects_and_is_tried_again_with_growing_patience() {
    let mut world = World::new().await;
    world.people(names(3)).await;
    // The observation goes well; the first of three accounts is refused.
    world.team.fail([Fault::ShortList, Fault::Refused]);
    world.work().await;
    assert_eq!(world.with_access(), ["admin", "p001", "p002"]);
    let status = world.status("p000").await.unwrap();
    assert_eq!((status.standing, status.attempts), (Standing::Failed, 1));
    assert_eq!(world.last_run().await.state, RunState::Partial);
    let first = world.store.rule_due(world.rule).await.unwrap().unwrap().since(now(&world));
    world.team.fail([Fault::ShortList, Fault::Refused]);
    world.clock.advance(first);
    world.work().await;
    let second = world.store.rule_due(world.rule).await.unwrap().unwrap().since(now(&world));
    assert!(second > first, "{second:?} after {first:?}");
    world.clock.advance(second);
    world.work().await;
    let status = world.status("p000").await.unwrap();
    assert_eq!((status.standing, status.attempts), (Standing::Success, 0));
    let told = world.told().await;
    let failures = told.iter().filter(|action| *action == "PROVISIONING_IDENTITY_SYNC.FAILURE").count();
    assert_eq!(failures, 1, "told once, not at every try: {told:?}");
}

#[tokio::test]
async fn a_poisoned_subject_does_not_hold_up_the_others() {
    let mut world = World::new().await;
    world.user("ada").await;
    world.team.fail([Fault::ShortList, Fault::Refused]);
    world.work().await;
    world.user("bob").await;
    world.work().await;
    assert_eq!(world.with_access(), ["admin", "bob"]);
}

#[tokio::test]
async fn a_team_that_becomes_busy_half_way_gets_the_rest_later() {
    let mut world = World::new().await;
    world.people(names(4)).await;
    world.team.fail([Fault::ShortList, Fault::ShortList, Fault::Busy]);
    world.work().await;
    let run = world.last_run().await;
    assert_eq!((run.state, run.done, run.total), (RunState::Partial, 4, 4));
    assert_eq!(world.with_access(), ["admin", "p000"]);
    assert_eq!(world.status("p003").await.unwrap().attempts, 0, "it was not tried");
    world.clock.advance(Duration::from_secs(5));
    world.work().await;
    assert_eq!(world.with_access().len(), 5);
}

#[tokio::test]
async fn a_team_that_cannot_be_read_fails_the_run_and_is_read_again() {
    let mut world = World::new().await;
    world.resync().await;
    world.user("ada").await;
    world.team.fail([Fault::ShortList]);
    world.work().await;
    let run = world.last_run().await;
    assert_eq!((run.state, run.scope), (RunState::Failed, Scope::Full));
    assert_eq!(run.problem.unwrap().code, "SHORT_LIST");
    world.clock.advance(Duration::from_secs(60));
    world.work().await;
    assert_eq!(world.with_access(), ["ada", "admin"]);
}

#[tokio::test]
async fn a_withdrawn_authorisation_stops_the_connection_until_it_is_tested() {
    let mut world = World::new().await;
    world.user("ada").await;
    world.team.fail([Fault::Unauthorized]);
    world.work().await;
    assert_eq!(world.last_run().await.state, RunState::Failed);
    let connection = world.store.connection(world.environment, world.connection).await.unwrap().unwrap();
    assert!(matches!(&connection.health, Health::Broken { problem, .. } if problem.code == "UNAUTHORIZED"));
    let calls = world.team.calls();
    world.clock.advance(Duration::from_secs(3600));
    world.work().await;
    assert_eq!(world.team.calls(), calls, "nothing is called");
    let health = Health::Valid {
        at: now(&world),
        team: "Fake".into(),
        own_account: "dbmid:0001".into(),
        own_email: "admin@team.example".into(),
    };
    world.store.set_health(connection.id, connection.version, &health, None).await.unwrap();
    world.clock.advance(Duration::from_secs(3600));
    world.work().await;
    assert_eq!(world.with_access(), ["ada", "admin"]);
}

#[tokio::test]
async fn a_run_cut_off_by_a_dying_server_is_told_as_that_and_planned_again() {
    let mut world = World::new().await;
    world.user("ada").await;
    world.team.fail([Fault::ShortList, Fault::HangAfter]);
    tokio::select! {
        _ = world.worker.work_once() => panic!("it should hang"),
        () = world.team.hung() => {}
    }
    assert_eq!(world.last_run().await.state, RunState::Applying);
    world.restart().await;
    world.work().await;
    let runs = world.runs().await;
    assert_eq!(
        (runs[0].state, runs[0].problem.clone().unwrap().code.as_ref()),
        (RunState::Failed, "INTERRUPTED")
    );
    assert_eq!(runs.last().unwrap().state, RunState::Succeeded);
    let same = world.team.change(|team| team.members.len());
    assert_eq!(same, 2, "the account whose answer was lost is found, not made again");
}

#[tokio::test]
async fn a_suspension_whose_answer_was_lost_is_known_as_ours() {
    let mut world = World::new().await;
    world.user("ada").await;
    world.work().await;
    world.accept();
    world.disable("ada").await;
    world.team.fail([Fault::ShortList, Fault::HangAfter]);
    tokio::select! {
        _ = world.worker.work_once() => panic!("it should hang"),
        () = world.team.hung() => {}
    }
    world.edit("ada", |user| user.enabled = true).await;
    world.restart().await;
    world.work().await;
    assert_eq!(world.with_access(), ["ada", "admin"], "who is enabled is not locked out");
}

#[tokio::test]
async fn links_that_were_lost_are_found_again() {
    let mut world = World::new().await;
    world.group("eng").await;
    world.people(names(3)).await;
    world.join("p001", "eng").await;
    world.work().await;
    let lease = world.store.claim("thief", now(&world), Duration::ZERO).await.unwrap();
    assert!(lease.is_none(), "nothing is due");
    world.resync().await;
    let lease = world.store.claim("thief", now(&world), Duration::ZERO).await.unwrap().unwrap();
    let mut records: Vec<_> =
        world.users.values().map(|user| usher_domain::ports::store::Record::Unlink(*user)).collect();
    records.push(usher_domain::ports::store::Record::UnlinkGroup(world.groups["eng"]));
    world.store.record(&lease, world.connection, &records).await.unwrap();
    world.clock.advance(Duration::from_secs(1));
    world.work().await;
    assert_eq!(world.team.change(|team| (team.members.len(), team.groups.len())), (4, 1));
    assert_eq!(world.in_group("eng"), ["p001"]);
    world.disable("p002").await;
    world.work().await;
    assert_eq!(world.with_access(), ["admin", "p000", "p001"]);
}

fn now(world: &World) -> usher_domain::Timestamp {
    usher_domain::Clock::now(&*world.clock)
}

#[tokio::test]
async fn who_lost_the_lease_writes_nothing_more() {
    let mut world = World::new().await;
    world.user("ada").await;
    let stale = world.store.claim("slow", now(&world), Duration::ZERO).await.unwrap().unwrap();
    world.clock.advance(Duration::from_secs(1));
    let taken = world.store.claim("other", now(&world), Duration::from_secs(60)).await.unwrap();
    assert!(taken.is_some());
    let refused = world.reconciler.run(&stale, &Stop::default()).await;
    assert_eq!(refused, Err(StoreError::Fenced(world.rule)));
    assert_eq!(world.with_access(), ["admin"]);
    assert!(world.runs().await.is_empty());
}

#[tokio::test]
async fn a_server_that_is_stopped_leaves_the_rest_due() {
    let mut world = World::new().await;
    world.people(names(3)).await;
    let lease = world.store.claim("going", now(&world), Duration::from_secs(60)).await.unwrap();
    let stop = Stop::default();
    stop.set();
    world.reconciler.run(&lease.unwrap(), &stop).await.unwrap();
    assert_eq!(world.with_access(), ["admin"]);
    world.work().await;
    assert_eq!(world.with_access().len(), 4);
}

#[tokio::test]
async fn who_must_accept_an_invitation_first_joins_their_group_afterwards() {
    let mut world = World::new().await;
    world.team.change(|team| team.invited_may_join_groups = false);
    world.group("eng").await;
    world.user("ada").await;
    world.join("ada", "eng").await;
    world.work().await;
    assert_eq!(world.status("ada").await.unwrap().standing, Standing::Partial);
    world.accept();
    world.clock.advance(Duration::from_secs(20 * 60));
    world.work().await;
    assert_eq!(world.in_group("eng"), ["ada"]);
    assert_eq!(world.status("ada").await.unwrap().standing, Standing::Success);
}
