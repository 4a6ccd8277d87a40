//! Groups and memberships.

use usher_domain::{
    provisioning::connection::{MembershipHandling, NameConflict},
    reconcile::{
        attributes::Attribute,
        links::Origin,
        plan::Retiring,
        scope::Scope,
        snapshot::{AccountState, GroupKind},
    },
};

use crate::{
    team::TeamGroup,
    world::{World, account, found, group, lines, user},
};

fn eng() -> World {
    World::new().group("eng").user("ada").in_group("eng").synced()
}

fn there(name: &str, kind: GroupKind) -> TeamGroup {
    TeamGroup { name: name.into(), external_id: None, kind }
}

#[test]
fn a_group_is_created_then_filled() {
    let world = eng().group("ops").user("bob").in_group("ops");
    let steps = world.steps();
    assert!(steps[0].starts_with("+ create bob@example.com"));
    assert_eq!(steps[1..], ["+ create the group ops", "+ add bob@example.com to ops"]);
}

#[test]
fn a_company_managed_group_of_the_same_name_is_adopted_and_spelled_as_ours() {
    let world = World::new().group("eng").but(|w| {
        w.team.groups.insert("g:1".into(), there("ENG", GroupKind::CompanyManaged));
    });
    assert_eq!(world.steps(), ["= adopt the group eng", "~ rename the group ENG to eng"]);
    let refused = world.but(|w| w.policy.group_name_conflict = NameConflict::Fail);
    assert!(refused.plan().is_empty());
    assert_eq!(found(&refused.plan()), ["eng Failed GROUP_NAME_CONFLICT"]);
}

#[test]
fn a_group_with_our_id_is_ours_whatever_its_name_and_the_connection_say() {
    let world = eng().but(|w| {
        w.group_links.clear();
        w.team.groups.get_mut("g:eng").unwrap().name = "Renamed".into();
        w.policy.group_name_conflict = NameConflict::Fail;
    });
    assert_eq!(world.steps(), ["= remember our group eng", "~ rename the group Renamed to eng"]);
}

#[test]
fn groups_of_members_and_of_the_system_are_never_touched() {
    for kind in [GroupKind::UserManaged, GroupKind::SystemManaged, GroupKind::Unknown] {
        let world = World::new().group("eng").user("ada").in_group("eng").but(|w| {
            w.team.groups.insert("g:1".into(), there("eng", kind));
        });
        assert_eq!(found(&world.plan()), ["eng Failed GROUP_NOT_COMPANY_MANAGED"]);
        assert_eq!(world.steps().len(), 1, "only the account is made");
    }
}

#[test]
fn a_renamed_group_is_renamed_in_place() {
    let world = eng().but(|w| drop(w.groups.insert(group("eng"), "Engineering".into())));
    assert_eq!(world.steps(), ["~ rename the group eng to Engineering"]);
    let taken = world.but(|w| {
        w.team.groups.insert("g:1".into(), there("engineering", GroupKind::CompanyManaged));
    });
    assert!(taken.plan().is_empty());
    assert_eq!(found(&taken.plan()), ["Engineering Failed GROUP_NAME_TAKEN"]);
}

#[test]
fn a_group_off_the_rule_is_deleted_if_usher_made_it_and_else_forgotten() {
    let world = eng().but(|w| w.groups.clear());
    assert_eq!(world.steps(), ["- delete the group eng (group deleted, or taken off the rule)"]);
    assert_eq!(world.plan().tally().groups, 1);
    let adopted = world.clone().but(|w| {
        w.group_links.get_mut(&group("eng")).unwrap().origin = Origin::Adopted;
    });
    assert_eq!(adopted.steps(), ["= forget the group eng (group deleted, or taken off the rule)"]);
    let kept = world.but(|w| assert!(w.groups_elsewhere.insert(group("eng"))));
    assert!(kept.plan().is_empty());
}

#[test]
fn a_rule_that_is_deleted_forgets_its_groups_or_deletes_what_it_made() {
    let forget = eng().but(|w| w.retiring = Some(Retiring::Unlink));
    assert!(forget.plan().operations.iter().all(|operation| operation.action.is_local()));
    let delete = eng().but(|w| w.retiring = Some(Retiring::Deprovision));
    assert!(delete.steps().contains(&"- delete the group eng (the rule is being deleted)".to_owned()));
}

#[test]
fn a_linked_group_that_is_gone_is_made_anew_and_filled_again() {
    let world = eng().but(|w| {
        w.team.groups.clear();
        w.member("ada").groups.clear();
    });
    assert_eq!(
        world.steps(),
        [
            "= forget the group eng (no longer there)",
            "+ create the group eng",
            "+ add ada@example.com to eng"
        ]
    );
}

