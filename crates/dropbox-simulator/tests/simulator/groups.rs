//! Groups and who is in them.

use dropbox_simulator::{GroupSeed, ManagementType, MemberSeed, Route, Switches, Team, TeamBuilder};
use serde_json::{Value, json};

use crate::client::World;

fn team() -> TeamBuilder {
    Team::builder()
        .member(MemberSeed::new("a@example.com", "A", "A"))
        .member(MemberSeed::new("b@example.com", "B", "B"))
        .member(MemberSeed::invited("i@example.com", "I", "I"))
        .group(GroupSeed {
            external_id: Some("x-1".into()),
            ..GroupSeed::new("Engineering", &["a@example.com"])
        })
}

fn group() -> Value {
    json!({ ".tag": "group_external_id", "group_external_id": "x-1" })
}

fn users(emails: &[&str]) -> Vec<Value> {
    emails.iter().map(|email| json!({ ".tag": "email", "email": email })).collect()
}

fn joining(emails: &[&str], access_type: &str) -> Value {
    let members: Vec<Value> =
        users(emails).into_iter().map(|user| json!({ "user": user, "access_type": access_type })).collect();
    json!({ "group": group(), "members": members, "return_members": false })
}

#[tokio::test]
async fn membership_calls_do_all_or_nothing() {
    let world = World::of(team()).await;
    let result =
        world.ok(Route::GroupMembersAdd, joining(&["b@example.com", "i@example.com"], "member")).await;
    assert_eq!(result["async_job_id"], " ");
    assert_eq!(result["group_info"]["member_count"], 3);
    assert!(result["group_info"].get("members").is_none());
    let all = ["a@example.com", "b@example.com", "i@example.com"];
    assert_eq!(world.simulator.team().group_members("engineering"), all);

    let remove = |emails: &[&str]| json!({ "group": group(), "users": users(emails) });
    let admin_too = remove(&["a@example.com", "admin@team.example.com"]);
    assert_eq!(world.refused(Route::GroupMembersRemove, admin_too).await, "member_not_in_group");
    assert_eq!(world.simulator.team().group_members("engineering"), all);
    let result = world.ok(Route::GroupMembersRemove, remove(&["a@example.com", "b@example.com"])).await;
    assert_eq!(result["group_info"]["members"].as_array().unwrap().len(), 1, "members come unless refused");
}

#[tokio::test]
async fn who_cannot_join_is_named() {
    let world = World::of(team().on_another_team("else@example.com")).await;
    let error = async |emails: &[&str], access: &str| {
        let reply = world.call(Route::GroupMembersAdd, joining(emails, access)).await;
        assert_eq!(reply.status, 409, "{}", reply.text);
        reply.json()["error"].clone()
    };
    let nobody = error(&["b@example.com", "nobody@example.com"], "member").await;
    assert_eq!(nobody, json!({ ".tag": "users_not_found", "users_not_found": ["nobody@example.com"] }));
    let elsewhere = error(&["else@example.com"], "member").await;
    assert_eq!(
        elsewhere,
        json!({ ".tag": "members_not_in_team", "members_not_in_team": ["else@example.com"] })
    );
    assert_eq!(error(&["a@example.com"], "member").await[".tag"], "duplicate_user");
    assert_eq!(error(&["b@example.com", "b@example.com"], "member").await[".tag"], "duplicate_user");
    let owner = error(&["b@example.com"], "owner").await;
    assert_eq!(owner[".tag"], "user_cannot_be_manager_of_company_managed_group");

    world.simulator.team().switches = Switches { invited_may_join_groups: false, ..Switches::default() };
    assert_eq!(error(&["i@example.com"], "member").await[".tag"], "members_not_in_team");
    assert_eq!(world.simulator.team().group_members("Engineering"), ["a@example.com"]);
}

#[tokio::test]
async fn names_and_external_ids_are_unique_and_come_free_by_deleting() {
    let world = World::of(team()).await;
    let create = |name: &str, external_id: &str| {
        json!({
            "group_name": name, "group_external_id": external_id, "group_management_type": "company_managed",
        })
    };
    let refused = async |arg: Value| world.refused(Route::GroupsCreate, arg).await;
    assert_eq!(refused(create("ENGINEERING", "x-2")).await, "group_name_already_used");
    assert_eq!(refused(create("Sales", "x-1")).await, "external_id_already_in_use");
    assert_eq!(refused(create("  ", "x-2")).await, "group_name_invalid");
    let system = json!({ "group_name": "Sales", "group_management_type": "system_managed" });
    assert_eq!(refused(system).await, "system_managed_group_disallowed");

    let id = world.simulator.team().group_by_name("Engineering").unwrap().group_id.clone();
    assert_eq!(world.ok(Route::GroupsDelete, group()).await, json!({ ".tag": "complete" }));
    let by_id = json!({ ".tag": "group_id", "group_id": id });
    assert_eq!(world.refused(Route::GroupsDelete, by_id).await, "group_already_deleted");
    let made = world.ok(Route::GroupsCreate, create("Engineering", "x-1")).await;
    assert_eq!(made["member_count"], 0);
    assert_ne!(made["group_id"], json!(id));
}

