//! PingOne's examples of outbound sync summaries (facts §1.9), with their numbers.

use dropbox_simulator::{Fault, MemberSeed, Route, Trigger, When};
use serde_json::json;

use crate::world::{Way, World, counts};

const FIVE: [&str; 5] = ["ada", "bob", "cy", "dee", "eve"];

both_ways! {
    async fn two_users_who_fail_in_two_groups_that_do_not(way) {
        let world = World::new()
            .user("ada")
            .in_group("eng")
            .in_group("ops")
            .user("bob")
            .in_group("eng")
            .in_group("ops")
            .team(|team| team.on_another_team("ada@example.com").on_another_team("bob@example.com"))
            .await;
        world.sync(way).await;
        assert_eq!(world.status().await, (counts(0, 0, 0, 2), counts(2, 0, 0, 0)));
    }

    async fn five_groups_of_which_one_has_a_membership_that_could_not_be_updated(way) {
        let world = World::new()
            .user("ada")
            .in_group("one")
            .group("two")
            .group("three")
            .group("four")
            .group("five")
            .member(MemberSeed::new("ada@example.com", "Ada", "Example"))
            .await;
        let refused = Fault::Refused("user_cannot_be_manager_of_company_managed_group".into());
        world.simulator.faults().on(Route::GroupMembersAdd, Trigger::Always, refused, When::BeforeEffect);
        world.sync(way).await;
        assert_eq!(world.status().await.1, counts(4, 0, 0, 1));
        assert!(world.group_standing("one").await.starts_with("Failed"));
        assert!(world.standing("ada").await.starts_with("Partial"));
    }

    async fn five_users_while_creating_is_not_allowed(way) {
        let world = World::new().users(FIVE).setting("CREATE_USERS", false).await;
        world.sync(way).await;
        assert_eq!(world.status().await.0, counts(0, 5, 0, 0));
    }

    async fn five_users_while_updating_is_not_allowed_and_one_was_updated(way) {
        let world =
            World::new().users(FIVE).setting("UPDATE_USERS", false).setting("DISABLE_USERS", false).await;
        world.sync_full().await;
        assert_eq!(world.status().await.0, counts(5, 0, 0, 0));
        world.patch("cy", json!({"name": {"given": "Cyrus", "family": "Example"}})).await;
        world.sync(way).await;
        assert_eq!(world.status().await.0, counts(4, 0, 1, 0));
    }

    async fn without_groups_on_the_rule_only_users_are_summed_up(way) {
        let world = World::new().users(FIVE).group_beside("eng").await;
        world.sync(way).await;
        assert_eq!(world.status().await, (counts(5, 0, 0, 0), counts(0, 0, 0, 0)));
    }

    async fn with_groups_on_the_rule_both_are_summed_up(way) {
        let world = World::new().users(FIVE).in_group("eng").group("ops").await;
        world.sync(way).await;
        assert_eq!(world.status().await, (counts(5, 0, 0, 0), counts(2, 0, 0, 0)));
    }
}

/// PingOne: turning an action on is no resync; the user stays Partial until one is asked for.
#[tokio::test]
async fn turning_updating_on_changes_nothing_until_a_resync() {
    let world = World::new().user("ada").setting("UPDATE_USERS", false).setting("DISABLE_USERS", false).await;
    world.sync_full().await;
    world.patch("ada", json!({"name": {"given": "Augusta", "family": "Example"}})).await;
    world.sync_due().await;
    assert_eq!(world.standing("ada").await, "Partial UPDATE_OFF");
    world.set("UPDATE_USERS", true).await;
    world.sync_due().await;
    assert_eq!(world.standing("ada").await, "Partial UPDATE_OFF");
    world.sync_full().await;
    assert_eq!(world.standing("ada").await, "Success");
    assert_eq!(world.member("ada"), "invited, Augusta Example, marked ada");
}
