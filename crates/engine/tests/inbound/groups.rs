//! Groups inbound, as an option: Dropbox groups and memberships into directory groups.

use dropbox_simulator::GroupSeed;
use serde_json::{Value, json};
use usher_domain::{GroupId, reconcile::run::RunState};

use crate::{
    rule::{inbound, member},
    world::{ENVIRONMENT, POPULATION, World},
};

async fn with_groups(more: Value) -> World {
    let mut all = json!({"SYNC_GROUPS": true, "DEPROVISION_USERS": true, "GUARD_MAX_REMOVAL_PERCENT": 100});
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    inbound(all, ["ada", "bob", "cyd"].map(member)).await
}

/// `Engineering: ada bob`, for every group.
async fn groups(world: &World) -> Vec<String> {
    let mut told = Vec::new();
    for group in world.store.groups(ENVIRONMENT).await.unwrap() {
        told.push(format!("{}: {}", group.name, members(world, group.id).await));
    }
    told.sort();
    told
}

async fn members(world: &World, group: GroupId) -> String {
    let ids = world.store.members_of(group).await.unwrap();
    let users = world.store.users_by_id(ENVIRONMENT, &ids).await.unwrap();
    let mut names: Vec<String> =
        users.into_iter().map(|user| user.username.replace("@example.com", "")).collect();
    names.sort();
    names.join(" ")
}

