//! A run that does not succeed with everybody: its failures by cause, with what to do about them, and another try.

use dropbox_simulator::{Fault, MemberSeed, Route, Team, Trigger, When};
use serde_json::json;

use super::comes_to_say;
use crate::{
    browser::Browser,
    support::{Home, World, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_told_by_cause_and_one_is_tried_again_in_a_browser() {
    let team = Team::builder()
        .on_another_team("ada@example.com")
        .on_another_team("bob@example.com")
        .member(MemberSeed::new("eve@example.com", "Eve", "Example"));
    let world = World::of(Home::sqlite(), team, json!({})).await;
    let Some(browser) = Browser::at(&world.usher).await else { return };
    let faults = world.dropbox.0.faults();
    let refused = Fault::Refused("user_cannot_be_manager_of_company_managed_group".into());
    faults.on(Route::GroupMembersAdd, Trigger::Always, refused, When::BeforeEffect);
    for name in ["ada", "bob"] {
        world.user(name).await;
    }
    let (eve, crew) = (world.user("eve").await, world.group("Crew").await);
    world.join(&eve, &crew).await;
    let rule = world.outbound_rule(json!({ "groups": [{ "id": crew }] })).await;
    world.settled(&rule).await;

    browser.sign_in().await;
    browser.says("What needs you now").await;
    browser.open(&format!("/console/rules/{rule}/runs")).await;
    browser.click("tbody tr:last-child th a").await;
    browser.says("What went wrong, by cause").await;
    let causes = browser.script("return document.querySelectorAll('.todo > li').length", json!([])).await;
    assert_eq!(causes, 2, "two of one cause and one of another");
    browser.says("What to do:").await;
    browser.says("Dropbox request").await;

    // Its cause is gone, and the one is tried again.
    faults.clear();
    browser.click("form[action$='/retry'] button").await;
    browser.says("It is looked at again now").await;
    until("she is in the group", async || !world.dropbox.memberships().is_empty()).await;
    comes_to_say(&browser, &format!("/console/groups/{crew}"), "Success").await;
}
