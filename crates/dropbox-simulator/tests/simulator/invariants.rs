//! What must hold whatever is asked, and that the simulator notices when it is wrong itself.

use std::collections::HashSet;

use dropbox_simulator::{DAY_MS, MemberSeed, MemberState, Role, Route, Team};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::client::World;

/// One request out of the many that make sense now and then.
fn some_request(dice: &mut StdRng) -> (Route, Value) {
    let mut pick = |n: u32| dice.random_range(0..n);
    let email = format!("m{}@example.com", pick(8));
    let user = json!({ ".tag": "email", "email": email });
    let group = json!({ ".tag": "group_external_id", "group_external_id": format!("x-{}", pick(3)) });
    let roles = if pick(2) == 0 { json!([]) } else { json!([Role::TeamAdmin.id()]) };
    let new = json!({ "member_email": email, "member_external_id": format!("e-{}", pick(8)) });
    match pick(17) {
        0 | 1 => (Route::MembersAdd, json!({ "new_members": [new] })),
        2 => (Route::MembersSuspend, json!({ "user": user, "wipe_data": false })),
        3 => (Route::MembersUnsuspend, json!({ "user": user })),
        4 => {
            (Route::MembersRemove, json!({ "user": user, "wipe_data": false, "keep_account": pick(4) == 0 }))
        }
        5 => (Route::MembersRecover, json!({ "user": user })),
        6 => {
            let new_email = format!("M{}@example.com", pick(8));
            let new_external_id = ["", "e-1", "e-2"][pick(3) as usize];
            let arg = json!({ "user": user, "new_email": new_email, "new_external_id": new_external_id });
            (Route::MembersSetProfile, arg)
        }
        7 => (Route::MembersSetAdminPermissions, json!({ "user": user, "new_roles": roles })),
        8 | 16 => {
            let name = ["Chess", "Tea", "Go"][pick(3) as usize];
            let external_id = format!("x-{}", pick(3));
            (Route::GroupsCreate, json!({ "group_name": name, "group_external_id": external_id }))
        }
        9..=12 => {
            let members = json!([{ "user": user, "access_type": "member" }]);
            (Route::GroupMembersAdd, json!({ "group": group, "members": members }))
        }
        13 | 14 => (Route::GroupMembersRemove, json!({ "group": group, "users": [user] })),
        _ => (Route::GroupsDelete, group),
    }
}

fn check(team: &Team) {
    let of = |state: MemberState| team.members().iter().filter(move |member| member.state == state);
    for state in [MemberState::Active, MemberState::Invited, MemberState::Suspended, MemberState::Removed] {
        assert_eq!(team.count(state) as usize, of(state).count(), "{state:?}");
    }
    assert!(team.used_licences() <= 6, "never more licences than there are");
    assert!(
        of(MemberState::Active).any(|member| member.role == Some(Role::TeamAdmin)),
        "never without an admin"
    );
    let now = team.clock().now_ms();
    let (mut emails, mut external_ids) = (HashSet::new(), HashSet::new());
    for member in team.members().iter().filter(|member| member.holds_their_place(now)) {
        assert!(emails.insert(&member.email), "{} is there twice", member.email);
        assert_eq!(team.member_by_email(&member.email).unwrap().team_member_id, member.team_member_id);
        if let Some(id) = &member.external_id {
            assert!(external_ids.insert(id), "{id} is there twice");
            assert_eq!(team.member_by_external_id(id).unwrap().team_member_id, member.team_member_id);
        }
    }
    for (group, email) in team.memberships() {
        assert!(team.member_by_email(email).is_some_and(|member| member.on_team()), "{email} in {group}");
    }
}

#[tokio::test]
async fn counts_indexes_and_memberships_agree_after_any_requests() {
    let mut done = HashSet::new();
    for seed in 0..2 {
        let mut dice = StdRng::seed_from_u64(seed);
        let world = World::of(Team::builder().licences(6).token_lifetime_s(u64::from(u32::MAX))).await;
        for step in 0..400 {
            let (route, arg) = some_request(&mut dice);
            let reply = world.call(route, arg.clone()).await;
            assert!([200, 409].contains(&reply.status), "seed {seed}, step {step}: {arg}: {}", reply.text);
            if reply.status == 200 {
                done.insert(route);
            }
            let mut team = world.simulator.team();
            if dice.random_range(0..10) == 0 {
                team.accept_all_invitations();
            }
            if dice.random_range(0..20) == 0 {
                team.clock().advance(2 * DAY_MS);
            }
            check(&team);
        }
    }
    assert_eq!(done.len(), 11, "each request must succeed somewhere, or nothing was tried: {done:?}");
}

#[tokio::test]
#[should_panic(expected = "the simulator is wrong: team/members/list_v2 answers what it must not")]
async fn an_answer_that_the_specification_does_not_allow_is_noticed() {
    let impossible = MemberSeed {
        secondary_emails: vec!["no address".into()],
        ..MemberSeed::new("a@example.com", "A", "A")
    };
    let world = World::of(Team::builder().member(impossible)).await;
    assert_eq!(world.call(Route::MembersList, json!({})).await.status, 500);
}
