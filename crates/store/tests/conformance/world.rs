//! A database for one test, and the things that are kept in it.

use std::{path::PathBuf, sync::Arc};

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;
use usher_domain::{
    ConnectionId, EnvironmentId, EventId, GroupId, PlanId, PopulationId, RuleId, RunId, Secret, Timestamp,
    UserId,
    directory::{
        audit::{Actor, Event, Resource},
        change::{ChangeSet, Due, DueSubject, Write},
        environment::Environment,
        group::Group,
        population::Population,
        user::{Name, User},
    },
    ports::{
        job::Lease,
        store::{PageRequest, Store},
    },
    provisioning::{
        connection::{Connection, ConnectionKind, Health},
        rule::{Direction, PropagationPlan, Rule},
    },
    reconcile::{
        plan::Counts,
        run::{Run, RunState, Trigger},
        scope::Scope,
    },
};
use usher_store::{Auditor, Seal, Storage};
use uuid::Uuid;

/// Where tests that need PostgreSQL find a server: its URL, as a user who may create databases.
const POSTGRES: &str = "USHER_TEST_POSTGRES";

/// Which database a test runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

/// A store of its own, thrown away with the test.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) url: String,
    /// The SQLite file, when it is one.
    pub(crate) file: Option<PathBuf>,
    directory: TempDir,
    /// The server, and the name of the database on it, to be dropped.
    server: Option<(String, String)>,
}

impl World {
    /// An empty store; `None` without a PostgreSQL server to make it on.
    pub(crate) async fn empty(on: On) -> Option<World> {
        let directory = tempfile::tempdir().unwrap();
        let (url, file, server) = match on {
            On::Sqlite => {
                let file = directory.path().join("usher.db");
                (format!("sqlite://{}", file.display()), Some(file), None)
            }
            On::Postgres => {
                let server = std::env::var(POSTGRES).ok().filter(|url| !url.is_empty())?;
                let name = format!("usher_{}", Uuid::from_bytes(random()).simple());
                let mut connection = PgConnection::connect(&server).await.unwrap();
                connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
                let (base, _) = server.rsplit_once('/').unwrap();
                (format!("{base}/{name}"), None, Some((server, name)))
            }
        };
        Storage::migrate(&url).await.unwrap();
        let store = Storage::open(&url, seal(&directory)).await.unwrap();
        Some(World { store, url, file, directory, server })
    }

    /// A store with an environment, a population, a plan, the directory and a Dropbox connection, and a rule.
    pub(crate) async fn furnished(on: On) -> Option<World> {
        let world = World::empty(on).await?;
        world.commit(furniture()).await;
        Some(world)
    }

    /// Where its sealing keys are.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.directory.path().join("usher.key")
    }

    /// Another server's view of the same database.
    pub(crate) async fn another_store(&self) -> Arc<dyn Store> {
        Storage::open(&self.url, seal(&self.directory)).await.unwrap()
    }

    /// Whoever checks its audit.
    pub(crate) async fn auditor(&self) -> Auditor {
        Auditor::open(&self.url, seal(&self.directory)).await.unwrap()
    }

    /// Commits writes that must succeed.
    pub(crate) async fn commit(&self, writes: Vec<Write>) {
        self.store.commit(&ChangeSet { writes, ..ChangeSet::default() }).await.unwrap();
    }

    /// Commits writes that may fail.
    pub(crate) async fn try_commit(&self, writes: Vec<Write>) -> usher_domain::ports::store::StoreResult<()> {
        self.store.commit(&ChangeSet { writes, ..ChangeSet::default() }).await
    }

    /// Makes the rule due and claims it.
    pub(crate) async fn lease(&self) -> Lease {
        self.store.make_due(&[due(DueSubject::Everything, 1)]).await.unwrap();
        self.store.claim("ada", at(1), LEASE).await.unwrap().unwrap()
    }

    /// Takes the database down; PostgreSQL keeps it otherwise.
    pub(crate) async fn close(self) {
        drop(self.store);
        if let Some((server, name)) = self.server {
            let mut connection = PgConnection::connect(&server).await.unwrap();
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            connection.execute(AssertSqlSafe(drop)).await.unwrap();
        }
    }
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    bytes
}

fn seal(directory: &TempDir) -> Seal {
    Seal::open_or_create(&directory.path().join("usher.key")).unwrap()
}

/// A lease that does not end within a test.
pub(crate) const LEASE: std::time::Duration = std::time::Duration::from_secs(3600);

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_760_000_000_000 + millis)
}

/// An id that is easy to read, and rises with its number.
pub(crate) fn id<T: From<Uuid>>(number: u128) -> T {
    T::from(Uuid::from_u128(number))
}

pub(crate) const ENVIRONMENT: EnvironmentId = EnvironmentId(Uuid::from_u128(0xe));
pub(crate) const POPULATION: PopulationId = PopulationId(Uuid::from_u128(0xf0));
pub(crate) const PLAN: PlanId = PlanId(Uuid::from_u128(0xa0));
pub(crate) const DIRECTORY: ConnectionId = ConnectionId(Uuid::from_u128(0xc0));
pub(crate) const DROPBOX: ConnectionId = ConnectionId(Uuid::from_u128(0xc1));
pub(crate) const RULE: RuleId = RuleId(Uuid::from_u128(0xb0));

