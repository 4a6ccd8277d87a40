//! The event log: what is told of every change, and how little of it can be relied on.

use std::collections::BTreeMap;

use dropbox_simulator::{Fault, GroupSeed, MemberSeed, Route, Switches, Team, TeamBuilder};
use serde_json::{Value, json};

use crate::client::World;

fn team() -> TeamBuilder {
    Team::builder()
        .switches(Switches { events_in_order: true, ..Switches::default() })
        .member(MemberSeed::new("a@example.com", "Ada", "Adams"))
        .member(MemberSeed::new("b@example.com", "Bob", "Brown"))
        .group(GroupSeed::new("Engineering", &["a@example.com"]))
}

/// An event in few words: what, of whom, in which group, and what it was and is.
fn told(event: &Value) -> String {
    let details = &event["details"];
    let word = |value: &Value| match value {
        Value::Null => String::new(),
        Value::Object(value) if value.contains_key(".tag") => value[".tag"].as_str().unwrap().to_owned(),
        Value::Object(_) => format!("{} {}", value["given_name"], value["surname"]).replace('"', ""),
        other => other.to_string().replace('"', ""),
    };
    let group = event["participants"].as_array().into_iter().flatten().find(|one| one[".tag"] == "group");
    let (before, after) = (word(&details["previous_value"]), word(&details["new_value"]));
    let words = [
        event["actor"][".tag"].as_str().unwrap().to_owned(),
        event["event_type"][".tag"].as_str().unwrap().to_owned(),
        event["context"]["email"].as_str().unwrap_or_default().to_owned(),
        if after.is_empty() { before } else { format!("{before}>{after}") },
        group.map_or("", |group| group["display_name"].as_str().unwrap()).to_owned(),
    ];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

async fn events(world: &World, arg: Value) -> Vec<Value> {
    let result = world.ok(Route::GetEvents, arg).await;
    assert_eq!(result["has_more"], false);
    result["events"].as_array().unwrap().clone()
}

async fn all_told(world: &World, arg: Value) -> Vec<String> {
    events(world, arg).await.iter().map(told).collect()
}

#[tokio::test]
async fn every_change_by_a_person_is_told() {
    let world = World::of(team()).await;
    {
        let mut team = world.simulator.team();
        team.add_member(MemberSeed::invited("new@example.com", "New", "Comer"));
        team.accept_invitation("new@example.com").unwrap();
        team.suspend_by_person("a@example.com").unwrap();
        team.unsuspend_by_person("a@example.com").unwrap();
        team.rename_by_person("a@example.com", "Ada", "Lovelace").unwrap();
        team.change_email_by_person("a@example.com", "ada@example.com").unwrap();
        team.change_external_id_by_person("b@example.com", Some("x-1")).unwrap();
        team.join_group_by_person("Engineering", "b@example.com").unwrap();
        team.leave_group_by_person("Engineering", "ada@example.com").unwrap();
        team.rename_group_by_person("Engineering", "Builders").unwrap();
        team.add_group(GroupSeed::new("Sales", &["b@example.com"]));
        team.delete_group_by_person("Sales").unwrap();
        team.remove_by_person("b@example.com").unwrap();
        team.leave_for_another_team("new@example.com").unwrap();
    }
    insta::assert_snapshot!(all_told(&world, json!({})).await.join("\n"), @"
    admin member_change_status new@example.com >invited
    admin member_change_status new@example.com invited>active
    admin member_change_status a@example.com active>suspended
    admin member_change_status a@example.com suspended>active
    admin member_change_name a@example.com Ada Adams>Ada Lovelace
    admin member_change_email ada@example.com a@example.com>ada@example.com
    admin member_add_external_id b@example.com >x-1
    admin group_add_member b@example.com Engineering
    admin group_remove_member ada@example.com Engineering
    admin group_rename Engineering>Builders Builders
    admin group_create Sales
    admin group_add_member b@example.com Sales
    admin group_delete Sales
    admin member_change_status b@example.com active>removed
    admin member_change_status new@example.com active>moved_to_another_team
    ");
    assert_eq!(world.simulator.team().member_by_email("new@example.com").map(|it| it.email.clone()), None);
}

#[tokio::test]
async fn what_the_app_does_is_told_as_the_apps() {
    let world = World::of(team()).await;
    let user = json!({ ".tag": "email", "email": "a@example.com" });
    world.ok(Route::MembersSetProfile, json!({ "user": user, "new_surname": "Lovelace" })).await;
    world.ok(Route::MembersSetProfile, json!({ "user": user, "new_surname": "Lovelace" })).await;
    world.ok(Route::MembersSuspend, json!({ "user": user, "wipe_data": false })).await;
    world.ok(Route::MembersRemove, json!({ "user": user, "wipe_data": false })).await;
    world.ok(Route::GroupsCreate, json!({ "group_name": "Sales" })).await;
    insta::assert_snapshot!(all_told(&world, json!({})).await.join("\n"), @"
    app member_change_name a@example.com Ada Adams>Ada Lovelace
    app member_change_status a@example.com active>suspended
    app member_change_status a@example.com suspended>removed
    app group_create Sales
    ");
}

#[tokio::test]
async fn a_cursor_waits_at_the_end_for_what_comes() {
    let world = World::of(team()).await;
    let first = world.ok(Route::GetEvents, json!({ "category": "members", "limit": 1 })).await;
    assert_eq!((first["events"].as_array().unwrap().len(), &first["has_more"]), (0, &json!(false)));
    world.simulator.team().rename_by_person("a@example.com", "Ada", "Lovelace").unwrap();
    world.simulator.team().join_group_by_person("Engineering", "b@example.com").unwrap();
    world.simulator.team().suspend_by_person("b@example.com").unwrap();
    let page = |cursor: Value| world.ok(Route::GetEventsContinue, json!({ "cursor": cursor }));
    let second = page(first["cursor"].clone()).await;
    assert_eq!(
        (told(&second["events"][0]), &second["has_more"]),
        ("admin member_change_name a@example.com Ada Adams>Ada Lovelace".to_owned(), &json!(true))
    );
    let third = page(second["cursor"].clone()).await;
    assert_eq!(
        (told(&third["events"][0]), &third["has_more"]),
        ("admin member_change_status b@example.com active>suspended".to_owned(), &json!(false))
    );
    assert_eq!(page(third["cursor"].clone()).await["events"], json!([]));
    assert_eq!(
        page(first["cursor"].clone()).await["events"],
        second["events"],
        "an old cursor is still good"
    );
}

#[tokio::test]
async fn filters_narrow_what_is_told() {
    let world = World::of(team()).await;
    let clock = world.simulator.team().clock();
    world.simulator.team().rename_by_person("a@example.com", "Ada", "Lovelace").unwrap();
    clock.advance(60_000);
    world.simulator.team().rename_group_by_person("Engineering", "Builders").unwrap();
    let count = async |arg: Value| events(&world, arg).await.len();
    let (account, noon) = {
        let team = world.simulator.team();
        (team.member_by_email("a@example.com").unwrap().account_id.clone(), "2026-01-01T00:01:00Z")
    };
    assert_eq!(count(json!({ "category": "groups" })).await, 1);
    assert_eq!(count(json!({ "event_type": "member_change_name" })).await, 1);
    assert_eq!(count(json!({ "event_type": "member_change_email" })).await, 0);
    assert_eq!(count(json!({ "account_id": account })).await, 1);
    assert_eq!(count(json!({ "time": { "start_time": noon } })).await, 1, "the start is part of it");
    assert_eq!(count(json!({ "time": { "end_time": noon } })).await, 1, "the end is not");
    let both = json!({ "category": "groups", "event_type": "group_rename" });
    assert_eq!(world.refused(Route::GetEvents, both).await, "invalid_filters");
    let nobody = json!({ "account_id": "x".repeat(40) });
    assert_eq!(world.refused(Route::GetEvents, nobody).await, "account_id_not_found");
    let never = json!({ "time": { "start_time": noon, "end_time": noon } });
    assert_eq!(world.refused(Route::GetEvents, never).await, "invalid_time_range");
}

#[tokio::test]
async fn events_come_late_out_of_order_and_twice_but_all_of_them_come() {
    let switches = Switches { events_late_ms: 5_000, events_repeated: 0.5, ..Switches::default() };
    let names: Vec<String> = (0..40).map(|number| format!("m{number:02}@example.com")).collect();
    let members = names.iter().map(|email| MemberSeed::new(email, "M", "M"));
    let world = World::of(Team::builder().switches(switches).members(members)).await;
    for email in &names {
        world.simulator.team().suspend_by_person(email).unwrap();
    }
    let mut page = world.ok(Route::GetEvents, json!({})).await;
    let mut order = Vec::new();
    let mut steps = 0;
    loop {
        let emails = page["events"].as_array().unwrap().iter();
        order.extend(emails.map(|event| event["context"]["email"].as_str().unwrap().to_owned()));
        if steps == 6 {
            break;
        }
        steps += 1;
        world.simulator.team().clock().advance(1_000);
        page = world.ok(Route::GetEventsContinue, json!({ "cursor": page["cursor"] })).await;
    }
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for email in &order {
        *times.entry(email).or_default() += 1;
    }
    assert_eq!(times.keys().copied().collect::<Vec<_>>(), names, "none is lost");
    assert!(times.values().any(|times| *times == 2) && times.values().any(|times| *times == 1), "{times:?}");
    assert!(!order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn a_page_may_be_empty_and_a_cursor_bad_or_out_of_date() {
    let world = World::of(team()).await;
    let cursor = world.ok(Route::GetEvents, json!({})).await["cursor"].clone();
    world.simulator.team().suspend_by_person("a@example.com").unwrap();
    world.simulator.faults().next(Route::GetEventsContinue, Fault::EmptyPage);
    let empty = world.ok(Route::GetEventsContinue, json!({ "cursor": cursor })).await;
    assert_eq!((&empty["events"], &empty["has_more"]), (&json!([]), &json!(true)));
    let after = world.ok(Route::GetEventsContinue, json!({ "cursor": empty["cursor"] })).await;
    assert_eq!(after["events"].as_array().unwrap().len(), 1);

    let refused = async |cursor: &Value| {
        world.call(Route::GetEventsContinue, json!({ "cursor": cursor })).await.json()["error"].clone()
    };
    assert_eq!(refused(&json!("AEnonsense")).await, json!({ ".tag": "bad_cursor" }));
    world.simulator.faults().next(Route::GetEventsContinue, Fault::InvalidCursor);
    assert_eq!(refused(&cursor).await, json!({ ".tag": "bad_cursor" }));
    world.simulator.team().forget_event_cursors();
    assert_eq!(refused(&cursor).await, json!({ ".tag": "reset", "reset": "2026-01-01T00:00:00Z" }));
}

#[tokio::test]
async fn people_act_and_the_log_changes_by_the_control_door() {
    let world = World::of(team()).await;
    let post = async |what: &str, body: Value| {
        let url = format!("{}/_simulator/{what}", world.simulator.url());
        world.http.post(url).body(body.to_string()).send().await.unwrap().status().as_u16()
    };
    let member = json!({ "email": "c@example.com", "given_name": "C", "surname": "C", "invited": true });
    for act in [
        json!({ "add_member": member }),
        json!({ "accept_invitation": { "email": "c@example.com" } }),
        json!({ "change_external_id": { "email": "c@example.com", "external_id": "x-9" } }),
        json!({ "leave_for_another_team": { "email": "c@example.com" } }),
    ] {
        assert_eq!(post("people", act.clone()).await, 200, "{act}");
    }
    assert_eq!(post("people", json!({ "leave_for_another_team": { "email": "c@example.com" } })).await, 409);
    assert_eq!(post("event_log", json!({ "members_by_id": false })).await, 200);
    assert_eq!(post("event_log", json!({ "sorted": true })).await, 400);
    let events = events(&world, json!({})).await;
    assert_eq!(events.len(), 4);
    assert!(events.iter().all(|event| event["context"].get("team_member_id").is_none()), "{events:?}");
}
