//! The order of the world: what takes away goes first, then what gives.

use dropbox_simulator::MemberSeed;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn taking_away_goes_before_giving() {
    let people = ["ada", "bob", "cy", "dee", "fay", "gil", "hal"];
    let everyone = people.map(|name| MemberSeed::new(&format!("{name}@example.com"), name, "Example"));
    let world = World::new()
        .users(people)
        .group("eng")
        .group("old")
        .setting("DEPROVISION_USERS", true)
        .setting("REMOVE_ACTION", "Delete")
        .team(|team| team.members(everyone))
        .await;
    world.join("cy", "eng").await;
    world.disable("hal").await;
    world.sync_full().await;
    world.assert_at_rest().await;

    world.create_group("new").await;
    let new = world.group_id("new");
    world.change_rule(|rule| rule.groups.push(new)).await;
    world.disable("ada").await;
    world.delete("bob").await;
    world.leave("cy", "eng").await;
    world.dropbox().remove_by_person("dee@example.com").unwrap();
    world.enable("hal").await;
    world.create_user("eve").await;
    world.patch("fay", json!({"name": {"given": "Morgan", "family": "Example"}})).await;
    world.rename_group("eng", "Engineering").await;
    world.join("gil", "eng").await;
    world.delete_group("old").await;
    world.writes();
    world.sync_full().await;
    assert_eq!(
        world.writes(),
        [
            "members/suspend",
            "members/remove",
            "groups/members/remove",
            "members/recover",
            "members/unsuspend",
            "members/add_v2",
            "members/set_profile_v2",
            "groups/create",
            "groups/update",
            "groups/members/add",
            "groups/delete",
        ]
    );
    world.assert_at_rest().await;
}
