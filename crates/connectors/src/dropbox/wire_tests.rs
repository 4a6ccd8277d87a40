use usher_domain::reconcile::{
    attributes::Attribute,
    snapshot::{AccountState, GroupKeys, GroupKind},
};

use super::*;

fn member(status: &str, roles: &str) -> Member {
    serde_json::from_str(&format!(
        r#"{{"profile":{{"team_member_id":"dbmid:1","external_id":"u1","account_id":"dbid:x","email":"Ada@Example.COM",
        "email_verified":true,"secondary_emails":[{{"email":"A@L.org","is_verified":true}}],"status":{status},
        "name":{{"given_name":"Ada","surname":"Lovelace","familiar_name":"Ada","display_name":"Ada Lovelace",
        "abbreviated_name":"AL"}},"membership_type":{{".tag":"half","of":"what"}},"suspended_on":"2026-01-02T03:04:05Z",
        "groups":["g:2","g:1","g:2"],"member_folder_id":"1","root_folder_id":"2","brand_new":[1,{{}}]}},"roles":{roles}}}"#
    ))
    .unwrap()
}

#[test]
fn a_member_with_fields_and_tags_of_tomorrow_is_still_read() {
    let mut keys = GroupKeys::default();
    let account = member(r#"{".tag":"hibernating","until":"spring"}"#, "null").account(&mut keys);
    assert_eq!(account.state, AccountState::Unknown);
    assert_eq!(account.attributes.get(Attribute::Email), "ada@example.com");
    assert_eq!(&*account.secondary_emails[0], "a@l.org");
    assert_eq!(account.groups.len(), 2);
    assert!(!account.is_admin);
}

#[test]
fn states_carry_what_dropbox_says_of_them() {
    let mut keys = GroupKeys::default();
    let mut state = |status| member(status, "[]").account(&mut keys).state;
    assert_eq!(
        state(r#"{".tag":"removed","is_recoverable":true,"is_disconnected":false}"#),
        AccountState::Removed { recoverable: true }
    );
    let since = "2026-01-02T03:04:05.000Z".parse().ok();
    assert_eq!(state(r#"{".tag":"suspended"}"#), AccountState::Suspended { since });
    assert_eq!(state(r#"{".tag":"invited"}"#), AccountState::Invited);
}

#[test]
fn the_first_role_counts_and_an_administrators_role_is_known_by_its_name() {
    let mut keys = GroupKeys::default();
    let roles = r#"[{"role_id":"pid_dbtmr:x","name":"User management admin","description":""}]"#;
    let account = member(r#"{".tag":"active"}"#, roles).account(&mut keys);
    assert_eq!(account.attributes.get(Attribute::Role), "pid_dbtmr:x");
    assert!(account.is_admin);
}

#[test]
fn a_group_of_a_kind_of_tomorrow_is_left_alone() {
    let group: Group = serde_json::from_str(
        r#"{"group_id":"g:1","group_name":"Eng","group_management_type":{".tag":"self_managed"},"member_count":3}"#,
    )
    .unwrap();
    assert_eq!(group.remote(&mut GroupKeys::default()).kind, GroupKind::Unknown);
}

#[test]
fn selectors_say_their_tag_once() {
    let text = serde_json::to_string(&UserSelector::id(&AccountId::from("dbmid:1"))).unwrap();
    assert_eq!(text, r#"{".tag":"team_member_id","team_member_id":"dbmid:1"}"#);
}

#[test]
fn launches_and_job_states_are_read_with_and_without_results() {
    let launch = |text| serde_json::from_str::<Launch>(text).unwrap();
    assert!(matches!(launch(r#"{".tag":"complete"}"#), Launch::Complete { complete } if complete.is_empty()));
    assert!(
        matches!(launch(r#"{".tag":"complete","complete":[{".tag":"success"}]}"#), Launch::Complete { complete } if complete.len() == 1)
    );
    assert!(matches!(launch(r#"{".tag":"async_job_id","async_job_id":"j"}"#), Launch::AsyncJobId { .. }));
    let failed: JobStatus = serde_json::from_str(r#"{".tag":"failed","failed":"why"}"#).unwrap();
    assert!(matches!(failed, JobStatus::Failed { failed } if failed == "why"));
}

#[test]
fn results_of_an_add_name_their_address_in_lower_case() {
    let failure =
        AddResult::read(serde_json::json!({".tag": "team_license_limit", "team_license_limit": "A@B.co"}));
    assert_eq!(failure.unwrap().email(), "a@b.co");
    assert!(AddResult::read(serde_json::json!({".tag": "success"})).is_none());
}
