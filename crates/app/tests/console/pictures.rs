//! The pictures of the operator's guide: `usher demo`, walked through in a browser as the guide does. `cargo xtask
//! screenshots` runs it; it is no test of anything, but it fails where the walk cannot be walked.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use dropbox_simulator::{MemberSeed, Team};
use serde_json::json;

use crate::{
    browser::Browser,
    support::{Dropbox, bare_command},
};

/// Names the directory that the pictures are written to.
const TO: &str = "USHER_TEST_PICTURES";

/// A running demo; killed when dropped.
struct Demo {
    child: Child,
    url: String,
    username: String,
    password: String,
    _dir: tempfile::TempDir,
}

impl Demo {
    /// Starts it, and waits until it has said who may sign in: both rules have synced then.
    fn start() -> Demo {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("demo");
        let args = ["demo", "--listen", "127.0.0.1:0", "--dir", place.to_str().unwrap()];
        let mut child = bare_command(&args).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        while !said.contains("Ctrl-C ends the demo.") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "the demo ended early: {said}");
        }
        let line = said.lines().find_map(|line| line.strip_prefix("The console is at ")).unwrap();
        let (address, rest) = line.split_once("/console: sign in as ").unwrap();
        let (username, password) = rest.split_once(", password ").unwrap();
        let (url, username, password) = (address.into(), username.into(), password.into());
        Demo { child, url, username, password, _dir: dir }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the pictures are taken with.
struct Camera {
    browser: Browser,
    to: PathBuf,
}

