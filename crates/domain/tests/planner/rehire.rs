//! A user is gone, and a new one has the address of their account: the account is handed over.

use usher_domain::{
    provisioning::connection::{ForeignExternalId, RemoveAction},
    reconcile::{
        attributes::Attribute,
        links::Origin,
        operation::Action,
        scope::{Scope, Subject},
        snapshot::AccountState,
    },
};

use crate::world::{NOW, OTHER_RULE, World, account, found, group, lines, user};

const SUSPENDED: AccountState = AccountState::Suspended { since: Some(NOW) };

/// Ada is deleted and made again as ada2 with the same address. What happened in between is up to the test.
fn rehired(change: impl FnOnce(&mut World)) -> World {
    World::new().group("eng").user("ada").in_group("eng").user("bob").synced().user("ada2").but(|w| {
        let ada = w.people.remove(&user("ada")).unwrap();
        w.person("ada2").attributes = ada.attributes;
        w.policy.deprovision = true;
        change(w);
    })
}

/// Usher suspended the account when the first ada was deleted.
fn suspended(w: &mut World) {
    w.member("ada").state = SUSPENDED;
    w.linked("ada").suspended_by_us = true;
}

#[test]
fn the_account_of_a_deleted_user_is_handed_over_to_who_comes_with_the_same_address() {
    let mut world = rehired(suspended);
    insta::assert_snapshot!(world.plan(), @r"
        This plan ends 1 membership.

        Adopt accounts
          = hand the account ada@example.com over from user 61646100-0000-0000-0000-000000000000, whom the rule wants no more

        Take out of groups
          - take ada@example.com out of eng (not a member in the directory)

        Lift suspensions
          ~ lift the suspension of ada@example.com

        Update accounts
          ~ update ada@example.com
              external_id: 61646100-0000-0000-0000-000000000000 → 61646132-0000-0000-0000-000000000000

        Plan: 1 to adopt, 1 membership to remove, 1 to unsuspend, 1 to update.
        ");
    assert_eq!(world.converge(), Ok(1));
    assert_eq!(world.member("ada").state, AccountState::Active);
    assert_eq!(world.member("ada").attributes.get(Attribute::ExternalId), user("ada2").to_string());
    assert!(!world.accounts.contains_key(&user("ada")));
    let link = world.linked("ada2");
    assert_eq!((link.account.to_string(), link.suspended_by_us), (account("ada"), false));
}

#[test]
fn who_is_still_active_is_not_suspended_on_the_way() {
    let world = rehired(|_| {});
    assert!(world.plan().operations.iter().all(|operation| !operation.action.removes_user()));
    assert_eq!(world.plan().tally().users, 0);
    let kept = rehired(|w| w.policy.deprovision = false);
    assert_eq!(kept.steps(), world.steps(), "nor forgotten first, when accounts are left alone");
    assert!(kept.plan().findings.is_empty());
}

#[test]
fn whom_a_person_suspended_stays_suspended() {
    let mut world = rehired(|w| w.member("ada").state = SUSPENDED);
    assert_eq!(found(&world.plan()), ["ada@example.com Partial SUSPENDED_IN_DROPBOX"]);
    world.converge().unwrap();
    assert_eq!(world.member("ada").state, SUSPENDED);
    assert!(world.accounts.contains_key(&user("ada2")));
}

#[test]
fn a_run_cut_after_any_step_loses_neither_who_suspended_nor_the_mark_nor_the_groups() {
    let world = rehired(suspended);
    let plan = world.plan();
    for steps in 0..=plan.operations.len() {
        for lost in 0..3 {
            let mut cut = world.clone();
            cut.apply_until_killed(&plan, steps, lost);
            cut.converge().unwrap();
            let member = cut.member("ada").clone();
            assert_eq!(member.state, AccountState::Active, "after {steps}");
            assert_eq!(member.attributes.get(Attribute::ExternalId), user("ada2").to_string());
            assert!(member.groups.is_empty(), "ada2 is in no group");
            assert!(cut.plan().findings.is_empty(), "{}", cut.plan());
        }
    }
}

#[test]
fn memberships_that_usher_gave_the_former_user_end_and_those_of_the_new_one_begin() {
    let world = rehired(|_| {});
    assert!(
        world.steps().contains(&"- take ada@example.com out of eng (not a member in the directory)".into())
    );
    let stays = world.but(|w| assert!(w.person("ada2").groups.insert(group("eng"))));
    assert!(!stays.plan().to_string().contains("eng"), "{}", stays.plan());
}

#[test]
fn a_member_who_was_removed_is_recovered_for_the_new_user() {
    let removed = |change: fn(&mut World)| {
        rehired(|w| {
            w.policy.remove_action = RemoveAction::Delete;
            w.member("ada").state = AccountState::Removed { recoverable: true };
            w.member("ada").groups.clear();
            change(w);
        })
    };
    let mut world = removed(|_| {});
    insta::assert_snapshot!(world.steps().join("\n"), @r"
        = hand the account ada@example.com over from user 61646100-0000-0000-0000-000000000000, whom the rule wants no more
        + recover ada@example.com
        ~ update ada@example.com | external_id: 61646100-0000-0000-0000-000000000000 → 61646132-0000-0000-0000-000000000000
        ");
    world.converge().unwrap();
    assert_eq!(world.member("ada").state, AccountState::Active);

    let unmarked = removed(|w| {
        w.member("ada").attributes = w.member("ada").attributes.with(Attribute::ExternalId, "");
    });
    assert_eq!(found(&unmarked.plan()), ["ada@example.com Unsynced ADDRESS_OF_REMOVED_MEMBER"]);
    let disabled = removed(|w| w.person("ada2").enabled = false);
    assert!(disabled.plan().is_empty());
    assert_eq!(found(&disabled.plan()), ["ada@example.com Unsynced DISABLED_WITHOUT_ACCOUNT"]);
    let off = removed(|w| w.policy.create = false);
    assert!(off.plan().is_empty());
    assert_eq!(found(&off.plan()), ["ada@example.com Unsynced CREATE_OFF"]);
}

#[test]
fn an_invitation_is_handed_over_like_an_account() {
    let mut world = rehired(|w| w.member("ada").state = AccountState::Invited);
    assert!(world.steps()[0].starts_with("= hand the account ada@example.com over from user"));
    world.converge().unwrap();
    assert_eq!(world.member("ada").state, AccountState::Invited);
}

#[test]
fn a_new_user_who_is_disabled_gets_the_account_suspended() {
    let mut world = rehired(|w| w.person("ada2").enabled = false);
    world.converge().unwrap();
    assert!(matches!(world.member("ada").state, AccountState::Suspended { .. }));
    world.person("ada2").enabled = true;
    world.converge().unwrap();
    assert_eq!(world.member("ada").state, AccountState::Active);
}

#[test]
fn two_who_come_with_the_same_address_are_ambiguous_and_the_former_user_leaves_as_ever() {
    let world = rehired(|_| {}).user("ada3").but(|w| {
        w.person("ada3").attributes = w.person("ada2").attributes.clone();
    });
    assert_eq!(found(&world.plan()), ["ada@example.com Failed AMBIGUOUS_ACCOUNT"; 2]);
    assert_eq!(
        world.steps(),
        ["- suspend ada@example.com (deleted, or no longer matched by the rule's filter)"]
    );
}

#[test]
fn an_account_whose_user_is_still_wanted_or_another_rules_is_not_handed_over() {
    let back = |w: &mut World| {
        let person = w.person("ada2").clone();
        w.people.insert(user("ada"), person);
    };
    let elsewhere = |w: &mut World| assert!(w.elsewhere.insert(user("ada")));
    let theirs = |w: &mut World| w.linked("ada").rule = OTHER_RULE;
    for change in [back as fn(&mut World), elsewhere, theirs] {
        let plan = rehired(change).plan();
        let of_ada2 = |subject| subject == Subject::User(user("ada2"));
        assert!(!plan.operations.iter().any(|operation| of_ada2(operation.subject)), "{plan}");
        let problem = plan.findings.iter().find(|finding| of_ada2(finding.subject)).unwrap();
        assert_eq!(problem.problem.code, "ADDRESS_TAKEN");
    }
}

#[test]
fn an_address_that_moves_from_one_wanted_user_to_another_hands_nothing_over() {
    let world = World::new().user("ada").user("bob").synced().but(|w| {
        let email = w.person("ada").attributes.get(Attribute::Email).to_owned();
        w.person("ada").attributes = w.person("ada").attributes.with(Attribute::Email, "new@example.com");
        w.person("bob").attributes = w.person("bob").attributes.with(Attribute::Email, &email);
    });
    assert!(!world.plan().operations.iter().any(|operation| matches!(operation.action, Action::Link { .. })));
}

#[test]
fn someone_elses_mark_on_the_account_counts_as_on_any_other() {
    let world = |policy| {
        rehired(|w| {
            w.member("ada").attributes = w.member("ada").attributes.with(Attribute::ExternalId, "AD S-1-5");
            w.policy.foreign_external_id = policy;
        })
    };
    let fail = world(ForeignExternalId::Fail);
    assert_eq!(found(&fail.plan()), ["ada@example.com Failed FOREIGN_EXTERNAL_ID"]);
    assert!(fail.steps()[0].starts_with("- suspend ada@example.com"), "they leave as ever");
    let mut keep = world(ForeignExternalId::Keep);
    keep.converge().unwrap();
    assert_eq!(keep.member("ada").attributes.get(Attribute::ExternalId), "AD S-1-5");
    assert_eq!(keep.linked("ada2").origin, Origin::Created);
}

#[test]
fn with_a_mapped_external_id_the_former_users_is_replaced() {
    let mut world = rehired(|w| {
        w.mapped = w.mapped.with(Attribute::ExternalId);
        w.member("ada").attributes = w.member("ada").attributes.with(Attribute::ExternalId, "E-1");
        w.person("ada2").attributes = w.person("ada2").attributes.with(Attribute::ExternalId, "E-2");
    });
    world.converge().unwrap();
    assert_eq!(world.member("ada").attributes.get(Attribute::ExternalId), "E-2");
}

#[test]
fn a_scoped_look_hands_nothing_over_and_takes_nothing_away_but_wants_a_full_one() {
    let world = rehired(|_| {});
    let both = Scope::Subjects { users: [user("ada"), user("ada2")].into(), groups: [].into() };
    let plan = world.plan_within(&both);
    assert!(plan.is_empty() && plan.wants_full, "{plan}");
    let new = Scope::Subjects { users: [user("ada2")].into(), groups: [].into() };
    let plan = world.plan_within(&new);
    assert!(plan.is_empty() && plan.wants_full, "{plan}");
    // Who looks only at who left cannot know; what they do is undone by the next.
    let old = Scope::Subjects { users: [user("ada")].into(), groups: [].into() };
    assert!(lines(&world.plan_within(&old))[0].starts_with("- suspend ada@example.com"));
}
