//! Removals that are too many wait for a person; what was approved is what is done.

use std::time::Duration;

use dropbox_simulator::MemberState;
use serde_json::json;
use usher_domain::{
    Problem,
    reconcile::{
        guard::{HoldReason, Verdict},
        run::{Run, RunState},
    },
};

use crate::world::{Draft, World};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user{number:02}")).collect()
}

/// So many active people, of whom five may go at once; shares do not count.
fn five_may_go(people: usize) -> Draft {
    World::new()
        .many(names(people))
        .setting("DEPROVISION_USERS", true)
        .limit("GUARD_MAX_REMOVALS", 5)
        .limit("GUARD_MAX_REMOVAL_PERCENT", 100)
}

async fn ready(draft: Draft) -> World {
    let world = draft.await;
    world.sync_full().await;
    world.dropbox().accept_all_invitations();
    world.writes();
    world
}

async fn delete_all(world: &World, names: &[String]) {
    for name in names {
        world.delete(name).await;
    }
}

fn suspended(world: &World) -> u32 {
    world.dropbox().count(MemberState::Suspended)
}

fn words(reasons: &[HoldReason]) -> String {
    reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_few_removals_go_through() {
    let world = ready(five_may_go(20)).await;
    delete_all(&world, &names(5)).await;
    world.sync_due().await;
    assert_eq!(suspended(&world), 5);
}

#[tokio::test]
async fn a_mass_removal_is_held_whole_and_nothing_is_done() {
    let world = ready(five_may_go(20)).await;
    delete_all(&world, &names(6)).await;
    world.sync_due().await;
    assert_eq!(world.writes(), [""; 0]);
    let held = world.held().await;
    insta::assert_snapshot!(words(&held.hold), @"This run would remove 6 users of 20; GUARD_MAX_REMOVALS allows 5. Look at the plan, then approve or cancel the run.");
    assert_eq!(world.operations(&held).await.len(), 6, "a person can see what waits");
}

#[tokio::test]
async fn a_large_share_of_the_people_is_held_too() {
    let world = ready(World::new().many(names(20)).setting("DEPROVISION_USERS", true)).await;
    delete_all(&world, &names(3)).await;
    world.sync_due().await;
    assert_eq!(world.writes(), [""; 0]);
    insta::assert_snapshot!(words(&world.held().await.hold), @"This run would remove 3 users of 20; GUARD_MAX_REMOVAL_PERCENT allows 2. Look at the plan, then approve or cancel the run.");
}

#[tokio::test]
async fn a_filter_that_suddenly_matches_nobody_is_held() {
    let world = ready(five_may_go(20)).await;
    world.change_rule(|rule| rule.filter = Some(r#"title eq "Nobody""#.into())).await;
    world.sync_due().await;
    assert_eq!(world.writes(), [""; 0]);
    assert_eq!(world.held().await.hold[0].planned, 20);
}

#[tokio::test]
async fn mass_disabling_is_held_like_mass_deletion() {
    let world = ready(five_may_go(20)).await;
    for name in names(6) {
        world.disable(&name).await;
    }
    world.sync_due().await;
    assert_eq!(world.writes(), [""; 0]);
    world.held().await;
}

#[tokio::test]
async fn single_deletions_within_the_window_are_held_as_one_would_be() {
    let world = ready(five_may_go(30)).await;
    for name in names(12) {
        world.delete(&name).await;
        world.sync_due().await;
        world.time_passes(Duration::from_secs(60));
    }
    assert_eq!(suspended(&world), 5, "the sixth and all after it wait");
    let held = world.held().await;
    assert_eq!(world.operations(&held).await.len(), 7, "all of them in one run");
    insta::assert_snapshot!(words(&held.hold), @"This run would remove 7 users, after 5 in the window before it, of 30; GUARD_MAX_REMOVALS allows 5. Look at the plan, then approve or cancel the run.");
    world.approve(&held).await;
    assert_eq!(suspended(&world), 12);
}

#[tokio::test]
async fn when_the_window_is_over_it_is_free_again() {
    let world = ready(five_may_go(30)).await;
    delete_all(&world, &names(10)[..5]).await;
    world.sync_due().await;
    world.time_passes(Duration::from_secs(61 * 60));
    delete_all(&world, &names(10)[5..]).await;
    world.sync_due().await;
    assert_eq!(suspended(&world), 10);
}

#[tokio::test]
async fn an_approval_starts_the_window_anew() {
    let world = ready(five_may_go(30)).await;
    delete_all(&world, &names(6)).await;
    world.sync_due().await;
    world.approve(&world.held().await).await;
    assert_eq!(suspended(&world), 6);
    delete_all(&world, &names(11)[6..]).await;
    world.sync_due().await;
    assert_eq!(suspended(&world), 11);
}

#[tokio::test]
async fn what_gives_goes_on_while_a_run_is_held() {
    let world = ready(five_may_go(20)).await;
    delete_all(&world, &names(6)).await;
    world.sync_due().await;
    world.create_user("ada").await;
    world.patch("user19", json!({"name": {"given": "Someone"}})).await;
    world.sync_due().await;
    assert_eq!(world.member("ada"), "invited, Ada Example, marked ada");
    assert!(world.member("user19").contains("Someone"));
    assert_eq!(suspended(&world), 0);
    world.held().await;
}

#[tokio::test]
async fn what_was_approved_is_done_when_nothing_moved() {
    let world = ready(five_may_go(20)).await;
    delete_all(&world, &names(6)).await;
    world.sync_due().await;
    let held = world.held().await;
    world.approve(&held).await;
    assert_eq!(suspended(&world), 6);
    let done = world.run(held.id).await;
    assert_eq!((done.state, done.digest), (RunState::Succeeded, held.digest));
    world.assert_at_rest().await;
}

#[tokio::test]
async fn what_moved_since_it_was_held_is_held_again_and_told() {
    let world = ready(five_may_go(20)).await;
    delete_all(&world, &names(6)).await;
    world.sync_due().await;
    let held = world.held().await;
    // A person takes one of them out by hand, before the approval is given.
    world.dropbox().suspend_by_person("user00@example.com").unwrap();
    world.approve(&held).await;
    assert_eq!(suspended(&world), 1, "only by that person");
    let again = world.held().await;
    assert_ne!(again.id, held.id);
    assert_eq!(again.moved, ["No longer: suspend user00@example.com."]);
    let old = world.run(held.id).await;
    assert_eq!(
        (old.state, old.problem.map(|problem| problem.code)),
        (RunState::Cancelled, Some("PLAN_MOVED".into()))
    );
    world.approve(&again).await;
    assert_eq!(suspended(&world), 6);
}

#[tokio::test]
async fn what_taking_away_does_to_devices_and_files_is_part_of_what_is_approved() {
    let world = ready(five_may_go(20)).await;
    delete_all(&world, &names(6)).await;
    world.sync_due().await;
    let held = world.held().await;
    world.set("WIPE_DATA", true).await;
    world.approve(&held).await;
    assert_eq!(suspended(&world), 0, "nobody consented to devices being wiped");
    let again = world.held().await;
    assert_eq!(
        again.moved,
        [
            "What taking away does to devices, accounts and files: was nothing beside, is “Linked devices are wiped.”."
        ]
    );
}

#[tokio::test]
async fn another_digest_than_the_held_one_is_not_approved() {
    let world = ready(five_may_go(20)).await;
    delete_all(&world, &names(6)).await;
    world.sync_due().await;
    let held = world.held().await;
    let refused = world
        .reconciler
        .approve(crate::world::ENVIRONMENT, held.id, "another", crate::world::person())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("digest"), "{refused}");
    world.sync_due().await;
    assert_eq!(suspended(&world), 0);
}

#[tokio::test]
async fn a_run_that_is_cancelled_does_nothing_until_somebody_changes_something() {
    let world = ready(five_may_go(20)).await;
    delete_all(&world, &names(6)).await;
    world.sync_due().await;
    let held = world.held().await;
    world.reconciler.cancel(crate::world::ENVIRONMENT, held.id, crate::world::person()).await.unwrap();
    world.sync_due().await;
    assert_eq!(suspended(&world), 0);
    world.sync_full().await;
    assert_eq!(world.held().await.digest, held.digest, "a resync finds the same again");
}

#[tokio::test]
async fn a_preview_shows_exactly_what_the_run_does() {
    let world = World::new().users(["ada", "bob"]).in_group("eng").await;
    world.sync_full().await;
    world.dropbox().accept_invitation("ada@example.com").unwrap();
    world.disable("ada").await;
    world.create_user("cy").await;
    world.patch("bob", json!({"name": {"given": "Robert", "family": "Example"}})).await;
    let preview = world.preview().await;
    assert_eq!(preview.verdict, Verdict::Clear);
    let run = world.sync_full().await;
    assert_eq!(run.digest.as_deref(), Some(&*preview.digest));
    let done: Vec<_> = world.operations(&run).await.into_iter().map(|done| done.operation).collect();
    assert_eq!(done, preview.plan.operations);
    assert!(matches!(run, Run { state: RunState::Succeeded, problem: None::<Problem>, .. }));
    insta::assert_snapshot!(preview.plan, @r"
    This plan suspends 1 account.

    Suspend
      - suspend ada@example.com (disabled in the directory)

    Create accounts
      + create cy@example.com
          given_name: Cy
          surname: Example
          external_id: 00000000-0000-0000-0000-00000000100a

    Update accounts
      ~ update bob@example.com
          given_name: Bob → Robert

    Plan: 1 to suspend, 1 to create, 1 to update.
    Seats: 1 needed, 999997 of 1000000 left.
    ");
}

#[tokio::test]
async fn a_held_run_has_the_digest_that_its_preview_had() {
    let world = ready(five_may_go(20)).await;
    delete_all(&world, &names(6)).await;
    let preview = world.preview().await;
    assert!(matches!(preview.verdict, Verdict::Hold { .. }));
    world.sync_due().await;
    assert_eq!(world.held().await.digest, Some(preview.digest));
}

#[tokio::test]
async fn memberships_and_groups_are_weighed_apart() {
    let draft = names(20).iter().fold(World::new(), |world, name| world.user(name).in_group("eng"));
    let world = ready(draft.limit("GUARD_MAX_REMOVALS", 5).limit("GUARD_MAX_REMOVAL_PERCENT", 100)).await;
    for name in names(6) {
        world.leave(&name, "eng").await;
    }
    world.sync_due().await;
    assert_eq!(world.writes(), [""; 0]);
    assert_eq!(world.held().await.hold[0].what, "memberships");
    world.disable("user19").await;
    world.time_passes(Duration::from_secs(1));
    world.approve(&world.held().await).await;
    assert_eq!(world.dropbox().group_members("eng").len(), 14);
}

/// Of 20 who have no limit of their own, six go: the environment's limit holds them, the rule's own lets them.
#[tokio::test]
async fn an_environments_limits_count_where_the_rule_has_none() {
    let world = ready(World::new().many(names(20)).setting("DEPROVISION_USERS", true)).await;
    world.guard_defaults(json!({ "GUARD_MAX_REMOVALS": 5, "GUARD_MAX_REMOVAL_PERCENT": 100 })).await;
    delete_all(&world, &names(6)).await;
    let Verdict::Hold { reasons } = world.preview().await.verdict else { panic!("not held") };
    insta::assert_snapshot!(words(&reasons), @"This run would remove 6 users of 20; GUARD_MAX_REMOVALS allows 5. Look at the plan, then approve or cancel the run.");

    // An approval is of what is done: other limits change nothing of the plan, and so nothing of its digest.
    let digest = world.preview().await.digest;
    world.guard_defaults(json!({ "GUARD_MAX_REMOVALS": 6, "GUARD_MAX_REMOVAL_PERCENT": 100 })).await;
    let looser = world.preview().await;
    assert_eq!((looser.verdict, &looser.digest), (Verdict::Clear, &digest));

    // Nothing given is what Usher has: 50, and 10 % of them.
    world.guard_defaults(json!({})).await;
    let Verdict::Hold { reasons } = world.preview().await.verdict else { panic!("not held") };
    assert_eq!(
        (reasons.len(), reasons[0].limit.as_str(), reasons[0].allowed),
        (1, "GUARD_MAX_REMOVAL_PERCENT", 2)
    );
}

#[tokio::test]
async fn a_rules_own_limits_come_before_its_environments() {
    let world = ready(five_may_go(20)).await;
    world.guard_defaults(json!({ "GUARD_MAX_REMOVALS": 0, "GUARD_MAX_REMOVAL_PERCENT": 0 })).await;
    delete_all(&world, &names(5)).await;
    assert_eq!(world.preview().await.verdict, Verdict::Clear);
    world.sync_due().await;
    assert_eq!(suspended(&world), 5);
}
