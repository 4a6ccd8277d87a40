//! Inbound: a newcomer connects a team and brings its members into a population.

use dropbox_simulator::{MemberSeed, Team};

use super::{choose, comes_to_say, summed};
use crate::{
    browser::Browser,
    support::{Dropbox, Home, until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_brings_the_members_of_a_team_in_in_a_browser() {
    let team = Team::builder()
        .member(MemberSeed::new("grace@navy.example.com", "Grace", "Hopper"))
        .member(MemberSeed::new("alan@navy.example.com", "Alan", "Turing"))
        .member(MemberSeed::invited("hedy@navy.example.com", "Hedy", "Lamarr"))
        .member(MemberSeed::new("eve@elsewhere.example.com", "Eve", "Moneypenny"));
    let dropbox = Dropbox::start(team).await;
    let usher = Home::sqlite().serve().await;
    let Some(browser) = Browser::at(&usher).await else { return };
    let api = usher.api().await;
    browser.sign_in().await;

    // The overview of an empty place says what to do first.
    browser.says("Connect a Dropbox team").await;
    browser.click("main a[href='/console/connections/new']").await;
    browser.click("main .actions a[href='/console/connections/new/dropbox']").await;
    browser.fill("#name", "The navy").await;
    browser.fill("#base_url", &format!("{}/2", dropbox.0.url())).await;
    browser.fill("#client_id", &dropbox.0.client_id()).await;
    browser.fill("#client_secret", &dropbox.0.client_secret()).await;
    browser.fill("#token_url", &dropbox.0.token_url()).await;
    browser.fill("#refresh_token", &dropbox.0.refresh_token()).await;
    browser.click("main form button.primary").await;
    browser.says("The connection works.").await;
    browser.click("main .actions a.primary").await;
    browser.says("What rules may do to accounts of The navy.").await;
    browser.click("main form button.primary").await;
    browser.says("It works, and is switched off.").await;
    browser.click("form[action$='/toggle'] button").await;
    browser.says("is on; its rules run.").await;

    // Where they are to live.
    browser.click("nav a[href='/console/populations']").await;
    browser.click("main a[href='/console/populations/new']").await;
    browser.fill("#name", "Sailors").await;
    browser.click("main form button.primary").await;
    browser.says("Sailors").await;

    browser.click("nav a[href='/console/rules']").await;
    browser.click("main a[href^='/console/rules/new']").await;
    browser.click("input[name=direction][value=inbound]").await;
    browser.click("main .form-actions button.primary").await;
    browser.fill("#name", "The navy to here").await;
    browser.click("main .form-actions button.primary").await;
    // The administrator who connected it is a member, too.
    browser.says("5 of 5 members").await;
    browser.click("button[value^='add-row']").await;
    browser.fill("#c0-a", "domain").await;
    browser.fill("#c0-v", "navy.example.com").await;
    browser.click("#count").await;
    browser.says("3 of 5 members").await;
    browser.says("Hedy Lamarr").await;
    browser.click("main .form-actions button.primary").await;
    browser.says("the username is the e-mail address").await;
    browser.click("button[value='defaults']").await;
    browser.fill("#s0", "").await;
    browser.fill("#e0", "#string.toLowerCase(user.given_name)").await;
    browser.click("main .form-actions button.primary").await;
    browser.says("Did you mean `#string.lowerCase(text)`?").await;
    browser.fill("#e0", "#string.lowerCase(user.given_name)").await;
    browser.click("main .form-actions button.primary").await;

    // Without a population it goes no further than the page that asks for it.
    browser.says("Everyone who comes in lives there.").await;
    browser.click("main .form-actions button.primary").await;
    browser.says("Choose where new users live").await;
    choose(&browser, "#population option", "Sailors").await;
    choose(&browser, "#authority option", "Dropbox decides").await;
    browser.click("#only_active").await;
    browser.fill("#schedule", "every 15m").await;
    browser.click("main .form-actions button.primary").await;
    browser.says("Preview of the effect").await;
    browser.says("create grace@navy.example.com in the directory").await;
    let text = browser.text().await;
    assert!(!text.contains("hedy") && !text.contains("eve@"), "an invitation is not active yet: {text}");
    assert!(api.list("/users", "users").await.is_empty(), "looking changes nothing");
    browser.click("button[value='save']").await;
    browser.says("it is on, and its sync begins").await;
    let rule = browser.path().await;

    until("both are in the directory", async || api.list("/users", "users").await.len() == 2).await;
    browser.open("/console/users").await;
    browser.says("Alan Turing").await;
    choose(&browser, "tbody a", "Grace Hopper").await;
    browser.says("grace@navy.example.com").await;
    browser.says("Sailors").await;
    browser.says("Success").await;
    comes_to_say(&browser, &rule, "User sync summary").await;
    assert_eq!(summed(&browser, "Success").await, "2");
    browser.click("main a[href$='/onboarding']").await;
    for words in
        ["Authority\nDropbox", "Sync only active users\nOn", "Schedule\nevery 15m", "Population\nSailors"]
    {
        browser.says(words).await;
    }
}
