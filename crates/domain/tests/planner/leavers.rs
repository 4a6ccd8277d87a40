//! Users who were deleted or left the filter.

use usher_domain::{
    Timestamp,
    provisioning::connection::RemoveAction,
    reconcile::{plan::Retiring, snapshot::AccountState},
};

use crate::world::{OTHER_RULE, World, account, found, user};

const DAY: i64 = 86_400_000;

/// Ada is gone from the rule, bob stays.
fn left(change: impl FnOnce(&mut World)) -> World {
    World::new().user("ada").user("bob").synced().but(|w| {
        w.people.remove(&user("ada"));
        w.policy.deprovision = true;
        change(w);
    })
}

#[test]
fn disable_suspends_and_then_leaves_the_account_and_its_link() {
    let mut world = left(|_| {});
    assert_eq!(
        world.steps(),
        ["- suspend ada@example.com (deleted, or no longer matched by the rule's filter)"]
    );
    assert_eq!(world.converge(), Ok(1));
    assert!(world.accounts[&user("ada")].suspended_by_us);
    let back = world.user("ada");
    assert_eq!(back.steps(), ["~ lift the suspension of ada@example.com"]);
}

#[test]
fn delete_removes_and_a_return_recovers() {
    let mut world = left(|w| w.policy.remove_action = RemoveAction::Delete);
    assert!(world.steps()[0].starts_with("- remove ada@example.com from the team"));
    assert_eq!(world.converge(), Ok(1));
    assert_eq!(world.user("ada").steps(), ["+ recover ada@example.com"]);
}

#[test]
fn memberships_that_recovering_brings_back_are_not_forgotten_before() {
    let mut world = World::new().group("eng").user("ada").in_group("eng").synced().but(|w| {
        w.member("ada").state = AccountState::Removed { recoverable: true };
        w.person("ada").groups.clear();
    });
    assert_eq!(world.steps(), ["+ recover ada@example.com"]);
    assert_eq!(world.converge(), Ok(2));
    assert!(world.member("ada").groups.is_empty());
}

#[test]
fn an_invitation_is_cancelled_whatever_the_action() {
    let world = left(|w| w.member("ada").state = AccountState::Invited);
    assert!(world.steps()[0].starts_with("- cancel the invitation of ada@example.com"));
}

#[test]
fn days_of_grace_suspend_now_and_remove_later() {
    let mut world = left(|w| {
        w.policy.remove_action = RemoveAction::Delete;
        w.policy.remove_after_days = 30;
    });
    insta::assert_snapshot!(world.steps().join("\n"), @"- suspend ada@example.com, and remove them at 2026-10-21T14:13:20.000Z (deleted, or no longer matched by the rule's filter)");
    let planned = world.plan().digest();
    world.now = Timestamp::from_millis(world.now.as_millis() + DAY);
    assert_eq!(world.plan().digest(), planned, "the digest does not depend on the time");
    assert_eq!(world.converge(), Ok(1));

    let mut over = world.clone();
    over.now = Timestamp::from_millis(world.now.as_millis() + 30 * DAY);
    assert_eq!(over.steps(), ["- remove ada@example.com from the team (its days of grace are over)"]);

    let back = world.user("ada").but(|w| w.person("ada").enabled = false);
    assert_eq!(back.steps(), ["= remember that ada@example.com is not to be removed"]);
}

#[test]
fn without_deprovisioning_the_link_is_forgotten_and_people_are_told() {
    let mut world = left(|w| w.policy.deprovision = false);
    insta::assert_snapshot!(world.plan(), @r"
        Forget whose these accounts are (they stay as they are)
          = forget which account is ada@example.com's (deleted, or no longer matched by the rule's filter)

        In the way
          ! ada@example.com (Not of the rule): ada@example.com is not of the rule any more; the account stays in Dropbox as it is. Remove it in Dropbox if it is not wanted, or set DEPROVISION_USERS for the future.

        Plan: 1 to forget.
        ");
    assert_eq!(world.converge(), Ok(1));
    assert_eq!(world.member("ada").state, AccountState::Active);
}

#[test]
fn whom_another_rule_wants_or_linked_is_left_to_it() {
    assert!(left(|w| assert!(w.elsewhere.insert(user("ada")))).plan().is_empty());
    assert!(left(|w| w.linked("ada").rule = OTHER_RULE).plan().is_empty());
}

#[test]
fn a_link_whose_account_is_gone_is_forgotten() {
    let world = left(|w| drop(w.team.members.remove(&account("ada"))));
    assert!(world.steps()[0].starts_with("= forget which account"));
}

#[test]
fn an_account_that_was_never_linked_is_nobodys_business() {
    assert!(World::new().account("stranger").but(|w| w.policy.deprovision = true).plan().is_empty());
}

#[test]
fn the_protected_are_left_alone_and_named() {
    let world = left(|w| assert!(w.policy.protected.insert("ada@example.com".into())));
    assert!(world.plan().is_empty());
    assert_eq!(found(&world.plan()), ["ada@example.com - PROTECTED"]);
}

#[test]
fn of_administrators_who_all_leave_one_stays() {
    let world = left(|w| {
        w.people.clear();
        (w.team.own, w.member("root").admin) = (None, false);
        (w.member("ada").admin, w.member("bob").admin) = (true, true);
    });
    assert_eq!(world.steps().len(), 1);
    assert_eq!(found(&world.plan()), ["bob@example.com - LAST_ADMINISTRATOR"]);
}

#[test]
fn a_rule_that_is_deleted_deprovisions_whatever_the_toggle_says() {
    let world = left(|w| {
        w.policy.deprovision = false;
        w.retiring = Some(Retiring::Deprovision);
    });
    assert_eq!(
        world.steps(),
        [
            "- suspend ada@example.com (the rule is being deleted)",
            "- suspend bob@example.com (the rule is being deleted)"
        ]
    );
}

#[test]
fn a_rule_that_is_deleted_without_deprovisioning_only_forgets() {
    let plan = left(|w| w.retiring = Some(Retiring::Unlink)).plan();
    assert_eq!(plan.operations.len(), 2);
    assert!(plan.operations.iter().all(|operation| operation.action.is_local()));
}