#[tokio::test]
async fn the_group_of_everyone_is_dropboxs_own() {
    let world = World::of(team()).await;
    let id = world.simulator.team().groups().next().unwrap().group_id.clone();
    let everyone = json!({ ".tag": "group_id", "group_id": id });
    let listed = world.ok(Route::GroupsList, json!({})).await["groups"][0].clone();
    assert_eq!(listed["group_management_type"], json!({ ".tag": "system_managed" }));
    assert_eq!(listed["member_count"], 4);
    assert_eq!(world.refused(Route::GroupsDelete, everyone.clone()).await, "system_managed_group_disallowed");
    let arg = json!({ "group": everyone, "new_group_name": "Us" });
    assert_eq!(world.refused(Route::GroupsUpdate, arg).await, "system_managed_group_disallowed");
    let info =
        world.ok(Route::GroupsGetInfo, json!({ ".tag": "group_ids", "group_ids": [id, "g:no"] })).await;
    assert!(info[0].get("members").is_none(), "members of system-managed groups are not shown");
    assert_eq!(info[1], json!({ ".tag": "id_not_found", "id_not_found": "g:no" }));
    let members = world.ok(Route::GroupMembersList, json!({ "group": everyone })).await;
    assert_eq!(members["members"].as_array().unwrap().len(), 4);
    world.simulator.team().switches.system_group_can_be_listed = false;
    let refusal = world.refused(Route::GroupMembersList, json!({ "group": everyone })).await;
    assert_eq!(refusal, "group_not_found");
    let profile = world.ok(Route::TokenGetAuthenticatedAdmin, Value::Null).await["admin_profile"].clone();
    assert_eq!(profile["groups"], json!([id]));
}

#[tokio::test]
async fn only_user_managed_groups_have_owners() {
    let world = World::of(team()).await;
    let owned = json!({
        "group_name": "Chess", "add_creator_as_owner": true, "group_management_type": "user_managed",
    });
    let made = world.ok(Route::GroupsCreate, owned).await;
    assert_eq!(made["members"][0]["access_type"], json!({ ".tag": "owner" }));
    let chess = json!({ ".tag": "group_id", "group_id": made["group_id"] });
    let members = json!([{ "user": users(&["i@example.com"])[0], "access_type": "owner" }]);
    let refusal = world.refused(Route::GroupMembersAdd, json!({ "group": chess, "members": members })).await;
    assert_eq!(refusal, "user_must_be_active_to_be_owner");

    let update = json!({ "group": chess, "new_group_management_type": "company_managed" });
    let updated = world.ok(Route::GroupsUpdate, update).await;
    assert_eq!(updated["members"][0]["access_type"], json!({ ".tag": "member" }));
    let admin = users(&["admin@team.example.com"])[0].clone();
    let promote = json!({ "group": chess, "user": admin, "access_type": "owner" });
    let refusal = world.refused(Route::GroupMembersSetAccessType, promote).await;
    assert_eq!(refusal, "user_cannot_be_manager_of_company_managed_group");
    let team = world.simulator.team();
    assert_eq!(team.group_by_name("Chess").unwrap().management_type, ManagementType::CompanyManaged);
}

#[tokio::test]
async fn whoever_is_removed_leaves_their_groups_and_whoever_is_recovered_is_back_in_them() {
    let world = World::of(team()).await;
    world.simulator.team().suspend_by_person("a@example.com").unwrap();
    assert_eq!(world.simulator.team().group_members("Engineering"), ["a@example.com"]);
    world.simulator.team().remove_by_person("a@example.com").unwrap();
    assert!(world.simulator.team().memberships().is_empty());
    world.ok(Route::MembersRecover, json!({ "user": users(&["a@example.com"])[0] })).await;
    assert_eq!(world.simulator.team().memberships(), [("Engineering", "a@example.com")]);
}

#[tokio::test]
async fn a_listing_by_pages_shows_everyone_once_though_the_team_changes_meanwhile() {
    let members = (0..25).map(|n| MemberSeed::new(&format!("m{n:02}@example.com"), "M", "M"));
    let world = World::of(Team::builder().members(members)).await;
    let mut page = world.ok(Route::MembersList, json!({ "limit": 10 })).await;
    let mut seen = Vec::new();
    loop {
        seen.extend(
            page["members"].as_array().unwrap().iter().map(|member| member["profile"]["email"].to_string()),
        );
        if page["has_more"] == json!(false) {
            break;
        }
        // Someone already seen leaves; nobody else may be skipped for it.
        let _ = world.simulator.team().remove_by_person("m00@example.com");
        page = world.ok(Route::MembersListContinue, json!({ "cursor": page["cursor"] })).await;
    }
    assert_eq!(seen.len(), 26);
    seen.dedup();
    assert_eq!(seen.len(), 26);
    assert_eq!(world.simulator.calls().count(Route::MembersListContinue), 2);

    let again = world.ok(Route::MembersList, json!({ "include_removed": true })).await;
    assert_eq!(again["members"].as_array().unwrap().len(), 26);
    let removed = json!({ ".tag": "removed", "is_recoverable": true, "is_disconnected": false });
    assert_eq!(again["members"][1]["profile"]["status"], removed);
    let foreign = json!({ "cursor": again["cursor"] });
    assert_eq!(world.refused(Route::GroupsListContinue, foreign).await, "invalid_cursor");
}
