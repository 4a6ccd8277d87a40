//! Disabled and enabled again, by the directory and by people in Dropbox.

use dropbox_simulator::{MemberSeed, Route};

use crate::world::{Way, World};

fn ada() -> MemberSeed {
    MemberSeed::new("ada@example.com", "Ada", "Example")
}

both_ways! {
    async fn who_is_disabled_is_suspended_and_keeps_their_devices(way) {
        let world = World::new().user("ada").in_group("eng").member(ada()).await;
        world.sync_full().await;
        world.writes();
        world.disable("ada").await;
        world.sync(way).await;
        assert_eq!(world.requests(Route::MembersSuspend)[0]["wipe_data"], false);
        assert_eq!(world.writes(), ["members/suspend"]);
        assert_eq!(world.member("ada"), "suspended, Ada Example, marked ada, in eng");
        assert_eq!(world.standing("ada").await, "Success");
        assert_eq!(world.dropbox().wipes().len(), 1, "what was asked is on record");
        world.assert_at_rest().await;
    }

    async fn who_is_disabled_stays_active_when_disabling_is_off(way) {
        let world = World::new().user("ada").member(ada()).setting("DISABLE_USERS", false).await;
        world.sync_full().await;
        world.disable("ada").await;
        world.writes();
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Partial DISABLE_OFF");
        assert_eq!(world.writes(), [""; 0]);
    }

    async fn an_account_that_is_adopted_of_someone_disabled_is_suspended(way) {
        let world = World::new().user("ada").disabled().member(ada()).await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "suspended, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn whom_usher_suspended_is_let_in_again(way) {
        let world = World::new().user("ada").in_group("eng").member(ada()).await;
        world.sync_full().await;
        world.disable("ada").await;
        world.sync_full().await;
        world.enable("ada").await;
        world.writes();
        world.sync(way).await;
        assert_eq!(world.writes(), ["members/unsuspend"]);
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada, in eng");
        assert_eq!(world.standing("ada").await, "Success");
        assert!(!world.link("ada").await.unwrap().suspended_by_us);
        world.assert_at_rest().await;
    }

    async fn whom_a_person_suspended_stays_so_and_is_partial(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync_full().await;
        world.days_pass(1);
        world.dropbox().suspend_by_person("ada@example.com").unwrap();
        world.writes();
        world.sync(way).await;
        assert_eq!(world.member("ada"), "suspended, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Partial SUSPENDED_IN_DROPBOX");
        assert_eq!(world.writes(), [""; 0]);
        let told = world.problem("ada").await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(told, @"ada@example.com is suspended in Dropbox since 2026-01-02T00:00:00.000Z, and not by Usher. Unsuspend them in Dropbox, disable them in the directory, or set UNDO_REMOTE_SUSPENSION.");
        }
        world.dropbox().unsuspend_by_person("ada@example.com").unwrap();
        world.sync(way).await;
        assert_eq!(
            world.standing("ada").await,
            "Success",
            "and when the person lets them in again, all is well"
        );
    }

    async fn whom_a_person_suspended_is_let_in_when_the_connection_says_so(way) {
        let world = World::new().user("ada").setting("UNDO_REMOTE_SUSPENSION", true).member(ada()).await;
        world.sync_full().await;
        world.dropbox().suspend_by_person("ada@example.com").unwrap();
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn whom_a_person_suspended_first_is_not_let_in_by_enabling_them(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync_full().await;
        world.dropbox().suspend_by_person("ada@example.com").unwrap();
        world.disable("ada").await;
        world.sync(way).await;
        assert_eq!(world.standing("ada").await, "Success", "suspended is what they should be");
        world.enable("ada").await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "suspended, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Partial SUSPENDED_IN_DROPBOX");
    }

    async fn whom_usher_suspended_and_a_person_let_in_and_suspended_is_the_persons(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync_full().await;
        world.disable("ada").await;
        world.sync_full().await;
        world.dropbox().unsuspend_by_person("ada@example.com").unwrap();
        world.enable("ada").await;
        world.sync(way).await;
        world.dropbox().suspend_by_person("ada@example.com").unwrap();
        world.sync(way).await;
        assert_eq!(world.standing("ada").await, "Partial SUSPENDED_IN_DROPBOX");
        assert_eq!(world.member("ada"), "suspended, Ada Example, marked ada");
    }

    async fn an_invitation_of_someone_disabled_is_cancelled_and_sent_again_later(way) {
        let world = World::new().user("ada").in_group("eng").await;
        world.sync_full().await;
        assert_eq!(world.member("ada"), "invited, Ada Example, marked ada, in eng");
        world.disable("ada").await;
        world.writes();
        world.sync(way).await;
        assert_eq!(world.writes(), ["members/remove"]);
        assert_eq!(world.member("ada"), "gone, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Unsynced DISABLED_WITHOUT_ACCOUNT");
        assert!(world.link("ada").await.is_none());
        world.assert_at_rest().await;

        world.enable("ada").await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "invited, Ada Example, marked ada, in eng");
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }

    async fn who_is_disabled_and_has_no_account_gets_none(way) {
        let world = World::new().user("ada").disabled().await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "none");
        assert_eq!(world.standing("ada").await, "Unsynced DISABLED_WITHOUT_ACCOUNT");
        assert_eq!(world.writes(), [""; 0]);
    }

    async fn who_is_disabled_and_was_removed_stays_removed(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync_full().await;
        world.disable("ada").await;
        world.dropbox().remove_by_person("ada@example.com").unwrap();
        world.writes();
        world.sync(way).await;
        assert_eq!(world.member("ada"), "removed, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Unsynced DISABLED_WITHOUT_ACCOUNT");
        assert_eq!(world.writes(), [""; 0]);
    }

    async fn whom_usher_suspended_and_a_person_removed_comes_back_active(way) {
        let world = World::new().user("ada").member(ada()).await;
        world.sync_full().await;
        world.disable("ada").await;
        world.sync_full().await;
        world.dropbox().remove_by_person("ada@example.com").unwrap();
        world.enable("ada").await;
        world.sync(way).await;
        assert_eq!(world.member("ada"), "active, Ada Example, marked ada");
        assert_eq!(world.standing("ada").await, "Success");
        world.assert_at_rest().await;
    }
}
