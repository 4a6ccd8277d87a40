//! A member who is added, renamed, suspended and removed in Dropbox, as the pages of an inbound rule tell of it.

use dropbox_simulator::{Clock, MemberSeed, Team};
use serde_json::json;

use super::{comes_to_say, summed};
use crate::{
    browser::Browser,
    support::{Home, World, id, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_to_a_member_in_dropbox_is_followed_on_the_pages() {
    let team = Team::builder()
        .clock(Clock::running(now()))
        .member(MemberSeed::new("alan@example.com", "Alan", "Turing"))
        .member(MemberSeed::new("ida@example.com", "Ida", "Rhodes"));
    let world = World::of(Home::sqlite(), team, json!({})).await;
    let Some(browser) = Browser::at(&world.usher).await else { return };
    let home = world.population("From Dropbox").await;
    let rule = json!({
        "name": "The team to here", "sourceStore": { "id": world.store }, "targetStore": { "id": world.directory },
        "populationExpression": "domain eq \"example.com\"", "active": false,
        "configuration": { "POPULATION_ID": home, "FOLLOW_EVENTS": true, "DEPROVISION_USERS": true },
    });
    let rule = world.rule(rule).await;
    world.settled(&rule).await;
    let rule = format!("/console/rules/{rule}");
    browser.sign_in().await;
    comes_to_say(&browser, &rule, "followed; last read").await;
    assert_eq!(summed(&browser, "Success").await, "2");

    // Added.
    let email = "grace@example.com";
    world.dropbox.0.team().add_member(MemberSeed::new(email, "Grace", "Murray"));
    let counted = async |label: &str, number: &str| {
        let so = async || {
            browser.open(&rule).await;
            summed(&browser, label).await == number
        };
        until(&format!("the rule's page counts {number} of {label}"), so).await;
    };
    counted("Success", "3").await;
    browser.open("/console/users?q=grace").await;
    browser.click("tbody a").await;
    browser.says("Grace Murray").await;
    let user = browser.path().await;
    browser.click("main a[href$='/explanation']").await;
    browser.says("All is as it should be").await;
    browser.says("Is in the directory").await;

    // Renamed.
    world.dropbox.0.team().rename_by_person(email, "Grace", "Hopper").unwrap();
    comes_to_say(&browser, &user, "Grace Hopper").await;

    // Suspended: disabled here, and why.
    world.dropbox.0.team().suspend_by_person(email).unwrap();
    comes_to_say(&browser, &user, "Disabled").await;
    browser.click("main a[href$='/explanation']").await;
    browser.says("is suspended").await;

    // Only active users from now on: what that takes away is seen before it is saved.
    browser.open(&format!("{rule}/edit?step=scope")).await;
    browser.click("#only_active:not(:checked)").await;
    browser.click(".form-actions button[value='to:preview']").await;
    browser.says("Preview of the effect").await;
    browser.says("delete grace@example.com").await;
    assert_eq!(
        id(&world.api.get(user.trim_start_matches("/console")).await.ok()).len(),
        36,
        "she is still here"
    );
    browser.click("button[value='save']").await;
    browser.says("its sync begins").await;
    comes_to_say(&browser, &user, "Page not found").await;
    counted("Impacted", "2").await;

    // Removed from the team: disabled here, as the remove action has it.
    world.dropbox.0.team().remove_by_person("ida@example.com").unwrap();
    browser.open("/console/users?q=ida").await;
    browser.click("tbody a").await;
    let ida = browser.path().await;
    comes_to_say(&browser, &ida, "Disabled").await;
    browser.open(&format!("{rule}/runs")).await;
    browser.says("Succeeded").await;
}

/// The present in milliseconds: what the log tells of is as new as the server's first look at it.
#[expect(clippy::disallowed_methods, reason = "the team's clock has to go with the server's")]
fn now() -> u64 {
    u64::try_from(chrono::Utc::now().timestamp_millis()).unwrap()
}
