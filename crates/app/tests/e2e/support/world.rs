//! A world to begin from: a simulated team, a server, and the few things that every test needs set up.

use std::time::{Duration, Instant};

use dropbox_simulator::{MemberState, Simulator, Team, TeamBuilder};
use serde_json::{Value, json};

use super::{
    api::Api,
    home::{Home, Usher, pause},
};

/// How long a rule may take to come to rest, generously, for a machine that does much else.
const SETTLE: Duration = Duration::from_secs(120);
/// What falls due within this is waited for; what is due later is a retry or a schedule.
const SOON_MS: i64 = 1_500;

/// A simulated Dropbox team, as tests ask about it.
#[derive(Debug)]
pub(crate) struct Dropbox(pub(crate) Simulator);

impl Dropbox {
    /// Serves a team that answers as a real one might.
    pub(crate) async fn start(team: TeamBuilder) -> Dropbox {
        Dropbox(Simulator::start(team.build()).await.unwrap())
    }

    /// The configuration of a store for this team, with what differs from the defaults.
    pub(crate) fn configuration(&self, more: Value) -> Value {
        let mut configuration = json!({
            "BASE_URL": format!("{}/2", self.0.url()),
            "AUTHENTICATION_METHOD": "OAUTH",
            "OAUTH_CLIENT_ID": self.0.client_id(),
            "OAUTH_CLIENT_SECRET": self.0.client_secret(),
            "OAUTH_TOKEN_URL": self.0.token_url(),
            "GRANT_TYPE": "refresh_token",
            "OAUTH_REFRESH_TOKEN": self.0.refresh_token(),
            // The simulator has no limits of its own, and tests have no time.
            "MAX_CALLS_PER_SECOND": 0,
        });
        merge(&mut configuration, &more);
        configuration
    }

    /// Everyone on the team but the administrator, as `e-mail given surname state`, sorted.
    pub(crate) fn people(&self) -> Vec<String> {
        let team = self.0.team();
        let people = team.members().iter().filter(|member| member.state != MemberState::Removed);
        let mut people: Vec<String> = people
            .filter(|member| member.role.is_none())
            .map(|member| {
                let state = format!("{:?}", member.state).to_lowercase();
                format!("{} {} {}", member.email, member.display_name(), state)
            })
            .collect();
        people.sort();
        people
    }

    /// Every membership, as `group: e-mail`, sorted.
    pub(crate) fn memberships(&self) -> Vec<String> {
        let team = self.0.team();
        team.memberships().iter().map(|(group, email)| format!("{group}: {email}")).collect()
    }

    /// Nobody's devices were wiped, and nobody's might have been by Dropbox's default.
    #[track_caller]
    pub(crate) fn assert_nothing_was_wiped(&self) {
        let team = self.0.team();
        let harmful: Vec<_> = team.wipes().iter().filter(|wipe| wipe.wipe_data || !wipe.explicit).collect();
        assert!(harmful.is_empty(), "devices may have been wiped: {harmful:?}");
    }
}

/// A team, a server, and an active Dropbox store between them.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) dropbox: Dropbox,
    pub(crate) usher: Usher,
    pub(crate) api: Api,
    pub(crate) plan: String,
    /// The store that is the directory itself.
    pub(crate) directory: String,
    /// The Dropbox store.
    pub(crate) store: String,
}

impl World {
    /// An ordinary team, SQLite, default settings.
    pub(crate) async fn start() -> World {
        World::of(Home::sqlite(), Team::builder(), json!({})).await
    }

    /// This team, with these settings of the store beside the usual ones.
    pub(crate) async fn of(home: Home, team: TeamBuilder, configuration: Value) -> World {
        let dropbox = Dropbox::start(team).await;
        let usher = home.serve().await;
        let api = usher.api().await;
        let (plan, directory) = plan_and_directory(&api).await;
        let body = json!({
            "type": "Dropbox", "name": "Dropbox", "status": "ACTIVE",
            "configuration": dropbox.configuration(configuration),
        });
        let store = id(&api.post("/propagation/stores", body).await.ok());
        World { dropbox, usher, api, plan, directory, store }
    }

    /// A population.
    pub(crate) async fn population(&self, name: &str) -> String {
        id(&self.api.post("/populations", json!({ "name": name })).await.ok())
    }

    /// `ada` becomes the enabled user `ada` with the address `ada@example.com`, called Ada Example.
    pub(crate) async fn user(&self, name: &str) -> String {
        self.user_with(name, json!({})).await
    }

    /// The same, with what is different.
    pub(crate) async fn user_with(&self, name: &str, more: Value) -> String {
        let mut body = person(name);
        merge(&mut body, &more);
        id(&self.api.post("/users", body).await.ok())
    }

