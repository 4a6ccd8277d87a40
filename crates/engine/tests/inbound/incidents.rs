//! The named incidents of this field, re-enacted on an inbound rule that removes whom it does not find.

use std::time::Duration;

use dropbox_simulator::{Fault, MemberSeed, Route, Trigger, When};
use serde_json::{Value, json};
use usher_connectors::dropbox::Patience;
use usher_domain::{ports::store::PageRequest, reconcile::run::RunState};

use crate::{
    rule::{inbound, inbound_into, member},
    world::{ENVIRONMENT, World, counts, person},
};

/// Everything that an inbound rule can take away is taken away, and no guard stands in the way.
fn merciless() -> Value {
    json!({
        "DEPROVISION_USERS": true, "REMOVE_ACTION": "Delete",
        "GUARD_MAX_REMOVALS": 1000, "GUARD_MAX_REMOVAL_PERCENT": 100,
    })
}

fn members(n: usize) -> Vec<MemberSeed> {
    (0..n).map(|number| member(&format!("m{number}"))).collect()
}

async fn how_many(world: &World) -> usize {
    world.store.all_users(ENVIRONMENT).await.unwrap().len()
}

#[tokio::test]
async fn timeout_in_the_middle_of_a_listing() {
    let mut draft = members(5).into_iter().fold(World::new(), |draft, seed| draft.member(seed));
    draft.patience = Patience { timeout: Duration::from_millis(150), attempts: 2, ..draft.patience };
    let world = inbound_into(draft, merciless()).await;
    world.bring_in().await;
    // The first page is empty and says that there is more; the rest never comes.
    world.simulator.faults().on(Route::MembersList, Trigger::Always, Fault::EmptyPage, When::BeforeEffect);
    let slow = Fault::Slow(Duration::from_millis(600));
    world.simulator.faults().on(Route::MembersListContinue, Trigger::Always, slow, When::BeforeEffect);
    world.dropbox().remove_by_person("m0@example.com").unwrap();
    let run = world.bring_in().await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(how_many(&world).await, 5, "nobody left");
    let page = PageRequest { after: None, limit: 1000 };
    let events = world.store.events(ENVIRONMENT, &page).await.unwrap().items;
    assert!(events.iter().any(|event| event.action == "PROVISIONING_POLL.FAILURE"), "the audit tells of it");
    world.simulator.faults().clear();
    world.bring_in().await;
    assert_eq!(how_many(&world).await, 4);
}

#[tokio::test]
async fn empty_page_with_has_more() {
    let world = inbound(merciless(), members(3)).await;
    world.bring_in().await;
    world.simulator.faults().on(Route::MembersList, Trigger::Always, Fault::EmptyPage, When::BeforeEffect);
    let run = world.bring_in().await;
    assert_eq!((run.state, run.total), (RunState::Succeeded, 0), "it goes on to the next page");
    // And when all pages are empty, it does not go on for ever, nor does anybody leave.
    world.simulator.faults().on(
        Route::MembersListContinue,
        Trigger::Always,
        Fault::EmptyPage,
        When::BeforeEffect,
    );
    let run = world.bring_in().await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(how_many(&world).await, 3);
}

#[tokio::test]
async fn a_listing_of_zero_members() {
    let world = inbound(merciless(), members(3)).await;
    world.bring_in().await;
    let none = Fault::ShortList { missing: 1000 };
    world.simulator.faults().on(Route::MembersList, Trigger::Always, none, When::BeforeEffect);
    let run = world.bring_in().await;
    assert_eq!(run.state, RunState::Failed);
    let problem = run.problem.unwrap();
    assert!(problem.message.contains("member"), "{problem}");
    assert_eq!(how_many(&world).await, 3);
}

#[tokio::test]
async fn the_list_shrinks_by_forty_percent_overnight() {
    let world = inbound(json!({"DEPROVISION_USERS": true, "REMOVE_ACTION": "Delete"}), members(20)).await;
    world.bring_in().await;
    for number in 0..8 {
        world.dropbox().remove_by_person(&format!("m{number}@example.com")).unwrap();
    }
    world.bring_in().await;
    let held = world.held_inbound().await;
    assert_eq!(how_many(&world).await, 20, "held, and nobody left");
    insta::assert_snapshot!(held.hold[0].to_string(), @"This run would remove 8 users of 20; GUARD_MAX_REMOVAL_PERCENT allows 2. Look at the plan, then approve or cancel the run.");
    // Looked at again, it is still the same plan that waits, and nobody leaves by and by.
    world.bring_in().await;
    world.reconciler.cancel(ENVIRONMENT, world.held_inbound().await.id, person()).await.unwrap();
    world.sync_due().await;
    assert_eq!(how_many(&world).await, 20);
}

#[tokio::test]
async fn a_member_listed_twice() {
    let world = inbound(merciless(), members(3)).await;
    world.simulator.faults().on(
        Route::MembersList,
        Trigger::Always,
        Fault::DuplicateMember,
        When::BeforeEffect,
    );
    world.bring_in().await;
    assert_eq!(how_many(&world).await, 3);
    assert_eq!(world.inbound_status().await, counts(3, 0, 0, 0));
    let run = world.bring_in().await;
    assert_eq!((run.state, run.total), (RunState::Succeeded, 0));
}

