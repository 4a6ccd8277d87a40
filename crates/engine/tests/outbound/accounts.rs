//! In scope and enabled: create, adopt, update, recover.

use dropbox_simulator::{MemberSeed, MemberState, Route, Switches};
use serde_json::json;

use crate::world::{Way, World};

/// Another provisioner's mark.
const FOREIGN: &str = "ADSYNC S-1-5-21";

fn ada() -> MemberSeed {
    MemberSeed::new("ada@example.com", "Ada", "Example")
}

both_ways! {
    async fn someone_without_an_account_is_invited_with_our_id(way) {
        let world = World::new().user("ada").await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "invited, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn nobody_is_created_when_creating_is_off(way) {
        let world = World::new().user("ada").setting("CREATE_USERS", false).await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "none");
        assert_eq!(world.standing("ada").await, "Unsynced CREATE_OFF");
        assert_eq!(world.writes(), [""; 0]);
        world.assert_at_rest().await;
    }

    async fn an_account_with_the_same_address_is_adopted_and_marked(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Success");
        assert_eq!(world.writes(), ["members/set_profile_v2"]);
        assert!(world.link("ada").await.is_some());
        world.assert_at_rest().await;
    }

    async fn an_address_is_compared_without_regard_to_case(way) {
        let world = World::new().user("ada").with("email", "Ada@EXAMPLE.com").member(ada()).await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada");
        assert_eq!(world.dropbox().on_team(), 2, "the administrator, and one Ada");
        world.assert_at_rest().await;
    }

    async fn a_secondary_address_is_good_enough_to_know_someone_by(way) {
        let lovelace = MemberSeed {
            secondary_emails: vec!["ada@example.com".into()],
            ..MemberSeed::new("lovelace@example.com", "Ada", "Example")
        };
        let world = World::new()
            .user("ada")
            .setting("UPDATE_USERS", false)
            .setting("DISABLE_USERS", false)
            .member(lovelace)
            .await;
        world.sync(way).await;
        assert_eq!(world.member_at("lovelace@example.com"), "active, Ada Example");
        assert_eq!(world.dropbox().on_team(), 2);
        assert_eq!(world.standing("ada").await, "Partial UPDATE_OFF", "the primary address differs");
        assert!(world.link("ada").await.is_some());
    }

    async fn a_secondary_address_becomes_the_primary_one_when_the_directory_says_so(way) {
        let lovelace = MemberSeed {
            secondary_emails: vec!["ada@example.com".into()],
            ..MemberSeed::new("lovelace@example.com", "Ada", "Example")
        };
        let world = World::new().user("ada").member(lovelace).await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada");
        assert_eq!(world.dropbox().on_team(), 2);
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn our_external_id_counts_more_than_an_address(way) {
        let world = World::new().user("ada").await;
        let mark = world.user_id("ada").to_string();
        world.dropbox().add_member(MemberSeed {
            external_id: Some(mark),
            ..MemberSeed::new("lovelace@example.com", "Ada", "Example")
        });
        world.dropbox().add_member(MemberSeed::new("ada@example.com", "Another", "Ada"));
        world.sync(way).await;
        assert_eq!(world.member_at("lovelace@example.com"), "active, Ada Example, marked ada");
        assert_eq!(
            world.member("ada"),
            "active, Another Ada",
            "the one who only has the address is left alone"
        );
        assert_eq!(world.standing("ada").await, "Failed ADDRESS_TAKEN");
    }

    async fn a_link_counts_more_than_external_id_and_address(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync_full().await;
        {
            let mut team = world.dropbox();
            team.change_email_by_person("ada@example.com", "lovelace@example.com").unwrap();
            team.change_external_id_by_person("lovelace@example.com", None).unwrap();
        }
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada");
        assert_eq!(world.dropbox().on_team(), 2);
        world.assert_at_rest().await;
    }

    async fn several_accounts_that_fit_are_ambiguous_and_left_alone(way) {
        let world = World::new()
            .user("ada")
            .with("accountId", "e-1")
            .maps("email", "email")
            .maps("accountId", "external_id")
            .await;
        let mark = world.user_id("ada").to_string();
        for (email, external_id) in [("a1@example.com", "e-1"), ("a2@example.com", mark.as_str())] {
            let seed = MemberSeed {
                external_id: Some(external_id.into()),
                ..MemberSeed::new(email, "Ada", "Example")
            };
            world.dropbox().add_member(seed);
        }
        world.sync(way).await;
        assert_eq!(world.standing("ada").await, "Failed AMBIGUOUS_ACCOUNT");
        assert_eq!(world.writes(), [""; 0]);
        assert!(world.link("ada").await.is_none());
    }

    async fn one_account_that_fits_several_users_is_ambiguous_and_left_alone(way) {
        let world =
            World::new().user("ada").user("twin").with("email", "ada@example.com").member(ada()).await;
        world.sync(way).await;
        assert_eq!(world.standing("ada").await, "Failed AMBIGUOUS_ACCOUNT");
        assert_eq!(world.standing("twin").await, "Failed AMBIGUOUS_ACCOUNT");
        assert_eq!(world.member("ada"), "active, Ada Example");
        assert_eq!(world.writes(), [""; 0]);
    }

    async fn an_address_that_two_users_would_be_created_with_is_given_to_neither(way) {
        let world = World::new().user("ada").user("twin").with("email", "ada@example.com").await;
        world.sync(way).await;
        assert_eq!(world.standing("ada").await, "Failed ADDRESS_WANTED_TWICE");
        assert_eq!(world.standing("twin").await, "Failed ADDRESS_WANTED_TWICE");
        assert_eq!(world.member("ada"), "none");
    }

    async fn someone_elses_external_id_is_reported_and_not_overwritten(way) {
        let marked = MemberSeed { external_id: Some(FOREIGN.into()), ..ada() };
        let world = World::new().user("ada").member(marked).await;
        world.sync(way).await;
        assert_eq!(world.standing("ada").await, "Failed FOREIGN_EXTERNAL_ID");
        assert_eq!(world.member("ada"), format!("active, Ada Example, marked {FOREIGN}"));
        assert_eq!(world.writes(), [""; 0]);
        assert!(world.link("ada").await.is_none());
        let told = world.problem("ada").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(told, @r#"The account ada@example.com carries another system's external id, "ADSYNC S-1-5-21". If it is this user's, set FOREIGN_EXTERNAL_ID to Keep or Overwrite, or clear it in Dropbox."#);
        }
    }

    async fn someone_elses_external_id_stays_when_the_connection_says_keep(way) {
        let marked =
            MemberSeed { external_id: Some(FOREIGN.into()), ..MemberSeed::new("ada@example.com", "A", "E") };
        let world = World::new().user("ada").setting("FOREIGN_EXTERNAL_ID", "Keep").member(marked).await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), format!("active, Ada Example, marked {FOREIGN}"));
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn someone_elses_external_id_becomes_ours_when_the_connection_says_overwrite(way) {
        let marked = MemberSeed { external_id: Some(FOREIGN.into()), ..ada() };
        let world = World::new().user("ada").setting("FOREIGN_EXTERNAL_ID", "Overwrite").member(marked).await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn only_what_differs_is_set(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync_full().await;
        world.writes();
        world.patch("ada", json!({"name": {"given": "Augusta", "family": "Example"}})).await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Augusta Example, marked ada");
        let requests = world.requests(Route::MembersSetProfile);
        let [request] = requests.as_slice() else { panic!("not one: {requests:?}") };
        let fields: Vec<&String> = request.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["new_given_name", "user"]);
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn what_was_changed_in_dropbox_is_set_back(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync_full().await;
        world.dropbox().rename_by_person("ada@example.com", "Eve", "Elsewhere").unwrap();
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada");
        world.assert_at_rest().await;
    }

    async fn a_new_address_is_set_in_place(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync_full().await;
        world.patch("ada", json!({"email": "Countess@example.com"})).await;
        world.sync(way).await;
        assert_eq!(world.member_at("countess@example.com"), "active, Ada Example, marked ada");
        assert_eq!(world.dropbox().on_team(), 2);
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn who_differs_while_updating_is_off_is_partial(way) {
        let world = World::new()
            .user("ada")
            .member(ada())
            .setting("UPDATE_USERS", false)
            .setting("DISABLE_USERS", false)
            .await;
        world.sync_full().await;
        world.patch("ada", json!({"name": {"given": "Augusta", "family": "Example"}})).await;
        world.sync(way).await;
        assert_eq!(world.standing("ada").await, "Partial UPDATE_OFF");
        assert_eq!(world.member("ada"), "active, Ada Example");
        assert_eq!(world.writes(), [""; 0]);
    }

    async fn what_the_mapping_makes_empty_is_cleared(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync_full().await;
        world.patch("ada", json!({"name": {"given": "Ada", "family": null}})).await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada, marked ada");
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn what_is_not_mapped_is_left_as_it_is(way) {
        let world = World::new()
            .user("ada")
            .maps("email", "email")
            .member(MemberSeed::new("ada@example.com", "Her", "Majesty"))
            .await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Her Majesty, marked ada");
        world.patch("ada", json!({"name": {"given": "Augusta"}})).await;
        world.writes();
        world.sync(way).await;
        assert_eq!(world.writes(), [""; 0]);
        assert_eq!(world.standing("ada").await, "Success");
    }

    async fn a_computed_value_is_set_like_any_other(way) {
        let world = World::new()
            .user("ada")
            .maps("email", "email")
            .maps("#string.upperCase(name.family)", "surname")
            .member(ada())
            .await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada EXAMPLE, marked ada");
        world.assert_at_rest().await;
    }

    async fn who_was_removed_within_seven_days_is_recovered_and_then_updated(way) {
        let world = World::new().user("ada").in_group("eng").member(ada()).await;
        world.sync_full().await;
        world.dropbox().remove_by_person("ada@example.com").unwrap();
        world.days_pass(6);
        world.patch("ada", json!({"name": {"given": "Augusta", "family": "Example"}})).await;
        world.writes();
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Augusta Example, marked ada, in eng");
        assert_eq!(world.writes()[..2], ["members/recover", "members/set_profile_v2"]);
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn who_is_recovered_comes_back_into_their_groups(way) {
        let world = World::new()
            .user("ada")
            .in_group("eng")
            .member(ada())
            .team(|team| team.switches(Switches { recover_restores_groups: false, ..Switches::default() }))
            .await;
        world.sync_full().await;
        world.dropbox().remove_by_person("ada@example.com").unwrap();
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada, in eng");
        world.assert_at_rest().await;
    }

    async fn who_was_removed_eight_days_ago_is_invited_anew(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync_full().await;
        world.dropbox().remove_by_person("ada@example.com").unwrap();
        world.days_pass(8);
        world.sync(way).await;
        assert_eq!(world.member("ada"), "invited, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn nobody_is_recovered_when_creating_is_off(way) {
        let world = World::new().user("ada").setting("CREATE_USERS", false).member(ada()).await;
        world.sync_full().await;
        world.dropbox().remove_by_person("ada@example.com").unwrap();
        world.writes();
        world.sync(way).await;
        assert_eq!(world.member("ada"), "removed, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Unsynced CREATE_OFF");
        assert_eq!(world.writes(), [""; 0]);
    }

    async fn the_address_of_someone_else_who_was_removed_waits_for_a_person(way) {
        let removed = MemberSeed { state: MemberState::Removed, ..ada() };
        let world = World::new().user("ada").member(removed).await;
        world.sync(way).await;
        assert_eq!(world.standing("ada").await, "Unsynced ADDRESS_OF_REMOVED_MEMBER");
        assert_eq!(world.member("ada"), "removed, Ada Example");
        world.days_pass(8);
        world.sync_due().await;
        assert_eq!(world.member("ada"), "invited, Ada Example, marked ada", "it is tried again by itself");
    }
}

/// A look at one user sees all accounts that could be theirs, and finds the rest out by a full run.
#[tokio::test]
async fn adopting_is_decided_by_a_full_look() {
    let world = World::new().user("ada").member(ada()).await;
    world.sync(Way::Due).await;
    let looked_at: Vec<bool> = world.runs().await.iter().map(|run| run.scope.is_full()).collect();
    assert_eq!(looked_at, [false, true]);
}
