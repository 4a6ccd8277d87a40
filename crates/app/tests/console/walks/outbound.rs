//! Outbound: a newcomer connects a team, makes a rule and sees its first sync; a run that the guard holds is approved.

use dropbox_simulator::Team;
use serde_json::json;

use crate::{
    browser::Browser,
    support::{Dropbox, Home, World, person, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_connects_a_team_and_provisions_people_in_a_browser() {
    let dropbox = Dropbox::start(Team::builder()).await;
    let usher = Home::sqlite().serve().await;
    let Some(browser) = Browser::at(&usher).await else { return };
    let api = usher.api().await;
    for name in ["ada", "bob", "eve"] {
        api.post("/users", person(name)).await.ok();
    }
    browser.sign_in().await;

    // A wrong token: Test Connection Failed, and Continue keeps the connection, switched off.
    browser.click("nav a[href='/console/connections']").await;
    browser.click("main a[href='/console/connections/new']").await;
    browser.click("main .actions a[href='/console/connections/new/dropbox']").await;
    browser.fill("#name", "Our team").await;
    browser.fill("#base_url", &format!("{}/2", dropbox.0.url())).await;
    browser.fill("#client_id", &dropbox.0.client_id()).await;
    browser.fill("#client_secret", &dropbox.0.client_secret()).await;
    browser.fill("#token_url", &dropbox.0.token_url()).await;
    browser.fill("#refresh_token", "not-the-token").await;
    browser.click("main form button.primary").await;
    browser.says("Test Connection Failed").await;
    browser.click("[role=alertdialog] a.primary").await;
    browser.says("What rules may do to accounts of Our team.").await;
    browser.click("main form a.button").await;
    browser.says("It does not work.").await;
    browser.says("Switch on").await;

    // Put right and tested; its user actions; switched on.
    browser.click("main a[href$='/edit']").await;
    browser.fill("#refresh_token", &dropbox.0.refresh_token()).await;
    browser.click("button[value='test']").await;
    browser.says("The connection works.").await;
    browser.click("main .actions a.primary").await;
    browser.click("main a[href$='/actions']").await;
    browser.click("#deprovision:not(:checked)").await;
    browser.click("main form button.primary").await;
    browser.says("Users deprovision").await;
    browser.click("form[action$='/toggle'] button").await;
    browser.says("is on; its rules run.").await;

    // A rule: the rows of its filter are counted as they are changed, and the text beside them follows.
    browser.click("main a[href^='/console/rules/new']").await;
    browser.says("Sync direction").await;
    browser.click("main button.primary").await;
    browser.fill("#name", "Everyone but Eve").await;
    browser.click("main button.primary").await;
    browser.says("3 of 3 users").await;
    browser.click("button[value^='add-row']").await;
    browser.fill("input[list='attributes']", "username").await;
    browser.keys("input[list='attributes']", "\u{e004}").await;
    browser.click("input[list='attributes'][value='username']").await;
    browser.fill(".condition input[placeholder='Value']", "eve").await;
    browser.keys(".condition input[placeholder='Value']", "\u{e004}").await;
    browser.says("1 of 3 users").await;
    browser.click(".condition select option[value='ne']").await;
    browser.says("2 of 3 users").await;
    let text = browser.script("return document.querySelector('#filter').value", json!([])).await;
    assert_eq!(text, "username ne \"eve\"");
    browser.click("main button.primary").await;
    browser.says("Attribute mapping").await;
    browser.click("button[value='defaults']").await;
    browser.fill("#s1", "").await;
    browser.fill("#e1", "#string.upperCase(user.name.given)").await;
    browser.fill("#try_user", "ada").await;
    browser.click("button[value='try:1']").await;
    browser.says("For ada this gives ADA").await;
    browser.click(".form-actions button[value='next']").await;
    browser.says("Guard against mass removal").await;
    browser.click(".form-actions button[value='next']").await;
    browser.says("create ada@example.com").await;
    browser.click("button[value='save']").await;
    browser.says("it is on, and its sync begins").await;
    until("both are invited", async || dropbox.people().len() == 2).await;
    browser.says("User sync summary").await;
    until("the page counts them", async || {
        browser.open(&browser.path().await).await;
        browser
            .script("return document.querySelector('#status .tile.good .value')?.textContent", json!([]))
            .await
            == "2"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_run_is_approved_in_a_browser() {
    let world = World::of(Home::sqlite(), Team::builder(), json!({ "DEPROVISION_USERS": true })).await;
    let Some(browser) = Browser::at(&world.usher).await else { return };
    for n in 0..6 {
        world.user(&format!("p{n}")).await;
    }
    let rule = world.outbound_rule(json!({ "configuration": { "GUARD_MAX_REMOVALS": 1 } })).await;
    world.settled(&rule).await;
    browser.sign_in().await;
    browser.open(&format!("/console/rules/{rule}/edit?step=filter")).await;
    browser.fill("#filter", "username eq \"p1\"").await;
    browser.click("button[value='to:preview'].link, .form-actions button[value='to:preview']").await;
    browser.says("The guard would hold this run").await;
    browser.click("button[value='save']").await;
    until("a run is held", async || world.settled(&rule).await["status"] == "HELD").await;
    browser.open("/console").await;
    browser.click("main a[href^='/console/runs/']").await;
    browser.says("The run is held. Nothing was changed.").await;
    let shown = browser.script("return document.querySelector('[name=digest]').value", json!([])).await;
    assert!(shown.as_str().is_some_and(|digest| digest.len() >= 16), "{shown}");
    browser.click("form[action$='/approve'] button").await;
    browser.says("Approved.").await;
    until("five are gone", async || world.dropbox.people().len() == 1).await;
}
