//! Users that the rule wants: each row of the table.

use usher_domain::{
    Timestamp,
    provisioning::connection::ForeignExternalId,
    reconcile::{
        attributes::Attribute,
        links::Origin,
        scope::Scope,
        snapshot::{AccountState, Seats},
    },
};

use crate::world::{NOW, World, account, found, lines, user};

const SUSPENDED: AccountState = AccountState::Suspended { since: Some(NOW) };
const RECOVERABLE: AccountState = AccountState::Removed { recoverable: true };

fn ada() -> World {
    World::new().user("ada").synced()
}

#[test]
fn when_everything_is_as_it_should_be_nothing_is_to_be_done() {
    let world = World::new().group("eng").user("ada").in_group("eng").user("bob").in_group("eng").synced();
    let plan = world.plan();
    insta::assert_snapshot!(plan, @"Nothing to do.");
    assert!(plan.findings.is_empty());
    assert_eq!((plan.impacted_users, plan.impacted_groups), (2, 1));
    assert_eq!((plan.of.users, plan.of.memberships, plan.of.groups), (2, 2, 1));
}

#[test]
fn a_user_without_an_account_gets_one_with_our_id_as_external_id() {
    insta::assert_snapshot!(World::new().user("ada").steps().join("\n"), @"+ create ada@example.com | given_name: Ada | surname: Example | external_id: 61646100-0000-0000-0000-000000000000");
}

#[test]
fn with_creating_off_a_user_without_an_account_is_unsynced() {
    let plan = World::new().user("ada").but(|w| w.policy.create = false).plan();
    assert!(plan.is_empty());
    assert_eq!(found(&plan), ["ada@example.com Unsynced CREATE_OFF"]);
}

#[test]
fn a_mapping_to_external_id_says_otherwise() {
    let world = World::new().user("ada").but(|w| {
        w.mapped = w.mapped.with(Attribute::ExternalId);
        let person = w.person("ada");
        person.attributes = person.attributes.with(Attribute::ExternalId, "E-1815");
    });
    assert!(world.steps()[0].ends_with("external_id: E-1815"));
}

