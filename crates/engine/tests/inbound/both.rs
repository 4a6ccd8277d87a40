//! Both directions on one connection: no duplicates, no echo, and an end, whoever has the say.

use std::collections::BTreeSet;

use dropbox_simulator::MemberSeed;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use usher_domain::{
    directory::change::{Due, DueSubject},
    reconcile::run::RunState,
};

use crate::{
    rule::member,
    world::{ENVIRONMENT, RULE, World},
};

const FILTER: &str = "domain eq \"example.com\"";

async fn both(configuration: Value) -> World {
    let world = World::new().setting("DEPROVISION_USERS", true).limit("GUARD_MAX_REMOVAL_PERCENT", 100).await;
    let mut all = json!({"DEPROVISION_USERS": true, "GUARD_MAX_REMOVAL_PERCENT": 100});
    all.as_object_mut().unwrap().extend(configuration.as_object().unwrap().clone());
    world.add_inbound(all, Some(FILTER)).await;
    world
}

/// Both rules look at everything, one after the other; and whatever follows from it.
async fn rounds(world: &World, times: usize) {
    for _ in 0..times {
        world.bring_in().await;
        let due = Due { rule: RULE, subject: DueSubject::Everything, at: world.now() };
        world.store.make_due(&[due]).await.unwrap();
        world.sync_due().await;
    }
}

async fn assert_at_rest(world: &World) {
    world.assert_inbound_at_rest().await;
    world.assert_at_rest().await;
}

#[tokio::test]
async fn a_member_and_a_user_meet_and_are_one() {
    let world = both(json!({})).await;
    world.create_user("ada").await;
    world.dropbox().add_member(member("ada"));
    world.dropbox().add_member(member("bob"));
    rounds(&world, 2).await;
    let users: Vec<String> = world.everyone().await;
    assert_eq!(users.len(), 2, "{users:?}");
    let addresses = ["ada@example.com", "bob@example.com"];
    let on_team =
        world.dropbox().members().iter().filter(|it| addresses.contains(&it.email.as_str())).count();
    assert_eq!(on_team, 2);
    assert_at_rest(&world).await;
}

/// Whichever rule meets a user first: the account is the outbound rule's to take away, for it wants the user to have it.
#[tokio::test]
async fn a_user_whom_inbound_linked_first_loses_the_account_with_the_outbound_rule() {
    let world = both(json!({})).await;
    world.create_user("ada").await;
    world.dropbox().add_member(member("ada"));
    world.bring_in().await;
    rounds(&world, 2).await;
    assert_at_rest(&world).await;
    world.delete("ada").await;
    rounds(&world, 2).await;
    assert_ne!(world.member("ada").split(',').next(), Some("active"), "{}", world.member("ada"));
    assert!(world.everyone().await.is_empty(), "{:?}", world.everyone().await);
    assert_at_rest(&world).await;
}

#[tokio::test]
async fn by_default_the_directory_has_the_say_of_what_an_outbound_rule_writes() {
    let world = both(json!({})).await;
    world.dropbox().add_member(member("bob"));
    rounds(&world, 2).await;
    world.dropbox().rename_by_person("bob@example.com", "Robert", "Example").unwrap();
    rounds(&world, 2).await;
    assert_eq!(world.user("bob").await, "enabled, Bob Example, bob@example.com");
    assert!(world.member("bob").contains("Bob Example"), "{}", world.member("bob"));
    assert_at_rest(&world).await;
}

#[tokio::test]
async fn dropbox_has_the_say_where_the_rule_gives_it() {
    let world = both(json!({"AUTHORITY": {"given_name": "Dropbox", "status": "Dropbox"}})).await;
    world.dropbox().add_member(member("bob"));
    rounds(&world, 2).await;
    world.dropbox().rename_by_person("bob@example.com", "Robert", "Bobson").unwrap();
    world.dropbox().suspend_by_person("bob@example.com").unwrap();
    rounds(&world, 2).await;
    assert_eq!(
        world.user("bob").await,
        "disabled, Robert Example, bob@example.com",
        "the surname is the directory's"
    );
    assert!(world.member("bob").contains("suspended, Robert Example"), "{}", world.member("bob"));
    // The directory's word on it does not count.
    let bob = world.user_named("bob@example.com").await.unwrap();
    let by = usher_engine::directory::By { actor: crate::world::person(), correlation_id: None };
    world.directory.set_user_enabled(&by, ENVIRONMENT, bob.id, true).await.unwrap();
    rounds(&world, 2).await;
    assert_eq!(world.user("bob").await, "disabled, Robert Example, bob@example.com");
    assert_at_rest(&world).await;
}

