//! How many calls it takes (answers are read back only after trouble, and tokens are not counted).

use dropbox_simulator::{GroupSeed, Route};
use serde_json::json;

use crate::world::{World, counts};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user{number:04}")).collect()
}

#[tokio::test]
async fn a_full_run_with_nothing_to_do_takes_a_call_for_each_thousand_and_one() {
    for (users, groups, expected) in [(5, 2, 3), (1100, 2, 4)] {
        let world = World::new()
            .many(names(users))
            .team(|team| team.call_log_limit(10_000).check_answers(false))
            .group("eng")
            .group("ops")
            .await;
        world.sync_full().await;
        assert_eq!(world.status().await, (counts(users as u64, 0, 0, 0), counts(groups, 0, 0, 0)));
        // The administrator is listed, too; a page has a thousand.
        world.calls();
        world.sync_full().await;
        assert_eq!(world.calls(), expected, "{users} users");
    }
}

#[tokio::test]
async fn groups_are_listed_by_the_thousand_too() {
    let groups = (0..1500).map(|number| GroupSeed::new(&format!("group {number}"), &[])).collect::<Vec<_>>();
    let world =
        groups.into_iter().fold(World::new().user("ada"), |world, group| world.remote_group(group)).await;
    world.sync_full().await;
    world.calls();
    world.sync_full().await;
    assert_eq!(world.calls(), 1 + 2 + 1, "members, groups, the team");
}

#[tokio::test]
async fn creating_takes_a_call_for_each_twenty() {
    let world = World::new().many(names(45)).await;
    world.sync_full().await;
    assert_eq!(world.simulator.calls().count(Route::MembersAdd), 3);
    assert_eq!(world.calls(), 3 + 3, "and three to look");
    assert_eq!(world.status().await.0, counts(45, 0, 0, 0));
}

#[tokio::test]
async fn one_users_change_takes_at_most_three_calls() {
    let world = World::new().users(["ada", "bob"]).group("eng").await;
    world.sync_full().await;
    world.dropbox().accept_all_invitations();
    world.calls();
    let took = async |what: &str, at_most: u64| {
        world.sync_due().await;
        let calls = world.calls();
        assert!(calls <= at_most, "{what} took {calls} calls");
        assert!(!world.last_run().await.scope.is_full(), "{what} looked at everything");
        world.assert_at_rest().await;
        world.calls();
    };
    world.patch("ada", json!({"name": {"given": "Augusta", "family": "Example"}})).await;
    took("a new name", 2).await;
    world.join("ada", "eng").await;
    took("joining", 2).await;
    world.leave("ada", "eng").await;
    took("leaving", 2).await;
    world.disable("ada").await;
    took("disabling", 2).await;
    world.enable("ada").await;
    took("enabling", 2).await;
    world.create_user("cy").await;
    took("someone new", 3).await;
    world.rename_group("eng", "Engineering").await;
    took("a group's new name", 3).await;
    world.delete("bob").await;
    took("deleting", 2).await;
}

#[tokio::test]
async fn a_membership_of_many_is_one_call() {
    let world = World::new().many(names(60)).group("eng").await;
    world.sync_full().await;
    for name in names(60) {
        world.join(&name, "eng").await;
    }
    world.calls();
    world.sync_due().await;
    assert_eq!(world.simulator.calls().count(Route::GroupMembersAdd), 1);
    assert_eq!(world.dropbox().group_members("eng").len(), 60);
}

#[tokio::test]
async fn a_preview_says_how_many_calls_it_takes() {
    let world = World::new().many(names(45)).group("eng").await;
    let preview = world.preview().await;
    world.calls();
    world.sync_full().await;
    let writes = world.writes().len() as u64;
    assert_eq!(preview.calls, writes);
}
