//! Who is in a group, directly or through nesting; merged or overwritten.

use std::time::Duration;

use dropbox_simulator::{GroupSeed, MemberSeed, Switches};

use crate::world::{Way, World};

/// A team in which the invited cannot join groups.
fn not_before_they_accept() -> Switches {
    Switches { invited_may_join_groups: false, ..Switches::default() }
}

both_ways! {
    async fn a_member_is_added(way) {
        let world = World::new().user("ada").in_group("eng").await;
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed, marked eng: ada");
        world.assert_at_rest().await;
    }

    async fn a_member_through_nesting_is_added_and_taken_out_with_it(way) {
        let world = World::new()
            .group("everyone")
            .group_beside("eng")
            .nested("eng", "everyone")
            .user("ada")
            .in_group("eng")
            .await;
        world.sync(way).await;
        assert_eq!(world.group("everyone"), "company-managed, marked everyone: ada");
        assert_eq!(world.group("eng"), "none", "it is not of the rule");
        world.unnest("eng", "everyone").await;
        world.sync(way).await;
        assert_eq!(world.group("everyone"), "company-managed, marked everyone:");
        world.assert_at_rest().await;
    }

    async fn a_member_who_leaves_the_group_is_taken_out(way) {
        let world = World::new().users(["ada"]).in_group("eng").user("bob").in_group("eng").await;
        world.sync_full().await;
        world.leave("bob", "eng").await;
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed, marked eng: ada");
        world.assert_at_rest().await;
    }

    async fn only_the_provisioned_are_members(way) {
        let world = World::new()
            .filter(r#"title eq "Engineer""#)
            .user("ada")
            .with("title", "Engineer")
            .in_group("eng")
            .user("bob")
            .in_group("eng")
            .await;
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed, marked eng: ada");
        assert_eq!(world.member("bob"), "none");
        assert_eq!(world.standing("bob").await, "none");
    }

    async fn an_invited_member_whom_dropbox_refuses_yet_stays_pending_and_is_retried(way) {
        let world = World::new()
            .user("ada")
            .in_group("eng")
            .team(|team| team.switches(not_before_they_accept()))
            .await;
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed, marked eng:");
        let standing = world.standing("ada").await;
        assert!(standing.starts_with("Partial"), "{standing}");
        assert_eq!(world.status().await.1.failed, 0, "waiting is not failing");

        world.dropbox().accept_invitation("ada@example.com").unwrap();
        world.time_passes(Duration::from_secs(3600));
        world.sync_due().await;
        assert_eq!(world.group("eng"), "company-managed, marked eng: ada");
        assert_eq!(world.standing("ada").await, "Success");
        assert_eq!(world.group_standing("eng").await, "Success");
        world.assert_at_rest().await;
    }

    async fn merging_takes_out_only_whom_usher_put_in(way) {
        let world = World::new()
            .user("ada")
            .in_group("eng")
            .user("bob")
            .member(MemberSeed::new("bob@example.com", "Bob", "Example"))
            .member(MemberSeed::new("stranger@example.com", "A", "Stranger"))
            .remote_group(GroupSeed::new("eng", &["bob@example.com", "stranger@example.com"]))
            .await;
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed: ada bob stranger");
        world.leave("ada", "eng").await;
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed: bob stranger");
        world.assert_at_rest().await;
    }

    async fn overwriting_leaves_exactly_the_members(way) {
        let world = World::new()
            .user("ada")
            .in_group("eng")
            .user("bob")
            .setting("GROUP_MEMBERSHIP_HANDLING", "Overwrite")
            .member(MemberSeed::new("bob@example.com", "Bob", "Example"))
            .member(MemberSeed::new("stranger@example.com", "A", "Stranger"))
            .remote_group(GroupSeed::new("eng", &["bob@example.com", "stranger@example.com"]))
            .await;
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed: ada");
        assert_eq!(
            world.member("stranger"),
            "active, A Stranger",
            "taken out of the group, and nothing else"
        );
        world.assert_at_rest().await;
    }

    async fn whoever_joins_by_a_person_stays_when_merging(way) {
        let world = World::new().user("ada").in_group("eng").user("bob").await;
        world.sync_full().await;
        world.dropbox().join_group_by_person("eng", "bob@example.com").unwrap();
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed, marked eng: ada bob");
        world.assert_at_rest().await;
    }

    async fn whom_a_person_took_out_is_put_back(way) {
        let world = World::new().user("ada").in_group("eng").await;
        world.sync_full().await;
        world.dropbox().leave_group_by_person("eng", "ada@example.com").unwrap();
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed, marked eng: ada");
        world.assert_at_rest().await;
    }

    async fn who_leaves_the_rule_with_the_group_staying_is_unlinked_as_they_are(way) {
        let world = World::new()
            .filter(r#"title eq "Engineer""#)
            .user("ada")
            .with("title", "Engineer")
            .in_group("eng")
            .await;
        world.sync_full().await;
        world.patch("ada", serde_json::json!({"title": null})).await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "invited, Ada Example, marked ada, in eng");
        world.assert_at_rest().await;
    }
}

/// Of one change of a membership, nothing but this user is looked at, and nothing but this group called.
#[tokio::test]
async fn joining_a_group_is_a_small_run() {
    let world = World::new().users(["ada", "bob"]).group("eng").await;
    world.sync_full().await;
    world.calls();
    world.join("ada", "eng").await;
    world.sync_due().await;
    assert_eq!(world.group("eng"), "company-managed, marked eng: ada");
    assert_eq!(world.calls(), 2, "a look, and the membership");
    assert!(!world.last_run().await.scope.is_full());
}
