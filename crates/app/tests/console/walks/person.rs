//! One person's page: why they have what they have, and another look at them at once.

use dropbox_simulator::Team;
use serde_json::json;

use super::comes_to_say;
use crate::{
    browser::Browser,
    support::{Home, World, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_explained_and_provisioned_at_once_in_a_browser() {
    let world = World::of(Home::sqlite(), Team::builder(), json!({})).await;
    let Some(browser) = Browser::at(&world.usher).await else { return };
    world.user("ada").await;
    browser.sign_in().await;

    // Without a rule.
    browser.open("/console/users?q=ada").await;
    browser.click("tbody a").await;
    browser.says("No rule provisions anyone yet.").await;
    browser.click("form[action$='/provision'] button").await;
    browser.says("No rule runs, so nothing was done for ada.").await;
    let user = browser.path().await;

    let rule = world.outbound_rule(json!({ "populationExpression": "username sw \"a\"" })).await;
    world.settled(&rule).await;
    comes_to_say(&browser, &user, "Success").await;
    browser.click(&format!("main a[href$='/explanation?rule={rule}']")).await;
    browser.says("All is as it should be; a run would do nothing.").await;
    browser.says("in scope: the filter matches by `username sw \"a\"`.").await;
    browser.says("is invited, and has not accepted yet").await;

    // Somebody changes the account: Why? sees it, and a click puts it right.
    world.dropbox.0.team().rename_by_person("ada@example.com", "Somebody", "Else").unwrap();
    browser.open(&browser.path().await).await;
    browser.says("A run would now").await;
    browser.says("differs").await;
    browser.click(".crumbs li:last-child a").await;
    browser.click("form[action$='/provision'] button").await;
    browser.says("ada is being synced by 1 rule.").await;
    let right = async || world.dropbox.people()[0].starts_with("ada@example.com Ada Example");
    until("the account has its name again", right).await;
    comes_to_say(&browser, &format!("{user}/explanation"), "All is as it should be").await;
}