    /// A group.
    pub(crate) async fn group(&self, name: &str) -> String {
        id(&self.api.post("/groups", json!({ "name": name })).await.ok())
    }

    /// Puts a user into a group.
    pub(crate) async fn join(&self, user: &str, group: &str) {
        self.api.post(&format!("/users/{user}/memberOfGroups"), json!({ "id": group })).await.ok();
    }

    /// An active rule from the directory to Dropbox with the default mappings, applied by a revision; `more` is what
    /// its body has besides.
    pub(crate) async fn outbound_rule(&self, more: Value) -> String {
        let mut body = json!({
            "name": "People", "sourceStore": { "id": self.directory }, "targetStore": { "id": self.store }, "active": false,
        });
        merge(&mut body, &more);
        self.rule(body).await
    }

    /// An active rule of this body, applied by a revision.
    pub(crate) async fn rule(&self, mut body: Value) -> String {
        let rule =
            id(&self.api.post(&format!("/propagation/plans/{}/rules", self.plan), body.clone()).await.ok());
        body["plan"] = json!({ "id": self.plan });
        body["active"] = json!(true);
        self.api.put(&format!("/propagation/rules/{rule}"), body).await.ok();
        self.api.post("/propagation/revisions", json!({})).await.ok();
        rule
    }

    /// Sets the toggle of the Dropbox store.
    pub(crate) async fn toggle(&self, on: bool) {
        let path = format!("/propagation/stores/{}", self.store);
        let mut store = self.api.get(&path).await.ok();
        store["status"] = json!(if on { "ACTIVE" } else { "INACTIVE" });
        self.api.put(&path, store).await.ok();
    }

    /// Waits until the rule has come to rest, and answers its `syncStatus`.
    pub(crate) async fn settled(&self, rule: &str) -> Value {
        settled(&self.api, rule).await
    }

    /// The states of the rule's runs, the latest first.
    pub(crate) async fn runs(&self, rule: &str) -> Vec<Value> {
        self.api.list(&format!("/propagation/rules/{rule}/runs"), "runs").await
    }
}

/// Waits until the rule has come to rest: no run is open and nothing falls due soon, or its current run is a held one.
pub(crate) async fn settled(api: &Api, rule: &str) -> Value {
    let began = Instant::now();
    loop {
        let status = api.get(&format!("/propagation/rules/{rule}/syncStatus")).await.ok();
        if is_settled(&status) {
            return status;
        }
        if began.elapsed() > SETTLE {
            let runs = api.get(&format!("/propagation/rules/{rule}/runs?limit=5")).await;
            panic!("the rule did not settle within {SETTLE:?}: {status:#}\n{:#}", runs.body);
        }
        pause().await;
    }
}

fn is_settled(status: &Value) -> bool {
    match &status["currentRun"] {
        Value::Null => !is_soon(&status["nextSyncAt"]),
        run => run["state"] == "HELD",
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test asks what the server will do soon, by the server's clock"
)]
fn is_soon(at: &Value) -> bool {
    let Some(at) = at.as_str() else { return false };
    let at: chrono::DateTime<chrono::Utc> = at.parse().unwrap();
    (at - chrono::Utc::now()).num_milliseconds() < SOON_MS
}

/// Waits until something is so, looking again and again.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < SETTLE, "waited {SETTLE:?} in vain until {what}");
        pause().await;
    }
}

/// The plan, made when it is missing, and the store that is the directory.
pub(crate) async fn plan_and_directory(api: &Api) -> (String, String) {
    let plans = api.list("/propagation/plans", "plans").await;
    let plan = match plans.first() {
        Some(plan) => id(plan),
        None => id(&api.post("/propagation/plans", json!({ "name": "Plan", "status": "ACTIVE" })).await.ok()),
    };
    let stores = api.list("/propagation/stores", "stores").await;
    let directory = stores.iter().find(|store| store["type"] == "directory").unwrap();
    (plan, id(directory))
}

/// The body of a user: `ada` with the address `ada@example.com`, called Ada Example.
pub(crate) fn person(name: &str) -> Value {
    let given: String =
        name.chars().take(1).flat_map(char::to_uppercase).chain(name.chars().skip(1)).collect();
    json!({ "username": name, "email": format!("{name}@example.com"), "name": { "given": given, "family": "Example" } })
}

/// The id of what was answered.
#[track_caller]
pub(crate) fn id(body: &Value) -> String {
    body["id"].as_str().unwrap_or_else(|| panic!("no id in {body:#}")).to_owned()
}

fn merge(into: &mut Value, more: &Value) {
    for (key, value) in more.as_object().unwrap() {
        into[key] = value.clone();
    }
}