impl Camera {
    /// Takes the page that is shown: in light and dark, wide and as on a telephone.
    async fn take(&self, name: &str) {
        for (theme, width) in [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)] {
            let picture = self.browser.picture(theme, width).await;
            let file = self.to.join(format!("{name}-{width}-{theme}.png"));
            std::fs::write(file, STANDARD.decode(picture).unwrap()).unwrap();
        }
        self.browser.prefer("light").await;
        self.browser.wide(1280).await;
    }

    /// Opens a page and takes it, once it says these words.
    async fn open(&self, path: &str, words: &str, name: &str) {
        self.browser.open(path).await;
        self.browser.says(words).await;
        self.take(name).await;
    }

    /// Where a link of the page's main part leads.
    async fn link(&self, text: &str) -> String {
        let find = "return [...document.querySelectorAll('main a')].find(it => it.textContent.includes(arguments[0]))?.pathname";
        let found = self.browser.script(find, json!([text])).await;
        found.as_str().unwrap_or_else(|| panic!("there is no link {text}")).to_owned()
    }

    /// Presses the wizard's button of that value.
    async fn go(&self, value: &str) {
        self.browser.click(&format!("main .form-actions button[value='{value}']")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it makes the guide's pictures: cargo xtask screenshots"]
async fn the_guide_has_its_pictures() {
    let to = PathBuf::from(std::env::var(TO).unwrap());
    let demo = tokio::task::spawn_blocking(Demo::start).await.unwrap();
    let browser = Browser::at_address(demo.url.clone()).await.unwrap();
    let camera = Camera { browser, to };
    camera.open("/console/sign-in", "Sign in", "sign-in").await;
    camera.browser.sign_in_as(&demo.username, &demo.password).await;
    directory(&camera).await;
    let rule = provisioning(&camera).await;
    let _labs = connecting(&camera).await;
    making_a_rule(&camera).await;
    making_an_inbound_rule(&camera).await;
    camera.open("/console/audit", "Audit", "audit").await;
    camera.open("/console/settings", "Guard defaults", "settings").await;
    camera.open("/console/account", "Second factor", "account").await;
    held(&camera, &rule).await;
    camera.open("/console", "What needs you now", "overview").await;
}

/// Users, groups, and a file of people with faults in it.
async fn directory(camera: &Camera) {
    camera.open("/console/users", "Users", "users").await;
    camera.browser.open("/console/users?q=marina.castro").await;
    let user = camera.link("Marina Castro-Lima").await;
    camera.open(&user, "Provision now", "user").await;
    camera.open(&format!("{user}/explanation"), "Everyone to Dropbox", "why").await;
    camera.open("/console/groups", "Groups", "groups").await;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("people.csv");
    let rows = "username,email,given,family\nnoor.haddad,noor.haddad@example.com,Noor,Haddad\n\
                tomas.berg,nowhere,Tomas,Berg\nlena.vogt,lena.vogt@example.com,Lena,Vogt\n,ida@example.com,Ida,Holm\n";
    std::fs::write(&file, rows).unwrap();
    camera.browser.open("/console/import").await;
    camera.browser.keys("#file", file.to_str().unwrap()).await;
    camera.browser.click("button[value='preview']").await;
    camera.browser.says("Preview: nothing was changed").await;
    camera.take("import").await;
}

/// The connection and the rules of the demo. Answers where the outbound rule is.
async fn provisioning(camera: &Camera) -> String {
    camera.open("/console/connections", "Dropbox (simulated)", "connections").await;
    let connection = camera.link("Dropbox (simulated)").await;
    camera.open(&connection, "User actions", "connection").await;
    camera.open(&format!("{connection}/census"), "In numbers", "census").await;
    camera.open("/console/rules", "Everyone to Dropbox", "rules").await;
    let rule = camera.link("Everyone to Dropbox").await;
    let inbound = camera.link("Partners from Dropbox").await;
    camera.open(&rule, "User sync summary", "rule").await;
    camera.open(&format!("{rule}/directory?standing=partial"), "State and reason", "rule-directory").await;
    camera.open(&format!("{rule}/runs"), "Started", "rule-runs").await;
    camera.browser.click("tbody tr:last-child th a").await;
    camera.browser.says("All operations").await;
    camera.take("run").await;
    camera.open(&inbound, "User sync summary", "inbound-rule").await;
    camera.open(&format!("{inbound}/onboarding"), "Onboarding Settings", "inbound-onboarding").await;
    rule
}

/// A second team is connected by the wizard; it answers as long as what is returned is kept.
async fn connecting(camera: &Camera) -> Dropbox {
    let team = Team::builder().name("Example Labs").licences(50);
    let dropbox = Dropbox::start(team.member(MemberSeed::new("kim@labs.example.com", "Kim", "Lab"))).await;
    let browser = &camera.browser;
    browser.open("/console/connections/new/dropbox").await;
    browser.fill("#name", "Labs").await;
    browser.fill("#description", "The laboratory's own Dropbox team").await;
    camera.take("new-connection").await;
    let settings = [
        ("#base_url", format!("{}/2", dropbox.0.url())),
        ("#token_url", dropbox.0.token_url()),
        ("#client_id", dropbox.0.client_id()),
        ("#client_secret", dropbox.0.client_secret()),
        ("#refresh_token", dropbox.0.refresh_token()),
    ];
    for (field, value) in &settings {
        browser.fill(field, value).await;
    }
    browser.click("main .form-actions button.primary").await;
    browser.says("The connection works.").await;
    camera.take("new-connection-test").await;
    let actions = camera.link("Next: user actions").await;
    browser.open(&format!("{actions}?new=1")).await;
    browser.says("Remove action").await;
    camera.take("new-connection-actions").await;
    dropbox
}

/// A rule for some of the people, and not saved.
async fn making_a_rule(camera: &Camera) {
    let browser = &camera.browser;
    browser.open("/console/rules/new").await;
    browser.says("Sync direction").await;
    camera.take("new-rule").await;
    camera.go("next").await;
    named(camera, "Researchers").await;
    browser.says("Which users").await;
    filter(camera, "department eq \"Research\" and (title co \"Scientist\" or title co \"Engineer\")").await;
    browser.says("of 2,009 users").await;
    camera.take("new-rule-filter").await;
    camera.go("next").await;
    browser.says("The defaults stand").await;
    browser.click("button[value='defaults']").await;
    browser.fill("#try_user", "marina.castro").await;
    camera.take("new-rule-mapping").await;
    camera.go("next").await;
    browser.says("Guard against mass removal").await;
    camera.take("new-rule-settings").await;
    camera.go("next").await;
    browser.says("In numbers").await;
    camera.take("new-rule-preview").await;
}

/// One in the other direction, with everything that is asked for there; not saved either.
async fn making_an_inbound_rule(camera: &Camera) {
    let browser = &camera.browser;
    browser.open("/console/rules/new").await;
    browser.click("input[name=direction][value=inbound]").await;
    camera.go("next").await;
    named(camera, "Everyone of the team").await;
    browser.says("Which members").await;
    filter(camera, "not (domain eq \"partner.example.net\")").await;
    browser.says("members").await;
    camera.take("new-inbound-rule-filter").await;
    camera.go("next").await;
    browser.says("the username is the e-mail address").await;
    camera.go("next").await;
    browser.says("Onboarding settings").await;
    choose(camera, "#population option", "Partners").await;
    choose(camera, "#authority option", "Dropbox decides").await;
    browser.click("#only_active").await;
    camera.take("new-inbound-rule-settings").await;
    camera.go("next").await;
    browser.says("In numbers").await;
    camera.take("new-inbound-rule-preview").await;
}

/// The step with the connection and the name: the simulated team, and this name.
async fn named(camera: &Camera, name: &str) {
    camera.browser.says("Labs").await;
    choose(camera, "label.choice", "simulated").await;
    camera.browser.fill("#name", name).await;
    camera.go("next").await;
}

/// Clicks on the one of these that has the words.
async fn choose(camera: &Camera, selector: &str, words: &str) {
    let mark = "document.querySelector('#chosen')?.removeAttribute('id'); \
                const all = [...document.querySelectorAll(arguments[0])]; \
                all.find(it => it.textContent.includes(arguments[1])).id = 'chosen'";
    camera.browser.script(mark, json!([selector, words])).await;
    camera.browser.click("#chosen").await;
}

/// The filter as SCIM text, and who matches.
async fn filter(camera: &Camera, text: &str) {
    camera.browser.fill("#filter", text).await;
    camera.browser.click("#count").await;
    camera.browser.says("Who matches").await;
}

/// The demo's rule is given a filter that would take most people's accounts away: the guard holds the run.
async fn held(camera: &Camera, rule: &str) {
    let browser = &camera.browser;
    browser.open(&format!("{rule}/edit?step=filter")).await;
    browser.fill("#filter", "population.name eq \"Interns\"").await;
    camera.go("to:preview").await;
    browser.says("The guard would hold this run").await;
    camera.go("save").await;
    browser.says("User sync summary").await;
    let waits = async || {
        browser.open(rule).await;
        browser.text().await.contains("A run is held.")
    };
    crate::support::until("the guard holds the run", waits).await;
    let run = camera.link("Look at the held run").await;
    camera.open(&format!("{rule}/preview"), "The rule targets", "preview").await;
    camera.open(&run, "The run is held.", "held-run").await;
}
