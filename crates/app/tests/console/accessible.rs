//! In a browser: no page has a fault that axe-core finds, in light and dark, wide and narrow; and what the script adds.

use serde_json::json;

use crate::{
    browser::Browser,
    support::{Home, id},
};

/// Names axe-core's one file.
const AXE: &str = "USHER_TEST_AXE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_no_violation_on_any_page_in_light_and_dark() {
    let usher = Home::sqlite().serve().await;
    let Some(browser) = Browser::at(&usher).await else { return };
    let axe = std::fs::read_to_string(std::env::var(AXE).unwrap()).unwrap();
    let api = usher.api().await;
    let body = json!({ "username": "ada", "email": "ada@example.com", "name": { "given": "Ada" } });
    let user = id(&api.post("/users", body).await.ok());
    let group = id(&api.post("/groups", json!({ "name": "Engineers" })).await.ok());
    api.post(&format!("/users/{user}/memberOfGroups"), json!({ "id": group })).await.ok();
    let population = id(&api.list("/populations", "populations").await[0]);
    let administrator = id(&api.list("/administrators", "administrators").await[0]);
    let client = id(&api.list("/clients", "clients").await[0]);

    let mut faults = Vec::new();
    browser.open("/console/sign-in").await;
    look(&browser, &axe, "/console/sign-in", &mut faults).await;
    browser.sign_in().await;
    let pages = [
        "/console".into(),
        "/console/account".into(),
        "/console/users".into(),
        "/console/users?q=nobody".into(),
        "/console/users/new".into(),
        format!("/console/users/{user}"),
        format!("/console/users/{user}/edit"),
        format!("/console/users/{user}/explanation"),
        format!("/console/users/{user}/delete"),
        "/console/groups".into(),
        "/console/groups/new".into(),
        format!("/console/groups/{group}"),
        format!("/console/groups/{group}/edit"),
        format!("/console/groups/{group}/delete"),
        "/console/populations".into(),
        "/console/populations/new".into(),
        format!("/console/populations/{population}"),
        format!("/console/populations/{population}/edit"),
        "/console/import".into(),
        "/console/audit".into(),
        "/console/settings".into(),
        "/console/settings/administrators/new".into(),
        format!("/console/settings/administrators/{administrator}"),
        "/console/settings/clients/new".into(),
        format!("/console/settings/clients/{client}"),
        "/console/nothing-here".into(),
    ];
    for path in pages {
        let path: String = path;
        browser.open(&path).await;
        look(&browser, &axe, &path, &mut faults).await;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

async fn look(browser: &Browser, axe: &str, path: &str, faults: &mut Vec<String>) {
    browser.script(axe, json!([])).await;
    for (theme, width) in [("light", 1280), ("dark", 1280), ("dark", 390)] {
        browser.prefer(theme).await;
        browser.wide(width).await;
        let found = browser
            .script_async("const done = arguments[0]; axe.run({ resultTypes: ['violations'] }).then(it => done(it.violations))")
            .await;
        for fault in found.as_array().unwrap() {
            let node = &fault["nodes"][0];
            faults.push(format!(
                "{path} ({theme}, {width} px): {}: {} {} {}",
                fault["id"], fault["help"], node["html"], node["failureSummary"]
            ));
        }
        let wider =
            browser.script("return document.documentElement.scrollWidth - innerWidth", json!([])).await;
        if wider.as_i64().unwrap() > 0 {
            faults.push(format!("{path} ({width} px): the page is {wider} px too wide"));
        }
    }
    browser.wide(1280).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_follows_what_is_typed_and_times_are_the_readers_own() {
    let usher = Home::sqlite().serve().await;
    let Some(browser) = Browser::at(&usher).await else { return };
    let api = usher.api().await;
    for name in ["ada", "bob"] {
        api.post("/users", json!({ "username": name, "email": format!("{name}@example.com") })).await.ok();
    }
    browser.sign_in().await;
    browser.click("nav a[href='/console/users']").await;
    browser.says("bob@example.com").await;
    browser.keys("#q", "ada").await;
    browser.says("ada@example.com").await;
    let gone = async || !browser.text().await.contains("bob@example.com");
    crate::support::until("the list has only whom the letters fit", gone).await;
    assert_eq!(browser.path().await, "/console/users?q=ada&population=");

    browser.click("tbody a").await;
    browser.says("Provision now").await;
    let local =
        browser.script("return document.querySelectorAll('time:not([data-local])').length", json!([])).await;
    assert_eq!(local, 0);
    browser.click("main a[href$='/delete']").await;
    browser.click("button.danger").await;
    browser.says("ada was deleted.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_csv_is_previewed_on_the_page_and_then_imported() {
    let home = Home::sqlite();
    let usher = home.serve().await;
    let Some(browser) = Browser::at(&usher).await else { return };
    let file = home.dir().join("people.csv");
    std::fs::write(&file, "username,email\nada,ada@example.com\nbob,nowhere\n").unwrap();
    browser.sign_in().await;
    browser.open("/console/import").await;
    browser.keys("#file", file.to_str().unwrap()).await;
    browser.click("button[value='preview']").await;
    browser.says("Preview: nothing was changed").await;
    browser.says("is not an e-mail address").await;
    browser.click("button[value='import']").await;
    browser.says("These rows were left out").await;
    browser.open("/console/users").await;
    browser.says("ada@example.com").await;
}
