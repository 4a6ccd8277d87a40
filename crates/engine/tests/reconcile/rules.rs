//! Rules that are switched off, side by side, or on their way out.

use std::time::Duration;

use usher_domain::{
    RuleId,
    directory::change::{DueSubject, Write},
    reconcile::{plan::Retiring, run::RunState},
};

use crate::world::{World, names};

#[tokio::test]
async fn an_inactive_rule_waits_and_is_not_asked_again_and_again() {
    let mut world = World::new().await;
    world.edit_rule(|rule| rule.active = false).await;
    world.user("ada").await;
    world.work().await;
    assert_eq!((world.team.calls(), world.runs().await.len()), (0, 0));
    assert!(world.store.rule_due(world.rule).await.unwrap().is_some(), "it stays due");
    world.edit_rule(|rule| rule.active = true).await;
    world.work().await;
    assert_eq!(world.with_access(), ["ada", "admin"]);
}

#[tokio::test]
async fn a_rule_whose_accounts_stay_is_gone_at_once() {
    let mut world = World::new().await;
    world.people(names(3)).await;
    world.work().await;
    world.edit_rule(|rule| rule.retiring = Some(Retiring::Unlink)).await;
    world.work().await;
    assert!(world.store.rule_by_id(world.rule).await.unwrap().is_none());
    assert_eq!(world.with_access().len(), 4);
}

#[tokio::test]
async fn a_rule_that_takes_its_accounts_along_goes_through_the_guard_and_then_is_gone() {
    let mut world = World::new().await;
    world.people(names(20)).await;
    world.work().await;
    world.accept();
    world.edit_rule(|rule| rule.retiring = Some(Retiring::Deprovision)).await;
    world.work().await;
    assert_eq!((world.held().await.total, world.with_access().len()), (20, 21));
    world.edit_rule(|rule| rule.consent = None).await;
    let run = world.held().await;
    let actor = usher_domain::directory::audit::Actor::System;
    let digest = run.digest.unwrap();
    world.reconciler.approve(world.environment, run.id, &digest, actor).await.unwrap();
    world.work().await;
    assert_eq!(world.with_access(), ["admin"]);
    assert!(world.store.rule_by_id(world.rule).await.unwrap().is_none());
}

#[tokio::test]
async fn consent_given_beforehand_counts_for_exactly_that_plan() {
    let mut world = World::new().await;
    world.people(names(20)).await;
    world.work().await;
    world.accept();
    let mut draft = world.rule().await;
    draft.retiring = Some(Retiring::Deprovision);
    let preview = world.reconciler.preview(&draft, Default::default()).await.unwrap();
    world
        .edit_rule(|rule| {
            rule.retiring = Some(Retiring::Deprovision);
            rule.consent = Some(preview.digest);
        })
        .await;
    world.work().await;
    assert_eq!(world.with_access(), ["admin"]);
}

#[tokio::test]
async fn whom_another_rule_of_the_connection_wants_is_left_in() {
    let mut world = World::new().await;
    world.policy(|policy| policy.deprovision = true);
    world.people(names(2)).await;
    world.work().await;
    world.accept();
    let mut other = world.rule().await;
    other.id = RuleId(uuid::Uuid::from_u128(77));
    other.name = "Others".into();
    other.version = 1;
    other.filter = Some(r#"username eq "p000""#.into());
    world.commit(vec![Write::Rule(other)], &[]).await;
    world.edit_rule(|rule| rule.filter = Some(r#"username eq "nobody""#.into())).await;
    world.work().await;
    assert_eq!(world.with_access(), ["admin", "p000"]);
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_fails_the_run_and_touches_nobody() {
    let mut world = World::new().await;
    world.people(names(2)).await;
    world.work().await;
    world.edit_rule(|rule| rule.filter = Some("username eq".into())).await;
    world.work().await;
    let run = world.last_run().await;
    assert_eq!((run.state, run.problem.unwrap().code.as_ref()), (RunState::Failed, "FILTER_UNREADABLE"));
    assert_eq!(world.with_access().len(), 3);
    world.edit_rule(|rule| rule.filter = None).await;
    world.clock.advance(Duration::from_secs(1));
    world.commit(Vec::new(), &[DueSubject::Everything]).await;
    world.work().await;
    assert_eq!(world.last_run().await.state, RunState::Succeeded);
}
