//! How a plan reads, and how two plans compare.

use usher_domain::{
    provisioning::connection::RemoveAction,
    reconcile::{attributes::Attribute, snapshot::Seats},
};

use crate::world::{World, user};

fn busy() -> World {
    let mut world = World::new().group("eng").group("ops");
    for name in ["ada", "bob", "cy", "dee"] {
        world = world.user(name).in_group("eng");
    }
    world.synced().user("eve").in_group("ops").but(|w| {
        w.people.remove(&user("ada"));
        w.policy.deprovision = true;
        w.policy.remove_action = RemoveAction::Delete;
        w.person("bob").enabled = false;
        w.person("cy").attributes = w.person("cy").attributes.with(Attribute::Surname, "Twombly");
        w.person("dee").groups.clear();
        w.team.seats = Some(Seats { licensed: 5, used: 5 });
        assert!(w.policy.protected.insert("bob@example.com".into()));
    })
}

#[test]
fn a_plan_can_be_read_aloud() {
    insta::assert_snapshot!(busy().plan(), @r"
        This plan removes 1 account and ends 1 membership.

        Remove from the team
          - remove ada@example.com from the team (deleted, or no longer matched by the rule's filter)

        Take out of groups
          - take dee@example.com out of eng (not a member in the directory)

        Create accounts
          + create eve@example.com
              given_name: Eve
              surname: Example
              external_id: 65766500-0000-0000-0000-000000000000

        Update accounts
          ~ update cy@example.com
              surname: Example → Twombly

        Add to groups
          + add eve@example.com to ops

        In the way
          ! bob@example.com (Partial): bob@example.com is protected, and is left alone. Take the address out of PROTECTED_EMAILS if it should be disabled or removed.

        Plan: 1 to remove, 1 membership to remove, 1 to create, 1 to update, 1 membership to add.
        ");
}

#[test]
fn a_plan_that_needs_more_licences_says_so() {
    let world = World::new().user("ada").user("bob").but(|w| {
        w.team.seats = Some(Seats { licensed: 5, used: 4 });
    });
    let text = world.plan().to_string();
    insta::assert_snapshot!(text.lines().last().unwrap(), @"Seats: 2 needed, 1 of 5 left; 1 missing. Buy licences, or some accounts will have to wait.");
}

#[test]
fn what_taking_away_does_beside_is_read_with_it_and_part_of_the_digest() {
    let wiping = || busy().but(|w| w.policy.manner = "Linked devices are wiped.".into()).plan();
    insta::assert_snapshot!(
        wiping().to_string().lines().next().unwrap(),
        @"This plan removes 1 account and ends 1 membership. Linked devices are wiped."
    );
    assert_ne!(wiping().digest(), busy().plan().digest());
    assert_eq!(wiping().moved_since(&wiping()), [""; 0]);
    let giving = || World::new().user("ada");
    let gives = giving().but(|w| w.policy.manner = "Linked devices are wiped.".into()).plan();
    assert_eq!(gives.digest(), giving().plan().digest(), "who takes nothing away wipes nothing");
}

#[test]
fn what_moved_is_told_in_short_sentences() {
    let before = busy().plan();
    let after = busy().but(|w| {
        w.person("cy").attributes = w.person("cy").attributes.with(Attribute::Surname, "Cyborg");
        w.person("dee").enabled = false;
        w.people.remove(&user("eve"));
    });
    insta::assert_snapshot!(after.plan().moved_since(&before).join("\n"), @r"
        New: suspend dee@example.com.
        Changed: update cy@example.com.
        No longer: create eve@example.com.
        No longer: add eve@example.com to ops.
        ");
}

#[test]
fn counts_go_by_the_kinds_of_the_api() {
    let counts = serde_json::to_string(&busy().plan().counts()).unwrap();
    insta::assert_snapshot!(counts, @r#"{"ADD_MEMBER":1,"CREATE":1,"REMOVE":1,"REMOVE_MEMBER":1,"UPDATE":1}"#);
    for operation in busy().plan().operations {
        let json = serde_json::to_value(&operation).unwrap();
        assert_eq!(json["kind"], operation.action.stage().kind());
    }
}
