//! Groups of the rule: created, adopted, renamed in place, deleted or unlinked.

use dropbox_simulator::{GroupSeed, ManagementType, MemberSeed, Route};

use crate::world::{Way, World};

both_ways! {
    async fn a_group_is_created_company_managed_with_our_id(way) {
        let world = World::new().group("eng").await;
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed, marked eng:");
        assert_eq!(world.group_standing("eng").await, "Success");
        let request = &world.requests(Route::GroupsCreate)[0];
        assert_eq!(request["group_management_type"][".tag"], "company_managed");
        assert_eq!(request["add_creator_as_owner"], false);
        world.assert_at_rest().await;
    }

    async fn a_group_of_the_same_name_is_adopted(way) {
        let world = World::new().group("eng").remote_group(GroupSeed::new("Eng", &[])).await;
        world.sync(way).await;
        assert_eq!(world.dropbox().groups().count(), 2, "everyone, and one eng");
        assert_eq!(world.group_standing("eng").await, "Success");
        world.assert_at_rest().await;
    }

    async fn a_group_of_the_same_name_is_left_alone_when_adopting_is_off(way) {
        let world = World::new()
            .user("ada")
            .in_group("eng")
            .setting("GROUP_NAME_CONFLICT", "Fail")
            .remote_group(GroupSeed::new("eng", &[]))
            .await;
        world.sync(way).await;
        assert_eq!(world.group_standing("eng").await, "Failed GROUP_NAME_CONFLICT");
        assert_eq!(world.group("eng"), "company-managed:");
        assert_eq!(world.member("ada"), "invited, Ada Example, marked ada");
    }

    async fn a_group_that_is_not_company_managed_is_never_touched(way) {
        let theirs = GroupSeed {
            management_type: ManagementType::UserManaged,
            ..GroupSeed::new("book club", &["reader@example.com"])
        };
        let world = World::new()
            .user("ada")
            .in_group("book club")
            .in_group("Everyone at Simulated Team")
            .setting("GROUP_MEMBERSHIP_HANDLING", "Overwrite")
            .member(MemberSeed::new("reader@example.com", "A", "Reader"))
            .remote_group(theirs)
            .await;
        world.sync(way).await;
        assert_eq!(world.group("book club"), "user-managed: reader");
        assert_eq!(world.group_standing("book club").await, "Failed GROUP_NOT_COMPANY_MANAGED");
        assert_eq!(
            world.group_standing("Everyone at Simulated Team").await,
            "Failed GROUP_NOT_COMPANY_MANAGED"
        );
        assert_eq!(world.writes(), ["members/add_v2"]);
    }

    async fn a_group_is_renamed_in_place(way) {
        let world = World::new().user("ada").in_group("eng").await;
        world.sync_full().await;
        let id = world.dropbox().group_by_name("eng").unwrap().group_id.clone();
        world.rename_group("eng", "Engineering").await;
        world.sync(way).await;
        assert_eq!(world.group("Engineering"), "company-managed, marked eng: ada");
        assert_eq!(world.dropbox().group_by_name("Engineering").unwrap().group_id, id);
        assert_eq!(world.group("eng"), "none");
        assert_eq!(world.group_standing("eng").await, "Success");
        world.assert_at_rest().await;
    }

    async fn a_group_that_a_person_renamed_gets_its_name_back(way) {
        let world = World::new().group("eng").await;
        world.sync_full().await;
        world.dropbox().rename_group_by_person("eng", "Old Engineers").unwrap();
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed, marked eng:");
        world.assert_at_rest().await;
    }

    async fn a_group_is_not_renamed_to_the_name_of_another(way) {
        let world = World::new().group("eng").remote_group(GroupSeed::new("ops", &[])).await;
        world.sync_full().await;
        world.rename_group("eng", "ops").await;
        world.sync(way).await;
        assert_eq!(world.group_standing("eng").await, "Failed GROUP_NAME_TAKEN");
        assert_eq!(world.group("eng"), "company-managed, marked eng:");
        assert_eq!(world.group("ops"), "company-managed:");
    }

    async fn a_group_that_usher_made_is_deleted_with_it(way) {
        let world = World::new().user("ada").in_group("eng").await;
        world.sync_full().await;
        world.delete_group("eng").await;
        world.sync(way).await;
        assert_eq!(world.group("eng"), "none");
        assert_eq!(world.group_standing("eng").await, "none");
        assert_eq!(world.member("ada"), "invited, Ada Example, marked ada");
        world.assert_at_rest().await;
    }

    async fn a_group_that_was_there_before_is_only_unlinked(way) {
        let world = World::new().user("ada").in_group("eng").remote_group(GroupSeed::new("eng", &[])).await;
        world.sync_full().await;
        world.delete_group("eng").await;
        world.writes();
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed: ada");
        assert_eq!(world.writes(), [""; 0]);
        assert_eq!(world.group_standing("eng").await, "none");
        world.assert_at_rest().await;
    }

    async fn a_group_that_is_taken_off_the_rule_is_deleted_if_usher_made_it(way) {
        let world = World::new().group("eng").group("ops").remote_group(GroupSeed::new("ops", &[])).await;
        world.sync_full().await;
        world.change_rule(|rule| rule.groups.clear()).await;
        world.sync(way).await;
        assert_eq!(world.group("eng"), "none");
        assert_eq!(world.group("ops"), "company-managed:");
        world.assert_at_rest().await;
    }

    async fn a_group_that_a_person_deleted_is_made_again_with_its_members(way) {
        let world = World::new().user("ada").in_group("eng").await;
        world.sync_full().await;
        world.dropbox().delete_group_by_person("eng").unwrap();
        world.sync(way).await;
        assert_eq!(world.group("eng"), "company-managed, marked eng: ada");
        world.assert_at_rest().await;
    }
}