#[tokio::test]
async fn an_email_swapped_between_two_members() {
    let world = inbound(merciless(), [member("ada"), member("bob")]).await;
    world.bring_in().await;
    let (ada, bob) = (
        world.user_named("ada@example.com").await.unwrap(),
        world.user_named("bob@example.com").await.unwrap(),
    );
    {
        let mut team = world.dropbox();
        team.change_email_by_person("ada@example.com", "for-now@example.com").unwrap();
        team.change_email_by_person("bob@example.com", "ada@example.com").unwrap();
        team.change_email_by_person("for-now@example.com", "bob@example.com").unwrap();
    }
    let run = world.bring_in().await;
    assert_eq!(run.state, RunState::Succeeded, "{:?}", world.operations(&run).await);
    assert_eq!(
        world.everyone().await,
        [
            "ada@example.com: enabled, Bob Example, ada@example.com",
            "bob@example.com: enabled, Ada Example, bob@example.com",
        ]
    );
    assert_eq!(world.user_named("bob@example.com").await.unwrap().id, ada.id);
    assert_eq!(world.user_named("ada@example.com").await.unwrap().id, bob.id);
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn a_members_email_changes_case() {
    let world = inbound(merciless(), [member("ada")]).await;
    world
        .create_user_with(
            "ada",
            json!({"username": "Ada@Example.com", "email": "ADA@example.com"}).as_object().unwrap().clone(),
        )
        .await;
    let run = world.bring_in().await;
    assert_eq!(run.counts.0.into_iter().collect::<Vec<_>>(), [("LINK".to_owned(), 1)]);
    world.dropbox().change_email_by_person("ada@example.com", "aDA@eXample.com").unwrap();
    let run = world.bring_in().await;
    assert_eq!(run.total, 0);
    assert_eq!(how_many(&world).await, 1);
}

#[tokio::test]
async fn a_user_moved_to_another_team() {
    let world = inbound(merciless(), [member("ada"), member("bob")]).await;
    world.bring_in().await;
    // Gone for good: not even among the removed.
    world.dropbox().remove_by_person("ada@example.com").unwrap();
    world.days_pass(30);
    world.bring_in().await;
    assert_eq!(world.everyone().await, ["bob@example.com: enabled, Bob Example, bob@example.com"]);
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn an_invited_member_who_never_joins() {
    let world = inbound(merciless(), [MemberSeed::invited("ada@example.com", "Ada", "Example")]).await;
    world.bring_in().await;
    assert_eq!(world.user("ada").await, "enabled, Ada Example, ada@example.com", "the invitation is live");
    world.days_pass(90);
    let run = world.bring_in().await;
    assert_eq!(run.total, 0);
    world.dropbox().remove_by_person("ada@example.com").unwrap();
    world.bring_in().await;
    assert_eq!(world.user("ada").await, "none", "the invitation was taken back");
}

#[tokio::test]
async fn a_name_in_capitals_and_one_of_sixty_letters() {
    let long = "Abcdefghij".repeat(6);
    let capitals = MemberSeed::new("ada@example.com", "ADA MARIA", "O'LOVELACE");
    let sixty = MemberSeed::new("bob@example.com", &long, "Ångström-Þórsson");
    let world = inbound(merciless(), [capitals, sixty]).await;
    world.bring_in().await;
    assert_eq!(world.user("ada").await, "enabled, ADA MARIA O'LOVELACE, ada@example.com");
    assert_eq!(world.user("bob").await, format!("enabled, {long} Ångström-Þórsson, bob@example.com"));
    world.assert_inbound_at_rest().await;
}

#[tokio::test]
async fn a_username_that_someone_else_has_is_a_conflict_that_names_both() {
    let world = inbound(merciless(), [member("ada")]).await;
    let body = json!({"username": "ada@example.com", "email": "other@example.com", "externalId": "e-1"});
    world.create_user_with("other", body.as_object().unwrap().clone()).await;
    world.dropbox().add_member(MemberSeed::new("bob@example.com", "Bob", "Example"));
    // The other one has an account of their own, so that the username does not speak for ada.
    let own = world.dropbox().add_member(MemberSeed {
        external_id: Some("e-1".into()),
        ..MemberSeed::new("own@elsewhere.example", "Other", "Example")
    });
    assert!(own.starts_with("dbmid:"));
    let mut rule = world.inbound_rule().await;
    rule.filter = None;
    rule.configuration.insert("AUTHORITY".into(), json!({"email": "Directory"}));
    world.save_inbound(rule).await;
    world.sync_due().await;
    world.bring_in().await;
    let told = world.in_the_way().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("ada@example.com") && told[0].contains(&world.user_id("other").to_string()),
        "{told:?}"
    );
    assert_eq!(world.user("bob").await, "enabled, Bob Example, bob@example.com", "nobody else waits for it");
}
