//! In a browser: no page has a fault that axe-core finds, in light and dark, wide and narrow; and what the script adds.

use std::sync::Mutex;

use serde_json::json;

use crate::{browser::Browser, estate::Estate, routes::routes, support::Home};

/// Names axe-core's one file.
const AXE: &str = "USHER_TEST_AXE";

/// Two browsers look at once, each at what the other has not taken yet: together they see every page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axe_finds_no_violation_on_any_page_in_light_and_dark() {
    let estate = Estate::of(Home::sqlite(), "quokka").await;
    let usher = &estate.world.usher;
    let (Some(one), Some(other)) = tokio::join!(Browser::at(usher), Browser::at(usher)) else { return };
    let axe = std::fs::read_to_string(std::env::var(AXE).unwrap()).unwrap();
    let guests = routes().into_iter().filter(|route| route.open && !route.is_post);
    let guests = Rest::of(guests.map(|route| Shown::Page(route.path)));
    let mut faults = both(&axe, &guests, [&one, &other]).await;
    tokio::join!(one.sign_in(), other.sign_in());
    let pages = Rest::of(pages(&estate));
    faults.extend(both(&axe, &pages, [&one, &other]).await);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is looked at.
enum Shown {
    /// A page of this address.
    Page(String),
    /// What the test of this connection answers with.
    Test(String),
}

/// What nobody has looked at yet.
struct Rest(Mutex<Vec<Shown>>);

impl Rest {
    fn of(all: impl IntoIterator<Item = Shown>) -> Rest {
        Rest(Mutex::new(all.into_iter().collect()))
    }

    fn next(&self) -> Option<Shown> {
        self.0.lock().unwrap().pop()
    }
}

/// Everything that an administrator is shown.
fn pages(estate: &Estate) -> Vec<Shown> {
    let (connection, rule) = (&estate.world.store, estate.one("rules"));
    let mut pages = estate.pages();
    pages.extend([
        "/console/users?q=nobody".into(),
        "/console/nothing-here".into(),
        "/console/connections?q=nothing".into(),
        "/console/runs?state=held".into(),
        format!("/console/connections/{connection}/actions?new=1"),
        format!("/console/rules/{rule}/directory?of=groups"),
    ]);
    // The steps of the wizard that an existing rule opens at.
    for rule in estate.all("rules") {
        for step in ["details", "filter", "mapping", "scope", "preview"] {
            pages.push(format!("/console/rules/{rule}/edit?step={step}"));
        }
    }
    // What a form answers with: a connection's test that fails, and one that succeeds.
    let tests = estate.all("connections").into_iter().map(Shown::Test);
    pages.into_iter().map(Shown::Page).chain(tests).collect()
}

/// Both browsers look until nothing is left.
async fn both(axe: &str, rest: &Rest, browsers: [&Browser; 2]) -> Vec<String> {
    let [one, other] = browsers.map(|browser| look_at_the_rest(axe, rest, browser));
    let (mut faults, others) = tokio::join!(one, other);
    faults.extend(others);
    faults
}

async fn look_at_the_rest(axe: &str, rest: &Rest, browser: &Browser) -> Vec<String> {
    let mut faults = Vec::new();
    while let Some(shown) = rest.next() {
        let named = match shown {
            Shown::Page(path) => {
                browser.open(&path).await;
                path
            }
            Shown::Test(connection) => {
                browser.open(&format!("/console/connections/{connection}")).await;
                browser.click("form[action$='/test'] button").await;
                browser.says("What was tried").await;
                format!("the test of {connection}")
            }
        };
        look(browser, axe, &named, &mut faults).await;
    }
    faults
}

async fn look(browser: &Browser, axe: &str, path: &str, faults: &mut Vec<String>) {
    browser.script(axe, json!([])).await;
    // What a theme changes is colour; everything else is looked at once for each width.
    let all = "{ resultTypes: ['violations'] }";
    let colours = "{ resultTypes: ['violations'], runOnly: ['color-contrast'] }";
    let looks = [("light", 1280, all), ("dark", 1280, colours), ("light", 390, colours), ("dark", 390, all)];
    for (theme, width, what) in looks {
        browser.prefer(theme).await;
        browser.wide(width).await;
        let found = browser
            .script_async(&format!(
                "const done = arguments[0]; axe.run({what}).then(it => done(it.violations))"
            ))
            .await;
        for fault in found.as_array().unwrap() {
            let node = &fault["nodes"][0];
            faults.push(format!(
                "{path} ({theme}, {width} px): {}: {} {} {}",
                fault["id"], fault["help"], node["html"], node["failureSummary"]
            ));
        }
        // A page without the frame stands in the middle.
        let middle = "const box = document.querySelector('.plain main')?.getBoundingClientRect(); \
                      return box ? Math.abs(box.left + box.right - innerWidth) : 0";
        let aside = browser.script(middle, json!([])).await.as_f64().unwrap();
        if aside > 2.0 {
            faults.push(format!("{path} ({width} px): it stands {} px beside the middle", aside / 2.0));
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