#[tokio::test]
async fn who_came_from_dropbox_and_is_removed_there_is_not_invited_again() {
    let world = both(json!({"DEPROVISION_USERS": false})).await;
    world.dropbox().add_member(member("bob"));
    rounds(&world, 2).await;
    world.dropbox().remove_by_person("bob@example.com").unwrap();
    world.days_pass(8);
    rounds(&world, 2).await;
    assert_eq!(world.member("bob").split(',').next(), Some("gone"));
    let plan = world.preview().await.plan;
    assert!(
        plan.to_string().contains("CAME_FROM_DROPBOX")
            || plan.findings.iter().any(|it| it.problem.code == "CAME_FROM_DROPBOX"),
        "{plan}"
    );
    assert_at_rest(&world).await;
}

#[tokio::test]
async fn an_account_that_outbound_made_is_no_reason_to_make_a_user() {
    let world = both(json!({})).await;
    world.set("DEPROVISION_USERS", false).await;
    world.create_user("ada").await;
    rounds(&world, 2).await;
    assert_eq!(world.everyone().await.len(), 1);
    world.delete("ada").await;
    rounds(&world, 3).await;
    assert_eq!(world.everyone().await, [""; 0], "the account stays, and nobody comes back by it");
    assert!(world.member("ada").starts_with("invited"), "{}", world.member("ada"));
    assert_at_rest(&world).await;
}

/// Something that people do.
#[derive(Clone, Debug)]
enum Deed {
    UserComes(usize),
    UserGoes(usize),
    UserIsRenamed(usize, u8),
    UserIsDisabled(usize),
    UserIsEnabled(usize),
    MemberComes(usize),
    MemberIsRemoved(usize),
    MemberIsRenamed(usize, u8),
    MemberIsSuspended(usize),
    MemberIsUnsuspended(usize),
    MembersAccept,
    WeekPasses,
    Inbound,
    Outbound,
}

const NAMES: [&str; 4] = ["ada", "bob", "cyd", "dot"];

fn deed() -> impl Strategy<Value = Deed> {
    let who = 0..NAMES.len();
    prop_oneof![
        1 => who.clone().prop_map(Deed::UserComes),
        1 => who.clone().prop_map(Deed::UserGoes),
        1 => (who.clone(), 0..3_u8).prop_map(|(who, n)| Deed::UserIsRenamed(who, n)),
        1 => who.clone().prop_map(Deed::UserIsDisabled),
        1 => who.clone().prop_map(Deed::UserIsEnabled),
        1 => who.clone().prop_map(Deed::MemberComes),
        1 => who.clone().prop_map(Deed::MemberIsRemoved),
        1 => (who.clone(), 0..3_u8).prop_map(|(who, n)| Deed::MemberIsRenamed(who, n)),
        1 => who.clone().prop_map(Deed::MemberIsSuspended),
        1 => who.prop_map(Deed::MemberIsUnsuspended),
        1 => Just(Deed::MembersAccept),
        1 => Just(Deed::WeekPasses),
        2 => Just(Deed::Inbound),
        2 => Just(Deed::Outbound),
    ]
}

