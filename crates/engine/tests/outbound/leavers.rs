//! Deleted, or out of the filter: deprovisioned as the connection says, or unlinked and said so.

use dropbox_simulator::MemberSeed;
use serde_json::json;
use usher_domain::reconcile::operation::{Action, Because};

use crate::world::{Draft, Way, World};

/// Two ways to leave.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    Deleted,
    OutOfTheFilter,
}

const BOTH: [Leaving; 2] = [Leaving::Deleted, Leaving::OutOfTheFilter];

/// Ada is an engineer, and active in Dropbox; the rule is about engineers.
fn engineers() -> Draft {
    World::new()
        .user("ada")
        .with("title", "Engineer")
        .in_group("eng")
        .filter(r#"title eq "Engineer""#)
        .member(MemberSeed::new("ada@example.com", "Ada", "Example"))
}

async fn leaves(world: &World, leaving: Leaving) {
    match leaving {
        Leaving::Deleted => world.delete("ada").await,
        Leaving::OutOfTheFilter => world.patch("ada", json!({"title": "Countess"})).await,
    }
}

both_ways! {
    async fn who_leaves_is_unlinked_and_it_is_said(way) {
        for leaving in BOTH {
            let world = engineers().await;
            world.sync_full().await;
            leaves(&world, leaving).await;
            let preview = world.preview().await.plan;
            let told: Vec<&str> = preview.findings.iter().map(|finding| &*finding.problem.code).collect();
            assert_eq!(told, ["LEFT_ALONE"], "{leaving:?}");
            world.writes();
            world.sync(way).await;
            assert_eq!(world.member("ada"), "active, Ada Example, marked ada, in eng", "{leaving:?}");
            assert_eq!(world.writes(), [""; 0]);
            assert!(world.link("ada").await.is_none());
            assert_eq!(world.standing("ada").await, "none");
            let operations = world.operations(&world.last_run().await).await;
            let [unlink] = operations.as_slice() else { panic!("not one: {operations:?}") };
            assert!(matches!(unlink.operation.action, Action::Unlink { .. }));
            assert_eq!(unlink.operation.because, Because::LeftScope);
            world.assert_at_rest().await;
        }
    }

    async fn who_leaves_is_suspended_when_the_action_is_disable(way) {
        for leaving in BOTH {
            let world = engineers().setting("DEPROVISION_USERS", true).await;
            world.sync_full().await;
            leaves(&world, leaving).await;
            world.sync(way).await;
            assert_eq!(world.member("ada"), "suspended, Ada Example, marked ada, in eng", "{leaving:?}");
            assert_eq!(world.standing("ada").await, "none");
            world.assert_at_rest().await;
        }
    }

    async fn who_leaves_is_removed_when_the_action_is_delete(way) {
        for leaving in BOTH {
            let world =
                engineers().setting("DEPROVISION_USERS", true).setting("REMOVE_ACTION", "Delete").await;
            world.sync_full().await;
            leaves(&world, leaving).await;
            world.sync(way).await;
            assert_eq!(world.member("ada"), "removed, Ada Example, marked ada", "{leaving:?}");
            assert!(world.dropbox().wipes().iter().any(|wipe| wipe.route.ends_with("remove")));
            world.assert_at_rest().await;
        }
    }

    async fn who_leaves_is_suspended_now_and_removed_when_the_days_are_over(way) {
        for leaving in BOTH {
            let world = engineers()
                .setting("DEPROVISION_USERS", true)
                .setting("REMOVE_ACTION", "Delete")
                .setting("REMOVE_AFTER_DAYS", 30)
                .await;
            world.sync_full().await;
            leaves(&world, leaving).await;
            world.sync(way).await;
            assert_eq!(world.member("ada"), "suspended, Ada Example, marked ada, in eng", "{leaving:?}");
            world.days_pass(29);
            world.sync_due().await;
            world.sync(way).await;
            assert_eq!(world.member("ada"), "suspended, Ada Example, marked ada, in eng", "{leaving:?}");
            world.days_pass(1);
            world.sync_due().await;
            assert_eq!(
                world.member("ada"),
                "removed, Ada Example, marked ada",
                "nobody had to ask: {leaving:?}"
            );
            world.assert_at_rest().await;
        }
    }

    async fn who_comes_back_within_the_days_is_let_in_and_not_removed(way) {
        let world = engineers()
            .setting("DEPROVISION_USERS", true)
            .setting("REMOVE_ACTION", "Delete")
            .setting("REMOVE_AFTER_DAYS", 30)
            .await;
        world.sync_full().await;
        leaves(&world, Leaving::OutOfTheFilter).await;
        world.sync(way).await;
        world.days_pass(10);
        world.patch("ada", json!({"title": "Engineer"})).await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada, in eng");
        world.days_pass(40);
        world.sync_due().await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada, in eng");
        assert_eq!(world.standing("ada").await, "Success");
    }

    async fn who_was_unlinked_and_comes_back_is_adopted_again(way) {
        let world = engineers().await;
        world.sync_full().await;
        leaves(&world, Leaving::OutOfTheFilter).await;
        world.sync(way).await;
        assert!(world.link("ada").await.is_none());
        world.patch("ada", json!({"title": "Engineer"})).await;
        world.sync(way).await;
        assert!(world.link("ada").await.is_some());
        assert_eq!(world.standing("ada").await, "Success");
        assert_eq!(world.dropbox().on_team(), 2);
        world.assert_at_rest().await;
    }

    async fn leaving_a_group_that_the_filter_asks_for_is_leaving_the_rule(way) {
        let world = World::new()
            .user("ada")
            .in_group("eng")
            .user("bob")
            .filter(r#"memberOfGroupNames eq "eng""#)
            .setting("DEPROVISION_USERS", true)
            .await;
        world.sync_full().await;
        assert_eq!(world.member("ada"), "invited, Ada Example, marked ada, in eng");
        assert_eq!(world.member("bob"), "none");
        world.join("bob", "eng").await;
        world.leave("ada", "eng").await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "gone, Ada Example, marked ada");
        assert_eq!(world.member("bob"), "invited, Bob Example, marked bob, in eng");
        assert_eq!(world.status().await.0, crate::world::counts(1, 0, 0, 0));
        world.assert_at_rest().await;
    }

    async fn who_is_made_anew_under_an_old_address_is_not_given_the_old_account_by_a_guess(way) {
        let world = engineers().await;
        world.sync_full().await;
        let old = world.user_id("ada");
        leaves(&world, Leaving::Deleted).await;
        world.sync(way).await;
        world.create_user_with("ada", [("title".to_owned(), json!("Engineer"))].into_iter().collect()).await;
        world.sync(way).await;
        assert_eq!(world.standing("ada").await, "Failed FOREIGN_EXTERNAL_ID");
        assert_eq!(world.member("ada"), format!("active, Ada Example, marked {old}, in eng"));
        world.set("FOREIGN_EXTERNAL_ID", "Overwrite").await;
        world.sync_full().await;
        assert_eq!(world.standing("ada").await, "Success", "a person decided");
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada, in eng");
    }

    async fn who_was_removed_and_comes_back_within_a_week_is_recovered(way) {
        let world = engineers().setting("DEPROVISION_USERS", true).setting("REMOVE_ACTION", "Delete").await;
        world.sync_full().await;
        leaves(&world, Leaving::OutOfTheFilter).await;
        world.sync(way).await;
        world.days_pass(3);
        world.patch("ada", json!({"title": "Engineer"})).await;
        world.writes();
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada, in eng");
        assert_eq!(world.writes()[0], "members/recover");
        assert_eq!(world.dropbox().on_team(), 2);
        world.assert_at_rest().await;
    }

    async fn an_invitation_of_someone_who_leaves_is_cancelled(way) {
        let world = World::new().user("ada").setting("DEPROVISION_USERS", true).await;
        world.sync_full().await;
        world.delete("ada").await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "gone, Ada Example, marked ada");
        world.assert_at_rest().await;
    }

    async fn who_was_only_adopted_is_deprovisioned_like_the_others(way) {
        let world = engineers().setting("DEPROVISION_USERS", true).await;
        world.sync_full().await;
        assert_eq!(world.link("ada").await.unwrap().origin, usher_domain::reconcile::links::Origin::Adopted);
        world.delete("ada").await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "suspended, Ada Example, marked ada, in eng");
    }

    async fn whoever_is_not_linked_and_not_matched_is_never_touched(way) {
        let world = engineers()
            .setting("DEPROVISION_USERS", true)
            .setting("REMOVE_ACTION", "Delete")
            .setting("UNDO_REMOTE_SUSPENSION", true)
            .setting("FOREIGN_EXTERNAL_ID", "Overwrite")
            .member(MemberSeed::new("stranger@example.com", "A", "Stranger"))
            .member(MemberSeed::invited("guest@example.com", "A", "Guest"))
            .remote_group(dropbox_simulator::GroupSeed::new("Strangers", &["stranger@example.com"]))
            .await;
        world.dropbox().suspend_by_person("stranger@example.com").unwrap();
        world.sync(way).await;
        world.delete("ada").await;
        world.sync(way).await;
        world.sync_full().await;
        assert_eq!(world.member("stranger"), "suspended, A Stranger, in Strangers");
        assert_eq!(world.member("guest"), "invited, A Guest");
        assert_eq!(world.group("Strangers"), "company-managed: stranger");
        assert_eq!(world.member_at("admin@team.example.com"), "active, Team Admin");
    }

    async fn who_is_protected_is_neither_suspended_nor_removed(way) {
        let world = World::new()
            .users(["ada", "bob"])
            .setting("DEPROVISION_USERS", true)
            .setting("REMOVE_ACTION", "Delete")
            .setting("PROTECTED_EMAILS", json!(["Ada@example.com", "bob@example.com"]))
            .await;
        world.sync_full().await;
        world.dropbox().accept_all_invitations();
        world.disable("ada").await;
        world.delete("bob").await;
        world.writes();
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada");
        assert_eq!(world.member("bob"), "active, Bob Example, marked bob");
        assert_eq!(world.standing("ada").await, "Partial PROTECTED");
        assert_eq!(world.writes(), [""; 0]);
    }

    async fn the_connections_own_administrator_is_neither_suspended_nor_removed(way) {
        let world = World::new()
            .user("root")
            .with("email", "admin@team.example.com")
            .with("name", json!({"given": "Team", "family": "Admin"}))
            .setting("DEPROVISION_USERS", true)
            .setting("REMOVE_ACTION", "Delete")
            .await;
        world.dropbox().add_member(MemberSeed {
            role: Some(dropbox_simulator::Role::TeamAdmin),
            ..MemberSeed::new("second@example.com", "Second", "Admin")
        });
        world.sync_full().await;
        world.disable("root").await;
        world.writes();
        world.sync(way).await;
        assert_eq!(world.standing("root").await, "Partial OWN_ACCOUNT");
        world.delete("root").await;
        world.sync(way).await;
        assert_eq!(world.member_at("admin@team.example.com"), "active, Team Admin, marked root");
        assert_eq!(world.writes(), [""; 0]);
    }

    async fn the_last_administrator_is_not_suspended(way) {
        let admin = MemberSeed {
            role: Some(dropbox_simulator::Role::TeamAdmin),
            ..MemberSeed::new("ada@example.com", "Ada", "Example")
        };
        let world = World::new().user("ada").member(admin).await;
        world.sync_full().await;
        // The connection's own administrator may become an ordinary member; then only Ada is left.
        world.dropbox().set_role_by_person("admin@team.example.com", None).unwrap();
        world.disable("ada").await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Failed SUSPEND_LAST_ADMIN", "Dropbox itself refuses");
        assert!(!world.link("ada").await.unwrap().suspended_by_us);
    }
}