pub(crate) fn furniture() -> Vec<Write> {
    vec![
        Write::Environment(environment(ENVIRONMENT)),
        Write::Population(population(POPULATION, "Everyone", true)),
        Write::Plan(plan()),
        Write::Connection(connection(DIRECTORY, ConnectionKind::Directory)),
        Write::Connection(connection(DROPBOX, ConnectionKind::Dropbox)),
        Write::Rule(rule(RULE)),
    ]
}

pub(crate) fn environment(id: EnvironmentId) -> Environment {
    Environment {
        id,
        name: "Acme".into(),
        description: None,
        guard: Default::default(),
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

pub(crate) fn population(id: PopulationId, name: &str, default: bool) -> Population {
    Population {
        id,
        environment: ENVIRONMENT,
        name: name.into(),
        description: Some("people".into()),
        default,
        created_at: at(0),
        updated_at: at(1),
        version: 1,
    }
}

pub(crate) fn user(number: u128, username: &str) -> User {
    let attributes =
        json!({ "title": "Ürsprünglich", "costs": 1e16, "nested": { "list": [1, null, "x\u{0}"] } });
    let serde_json::Value::Object(attributes) = attributes else { unreachable!() };
    User {
        id: id(number),
        environment: ENVIRONMENT,
        population: POPULATION,
        username: username.into(),
        email: format!("{username}@acme.example"),
        enabled: true,
        name: Name { given: Some("Ada".into()), family: Some("O'Łovelace".into()), ..Name::default() },
        external_id: Some(format!("x-{number}")),
        attributes,
        created_at: at(2),
        updated_at: at(3),
        version: 1,
    }
}

pub(crate) fn group(number: u128, name: &str) -> Group {
    Group {
        id: id(number),
        environment: ENVIRONMENT,
        population: None,
        name: name.into(),
        description: None,
        external_id: Some("g".into()),
        custom_data: Some(json!(5)),
        user_filter: None,
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

pub(crate) fn plan() -> PropagationPlan {
    PropagationPlan {
        id: PLAN,
        environment: ENVIRONMENT,
        name: "Plan".into(),
        active: true,
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

pub(crate) fn connection(id: ConnectionId, kind: ConnectionKind) -> Connection {
    Connection {
        id,
        environment: ENVIRONMENT,
        kind,
        name: "Team".into(),
        description: None,
        active: true,
        managed: false,
        configuration: [("BASE_URL".to_owned(), json!("https://api.dropboxapi.com/2"))].into(),
        secrets: [("OAUTH_REFRESH_TOKEN".to_owned(), Secret::new("canary-in-a-coal-mine"))].into(),
        health: Health::Untested,
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

pub(crate) fn rule(id: RuleId) -> Rule {
    Rule {
        id,
        environment: ENVIRONMENT,
        plan: PLAN,
        name: "Everyone to Dropbox".into(),
        description: Some("all".into()),
        source: DIRECTORY,
        target: DROPBOX,
        direction: Direction::Outbound,
        active: true,
        filter: Some("enabled eq true".into()),
        groups: vec![GroupId(Uuid::from_u128(1)), GroupId(Uuid::from_u128(2))],
        configuration: [("GUARD_MAX_REMOVALS".to_owned(), json!(7))].into(),
        retiring: None,
        consent: None,
        created_at: at(0),
        updated_at: at(0),
        version: 1,
    }
}

pub(crate) fn run(number: u128, trigger: Trigger, state: RunState, started: i64) -> Run {
    Run {
        id: RunId(Uuid::from_u128(number)),
        environment: ENVIRONMENT,
        rule: RULE,
        connection: DROPBOX,
        trigger,
        scope: Scope::Full,
        state,
        begun: state != RunState::Planning,
        digest: Some("d".into()),
        manner: "Linked devices are wiped.".into(),
        counts: Counts([("SUSPEND".to_owned(), 2)].into()),
        hold: Vec::new(),
        moved: Vec::new(),
        seats: None,
        done: 1,
        total: 2,
        problem: None,
        started_at: at(started),
        finished_at: state.is_final().then(|| at(started + 10)),
    }
}

pub(crate) fn event(number: u128) -> Event {
    Event {
        id: EventId(Uuid::from_u128(number)),
        environment: ENVIRONMENT,
        recorded_at: at(5),
        correlation_id: Some("c".into()),
        actor: Actor::Client { id: Uuid::from_u128(9), name: "worker".into() },
        action: "USER.CREATED".into(),
        resources: vec![Resource {
            kind: "USER".into(),
            id: "1".into(),
            name: "ada".into(),
            population: None,
            path: "/users/1".into(),
        }],
        status: "SUCCESS".into(),
        description: "Created User ada".into(),
        changes: Some(json!({ "title": ["a", "b"] })),
    }
}

pub(crate) fn due(subject: DueSubject, millis: i64) -> Due {
    Due { rule: RULE, subject, at: at(millis) }
}

pub(crate) fn due_user(number: u128, millis: i64) -> Due {
    due(DueSubject::User(UserId(Uuid::from_u128(number))), millis)
}

pub(crate) fn page(after: Option<Uuid>, limit: u32) -> PageRequest {
    PageRequest { after, limit }
}
