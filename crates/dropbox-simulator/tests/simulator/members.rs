//! Members: every state they go through, and every refusal on the way.

use dropbox_simulator::{DAY_MS, MemberSeed, MemberState, Role, Route, Switches, Team};
use serde_json::{Value, json};

use crate::client::World;

fn by_email(email: &str) -> Value {
    json!({ ".tag": "email", "email": email })
}

fn user(email: &str) -> Value {
    json!({ "user": by_email(email) })
}

fn new_member(email: &str) -> Value {
    json!({ "new_members": [{ "member_email": email, "member_given_name": "Ada", "member_surname": "L" }] })
}

/// The only item's tag.
async fn add(world: &World, email: &str) -> String {
    let result = world.ok(Route::MembersAdd, new_member(email)).await;
    assert_eq!(result[".tag"], "complete");
    result["complete"][0][".tag"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn someone_is_invited_joins_is_suspended_comes_back_is_removed_and_recovered() {
    let world = World::plain().await;
    let state = |email: &str| world.simulator.team().member_by_email(email).unwrap().state;

    let added = world.ok(Route::MembersAdd, new_member("Ada@Example.com")).await;
    assert_eq!(
        added["complete"][0]["profile"]["email"], "ada@example.com",
        "addresses are kept in lower case"
    );
    assert_eq!(added["complete"][0]["profile"]["status"], json!({ ".tag": "invited" }));
    assert_eq!(state("ada@example.com"), MemberState::Invited);

    let suspend = json!({ "user": by_email("ada@example.com"), "wipe_data": false });
    assert_eq!(world.refused(Route::MembersSuspend, suspend.clone()).await, "suspend_inactive_user");
    let refusal = world.refused(Route::MembersUnsuspend, user("ada@example.com")).await;
    assert_eq!(refusal, "unsuspend_non_suspended_member");

    world.simulator.team().accept_invitation("ada@example.com").unwrap();
    assert_eq!(world.ok(Route::MembersSuspend, suspend.clone()).await, Value::Null);
    assert_eq!(state("ada@example.com"), MemberState::Suspended);
    assert_eq!(world.refused(Route::MembersSuspend, suspend.clone()).await, "suspend_inactive_user");
    world.ok(Route::MembersUnsuspend, user("ada@example.com")).await;
    assert_eq!(state("ada@example.com"), MemberState::Active);

    let remove = json!({ "user": by_email("ada@example.com"), "wipe_data": false });
    assert_eq!(world.ok(Route::MembersRemove, remove.clone()).await, json!({ ".tag": "complete" }));
    assert_eq!(world.refused(Route::MembersRemove, remove).await, "user_not_in_team");
    assert_eq!(add(&world, "ada@example.com").await, "user_already_on_team");

    world.ok(Route::MembersRecover, user("ada@example.com")).await;
    assert_eq!(state("ada@example.com"), MemberState::Active);
    assert_eq!(world.refused(Route::MembersRecover, user("ada@example.com")).await, "user_unrecoverable");
}

#[tokio::test]
async fn after_seven_days_a_removed_member_cannot_be_recovered_and_their_address_is_free() {
    let team = Team::builder().token_lifetime_s(30 * 24 * 60 * 60);
    let world = World::of(team.member(MemberSeed::new("ada@example.com", "Ada", "L"))).await;
    world.simulator.team().remove_by_person("ada@example.com").unwrap();
    let clock = world.simulator.team().clock();
    clock.advance(7 * DAY_MS - 1);
    assert_eq!(add(&world, "ada@example.com").await, "user_already_on_team");
    clock.advance(1);
    assert_eq!(add(&world, "ada@example.com").await, "success");
}

#[tokio::test]
async fn a_removed_invitation_cannot_be_recovered() {
    let world = World::of(Team::builder().member(MemberSeed::invited("ada@example.com", "Ada", "L"))).await;
    let id = world.simulator.team().member_by_email("ada@example.com").unwrap().team_member_id.clone();
    world.simulator.team().remove_by_person("ada@example.com").unwrap();
    let by_id = json!({ "user": { ".tag": "team_member_id", "team_member_id": id } });
    assert_eq!(world.refused(Route::MembersRecover, by_id).await, "user_unrecoverable");
    assert_eq!(add(&world, "ada@example.com").await, "success", "the address is free at once");
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let world = World::plain().await;
    let admin = by_email("admin@team.example.com");
    let harmless = json!({ "user": admin, "wipe_data": false });
    assert_eq!(world.refused(Route::MembersSuspend, harmless.clone()).await, "suspend_last_admin");
    assert_eq!(world.refused(Route::MembersRemove, harmless).await, "remove_last_admin");
    let demote = json!({ "user": admin, "new_roles": [] });
    assert_eq!(world.refused(Route::MembersSetAdminPermissions, demote.clone()).await, "last_admin");

    let second = MemberSeed { role: Some(Role::TeamAdmin), ..MemberSeed::new("b@example.com", "B", "B") };
    world.simulator.team().add_member(second);
    assert_eq!(world.ok(Route::MembersSetAdminPermissions, demote).await["roles"], json!([]));
    assert_eq!(world.refused(Route::TokenGetAuthenticatedAdmin, Value::Null).await, "admin_not_active");
}

#[tokio::test]
async fn licences_run_out_and_are_freed_by_removing() {
    let world = World::of(Team::builder().licences(2)).await;
    assert_eq!(add(&world, "a@example.com").await, "success");
    assert_eq!(add(&world, "b@example.com").await, "team_license_limit");
    let info = world.ok(Route::TeamGetInfo, Value::Null).await;
    assert_eq!((&info["num_used_licenses"], &info["num_provisioned_users"]), (&json!(2), &json!(2)));
    world.simulator.team().accept_invitation("a@example.com").unwrap();
    world.simulator.team().remove_by_person("a@example.com").unwrap();
    assert_eq!(add(&world, "b@example.com").await, "success");
    assert_eq!(world.refused(Route::MembersRecover, user("a@example.com")).await, "team_license_limit");
}

#[tokio::test]
async fn each_new_member_is_judged_by_itself() {
    let taken = MemberSeed { external_id: Some("e-1".into()), ..MemberSeed::new("a@example.com", "A", "A") };
    let world = World::of(Team::builder().member(taken).on_another_team("Else@example.com")).await;
    let new =
        |email: &str, external_id: &str| json!({ "member_email": email, "member_external_id": external_id });
    let items = [
        new("A@example.com", "e-9"),
        new("else@example.com", "e-9"),
        new("b@example.com", "e-1"),
        new("c@example.com", "e-2"),
        new("C@example.com", "e-3"),
    ];
    let result = world.ok(Route::MembersAdd, json!({ "new_members": items })).await;
    let tags: Vec<&str> =
        result["complete"].as_array().unwrap().iter().map(|item| item[".tag"].as_str().unwrap()).collect();
    assert_eq!(
        tags,
        [
            "user_already_on_team",
            "user_on_another_team",
            "duplicate_external_member_id",
            "success",
            "user_already_on_team"
        ]
    );
}

#[tokio::test]
async fn a_profile_is_changed_whole_or_not_at_all() {
    let world = World::of(
        Team::builder()
            .member(MemberSeed {
                external_id: Some("e-1".into()),
                ..MemberSeed::new("a@example.com", "A", "A")
            })
            .member(MemberSeed {
                external_id: Some("e-2".into()),
                ..MemberSeed::new("b@example.com", "B", "B")
            }),
    )
    .await;
    let set = |more: Value| {
        let mut arg = user("a@example.com");
        arg.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arg
    };
    let refused = async |more: Value| world.refused(Route::MembersSetProfile, set(more)).await;
    assert_eq!(refused(json!({})).await, "no_new_data_specified");
    assert_eq!(
        refused(json!({ "new_email": "B@example.com", "new_given_name": "Z" })).await,
        "email_reserved_for_other_user"
    );
    assert_eq!(refused(json!({ "new_external_id": "e-2" })).await, "external_id_used_by_other_user");
    assert_eq!(refused(json!({ "new_persistent_id": "p" })).await, "persistent_id_disabled");
    assert_eq!(refused(json!({ "new_is_directory_restricted": true })).await, "directory_restricted_off");
    assert_eq!(world.simulator.team().member_by_email("a@example.com").unwrap().given_name, "A");

    let unsafe_selector = json!({
        "user": { ".tag": "external_id", "external_id": "e-1" }, "new_external_id": "e-3",
    });
    let refusal = world.refused(Route::MembersSetProfile, unsafe_selector).await;
    assert_eq!(refusal, "external_id_and_new_external_id_unsafe");

    let changed = set(json!({ "new_email": "New@example.com", "new_external_id": "", "new_surname": "Z" }));
    let profile = world.ok(Route::MembersSetProfile, changed).await["member_info"]["profile"].clone();
    assert_eq!(profile["email"], "new@example.com");
    assert_eq!(profile["name"]["display_name"], "A Z");
    assert!(profile.get("external_id").is_none(), "an empty external id takes it away");
    assert!(world.simulator.team().member_by_external_id("e-1").is_none());

    world.simulator.team().remove_by_person("new@example.com").unwrap();
    let arg = json!({ "user": by_email("new@example.com"), "new_surname": "Q" });
    assert_eq!(world.refused(Route::MembersSetProfile, arg).await, "set_profile_disallowed");
}

#[tokio::test]
async fn switches_answer_the_open_questions_the_other_way() {
    let switches = Switches { invited_email_can_change: false, ..Switches::default() };
    let world =
        World::of(Team::builder().switches(switches).member(MemberSeed::invited("a@example.com", "A", "A")))
            .await;
    let arg = json!({ "user": by_email("a@example.com"), "new_email": "b@example.com" });
    assert_eq!(world.refused(Route::MembersSetProfile, arg.clone()).await, "set_profile_disallowed");
    world.simulator.team().switches.invited_email_can_change = true;
    world.ok(Route::MembersSetProfile, arg).await;
}

#[tokio::test]
async fn it_is_remembered_whether_wiping_was_refused_in_so_many_words() {
    let world = World::of(
        Team::builder().member(MemberSeed::new("a@example.com", "A", "A")).member(MemberSeed::new(
            "b@example.com",
            "B",
            "B",
        )),
    )
    .await;
    world.ok(Route::MembersSuspend, user("a@example.com")).await;
    let arg = json!({ "user": by_email("b@example.com"), "wipe_data": false });
    world.ok(Route::MembersRemove, arg).await;
    let wipes: Vec<(&str, bool, bool)> = world
        .simulator
        .team()
        .wipes()
        .iter()
        .map(|wipe| (wipe.route, wipe.wipe_data, wipe.explicit))
        .collect();
    assert_eq!(wipes, [("team/members/suspend", true, false), ("team/members/remove", false, true)]);
}

#[tokio::test]
async fn removing_has_its_rules_about_accounts_shares_and_files() {
    let world = World::of(
        Team::builder()
            .member(MemberSeed::new("a@example.com", "A", "A"))
            .member(MemberSeed::new("b@example.com", "B", "B"))
            .member(MemberSeed::invited("i@example.com", "I", "I")),
    )
    .await;
    let refused = async |email: &str, more: Value| {
        let mut arg = json!({ "user": by_email(email), "wipe_data": false });
        arg.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.refused(Route::MembersRemove, arg).await
    };
    let (a, b, admin) =
        (by_email("a@example.com"), by_email("b@example.com"), by_email("admin@team.example.com"));
    let cases = [
        ("i@example.com", json!({ "keep_account": true }), "cannot_keep_invited_user_account"),
        (
            "a@example.com",
            json!({ "keep_account": true, "wipe_data": true }),
            "cannot_keep_account_and_delete_data",
        ),
        (
            "a@example.com",
            json!({ "keep_account": true, "permanently_delete_files": true }),
            "cannot_keep_account_and_permanently_delete",
        ),
        (
            "a@example.com",
            json!({ "keep_account": true, "transfer_dest_id": b, "transfer_admin_id": admin }),
            "cannot_keep_account_and_transfer",
        ),
        ("a@example.com", json!({ "retain_team_shares": true }), "cannot_retain_shares_when_no_account_kept"),
        ("a@example.com", json!({ "transfer_dest_id": b }), "unspecified_transfer_admin_id"),
        (
            "a@example.com",
            json!({ "transfer_dest_id": a, "transfer_admin_id": admin }),
            "removed_and_transfer_dest_should_differ",
        ),
        (
            "a@example.com",
            json!({ "transfer_dest_id": b, "transfer_admin_id": b }),
            "transfer_admin_is_not_admin",
        ),
        (
            "a@example.com",
            json!({ "transfer_dest_id": by_email("i@example.com"), "transfer_admin_id": admin }),
            "recipient_not_verified",
        ),
        (
            "a@example.com",
            json!({ "transfer_dest_id": b, "transfer_admin_id": admin, "permanently_delete_files": true }),
            "cannot_permanently_delete_and_transfer",
        ),
    ];
    for (email, more, expected) in cases {
        assert_eq!(refused(email, more.clone()).await, expected, "{more}");
    }
    assert_eq!(world.simulator.team().on_team(), 4, "a refused removal removes nobody");
}

#[tokio::test]
async fn an_administrator_who_leaves_may_take_the_token_along() {
    let second = MemberSeed { role: Some(Role::TeamAdmin), ..MemberSeed::new("b@example.com", "B", "B") };
    let world = World::of(Team::builder().member(second)).await;
    world.simulator.team().remove_by_person("admin@team.example.com").unwrap();
    world.ok(Route::TeamGetInfo, Value::Null).await;
    assert_eq!(world.refused(Route::TokenGetAuthenticatedAdmin, Value::Null).await, "admin_not_active");
    world.simulator.team().switches.token_dies_with_administrator = true;
    let reply = world.call(Route::TeamGetInfo, Value::Null).await;
    assert_eq!((reply.status, &reply.json()["error"][".tag"]), (401, &json!("invalid_access_token")));
}

#[tokio::test]
async fn who_was_removed_is_found_by_id_only() {
    let world = World::of(Team::builder().member(MemberSeed::new("a@example.com", "A", "A"))).await;
    let id = world.simulator.team().member_by_email("a@example.com").unwrap().team_member_id.clone();
    world.simulator.team().remove_by_person("a@example.com").unwrap();
    let both = json!({
        "members": [by_email("a@example.com"), { ".tag": "team_member_id", "team_member_id": id }],
    });
    let infos = world.ok(Route::MembersGetInfo, both.clone()).await["members_info"].clone();
    assert_eq!(infos[0], json!({ ".tag": "id_not_found", "id_not_found": "a@example.com" }));
    assert_eq!(infos[1]["profile"]["status"][".tag"], "removed");
    world.simulator.team().switches.removed_visible_by_id = false;
    let infos = world.ok(Route::MembersGetInfo, both).await["members_info"].clone();
    assert_eq!(infos[1][".tag"], "id_not_found");
}
