//! Removals that wait for a person, and what the person's word does.

use std::time::Duration;

use usher_connectors::fake::Fault;
use usher_domain::{
    directory::audit::Actor,
    reconcile::run::{RunState, Trigger},
};
use usher_engine::reconcile::held::HeldError;

use crate::world::{World, names};

fn someone() -> Actor {
    Actor::User { id: uuid::Uuid::from_u128(9), name: "grace".into() }
}

/// Twenty people, five of whom were just disabled in one go: over the limit of ten in a hundred.
async fn held() -> World {
    let mut world = World::new().await;
    world.people(names(20)).await;
    world.work().await;
    world.accept();
    for name in names(5) {
        world.disable(&name).await;
    }
    world.work().await;
    world
}

#[tokio::test]
async fn too_many_removals_wait_with_their_operations_to_be_looked_at() {
    let world = held().await;
    let run = world.held().await;
    insta::assert_snapshot!(run.hold[0], @"This run would remove 5 users of 20; GUARD_MAX_REMOVAL_PERCENT allows 2. Look at the plan, then approve or cancel the run.");
    assert_eq!(world.store.operations(run.id, 0, 100).await.unwrap().len(), 5);
    assert_eq!(world.with_access().len(), 21);
    assert!(world.told().await.contains(&"PROVISIONING_SYNC.HELD".to_owned()));
    assert_eq!(
        world.store.rule_due(world.rule).await.unwrap(),
        None,
        "nothing is due while a person is waited for"
    );
}

#[tokio::test]
async fn an_approved_run_goes_on_as_the_same_run() {
    let world = held().await;
    let run = world.held().await;
    let digest = run.digest.clone().unwrap();
    world.reconciler.approve(world.environment, run.id, &digest, someone()).await.unwrap();
    world.work().await;
    let ended = world.store.run(world.environment, run.id).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.trigger, ended.done), (RunState::Succeeded, Trigger::Approval, 5));
    assert_eq!(world.with_access().len(), 16);
}

#[tokio::test]
async fn an_approval_starts_the_window_anew() {
    let world = held().await;
    let run = world.held().await;
    let digest = run.digest.clone().unwrap();
    world.reconciler.approve(world.environment, run.id, &digest, someone()).await.unwrap();
    world.work().await;
    world.disable("p010").await;
    world.work().await;
    assert_eq!(world.last_run().await.state, RunState::Succeeded);
}

#[tokio::test]
async fn an_approval_of_another_digest_is_refused() {
    let world = held().await;
    let run = world.held().await;
    let refused =
        world.reconciler.approve(world.environment, run.id, "another", someone()).await.unwrap_err();
    assert!(matches!(&refused, HeldError::Rejected(rejection) if rejection.code == "CONFLICT"), "{refused}");
    world.work().await;
    assert_eq!(world.with_access().len(), 21);
}

#[tokio::test]
async fn an_approved_plan_that_moved_is_held_again_and_says_what_moved() {
    let world = held().await;
    let run = world.held().await;
    let digest = run.digest.clone().unwrap();
    world.reconciler.approve(world.environment, run.id, &digest, someone()).await.unwrap();
    world.edit("p000", |user| user.enabled = true).await;
    world.work().await;
    let again = world.held().await;
    assert_ne!(again.id, run.id);
    insta::assert_snapshot!(again.moved.join("\n"), @"No longer: suspend p000@example.com.");
    let old = world.store.run(world.environment, run.id).await.unwrap().unwrap();
    assert_eq!((old.state, old.problem.unwrap().code.as_ref()), (RunState::Cancelled, "PLAN_MOVED"));
    assert_eq!(world.with_access().len(), 21);
}

#[tokio::test]
async fn a_cancelled_run_does_nothing_and_a_resync_holds_it_anew() {
    let world = held().await;
    let run = world.held().await;
    world.reconciler.cancel(world.environment, run.id, someone()).await.unwrap();
    world.work().await;
    assert_eq!(world.with_access().len(), 21);
    let again = world.reconciler.cancel(world.environment, run.id, someone()).await;
    assert!(again.is_err(), "it is over");
    world.resync().await;
    world.work().await;
    assert_eq!(world.held().await.total, 5);
}

#[tokio::test]
async fn a_cancellation_is_believed_while_the_approved_run_is_planned_anew() {
    let world = held().await;
    let run = world.held().await;
    let digest = run.digest.clone().unwrap();
    world.reconciler.approve(world.environment, run.id, &digest, someone()).await.unwrap();
    world.team.fail([Fault::HangBefore]);
    let cancel = async {
        world.team.hung().await;
        world.reconciler.cancel(world.environment, run.id, someone()).await.unwrap();
        world.team.release();
    };
    let (worked, ()) = tokio::join!(world.worker.work_once(), cancel);
    worked.unwrap();
    let run = world.store.run(world.environment, run.id).await.unwrap().unwrap();
    assert_eq!(run.state, RunState::Cancelled);
    world.work().await;
    assert_eq!(world.with_access().len(), 21, "nobody was taken out");
}

#[tokio::test]
async fn while_a_run_is_held_additions_go_on() {
    let mut world = held().await;
    let run = world.held().await;
    world.user("new").await;
    world.work().await;
    assert!(world.with_access().contains(&"new".to_owned()));
    assert_eq!(world.held().await.id, run.id);
}

#[tokio::test]
async fn while_a_run_is_held_no_removal_slips_through_by_itself() {
    let world = held().await;
    let run = world.held().await;
    world.disable("p010").await;
    world.work().await;
    let wider = world.held().await;
    assert_ne!(wider.id, run.id, "the later plan took its place");
    assert_eq!(wider.total, 6, "and has all of it");
    let old = world.store.run(world.environment, run.id).await.unwrap().unwrap();
    assert_eq!((old.state, old.problem.unwrap().code.as_ref()), (RunState::Cancelled, "OVERTAKEN"));
    assert_eq!(world.with_access().len(), 21);
}

#[tokio::test]
async fn one_removal_after_another_is_held_as_all_at_once_would_be() {
    let mut world = World::new().await;
    world.people(names(20)).await;
    world.work().await;
    world.accept();
    for name in names(3) {
        world.disable(&name).await;
        world.work().await;
    }
    assert_eq!(world.with_access().len(), 19, "two of twenty, and the third is held");
    assert_eq!(world.held().await.hold[0].recent, 2);
    world.clock.advance(Duration::from_secs(3601));
    world.resync().await;
    world.work().await;
    assert_eq!(world.with_access().len(), 18, "an hour later it goes");
}

#[tokio::test]
async fn a_resync_that_a_person_asked_for_is_a_run_at_once() {
    let world = held().await;
    let rule = world.rule().await;
    let run = world.reconciler.resync(world.environment, &rule, someone()).await.unwrap();
    assert_eq!(run.state, RunState::Planning);
    let same = world.reconciler.resync(world.environment, &rule, someone()).await.unwrap();
    assert_eq!(same.id, run.id, "asked twice is asked once");
    world.work().await;
    let run = world.store.run(world.environment, run.id).await.unwrap().unwrap();
    assert_eq!((run.state, run.trigger), (RunState::Held, Trigger::Manual));
}
