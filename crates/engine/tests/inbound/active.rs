//! Sync Only Active Users, and the guard over everything that an inbound rule takes away.

use dropbox_simulator::MemberSeed;
use serde_json::json;
use usher_domain::reconcile::{
    guard::Verdict,
    run::{RunState, Trigger},
};

use crate::{
    rule::{INBOUND, inbound, member},
    world::{ENVIRONMENT, World, counts, person},
};

/// Twelve members: m0 invited, m1 and m2 suspended, the others active.
fn twelve() -> Vec<MemberSeed> {
    (0..12)
        .map(|number| {
            let active = member(&format!("m{number}"));
            match number {
                0 => MemberSeed::invited(&active.email, &active.given_name, &active.surname),
                1 | 2 => MemberSeed { state: dropbox_simulator::MemberState::Suspended, ..active },
                _ => active,
            }
        })
        .collect()
}

async fn usernames(world: &World) -> Vec<String> {
    let mut names: Vec<String> =
        world.store.all_users(ENVIRONMENT).await.unwrap().into_iter().map(|user| user.username).collect();
    names.sort();
    names.into_iter().map(|name| name.replace("@example.com", "")).collect()
}

#[tokio::test]
async fn turned_on_the_right_users_leave_and_only_those_of_this_rule() {
    let world = inbound(json!({"GUARD_MAX_REMOVAL_PERCENT": 100}), twelve()).await;
    // One of the suspended was here before, and is not this rule's to take away.
    world.create_user_with("m2", json!({"username": "m2@example.com"}).as_object().unwrap().clone()).await;
    world.bring_in().await;
    assert_eq!(world.store.all_users(ENVIRONMENT).await.unwrap().len(), 12, "invited and suspended ones too");
    assert!(world.user("m0").await.starts_with("enabled"), "an invitation that is open is not a suspension");
    assert!(world.user("m1").await.starts_with("disabled"));

    // A preview before saving, by a draft of the rule.
    let mut draft = world.inbound_rule().await;
    draft.configuration.insert("SYNC_ONLY_ACTIVE_USERS".into(), json!(true));
    let preview = world.reconciler.preview(&draft, Default::default()).await.unwrap();
    let gone: Vec<String> = preview
        .plan
        .operations
        .iter()
        .filter(|it| it.action.removes_user())
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        gone,
        [
            "- delete m0@example.com from the directory (not active in Dropbox)",
            "- delete m1@example.com from the directory (not active in Dropbox)",
        ]
    );
    assert_eq!(world.store.all_users(ENVIRONMENT).await.unwrap().len(), 12, "a preview changes nothing");

    // Saving it starts a full resync at once; the store is changed as a person would change the rule.
    world.set_inbound(json!({"SYNC_ONLY_ACTIVE_USERS": true})).await;
    world.sync_due().await;
    assert_eq!(usernames(&world).await, ["m10", "m11", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"]);
    assert_eq!(world.inbound_status().await, counts(9, 0, 0, 0));
    world.assert_inbound_at_rest().await;

    world.dropbox().accept_invitation("m0@example.com").unwrap();
    world.bring_in().await;
    assert!(world.user("m0").await.starts_with("enabled"), "who accepts comes back");
}

#[tokio::test]
async fn with_the_guard_tripped_it_is_held_and_nobody_left() {
    let world = inbound(json!({}), twelve()).await;
    world.bring_in().await;
    world.set_inbound(json!({"SYNC_ONLY_ACTIVE_USERS": true, "GUARD_MAX_REMOVALS": 2})).await;
    world.sync_due().await;
    let held = world.held_inbound().await;
    assert_eq!(world.store.all_users(ENVIRONMENT).await.unwrap().len(), 12, "nobody left");
    assert_eq!(held.hold.first().map(|reason| (reason.planned, reason.of)), Some((3, 12)));
    // Approved as it was seen, it goes on.
    let digest = held.digest.clone().unwrap();
    world.reconciler.approve(ENVIRONMENT, held.id, &digest, person()).await.unwrap();
    world.sync_due().await;
    let run = world.run(held.id).await;
    assert_eq!((run.state, run.trigger), (RunState::Succeeded, Trigger::Approval));
    assert_eq!(world.store.all_users(ENVIRONMENT).await.unwrap().len(), 9);
}

#[tokio::test]
async fn an_approval_counts_only_for_what_was_seen() {
    let world = inbound(json!({"DEPROVISION_USERS": true, "GUARD_MAX_REMOVALS": 0}), twelve()).await;
    world.bring_in().await;
    world.dropbox().remove_by_person("m3@example.com").unwrap();
    world.bring_in().await;
    let held = world.held_inbound().await;
    world.dropbox().remove_by_person("m4@example.com").unwrap();
    let digest = held.digest.clone().unwrap();
    world.reconciler.approve(ENVIRONMENT, held.id, &digest, person()).await.unwrap();
    world.sync_due().await;
    let again = world.held_inbound().await;
    assert_ne!(again.id, held.id);
    assert_eq!(again.moved, ["New: disable m4@example.com in the directory."]);
    assert!(world.user("m3").await.starts_with("enabled"));
}

#[tokio::test]
async fn a_deleted_rule_takes_its_users_with_it_when_that_is_asked_for() {
    let world =
        inbound(json!({"REMOVE_ACTION": "Delete", "GUARD_MAX_REMOVALS": 0}), [member("ada"), member("bob")])
            .await;
    world.create_user_with("bob", json!({"username": "bob@example.com"}).as_object().unwrap().clone()).await;
    world.bring_in().await;
    let mut rule = world.inbound_rule().await;
    rule.retiring = Some(usher_domain::reconcile::plan::Retiring::Deprovision);
    let preview = world.reconciler.preview(&rule, Default::default()).await.unwrap();
    assert!(matches!(preview.verdict, Verdict::Hold { .. }));
    let by = usher_engine::directory::By { actor: person(), correlation_id: None };
    world.directory.delete_rule(&by, ENVIRONMENT, INBOUND, true, Some(&preview.digest)).await.unwrap();
    world.sync_due().await;
    assert_eq!(usernames(&world).await, ["bob"], "bob was there before, and stays");
    assert!(world.store.rule_by_id(INBOUND).await.unwrap().is_none());
    assert!(world.store.provisioned(INBOUND, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_deleted_rule_leaves_its_users_otherwise() {
    let world = inbound(json!({"DEPROVISION_USERS": true}), [member("ada")]).await;
    world.bring_in().await;
    let by = usher_engine::directory::By { actor: person(), correlation_id: None };
    world.directory.delete_rule(&by, ENVIRONMENT, INBOUND, false, None).await.unwrap();
    world.sync_due().await;
    assert!(world.user("ada").await.starts_with("enabled"));
    assert!(world.store.rule_by_id(INBOUND).await.unwrap().is_none());
}