/// Does it, if it can be done now.
async fn act(world: &World, deed: &Deed) {
    let by = usher_engine::directory::By { actor: crate::world::person(), correlation_id: None };
    let address = |who: &usize| format!("{}@example.com", NAMES[*who]);
    let directory = &world.directory;
    match deed {
        Deed::UserComes(who) => {
            if world.user_named(&address(who)).await.is_none() {
                let body = json!({"username": address(who), "email": address(who), "name": {"given": "User", "family": "Example"}});
                directory.create_user(&by, ENVIRONMENT, body.as_object().unwrap()).await.unwrap();
            }
        }
        Deed::UserGoes(who) => {
            if let Some(user) = world.user_named(&address(who)).await {
                directory.delete_user(&by, ENVIRONMENT, user.id).await.unwrap();
            }
        }
        Deed::UserIsRenamed(who, n) => {
            if let Some(user) = world.user_named(&address(who)).await {
                let body = json!({"name": {"given": format!("User{n}")}});
                directory.patch_user(&by, ENVIRONMENT, user.id, body.as_object().unwrap()).await.unwrap();
            }
        }
        Deed::UserIsDisabled(who) | Deed::UserIsEnabled(who) => {
            if let Some(user) = world.user_named(&address(who)).await {
                let enabled = matches!(deed, Deed::UserIsEnabled(_));
                directory.set_user_enabled(&by, ENVIRONMENT, user.id, enabled).await.unwrap();
            }
        }
        Deed::MemberComes(who) => {
            let mut team = world.dropbox();
            let now = team.clock().now_ms();
            if team.members().iter().all(|it| it.email != address(who) || !it.holds_their_place(now)) {
                team.add_member(MemberSeed::new(&address(who), "Member", "Example"));
            }
        }
        Deed::MemberIsRemoved(who) => _ = world.dropbox().remove_by_person(&address(who)),
        Deed::MemberIsRenamed(who, n) => {
            _ = world.dropbox().rename_by_person(&address(who), &format!("Member{n}"), "Example");
        }
        Deed::MemberIsSuspended(who) => _ = world.dropbox().suspend_by_person(&address(who)),
        Deed::MemberIsUnsuspended(who) => _ = world.dropbox().unsuspend_by_person(&address(who)),
        Deed::MembersAccept => _ = world.dropbox().accept_all_invitations(),
        Deed::WeekPasses => world.days_pass(8),
        Deed::Inbound => _ = world.bring_in().await,
        Deed::Outbound => world.sync_due().await,
    }
}

async fn history(deeds: Vec<Deed>, configuration: Value) -> Result<(), TestCaseError> {
    let world = both(configuration).await;
    for deed in &deeds {
        act(&world, deed).await;
    }
    rounds(&world, 3).await;
    // Converged: neither side has anything left to do, so no change echoes back as a new one.
    let (inbound, outbound) = (world.preview_inbound().await.plan, world.preview().await.plan);
    prop_assert!(inbound.is_empty(), "inbound would still do\n{}", inbound);
    prop_assert!(outbound.is_empty(), "outbound would still do\n{}", outbound);
    world.writes();
    let runs = world.inbound_runs().await.len();
    rounds(&world, 1).await;
    prop_assert_eq!(world.writes(), Vec::<String>::new(), "a look changes nothing in Dropbox");
    for run in world.inbound_runs().await.into_iter().skip(runs) {
        prop_assert_eq!((run.state, run.total), (RunState::Succeeded, 0));
    }
    // No duplicates: one user and at most one live account an address, one account a user.
    let users = world.store.all_users(ENVIRONMENT).await.unwrap();
    let addresses: BTreeSet<String> = users.iter().map(|user| user.email.to_lowercase()).collect();
    prop_assert_eq!(addresses.len(), users.len());
    let team = world.dropbox();
    let live: Vec<&str> =
        team.members().iter().filter(|it| it.on_team()).map(|it| it.email.as_str()).collect();
    let distinct: BTreeSet<&str> = live.iter().copied().collect();
    prop_assert_eq!(distinct.len(), live.len());
    Ok(())
}

fn histories(configuration: &Value) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let deeds = proptest::collection::vec(deed(), 1..25);
    let done = runner.run(&deeds, |deeds| runtime.block_on(history(deeds, configuration.clone())));
    done.unwrap();
}

#[test]
fn any_history_of_both_sides_comes_to_rest_with_the_directory_in_authority() {
    histories(&json!({"AUTHORITY": {"*": "Directory"}}));
}

#[test]
fn any_history_of_both_sides_comes_to_rest_with_dropbox_in_authority() {
    histories(&json!({"AUTHORITY": {"*": "Dropbox"}}));
}

#[test]
fn any_history_of_both_sides_comes_to_rest_with_authority_by_use() {
    histories(&json!({"REMOVE_ACTION": "Delete"}));
}