#[tokio::test]
async fn a_dropbox_group_becomes_a_directory_group_with_its_members() {
    let world = with_groups(json!({})).await;
    world.dropbox().add_group(GroupSeed::new("Engineering", &["ada@example.com", "bob@example.com"]));
    let run = world.bring_in().await;
    assert_eq!(run.state, RunState::Succeeded);
    assert_eq!(
        groups(&world).await,
        ["Engineering: ada bob"],
        "and not the group of everyone, which is Dropbox's own"
    );
    let made = world.store.groups(ENVIRONMENT).await.unwrap().remove(0);
    assert_eq!(made.population, Some(POPULATION));
    world.assert_inbound_at_rest().await;
    // Dropbox's word on it: who was taken out by hand is put back, who was put in by hand is taken out.
    let by = usher_engine::directory::By { actor: crate::world::person(), correlation_id: None };
    let ada = world.user_named("ada@example.com").await.unwrap().id;
    let cyd = world.user_named("cyd@example.com").await.unwrap().id;
    world.directory.remove_member(&by, ENVIRONMENT, ada, made.id).await.unwrap();
    world.directory.add_member(&by, ENVIRONMENT, cyd, made.id).await.unwrap();
    world.bring_in().await;
    assert_eq!(groups(&world).await, ["Engineering: ada bob"]);
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn without_the_option_no_group_comes_in() {
    let world = with_groups(json!({"SYNC_GROUPS": false})).await;
    world.dropbox().add_group(GroupSeed::new("Engineering", &["ada@example.com"]));
    world.bring_in().await;
    assert_eq!(groups(&world).await, [""; 0]);
}

#[tokio::test]
async fn a_group_of_the_same_name_is_adopted_and_its_other_members_stay() {
    let world = with_groups(json!({})).await;
    world.create_group("engineering").await;
    world.create_user("zoe").await;
    world.join("zoe", "engineering").await;
    world.dropbox().add_group(GroupSeed::new("engineering", &["ada@example.com"]));
    world.bring_in().await;
    assert_eq!(groups(&world).await, ["engineering: ada zoe"]);
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn a_dynamic_group_of_the_same_name_is_a_conflict() {
    let world = with_groups(json!({})).await;
    let by = usher_engine::directory::By { actor: crate::world::person(), correlation_id: None };
    let body = json!({"name": "Engineering", "userFilter": "title eq \"Engineer\""});
    world.directory.create_group(&by, ENVIRONMENT, body.as_object().unwrap()).await.unwrap();
    world.dropbox().add_group(GroupSeed::new("Engineering", &["ada@example.com"]));
    world.bring_in().await;
    assert_eq!(groups(&world).await, ["Engineering: "]);
    let told = world.in_the_way().await;
    assert!(told[0].starts_with("GROUP_IS_DYNAMIC"), "{told:?}");
}

#[tokio::test]
async fn a_group_that_is_renamed_in_dropbox_is_renamed_in_the_directory_and_keeps_its_members() {
    let world = with_groups(json!({})).await;
    world.dropbox().add_group(GroupSeed::new("Engineering", &["ada@example.com", "bob@example.com"]));
    world.bring_in().await;
    let before = world.store.groups(ENVIRONMENT).await.unwrap().remove(0).id;
    world.dropbox().rename_group_by_person("Engineering", "Makers").unwrap();
    world.bring_in().await;
    assert_eq!(groups(&world).await, ["Makers: ada bob"]);
    assert_eq!(world.store.groups(ENVIRONMENT).await.unwrap().remove(0).id, before);
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn a_group_is_not_renamed_to_the_name_of_another_group() {
    let world = with_groups(json!({})).await;
    world.dropbox().add_group(GroupSeed::new("Engineering", &["ada@example.com"]));
    world.bring_in().await;
    let by = usher_engine::directory::By { actor: crate::world::person(), correlation_id: None };
    let body = json!({"name": "Makers", "population": {"id": POPULATION.to_string()}});
    world.directory.create_group(&by, ENVIRONMENT, body.as_object().unwrap()).await.unwrap();
    world.dropbox().rename_group_by_person("Engineering", "Makers").unwrap();
    world.bring_in().await;
    assert_eq!(groups(&world).await, ["Engineering: ada", "Makers: "]);
    let told = world.in_the_way().await;
    assert!(told.iter().any(|it| it.starts_with("GROUP_NAME_TAKEN") && it.contains("Makers")), "{told:?}");
    world.assert_inbound_at_rest().await;
}

/// The group that the rule made goes; one that was there before loses only whom the rule put in.
#[tokio::test]
async fn a_group_that_is_deleted_in_dropbox_takes_along_only_what_the_rule_made() {
    let world = with_groups(json!({})).await;
    world.create_group("engineering").await;
    world.create_user("zoe").await;
    world.join("zoe", "engineering").await;
    world.dropbox().add_group(GroupSeed::new("engineering", &["ada@example.com"]));
    world.dropbox().add_group(GroupSeed::new("Sales", &["bob@example.com"]));
    world.bring_in().await;
    assert_eq!(groups(&world).await, ["Sales: bob", "engineering: ada zoe"]);
    world.dropbox().delete_group_by_person("engineering").unwrap();
    world.dropbox().delete_group_by_person("Sales").unwrap();
    world.bring_in().await;
    assert_eq!(groups(&world).await, ["engineering: zoe"]);
    assert_eq!(world.user("bob").await, "enabled, Bob Example, bob@example.com", "nobody goes with a group");
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn the_guard_holds_the_removal_of_groups_and_of_memberships_until_somebody_approves() {
    let world = with_groups(json!({"GUARD_MAX_REMOVALS": 1})).await;
    for name in ["Engineering", "Sales"] {
        world.dropbox().add_group(GroupSeed::new(name, &["ada@example.com", "bob@example.com"]));
    }
    world.bring_in().await;
    let everything = ["Engineering: ada bob", "Sales: ada bob"];
    for name in ["Engineering", "Sales"] {
        world.dropbox().delete_group_by_person(name).unwrap();
    }
    world.bring_in().await;
    assert_eq!(groups(&world).await, everything, "nothing is taken away before");
    let held = world.held_inbound().await;
    world.approve(&held).await;
    world.sync_due().await;
    assert_eq!(groups(&world).await, [""; 0]);
    world.assert_inbound_at_rest().await;
}
