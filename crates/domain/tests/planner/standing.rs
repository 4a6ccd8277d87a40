//! Where each subject stands after a run: the examples of facts on PingOne's sync status screen.

use usher_domain::{
    Problem,
    reconcile::{
        attributes::Attribute,
        operation::{Action, Operation},
        outcome::Outcome,
        scope::{Scope, Subject},
        status::{StatusCounts, impacted, standings},
    },
};

use crate::world::World;

fn refused() -> Outcome {
    Outcome::Refused { problem: Problem::new("REFUSED", "No.", "Ask.") }
}

fn postponed() -> Outcome {
    Outcome::Postponed { problem: Problem::new("LATER", "Not yet.", "Wait."), after: None, needs_full: false }
}

fn skipped() -> Outcome {
    Outcome::Skipped { problem: Problem::new("SKIPPED", "Not tried.", "See there.") }
}

/// Users and groups, counted after a run with these outcomes.
fn counts(world: &World, outcome: impl Fn(&Operation) -> Option<Outcome>) -> [StatusCounts; 2] {
    let (plan, desired) = (world.plan(), world.desired(&Scope::Full));
    let outcomes: Vec<_> = plan.operations.iter().map(outcome).collect();
    let mut counts = [StatusCounts::default(); 2];
    for (subject, standing, problem) in standings(&plan, &outcomes, impacted(&desired)) {
        assert_eq!(problem.is_none(), standing == usher_domain::reconcile::status::Standing::Success);
        let [users, groups] = &mut counts;
        if matches!(subject, Subject::User(_)) { users } else { groups }.add(standing, 1);
    }
    counts
}

fn expect(impacted: u64, success: u64, unsynced: u64, partial: u64, failed: u64) -> StatusCounts {
    StatusCounts { impacted, success, unsynced, partial, failed }
}

fn two_by_two() -> World {
    let both = |world: World, name| world.user(name).in_group("eng").in_group("ops");
    both(both(World::new().group("eng").group("ops"), "ada"), "bob")
}

#[test]
fn all_is_success_when_all_operations_succeed() {
    let [users, groups] = counts(&two_by_two(), |_| Some(Outcome::done()));
    assert_eq!((users, groups), (expect(2, 2, 0, 0, 0), expect(2, 2, 0, 0, 0)));
}

#[test]
fn users_that_fail_do_not_fail_their_groups() {
    let [users, groups] = counts(&two_by_two(), |operation| {
        Some(match operation.action {
            Action::Create { .. } => refused(),
            Action::AddMember { .. } => skipped(),
            _ => Outcome::done(),
        })
    });
    assert_eq!((users, groups), (expect(2, 0, 0, 0, 2), expect(2, 2, 0, 0, 0)));
}

fn five_groups() -> World {
    let mut world = World::new();
    for name in ["a", "b", "c", "d", "e"] {
        world = world.group(name);
    }
    world.synced().user("ada").in_group("a").in_group("b")
}

#[test]
fn a_membership_that_is_refused_fails_its_group() {
    let [users, groups] = counts(&five_groups(), |operation| {
        Some(match &operation.action {
            Action::AddMember { group_name, .. } if &**group_name == "a" => refused(),
            _ => Outcome::done(),
        })
    });
    assert_eq!((users, groups), (expect(1, 0, 0, 1, 0), expect(5, 4, 0, 0, 1)));
}

#[test]
fn a_membership_that_waits_for_an_invitation_is_partial_on_both_sides() {
    let [users, groups] = counts(&five_groups(), |operation| {
        Some(match operation.action {
            Action::AddMember { .. } => postponed(),
            _ => Outcome::done(),
        })
    });
    assert_eq!((users, groups), (expect(1, 0, 0, 1, 0), expect(5, 3, 0, 2, 0)));
}

fn five_users() -> World {
    ["ada", "bob", "cy", "dee", "eve"].into_iter().fold(World::new(), World::user)
}

#[test]
fn five_users_that_may_not_be_created_are_unsynced() {
    let world = five_users().but(|w| w.policy.create = false);
    assert_eq!(counts(&world, |_| None)[0], expect(5, 0, 5, 0, 0));
}

#[test]
fn a_changed_user_that_may_not_be_updated_is_partial() {
    let world = five_users().synced().but(|w| {
        w.policy.update = false;
        w.person("ada").attributes = w.person("ada").attributes.with(Attribute::Surname, "King");
    });
    assert_eq!(counts(&world, |_| None)[0], expect(5, 4, 0, 1, 0));
}

#[test]
fn a_user_whose_account_waits_is_unsynced_and_one_that_was_not_tried_says_so() {
    let world = five_users();
    assert_eq!(counts(&world, |_| Some(postponed()))[0], expect(5, 0, 5, 0, 0));
    assert_eq!(counts(&world, |_| None)[0], expect(5, 0, 5, 0, 0));
    let (plan, desired) = (world.plan(), world.desired(&Scope::Full));
    let (_, _, problem) = standings(&plan, &[], impacted(&desired)).next().unwrap();
    assert_eq!(problem.unwrap().message, "The run ended before it could create ada@example.com.");
}