#[test]
fn merge_takes_out_only_whom_usher_put_in() {
    let world = eng().but(|w| w.person("ada").groups.clear());
    assert_eq!(world.steps(), ["- take ada@example.com out of eng (not a member in the directory)"]);
    let by_hand = world.but(|w| w.placed.clear());
    assert!(by_hand.plan().is_empty());
}

#[test]
fn overwrite_takes_out_everyone_else_too() {
    let world = eng().account("stranger").but(|w| {
        w.policy.memberships = MembershipHandling::Overwrite;
        w.member("stranger").groups.insert("g:eng".into());
    });
    assert_eq!(world.steps(), ["- take stranger@example.com out of eng (not a member in the directory)"]);
    let scoped = Scope::Subjects { users: [user("ada")].into(), groups: [].into() };
    assert!(world.plan_within(&scoped).is_empty());
}

#[test]
fn overwrite_takes_out_who_is_forgotten_in_the_same_plan() {
    let mut world = eng().but(|w| {
        w.policy.memberships = MembershipHandling::Overwrite;
        w.people.clear();
    });
    assert_eq!(world.steps().len(), 2);
    assert_eq!(world.converge(), Ok(1));
}

#[test]
fn overwrite_leaves_in_whose_account_the_next_plan_finds_for_someone_else() {
    let mut world = eng().user("bob").in_group("eng").but(|w| {
        w.policy.memberships = MembershipHandling::Overwrite;
        w.people.remove(&user("ada"));
        let attributes = w.member("ada").attributes.with(Attribute::Email, "bob@example.com");
        w.member("ada").attributes = attributes.with(Attribute::ExternalId, "");
    });
    let taken_out = |w: &World| w.steps().iter().any(|step| step.contains(" out of "));
    assert!(!taken_out(&world));
    assert!(world.converge().is_ok());
    assert!(world.member("ada").groups.contains("g:eng"));
    assert_eq!(world.linked("bob").account.as_str(), account("ada"));
}

#[test]
fn a_membership_that_someone_ended_and_nobody_wants_is_forgotten() {
    let world = eng().but(|w| {
        w.person("ada").groups.clear();
        w.member("ada").groups.clear();
    });
    assert_eq!(
        world.steps(),
        ["= forget that ada@example.com was put into eng (not a member in the directory)"]
    );
}

#[test]
fn a_recovered_account_that_brings_its_groups_back_is_taken_out_of_those_that_usher_put_it_in() {
    let mut world = eng().but(|w| {
        w.person("ada").groups.clear();
        w.member("ada").state = AccountState::Removed { recoverable: true };
    });
    // A removed account shows no groups; that Usher put it into eng is not forgotten before it is back.
    assert_eq!(world.steps(), ["+ recover ada@example.com"]);
    assert_eq!(world.converge(), Ok(2));
    assert!(world.member("ada").groups.is_empty() && world.placed.is_empty());
}

#[test]
fn a_disabled_users_memberships_are_left_unless_they_are_no_member_any_more() {
    let disabled = eng().group("ops").but(|w| {
        w.person("ada").enabled = false;
        w.person("ada").groups.insert(group("ops"));
        w.member("ada").state = AccountState::Suspended { since: None };
    });
    assert_eq!(disabled.steps(), ["+ create the group ops"]);
    let left = disabled.but(|w| w.person("ada").groups.clear());
    assert_eq!(left.steps()[0], "- take ada@example.com out of eng (not a member in the directory)");
}

#[test]
fn an_invited_account_is_added_all_the_same() {
    let world = eng().but(|w| {
        w.member("ada").state = AccountState::Invited;
        w.member("ada").groups.clear();
    });
    assert_eq!(world.steps(), ["+ add ada@example.com to eng"]);
}

#[test]
fn a_scoped_plan_uses_linked_groups_and_leaves_the_others_to_a_full_one() {
    let world = eng().group("ops").but(|w| {
        w.member("ada").groups.clear();
        w.person("ada").groups.insert(group("ops"));
    });
    let plan = world.plan_within(&Scope::Subjects { users: [user("ada")].into(), groups: [].into() });
    assert_eq!(lines(&plan), ["+ add ada@example.com to eng"]);
    let plan = world.plan_within(&Scope::Subjects { users: [].into(), groups: [group("ops")].into() });
    assert!(plan.is_empty() && plan.wants_full);
}
