//! How a sign-in ends, and a second factor from its first code to the last.

use serde_json::json;
use sqlx::{Connection, Executor, SqliteConnection};

use crate::{
    browser::Browser,
    openid::code_at,
    provider::seconds,
    support::Home,
    visitor::{PASSWORD, USERNAME, Visitor},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_when_it_was_not_used_or_is_old_whoever_holds_its_cookie() {
    let home = Home::sqlite();
    let usher = home.serve().await;
    let url = format!("sqlite://{}", home.dir().join("usher.db").display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    for change in [
        "update sessions set seen_at = '2020-01-01 00:00:00+00:00'",
        "update sessions set created_at = '2020-01-01 00:00:00+00:00'",
    ] {
        let mut visitor = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
        visitor.get("/console/users").await;
        assert_eq!((visitor.page.path.as_str(), visitor.page.status), ("/console/users", 200));
        assert_eq!(database.execute(change).await.unwrap().rows_affected(), 1);
        visitor.get("/console/users").await;
        assert_eq!(visitor.page.path, "/console/sign-in", "{change}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_ends_every_other_session() {
    let usher = Home::sqlite().serve().await;
    let mut there = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    let mut here = Visitor::signed_in(&usher, USERNAME, PASSWORD).await;
    here.get("/console/account").await;
    let new = "another one, and longer";
    let fields = [("present", PASSWORD), ("new", new), ("again", new)];
    here.send("/console/account/password", &fields).await;
    assert!(here.page.text().contains("Your password was changed."), "{}", here.page.text());
    here.get("/console/users").await;
    assert_eq!(here.page.path, "/console/users");
    there.get("/console/users").await;
    assert_eq!(there.page.path, "/console/sign-in");
    Visitor::signed_in(&usher, USERNAME, new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_is_set_up_used_and_turned_off_in_a_browser() {
    let usher = Home::sqlite().serve().await;
    let Some(browser) = Browser::at(&usher).await else { return };
    browser.sign_in().await;
    browser.open("/console/account").await;
    browser.click("form[action='/console/account/totp'] button").await;
    browser.says("The key is shown this once.").await;
    let key = browser.script("return document.querySelector('#key').textContent", json!([])).await;
    let key = key.as_str().unwrap().to_owned();
    let began = seconds();
    let first = code_at(&key, began);
    browser.fill("#code", &first).await;
    browser.click("main form button.primary").await;
    browser.says("Recovery codes").await;
    let text = browser.text().await;
    let recovery = text.split_whitespace().find(|word| word.len() == 19 && word.contains('-')).unwrap();

    browser.click("form[action='/console/sign-out'] button").await;
    browser.fill("#username", USERNAME).await;
    browser.fill("#password", PASSWORD).await;
    browser.click("main button.primary").await;
    browser.says("Second factor").await;
    // The code that turned it on is used up.
    browser.fill("#code", &first).await;
    browser.click("main button.primary").await;
    browser.says("The code is wrong, or was used before.").await;
    // A code of a later step, which is at most one step early.
    let second = code_at(&key, seconds().max(began + 30));
    browser.fill("#code", &second).await;
    browser.click("main button.primary").await;
    browser.says("Overview").await;

    browser.open("/console/account").await;
    browser.fill("form[action$='/totp/off'] #code", &second).await;
    browser.click("form[action$='/totp/off'] button").await;
    browser.says("is wrong").await;
    browser.fill("form[action$='/totp/off'] #code", recovery).await;
    browser.click("form[action$='/totp/off'] button").await;
    browser.says("The second factor is off.").await;
}
