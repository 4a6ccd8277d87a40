//! A directory over SQLite in a temporary folder, with a clock that stands and ids that count.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use usher_domain::{
    ClientId, Clock, ConnectionId, EnvironmentId, Ids, PopulationId, Rejection, RuleId, Secret, Timestamp,
    directory::{audit::Actor, change::DueSubject, commands::Body, group::Group, user::User},
    ports::store::{PageRequest, Store},
    provisioning::{
        connection::{ConnectionKind, Health},
        rule::Rule,
    },
    reconcile::snapshot::AccountId,
    targets::Targets,
};
use usher_engine::directory::{Bootstrap, By, Directory, DirectoryError};
use usher_store::{Seal, Storage};
use uuid::Uuid;

#[derive(Debug)]
struct Standing;

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }
}

#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Ids for Counting {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

pub(crate) struct World {
    pub(crate) directory: Directory,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) by: By,
    pub(crate) env: EnvironmentId,
    _folder: TempDir,
}

pub(crate) fn body(json: Value) -> Body {
    json.as_object().unwrap().clone()
}

pub(crate) fn valid() -> Health {
    Health::Valid {
        at: Standing.now(),
        team: "Example".into(),
        own_account: AccountId::from("dbmid:own"),
        own_email: "admin@example.com".into(),
    }
}

pub(crate) fn rejection<T: std::fmt::Debug>(result: Result<T, DirectoryError>) -> Rejection {
    match result.unwrap_err() {
        DirectoryError::Rejected(rejection) => rejection,
        other => panic!("{other}"),
    }
}

impl World {
    pub(crate) async fn new() -> World {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("usher.db").display());
        Storage::migrate(&url).await.unwrap();
        let seal = Seal::from_keys(&[7; 32], &[]).unwrap();
        let store = Storage::open(&url, seal).await.unwrap();
        let directory = Directory::new(
            store.clone(),
            Arc::new(Standing),
            Arc::new(Counting::default()),
            Duration::from_millis(300),
            Targets::default(),
        );
        let by = By {
            actor: Actor::Client { id: Uuid::from_u128(0xc0ffee), name: "Tests".into() },
            correlation_id: Some("request-1".into()),
        };
        let env = EnvironmentId(Uuid::from_u128(0xe0));
        let first = Bootstrap {
            environment: env,
            name: "Example".into(),
            client: ClientId(Uuid::from_u128(0xc0)),
            client_secret_hash: "$argon2id$client".into(),
            administrator: "admin".into(),
            administrator_password_hash: "$argon2id$admin".into(),
            signing_key: Secret::new("a key of ours"),
        };
        assert!(directory.bootstrap(&by, &first).await.unwrap().is_some());
        assert!(directory.bootstrap(&by, &first).await.unwrap().is_none(), "only an empty database begins");
        World { directory, store, by, env, _folder: folder }
    }

    pub(crate) async fn user(&self, username: &str) -> User {
        let email = format!("{username}@example.com");
        let body = body(json!({"username": username, "email": email}));
        self.directory.create_user(&self.by, self.env, &body).await.unwrap()
    }

    pub(crate) async fn group(&self, name: &str) -> Group {
        self.directory.create_group(&self.by, self.env, &body(json!({"name": name}))).await.unwrap()
    }

    pub(crate) async fn population(&self, name: &str) -> PopulationId {
        let body = body(json!({"name": name}));
        self.directory.create_population(&self.by, self.env, &body).await.unwrap().id
    }

    pub(crate) async fn the_directory(&self) -> ConnectionId {
        let all = self.store.connections(self.env).await.unwrap();
        all.iter().find(|it| it.kind == ConnectionKind::Directory).unwrap().id
    }

    pub(crate) fn connection_body(&self, status: &str) -> Body {
        body(json!({"type": "Dropbox", "name": "Team", "status": status, "configuration": {
            "AUTHENTICATION_METHOD": "OAUTH", "GRANT_TYPE": "refresh_token",
            "OAUTH_CLIENT_ID": "app", "OAUTH_CLIENT_SECRET": "s3cret", "OAUTH_REFRESH_TOKEN": "r3fresh"}}))
    }

    pub(crate) async fn connection(&self) -> ConnectionId {
        let body = self.connection_body("ACTIVE");
        self.directory.create_connection(&self.by, self.env, &body, Some(&valid())).await.unwrap().id
    }

    /// An active outbound rule on a connection of its own, with nothing due yet.
    pub(crate) async fn rule(&self, more: Value) -> Rule {
        let rule = self.new_rule(more).await;
        self.due(rule.id).await;
        rule
    }

    /// The same, with its first run still due.
    pub(crate) async fn new_rule(&self, more: Value) -> Rule {
        let connection = self.connection().await;
        if self.store.plan(self.env).await.unwrap().is_none() {
            let plan = body(json!({"name": "Plan"}));
            self.directory.create_plan(&self.by, self.env, &plan).await.unwrap();
        }
        let mut rule = body(json!({
            "name": "To Dropbox",
            "active": true,
            "sourceStore": {"id": self.the_directory().await},
            "targetStore": {"id": connection},
        }));
        rule.extend(body(more));
        self.directory.create_rule(&self.by, self.env, &rule).await.unwrap()
    }

    /// The rule as the body that a client would send back, with changes.
    pub(crate) fn rule_body(&self, rule: &Rule, more: Value) -> Body {
        let groups: Vec<Value> = rule.groups.iter().map(|id| json!({"id": id})).collect();
        let mut whole = body(json!({
            "name": rule.name, "active": rule.active, "groups": groups,
            "populationExpression": rule.filter, "configuration": rule.configuration,
        }));
        whole.extend(body(more));
        whole
    }

    /// What is due for the rule, which is then settled.
    pub(crate) async fn due(&self, rule: RuleId) -> Vec<DueSubject> {
        let runs = self.runs().await.into_iter().filter(|(of, _)| *of == rule);
        let mut of_rule: Vec<DueSubject> = runs.flat_map(|(_, subjects)| subjects).collect();
        of_rule.sort();
        of_rule
    }

    /// What workers would run now: the rules with what is due for each. All are then settled.
    pub(crate) async fn runs(&self) -> Vec<(RuleId, Vec<DueSubject>)> {
        let later = Standing.now().plus(Duration::from_secs(1));
        let mut runs = Vec::new();
        while let Some(lease) = self.store.claim("tests", later, Duration::from_secs(60)).await.unwrap() {
            let marks = self.store.due(&lease, later).await.unwrap();
            self.store.settle(&lease, &marks, &[]).await.unwrap();
            runs.push((lease.rule, marks.into_iter().map(|mark| mark.subject).collect()));
        }
        runs
    }

    /// The audit, a line an event.
    pub(crate) async fn audit(&self) -> Vec<String> {
        let page = PageRequest { after: None, limit: 1000 };
        let events = self.store.events(self.env, &page).await.unwrap().items;
        events.iter().map(|event| format!("{}: {}", event.action, event.description)).collect()
    }
}
