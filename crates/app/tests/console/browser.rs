//! Headless Chromium, driven by WebDriver (JSON over HTTP, as the W3C says): only what these tests need.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Usher, http_client};

/// Names the program `chromedriver`; without it there are no tests in a browser.
const DRIVER: &str = "USHER_TEST_CHROMEDRIVER";
/// How long something may take to appear, generously, for a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at what is waited for.
const BETWEEN: Duration = Duration::from_millis(20);

/// How high a picture is at most, in pixels.
const TALLEST: i64 = 900;

/// One browser with one window; gone when dropped.
pub(crate) struct Browser {
    http: reqwest::Client,
    session: String,
    root: String,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// A new browser at this server; `None` where such tests are left out.
    pub(crate) async fn at(usher: &Usher) -> Option<Browser> {
        Browser::at_address(usher.url()).await
    }

    /// A new browser at the server of this address; `None` where there is none for tests.
    pub(crate) async fn at_address(root: String) -> Option<Browser> {
        let program = std::env::var(DRIVER).ok().filter(|program| !program.is_empty())?;
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let driver = Command::new(program)
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let profile = tempfile::tempdir().unwrap();
        let http = http_client();
        let url = format!("http://127.0.0.1:{port}");
        let began = Instant::now();
        while http.get(format!("{url}/status")).send().await.is_err() {
            assert!(began.elapsed() < PATIENCE, "chromedriver does not answer");
            tokio::time::sleep(BETWEEN).await;
        }
        let data = format!("--user-data-dir={}", profile.path().display());
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1280,900",
            &data,
        ];
        let wanted =
            json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "args": flags } } } });
        let made = http.post(format!("{url}/session")).json(&wanted).send().await.unwrap();
        let made: Value = made.json().await.unwrap();
        let id = made["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no browser: {made:#}"));
        let session = format!("{url}/session/{id}");
        Some(Browser { http, session, root, driver, _profile: profile })
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let answer = self.try_call(method, path, body).await;
        assert!(answer["error"].is_null(), "{path}: {answer:#}");
        answer
    }

    /// What is answered, which may be an error.
    async fn try_call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.http.request(method, format!("{}{path}", self.session));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["value"].take()
    }

    /// Opens a page.
    pub(crate) async fn open(&self, path: &str) {
        self.call(Method::POST, "/url", Some(json!({ "url": format!("{}{path}", self.root) }))).await;
    }

    /// Where it is: the path.
    pub(crate) async fn path(&self) -> String {
        let url = self.call(Method::GET, "/url", None).await;
        url.as_str().unwrap().trim_start_matches(&self.root).to_owned()
    }

    /// Runs a script in the page, as the test's own: the page's policy does not concern it.
    pub(crate) async fn script(&self, script: &str, args: Value) -> Value {
        self.call(Method::POST, "/execute/sync", Some(json!({ "script": script, "args": args }))).await
    }

    /// Runs a script that answers by its last argument, a function.
    pub(crate) async fn script_async(&self, script: &str) -> Value {
        self.call(Method::POST, "/execute/async", Some(json!({ "script": script, "args": [] }))).await
    }

    async fn find(&self, selector: &str) -> Option<String> {
        let wanted = json!({ "using": "css selector", "value": selector });
        let found = self.call(Method::POST, "/elements", Some(wanted)).await;
        let first = found.as_array()?.first()?.as_object()?;
        first.values().next()?.as_str().map(str::to_owned)
    }

    /// The element, once it is there.
    async fn element(&self, selector: &str) -> String {
        let began = Instant::now();
        loop {
            if let Some(found) = self.find(selector).await {
                return found;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "no {selector} on {}: {}",
                self.path().await,
                self.text().await
            );
            tokio::time::sleep(BETWEEN).await;
        }
    }

    /// Does something to an element. One that was replaced as it was found is looked for again.
    async fn act(&self, selector: &str, what: &str, body: Value) {
        loop {
            let element = self.element(selector).await;
            let path = format!("/element/{element}/{what}");
            let answer = self.try_call(Method::POST, &path, Some(body.clone())).await;
            if answer["error"].is_null() {
                return;
            }
            assert_eq!(answer["error"], "stale element reference", "{what} {selector}: {answer:#}");
        }
    }

    /// Clicks.
    pub(crate) async fn click(&self, selector: &str) {
        self.act(selector, "click", json!({})).await;
    }

    /// Puts the pointer on something and presses it down.
    pub(crate) async fn press(&self, selector: &str) {
        let element = self.element(selector).await;
        // W3C's name of a reference to an element.
        let origin = json!({ "element-6066-11e4-a52e-4f735466cecf": element });
        let moves = json!({ "type": "pointerMove", "duration": 0, "origin": origin, "x": 0, "y": 0 });
        let down = json!({ "type": "pointerDown", "button": 0 });
        let hand = json!({ "type": "pointer", "id": "hand", "actions": [moves, down] });
        self.script(
            "document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })",
            json!([selector]),
        )
        .await;
        self.call(Method::POST, "/actions", Some(json!({ "actions": [hand] }))).await;
    }

    /// Releases the pointer.
    pub(crate) async fn release(&self) {
        self.call(Method::DELETE, "/actions", None).await;
    }

    /// Types into a field, in place of what is there.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        self.act(selector, "clear", json!({})).await;
        self.keys(selector, text).await;
    }

    /// Presses keys; of a file's field, they are its path.
    pub(crate) async fn keys(&self, selector: &str, text: &str) {
        self.act(selector, "value", json!({ "text": text })).await;
    }

    /// What the page says.
    pub(crate) async fn text(&self) -> String {
        let text = self.script("return document.body.innerText", json!([])).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page says so.
    pub(crate) async fn says(&self, words: &str) {
        let began = Instant::now();
        loop {
            let text = self.text().await;
            if text.contains(words) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{} never said \"{words}\": {text}", self.path().await);
            tokio::time::sleep(BETWEEN).await;
        }
    }

    /// Prefers `light` or `dark`, as a reader's system would.
    pub(crate) async fn prefer(&self, theme: &str) {
        let feature = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": feature } });
        self.call(Method::POST, "/goog/cdp/execute", Some(command)).await;
    }

    /// Is so many pixels wide.
    pub(crate) async fn wide(&self, width: u32) {
        self.sized(width, 900).await;
    }

    async fn sized(&self, width: u32, height: i64) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": size });
        self.call(Method::POST, "/goog/cdp/execute", Some(command)).await;
    }

    /// A picture of the page, in this theme and width and as high as the page is, within reason: PNG in base64.
    pub(crate) async fn picture(&self, theme: &str, width: u32) -> String {
        self.prefer(theme).await;
        self.sized(width, 600).await;
        let measure =
            "document.activeElement?.blur(); scrollTo(0, 0); return document.documentElement.scrollHeight";
        let height = self.script(measure, json!([])).await.as_i64().unwrap();
        self.sized(width, height.min(TALLEST)).await;
        let command = json!({ "cmd": "Page.captureScreenshot", "params": { "format": "png" } });
        let picture = self.call(Method::POST, "/goog/cdp/execute", Some(command)).await;
        picture["data"].as_str().unwrap().to_owned()
    }

    /// Signs in as the bootstrap's administrator.
    pub(crate) async fn sign_in(&self) {
        self.sign_in_as(crate::visitor::USERNAME, crate::visitor::PASSWORD).await;
    }

    /// Signs in as this administrator.
    pub(crate) async fn sign_in_as(&self, username: &str, password: &str) {
        self.open("/console").await;
        self.fill("#username", username).await;
        self.fill("#password", password).await;
        self.click("main button.primary").await;
        self.says("Overview").await;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver takes its browser with it when it is asked to end, not when it is killed.
        let asked = Command::new("kill").args(["-TERM", &self.driver.id().to_string()]).status();
        if asked.is_err() {
            let _ = self.driver.kill();
        }
        let _ = self.driver.wait();
    }
}
