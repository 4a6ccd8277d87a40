//! What happens when nothing goes wrong.

use usher_domain::reconcile::{
    guard::Verdict,
    run::{RunState, Trigger},
    snapshot::{AccountState, GroupKind},
    status::Standing,
};

use crate::world::{World, email, names};

#[tokio::test]
async fn a_second_run_finds_nothing_to_do() {
    let mut world = World::new().await;
    world.group("eng").await;
    world.people(names(3)).await;
    world.join("p001", "eng").await;
    world.work().await;
    let calls = world.team.calls();
    world.resync().await;
    world.work().await;
    let run = world.last_run().await;
    assert_eq!((run.state, run.total), (RunState::Succeeded, 0));
    assert_eq!(world.team.calls() - calls, 1, "one observation");
    assert_eq!(world.with_access(), ["admin", "p000", "p001", "p002"]);
    assert_eq!(world.in_group("eng"), ["p001"]);
}

#[tokio::test]
async fn what_people_do_in_dropbox_is_found_within_a_day() {
    let mut world = World::new().await;
    world.people(names(2)).await;
    world.resync().await;
    world.work().await;
    world.accept();
    world.team.change(|team| {
        let (id, _) = team.by_email(&email("p001")).unwrap();
        let id = id.clone();
        team.members.get_mut(&id).unwrap().state = AccountState::Suspended { since: None };
    });
    world.clock.advance(std::time::Duration::from_secs(23 * 3600));
    world.reconciler.tend().await.unwrap();
    world.work().await;
    assert_eq!(world.status("p001").await.unwrap().standing, Standing::Success, "not yet looked at");
    world.clock.advance(std::time::Duration::from_secs(2 * 3600));
    world.reconciler.tend().await.unwrap();
    world.work().await;
    assert_eq!(world.status("p001").await.unwrap().standing, Standing::Partial);
}

#[tokio::test]
async fn one_change_looks_at_one_user() {
    let mut world = World::new().await;
    world.people(names(2)).await;
    world.work().await;
    world.edit("p001", |user| user.name.family = Some("Lovelace".into())).await;
    world.work().await;
    let run = world.last_run().await;
    assert_eq!((run.trigger, run.state, run.total), (Trigger::Change, RunState::Succeeded, 1));
    let surname = world.team.change(|team| {
        let (_, member) = team.by_email(&email("p001")).unwrap();
        member.attributes.get(usher_domain::reconcile::attributes::Attribute::Surname).to_owned()
    });
    assert_eq!(surname, "Lovelace");
}

#[tokio::test]
async fn who_is_disabled_is_suspended_and_comes_back_when_enabled() {
    let mut world = World::new().await;
    world.user("ada").await;
    world.work().await;
    world.accept();
    world.disable("ada").await;
    world.work().await;
    assert_eq!(world.with_access(), ["admin"]);
    world.edit("ada", |user| user.enabled = true).await;
    world.work().await;
    assert_eq!(world.with_access(), ["ada", "admin"]);
    assert_eq!(world.status("ada").await.unwrap().standing, Standing::Success);
}

#[tokio::test]
async fn who_is_deleted_is_suspended_when_deprovisioning_is_on_and_has_no_status_any_more() {
    let mut world = World::new().await;
    world.policy(|policy| policy.deprovision = true);
    world.people(names(2)).await;
    world.work().await;
    world.accept();
    world.delete("p000").await;
    world.work().await;
    assert_eq!(world.with_access(), ["admin", "p001"]);
    let (users, _) = world.store.status_counts(world.rule).await.unwrap();
    assert_eq!((users.impacted, users.success), (1, 1));
}

#[tokio::test]
async fn groups_are_made_renamed_and_left() {
    let mut world = World::new().await;
    world.group("eng").await;
    world.user("ada").await;
    world.join("ada", "eng").await;
    world.work().await;
    world.rename_group("eng", "engineering").await;
    world.work().await;
    assert_eq!(world.in_group("engineering"), ["ada"]);
    assert_eq!(world.in_group("eng"), [""; 0]);
    world.leave("ada", "engineering").await;
    world.work().await;
    assert_eq!(world.in_group("engineering"), [""; 0]);
}

#[tokio::test]
async fn an_account_that_was_there_is_adopted_and_not_made_twice() {
    let mut world = World::new().await;
    world.team.change(|team| {
        team.invite(&email("ada"), "");
        team.found("eng", GroupKind::CompanyManaged, None);
        team.accept_invitations();
    });
    world.group("eng").await;
    world.user("ada").await;
    world.join("ada", "eng").await;
    world.work().await;
    assert_eq!(world.with_access(), ["ada", "admin"]);
    assert_eq!(world.in_group("eng"), ["ada"]);
}

#[tokio::test]
async fn a_preview_changes_nothing_and_has_the_digest_of_the_run() {
    let mut world = World::new().await;
    world.people(names(3)).await;
    let preview = world.preview().await;
    assert_eq!((preview.calls, preview.verdict.clone()), (3, Verdict::Clear));
    assert_eq!(world.with_access(), ["admin"]);
    world.resync().await;
    world.work().await;
    assert_eq!(world.runs().await[0].digest, Some(preview.digest));
}

#[tokio::test]
async fn days_of_grace_end_by_themselves() {
    let mut world = World::new().await;
    world.policy(|policy| {
        policy.deprovision = true;
        policy.remove_action = usher_domain::provisioning::connection::RemoveAction::Delete;
        policy.remove_after_days = 30;
    });
    world.user("ada").await;
    world.work().await;
    world.accept();
    world.delete("ada").await;
    world.work().await;
    let state = |world: &World| {
        world.team.change(|team| {
            let ada = team.members.values().find(|member| !member.is_admin).unwrap();
            ada.state.clone()
        })
    };
    assert!(matches!(state(&world), AccountState::Suspended { .. }));
    world.clock.advance(std::time::Duration::from_secs(29 * 24 * 3600));
    world.work().await;
    assert!(matches!(state(&world), AccountState::Suspended { .. }));
    world.clock.advance(std::time::Duration::from_secs(24 * 3600));
    world.work().await;
    assert!(matches!(state(&world), AccountState::Removed { .. }));
}

#[tokio::test]
async fn a_worker_that_is_woken_takes_a_change_to_the_team_and_stops_when_asked() {
    let mut world = World::new().await;
    let worker = world.worker.clone();
    let working = tokio::spawn(async move { worker.run().await });
    world.user("ada").await;
    world.worker.waker().notify_one();
    let done = async {
        while world.with_access() != ["ada", "admin"] {
            tokio::task::yield_now().await;
        }
        // Who is woken also looks at everything, once a day and first of all when it starts: before or after Ada.
        while world.store.rule_due(world.rule).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), done).await.expect("it settles what it did");
    world.worker.stop();
    working.await.unwrap();
}
