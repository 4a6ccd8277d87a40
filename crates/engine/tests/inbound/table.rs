//! The table's inbound column: create, read, update, disable, delete, and what is switched off.

use dropbox_simulator::MemberSeed;
use serde_json::json;
use usher_domain::reconcile::{run::RunState, scope::Scope};

use crate::{
    rule::{INBOUND, inbound, member},
    world::{DROPBOX, ENVIRONMENT, POPULATION, counts},
};

#[tokio::test]
async fn a_member_becomes_a_user_with_a_link_and_a_provenance() {
    let world = inbound(json!({}), [member("ada")]).await;
    let run = world.bring_in().await;
    assert_eq!(run.state, RunState::Succeeded);
    assert_eq!(world.user("ada").await, "enabled, Ada Example, ada@example.com");
    let user = world.user_named("ada@example.com").await.unwrap();
    assert_eq!(user.population, POPULATION);
    let made = world.store.provisioned(INBOUND, None).await.unwrap();
    let links = world.store.links(DROPBOX, &Scope::Full).await.unwrap();
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].user, made[0].has_left), (user.id, false));
    assert_eq!(links.account(user.id).unwrap().account, made[0].account);
    assert_eq!(world.inbound_status().await, counts(1, 0, 0, 0));
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn nothing_in_dropbox_is_ever_written() {
    let world = inbound(json!({}), [member("ada"), member("bob")]).await;
    world.bring_in().await;
    world.dropbox().remove_by_person("ada@example.com").unwrap();
    world.bring_in().await;
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn a_change_of_name_and_address_reaches_the_user() {
    let world = inbound(json!({}), [member("ada")]).await;
    world.bring_in().await;
    let before = world.user_named("ada@example.com").await.unwrap();
    {
        let mut team = world.dropbox();
        team.rename_by_person("ada@example.com", "Augusta", "King").unwrap();
        team.change_email_by_person("ada@example.com", "lovelace@example.com").unwrap();
    }
    world.bring_in().await;
    assert_eq!(world.everyone().await, ["lovelace@example.com: enabled, Augusta King, lovelace@example.com"]);
    assert_eq!(world.user_named("lovelace@example.com").await.unwrap().id, before.id);
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn a_suspended_member_is_a_disabled_user_until_they_are_back() {
    let world = inbound(json!({}), [member("ada")]).await;
    world.bring_in().await;
    world.dropbox().suspend_by_person("ada@example.com").unwrap();
    world.bring_in().await;
    assert_eq!(world.user("ada").await, "disabled, Ada Example, ada@example.com");
    world.dropbox().unsuspend_by_person("ada@example.com").unwrap();
    world.bring_in().await;
    assert_eq!(world.user("ada").await, "enabled, Ada Example, ada@example.com");
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn who_is_removed_from_the_team_is_disabled_and_is_back_when_they_are() {
    let world = inbound(json!({"DEPROVISION_USERS": true}), [member("ada")]).await;
    world.bring_in().await;
    let id = world.user_named("ada@example.com").await.unwrap().id;
    world.dropbox().remove_by_person("ada@example.com").unwrap();
    world.bring_in().await;
    assert_eq!(world.user("ada").await, "disabled, Ada Example, ada@example.com");
    assert_eq!(world.inbound_status().await, counts(0, 0, 0, 0), "they are not of the rule any more");
    world.assert_inbound_at_rest().await;
    // Another member, by Dropbox's reckoning; the same person by their address.
    world.days_pass(8);
    world.dropbox().add_member(member("ada"));
    world.bring_in().await;
    assert_eq!(world.user("ada").await, "enabled, Ada Example, ada@example.com");
    assert_eq!(world.user_named("ada@example.com").await.unwrap().id, id);
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn who_is_removed_from_the_team_is_deleted_when_the_rule_says_so() {
    let world = inbound(json!({"DEPROVISION_USERS": true, "REMOVE_ACTION": "Delete"}), [member("ada")]).await;
    world.bring_in().await;
    world.dropbox().remove_by_person("ada@example.com").unwrap();
    world.bring_in().await;
    assert_eq!(world.everyone().await, [""; 0]);
    assert!(world.store.provisioned(INBOUND, None).await.unwrap().is_empty());
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn who_is_removed_from_the_team_stays_when_deprovisioning_is_off() {
    let world = inbound(json!({}), [member("ada")]).await;
    world.bring_in().await;
    world.dropbox().remove_by_person("ada@example.com").unwrap();
    world.bring_in().await;
    assert_eq!(world.user("ada").await, "enabled, Ada Example, ada@example.com");
    let told = world.in_the_way().await;
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("LEFT_ALONE The account of ada@example.com is removed"), "{told:?}");
}

#[tokio::test]
async fn a_user_who_was_there_is_linked_and_never_removed() {
    let world = inbound(json!({"DEPROVISION_USERS": true, "REMOVE_ACTION": "Delete"}), [member("ada")]).await;
    world
        .create_user_with("ada", json!({"username": "ada", "title": "Countess"}).as_object().unwrap().clone())
        .await;
    world.bring_in().await;
    let everyone = ["ada@example.com: enabled, Ada Example, ada@example.com"];
    assert_eq!(world.everyone().await, everyone, "one Ada, and her username follows the mapping");
    assert!(world.store.provisioned(INBOUND, None).await.unwrap().is_empty());
    world.dropbox().remove_by_person("ada@example.com").unwrap();
    world.bring_in().await;
    assert_eq!(world.everyone().await, everyone);
    assert!(world.link("ada").await.is_none(), "they are forgotten");
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn what_is_switched_off_is_told_in_pingones_words() {
    let off = json!({"CREATE_USERS": false, "UPDATE_USERS": false, "DISABLE_USERS": false});
    let world = inbound(off, [member("ada"), member("bob"), member("cyd")]).await;
    for name in ["ada", "bob"] {
        world
            .create_user_with(
                name,
                json!({"username": format!("{name}@example.com")}).as_object().unwrap().clone(),
            )
            .await;
    }
    world.dropbox().rename_by_person("ada@example.com", "Augusta", "King").unwrap();
    world.dropbox().suspend_by_person("bob@example.com").unwrap();
    world.bring_in().await;
    assert_eq!(world.inbound_status().await, counts(0, 1, 2, 0));
    assert_eq!(world.inbound_standing(world.user_id("ada")).await, "Partial UPDATE_OFF");
    assert_eq!(world.inbound_standing(world.user_id("bob")).await, "Partial DISABLE_OFF");
    assert_eq!(world.user("ada").await, "enabled, Ada Example, ada@example.com");
    assert_eq!(world.user("bob").await, "enabled, Bob Example, bob@example.com");
    assert_eq!(world.user("cyd").await, "none");
}

#[tokio::test]
async fn a_member_is_found_again_by_an_account_that_is_due() {
    let world = inbound(json!({"DEPROVISION_USERS": true}), [member("ada"), member("bob")]).await;
    world.bring_in().await;
    let id = |name: &str| {
        world.dropbox().member_by_email(&format!("{name}@example.com")).unwrap().team_member_id.clone()
    };
    let (ada, new) = (id("ada"), world.dropbox().add_member(member("cyd")));
    world.dropbox().remove_by_person("ada@example.com").unwrap();
    world.calls();
    let run = world.bring_in_accounts([ada, new]).await;
    assert!(!run.scope.is_full(), "{:?}", run.scope);
    assert_eq!(world.user("ada").await, "disabled, Ada Example, ada@example.com");
    assert_eq!(world.user("cyd").await, "enabled, Cyd Example, cyd@example.com");
    assert_eq!(world.inbound_status().await, counts(2, 0, 0, 0));
    assert!(world.calls() <= 2);
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn an_inbound_filter_chooses_members_by_what_dropbox_knows_of_them() {
    let world = inbound(json!({"DEPROVISION_USERS": true}), [member("ada"), member("bob")]).await;
    world.dropbox().add_member(MemberSeed::new("eve@elsewhere.example", "Eve", "Else"));
    world.dropbox().add_group(dropbox_simulator::GroupSeed::new(
        "Engineering",
        &["ada@example.com", "eve@elsewhere.example"],
    ));
    let mut rule = world.inbound_rule().await;
    rule.filter =
        Some("groups co \"engineering\" and domain eq \"example.com\" and status eq \"active\"".into());
    world.save_inbound(rule).await;
    world.sync_due().await;
    assert_eq!(world.everyone().await, ["ada@example.com: enabled, Ada Example, ada@example.com"]);
    let mut rule = world.inbound_rule().await;
    rule.filter = Some("email eq \"bob@example.com\"".into());
    world.save_inbound(rule).await;
    world.sync_due().await;
    assert_eq!(
        world.everyone().await,
        [
            "ada@example.com: disabled, Ada Example, ada@example.com",
            "bob@example.com: enabled, Bob Example, bob@example.com",
        ],
        "who left the filter left the rule"
    );
}

#[tokio::test]
async fn the_explanation_tells_it_from_the_account_to_the_user() {
    let world = inbound(json!({"AUTHORITY": {"email": "Directory"}}), [member("ada")]).await;
    world.bring_in().await;
    world.dropbox().rename_by_person("ada@example.com", "Augusta", "Example").unwrap();
    let user = world.user_named("ada@example.com").await.unwrap();
    let told = world.reconciler.explain(&world.inbound_rule().await, user.id).await.unwrap();
    let steps: Vec<&str> = told
        .steps
        .iter()
        .map(String::as_str)
        .filter(|step| !step.starts_with("Link: account") && !step.starts_with("Last"))
        .collect();
    insta::assert_snapshot!(steps.join("\n"), @r#"
    Directory: ada@example.com is enabled.
    Dropbox member: ada@example.com is active.
    Scope: in scope: the filter matches by `domain eq "example.com"`.
    Mapping: email is "ada@example.com" from email; the user has the same; the directory decides it, so that only a new user gets it.
    Mapping: name.family is "Example" from surname; the user has the same.
    Mapping: name.given is "Augusta" from given_name; the user has "Ada".
    Mapping: username is "ada@example.com" from email; the user has the same; the directory decides it, so that only a new user gets it.
    Mapping: enabled is "true" from status; the user has the same.
    Next: update ada@example.com in the directory, because in scope.
    "#);
    assert!(world.store.user(ENVIRONMENT, user.id).await.unwrap().unwrap().enabled);
}
