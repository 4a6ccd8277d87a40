//! The rule is deleted: its accounts are deprovisioned through the guard, or only unlinked.

use dropbox_simulator::{GroupSeed, MemberSeed};

use crate::world::{Draft, World};

/// Three people who are active, one of them in a group that Usher made, and one in a group that was there.
fn three() -> Draft {
    let member = |name: &str| MemberSeed::new(&format!("{name}@example.com"), name, "Example");
    World::new()
        .user("ada")
        .in_group("eng")
        .user("bob")
        .in_group("ops")
        .user("cy")
        .member(member("ada"))
        .member(member("bob"))
        .member(member("cy"))
        .remote_group(GroupSeed::new("ops", &[]))
}

fn twelve() -> impl Iterator<Item = String> {
    (0..12).map(|number| format!("user{number:02}"))
}

#[tokio::test]
async fn a_rule_of_a_managed_connection_suspends_its_accounts_and_goes() {
    let world = three().managed().await;
    world.sync_full().await;
    world.delete_rule(false, None).await;
    world.sync_due().await;
    for name in ["ada", "bob", "cy"] {
        assert!(world.member(name).starts_with("suspended"), "{name}: {}", world.member(name));
    }
    assert_eq!(world.group("eng"), "none", "Usher made it");
    assert_eq!(world.group("ops"), "company-managed: bob", "it was there before");
    assert!(world.rule_is_gone().await);
    assert_eq!(world.member_at("admin@team.example.com"), "active, Team Admin");
}

#[tokio::test]
async fn a_rule_of_a_managed_connection_removes_its_accounts_when_the_action_is_delete() {
    let world = three().managed().setting("REMOVE_ACTION", "Delete").await;
    world.sync_full().await;
    world.delete_rule(false, None).await;
    world.sync_due().await;
    for name in ["ada", "bob", "cy"] {
        assert!(world.member(name).starts_with("removed"), "{name}: {}", world.member(name));
    }
    assert!(world.rule_is_gone().await);
}

#[tokio::test]
async fn a_rule_of_another_connection_leaves_its_accounts_as_they_are() {
    let world = three().await;
    world.sync_full().await;
    let before = ["ada", "bob", "cy"].map(|name| world.member(name));
    world.writes();
    world.delete_rule(false, None).await;
    world.sync_due().await;
    assert_eq!(["ada", "bob", "cy"].map(|name| world.member(name)), before);
    assert_eq!(world.writes(), [""; 0]);
    assert!(world.rule_is_gone().await);
    assert!(world.link("ada").await.is_none());
}

#[tokio::test]
async fn a_rule_that_is_deleted_with_deprovisioning_takes_its_accounts_along() {
    let world = three().await;
    world.sync_full().await;
    world.delete_rule(true, None).await;
    world.sync_due().await;
    assert!(world.member("ada").starts_with("suspended"));
    assert!(world.rule_is_gone().await);
}

#[tokio::test]
async fn many_accounts_of_a_deleted_rule_wait_for_a_person() {
    let world = World::new().many(twelve()).managed().await;
    world.sync_full().await;
    world.dropbox().accept_all_invitations();
    world.writes();
    world.delete_rule(false, None).await;
    world.sync_due().await;
    let held = world.held().await;
    assert_eq!(world.writes(), [""; 0]);
    assert!(!world.rule_is_gone().await, "it stays until it is done");

    world.approve(&held).await;
    assert_eq!(world.dropbox().count(dropbox_simulator::MemberState::Suspended), 12);
    assert!(world.rule_is_gone().await);
}

#[tokio::test]
async fn consent_to_exactly_this_plan_lets_it_through() {
    let world = World::new().many(twelve()).await;
    world.sync_full().await;
    world.dropbox().accept_all_invitations();
    let seen = world.preview_of_deletion().await;
    world.delete_rule(true, Some(&seen.digest)).await;
    world.sync_due().await;
    assert_eq!(world.dropbox().count(dropbox_simulator::MemberState::Suspended), 12);
    assert!(world.rule_is_gone().await);
}

#[tokio::test]
async fn a_protected_account_of_a_deleted_rule_stays() {
    let world = three().managed().setting("PROTECTED_EMAILS", serde_json::json!(["bob@example.com"])).await;
    world.sync_full().await;
    world.delete_rule(false, None).await;
    world.sync_due().await;
    assert!(world.member("bob").starts_with("active"));
    assert!(world.member("ada").starts_with("suspended"));
    assert!(world.rule_is_gone().await);
}