#[test]
fn an_account_with_the_same_address_is_adopted_then_updated() {
    insta::assert_snapshot!(World::new().user("ada").account("ada").steps().join("\n"), @r"
        = adopt the account ada@example.com
        ~ update ada@example.com | given_name: (nothing) → Ada | surname: (nothing) → Example | external_id: (nothing) → 61646100-0000-0000-0000-000000000000
        ");
}

#[test]
fn a_secondary_address_is_as_good() {
    let world = World::new().user("ada").account("lovelace").but(|w| {
        w.member("lovelace").secondary.push("ada@example.com".into());
    });
    assert_eq!(world.steps()[0], "= adopt the account ada@example.com");
}

#[test]
fn our_external_id_is_a_better_reason_than_an_address() {
    let world = World::new().user("ada").account("ada").account("lovelace").but(|w| {
        let member = w.member("lovelace");
        member.attributes = member.attributes.with(Attribute::ExternalId, &user("ada").to_string());
    });
    let plan = world.plan();
    assert_eq!(plan.operations.len(), 2, "adopt and update");
    assert_eq!(found(&plan), ["ada@example.com Failed ADDRESS_TAKEN"]);
}

#[test]
fn two_accounts_that_fit_are_ambiguous_and_left_alone() {
    let world = World::new().user("ada").account("ada").account("lovelace").but(|w| {
        w.member("lovelace").secondary.push("ada@example.com".into());
    });
    assert!(world.plan().is_empty());
    assert_eq!(found(&world.plan()), ["ada@example.com Failed AMBIGUOUS_ACCOUNT"]);
}

#[test]
fn two_users_who_fit_one_account_both_fail() {
    let world = World::new().user("ada").user("bob").account("ada").but(|w| {
        w.person("bob").attributes = w.person("ada").attributes.clone();
    });
    assert!(world.plan().is_empty());
    assert_eq!(found(&world.plan()), ["ada@example.com Failed AMBIGUOUS_ACCOUNT"; 2]);
}

#[test]
fn two_users_with_one_address_and_no_account_both_fail() {
    let world = World::new().user("ada").user("bob").but(|w| {
        w.person("bob").attributes = w.person("ada").attributes.clone();
    });
    assert!(world.plan().is_empty());
    assert_eq!(found(&world.plan()), ["ada@example.com Failed ADDRESS_WANTED_TWICE"; 2]);
}

#[test]
fn someone_elses_external_id_is_treated_as_the_connection_says() {
    let world = |policy| {
        World::new().user("ada").account("ada").but(|w| {
            let member = w.member("ada");
            member.attributes = member.attributes.with(Attribute::ExternalId, "AD S-1-5");
            w.policy.foreign_external_id = policy;
        })
    };
    let fail = world(ForeignExternalId::Fail).plan();
    assert!(fail.is_empty());
    assert_eq!(found(&fail), ["ada@example.com Failed FOREIGN_EXTERNAL_ID"]);
    let keep = world(ForeignExternalId::Keep).steps().join("\n");
    assert!(keep.contains("adopt") && !keep.contains("external_id"), "{keep}");
    let overwrite = world(ForeignExternalId::Overwrite).steps().join("\n");
    assert!(overwrite.contains("external_id: AD S-1-5 → 61646100"), "{overwrite}");
}

#[test]
fn an_account_that_is_linked_to_another_user_is_never_adopted() {
    let world = ada().user("bob").but(|w| {
        let email = "ada@example.com";
        let attributes = w.person("bob").attributes.with(Attribute::Email, email);
        w.person("bob").attributes = attributes;
    });
    assert!(world.plan().is_empty());
    assert_eq!(found(&world.plan()), ["ada@example.com Failed ADDRESS_TAKEN"]);
}

#[test]
fn only_what_differs_is_updated() {
    let world = ada().but(|w| {
        w.person("ada").attributes = w.person("ada").attributes.with(Attribute::Surname, "King");
    });
    insta::assert_snapshot!(world.steps().join("\n"), @"~ update ada@example.com | surname: Example → King");
}

#[test]
fn with_updating_off_a_difference_is_partial() {
    let world = ada().but(|w| {
        w.policy.update = false;
        w.person("ada").attributes = w.person("ada").attributes.with(Attribute::Surname, "King");
    });
    assert!(world.plan().is_empty());
    insta::assert_snapshot!(world.plan().findings[0], @"! ada@example.com (Partial): ada@example.com differs in surname, and updating accounts is off. Set UPDATE_USERS on the connection, or change it in Dropbox.");
}

#[test]
fn an_attribute_that_the_mapping_makes_empty_is_cleared_but_an_address_is_not() {
    let world = ada().but(|w| {
        let attributes = w.person("ada").attributes.with(Attribute::Surname, "").with(Attribute::Email, "");
        w.person("ada").attributes = attributes;
    });
    assert!(world.steps()[0].ends_with("surname: Example → (nothing)"));
    assert!(found(&world.plan())[0].ends_with("Failed NO_EMAIL"));
}

#[test]
fn an_unmapped_attribute_is_left_as_it_is() {
    let world = ada().but(|w| {
        w.mapped = [Attribute::Email].into_iter().collect();
        w.person("ada").attributes = w.person("ada").attributes.with(Attribute::Surname, "King");
    });
    assert!(world.plan().is_empty());
}

#[test]
fn a_removed_member_is_recovered_then_updated() {
    let world = ada().but(|w| {
        let member = w.member("ada");
        member.state = RECOVERABLE;
        member.attributes = member.attributes.with(Attribute::Email, "ada+deleted@example.com");
    });
    insta::assert_snapshot!(world.steps().join("\n"), @r"
        + recover ada@example.com
        ~ update ada@example.com | email: ada+deleted@example.com → ada@example.com
        ");
    let suspended = world.but(|w| w.linked("ada").suspended_by_us = true);
    assert!(suspended.steps().contains(&"~ lift the suspension of ada@example.com".to_owned()));
}

#[test]
fn without_a_link_our_external_id_finds_the_removed_member_and_an_address_does_not() {
    let removed = |external_id: &str| {
        World::new().user("ada").account("ada").but(|w| {
            let member = w.member("ada");
            member.state = RECOVERABLE;
            member.attributes = member.attributes.with(Attribute::ExternalId, external_id);
        })
    };
    let ours = removed(&user("ada").to_string()).steps();
    assert_eq!(ours[..2], ["= adopt the account ada@example.com", "+ recover ada@example.com"]);
    let plan = removed("").plan();
    assert!(plan.is_empty());
    assert_eq!(found(&plan), ["ada@example.com Unsynced ADDRESS_OF_REMOVED_MEMBER"]);
}

#[test]
fn a_linked_account_that_is_gone_is_made_anew() {
    let world = ada().but(|w| drop(w.team.members.remove(&account("ada"))));
    let steps = world.steps();
    assert_eq!(steps[0], "= forget which account is ada@example.com's (no longer there)");
    assert!(steps[1].starts_with("+ create ada@example.com"));
}

#[test]
fn a_scoped_look_that_misses_a_linked_account_wants_a_full_one() {
    let world = ada().but(|w| drop(w.team.members.remove(&account("ada"))));
    let scope = Scope::Subjects { users: [user("ada")].into(), groups: [].into() };
    let plan = world.plan_within(&scope);
    assert!(plan.is_empty() && plan.wants_full);
}

#[test]
fn a_scoped_look_adopts_nobody() {
    let scope = Scope::Subjects { users: [user("ada")].into(), groups: [].into() };
    let plan = World::new().user("ada").account("ada").plan_within(&scope);
    assert!(plan.is_empty() && plan.wants_full);
    let plan = World::new().user("ada").plan_within(&scope);
    assert!(lines(&plan)[0].starts_with("+ create ada") && !plan.wants_full);
}

#[test]
fn whom_usher_suspended_usher_unsuspends() {
    let world = ada().but(|w| {
        w.member("ada").state = SUSPENDED;
        w.linked("ada").suspended_by_us = true;
    });
    assert_eq!(world.steps(), ["~ lift the suspension of ada@example.com"]);
}

#[test]
fn whom_a_person_suspended_stays_so_unless_the_connection_says_otherwise() {
    let world = ada().but(|w| w.member("ada").state = SUSPENDED);
    assert!(world.plan().is_empty());
    insta::assert_snapshot!(world.plan().findings[0], @"! ada@example.com (Partial): ada@example.com is suspended in Dropbox since 2026-09-21T14:13:20.000Z, and not by Usher. Unsuspend them in Dropbox, disable them in the directory, or set UNDO_REMOTE_SUSPENSION.");
    let undone = world.but(|w| w.policy.undo_remote_suspension = true);
    assert_eq!(undone.steps(), ["~ lift the suspension of ada@example.com"]);
}

#[test]
fn an_unknown_state_is_never_touched() {
    let world = ada().but(|w| {
        w.member("ada").state = AccountState::Unknown;
        w.person("ada").enabled = false;
    });
    assert!(world.plan().is_empty());
    assert_eq!(found(&world.plan()), ["ada@example.com Partial UNKNOWN_STATE"]);
}

#[test]
fn a_disabled_user_is_suspended() {
    let world = ada().but(|w| w.person("ada").enabled = false);
    assert_eq!(world.steps(), ["- suspend ada@example.com (disabled in the directory)"]);
    assert_eq!(world.plan().tally().users, 1);
    let off = world.but(|w| w.policy.disable = false);
    assert!(off.plan().is_empty());
    assert_eq!(found(&off.plan()), ["ada@example.com Partial DISABLE_OFF"]);
}

#[test]
fn a_disabled_user_who_is_adopted_comes_back_when_enabled() {
    let mut world = World::new().user("ada").account("ada").but(|w| w.person("ada").enabled = false);
    world.converge().unwrap();
    assert!(matches!(world.member("ada").state, AccountState::Suspended { .. }));
    world.person("ada").enabled = true;
    world.converge().unwrap();
    assert_eq!(world.member("ada").state, AccountState::Active);
}

#[test]
fn a_disabled_users_invitation_is_cancelled_and_sent_anew_when_enabled() {
    let mut world = ada().but(|w| {
        w.member("ada").state = AccountState::Invited;
        w.person("ada").enabled = false;
    });
    assert_eq!(world.steps(), ["- cancel the invitation of ada@example.com (disabled in the directory)"]);
    world.converge().unwrap();
    assert_eq!(found(&world.plan()), ["ada@example.com Unsynced DISABLED_WITHOUT_ACCOUNT"]);
    world.person("ada").enabled = true;
    assert!(world.steps()[0].starts_with("+ create ada@example.com"));
}

#[test]
fn a_suspended_account_is_still_updated() {
    let world = ada().but(|w| {
        w.person("ada").enabled = false;
        w.member("ada").state = SUSPENDED;
        w.person("ada").attributes = w.person("ada").attributes.with(Attribute::Surname, "King");
    });
    assert_eq!(world.steps(), ["~ update ada@example.com | surname: Example → King"]);
    assert!(world.plan().findings.is_empty());
}

#[test]
fn the_protected_the_own_and_the_last_administrator_are_never_suspended() {
    let disabled = ada().but(|w| w.person("ada").enabled = false);
    let protected = disabled.clone().but(|w| assert!(w.policy.protected.insert("ada@example.com".into())));
    assert_eq!(found(&protected.plan()), ["ada@example.com Partial PROTECTED"]);
    let own = disabled.clone().but(|w| w.team.own = Some(account("ada")));
    assert_eq!(found(&own.plan()), ["ada@example.com Partial OWN_ACCOUNT"]);
    let last = disabled.but(|w| {
        (w.team.own, w.member("root").admin, w.member("ada").admin) = (None, false, true);
    });
    assert_eq!(found(&last.plan()), ["ada@example.com Partial LAST_ADMINISTRATOR"]);
    for world in [protected, own, last] {
        assert!(world.plan().is_empty());
    }
}

#[test]
fn a_user_whose_mapping_fails_is_left_alone_link_and_all() {
    let world = ada().but(|w| {
        w.person("ada").fault = Some(usher_domain::Problem::new("EXPRESSION", "It fails.", "Mend it."));
        drop(w.team.members.remove(&account("ada")));
    });
    assert!(world.plan().is_empty());
    assert_eq!(found(&world.plan()), ["ada@example.com Failed EXPRESSION"]);
}

#[test]
fn what_a_link_remembers_wrongly_is_corrected() {
    let world = ada().but(|w| {
        w.linked("ada").suspended_by_us = true;
        w.linked("ada").remove_at = Some(Timestamp::from_millis(1));
    });
    assert_eq!(world.steps(), ["= remember that ada@example.com is in use"]);
}

#[test]
fn seats_are_counted_and_what_is_freed_counts_against_what_is_taken() {
    let world = ada().user("bob").user("cy").but(|w| {
        w.member("ada").state = AccountState::Invited;
        w.person("ada").enabled = false;
        w.team.seats = Some(Seats { licensed: 10, used: 10 });
    });
    let plan = world.plan();
    assert_eq!((plan.seats_needed, plan.seats_missing()), (1, 1));
    assert_eq!(world.accounts[&user("ada")].origin, Origin::Created);
}
