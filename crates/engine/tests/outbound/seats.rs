//! Licences: freed before they are needed; a lack of them is told before the run, and by user after it.

use std::time::Duration;

use dropbox_simulator::MemberSeed;

use crate::world::{World, counts};

#[tokio::test]
async fn who_goes_makes_room_for_who_comes() {
    let world = World::new()
        .user("bob")
        .setting("DEPROVISION_USERS", true)
        .setting("REMOVE_ACTION", "Delete")
        .member(MemberSeed::new("bob@example.com", "Bob", "Example"))
        .team(|team| team.licences(2))
        .await;
    world.sync_full().await;
    world.delete("bob").await;
    world.create_user("ada").await;
    world.writes();
    let run = world.sync_full().await;
    assert_eq!(world.writes(), ["members/remove", "members/add_v2"]);
    assert_eq!(world.member("ada"), "invited, Ada Example, marked ada");
    assert_eq!(run.state, usher_domain::reconcile::run::RunState::Succeeded);
}

#[tokio::test]
async fn a_lack_of_licences_is_told_before_and_after_and_ends_by_itself() {
    let world = World::new().users(["ada", "bob", "cy"]).team(|team| team.licences(2)).await;
    let before = world.preview().await.plan;
    assert_eq!((before.seats_needed, before.seats.unwrap().left(), before.seats_missing()), (3, 1, 2));
    insta::assert_snapshot!(before.to_string().lines().last().unwrap(), @"Seats: 3 needed, 1 of 2 left; 2 missing. Buy licences, or some accounts will have to wait.");

    assert_eq!(seen(&world).await, "nothing seen", "a preview looks, and leaves nothing");
    world.sync_full().await;
    assert_eq!(world.status().await.0, counts(1, 2, 0, 0));
    assert_eq!(seen(&world).await, "1 of 2 used, short of 2");
    let without: Vec<&str> =
        ["ada", "bob", "cy"].into_iter().filter(|name| world.member(name) == "none").collect();
    assert_eq!(without.len(), 2);
    for name in &without {
        assert_eq!(world.standing(name).await, "Unsynced TEAM_LICENSE_LIMIT");
    }

    world.dropbox().set_licences(10);
    world.time_passes(Duration::from_secs(24 * 3600));
    world.sync_due().await;
    assert_eq!(world.status().await.0, counts(3, 0, 0, 0));
    world.assert_at_rest().await;
    world.sync_full().await;
    assert_eq!(seen(&world).await, "4 of 10 used, short of 0");
}

/// What is remembered of the team's licences.
async fn seen(world: &World) -> String {
    let rule = world.rule().await;
    let Some(team) = world.reconciler.team_seats(&[&rule]).await.unwrap() else {
        return "nothing seen".into();
    };
    let short: u32 = team.short.iter().map(|(_, seen)| seen.missing()).sum();
    format!("{} of {} used, short of {short}", team.seats.used, team.seats.licensed)
}
