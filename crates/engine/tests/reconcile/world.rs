//! A directory, a rule and a team to tell stories with. Time stands still until it is told to go on.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use usher_connectors::fake::FakeTeam;
use usher_domain::{
    Clock, ConnectionId, EnvironmentId, GroupId, Ids, PlanId, PopulationId, Problem, RuleId, Timestamp,
    UserId,
    directory::{
        change::{ChangeSet, Due, DueSubject, Write},
        environment::Environment,
        group::{Group, Membership},
        population::Population,
        user::{Name, User},
    },
    ports::store::{PageRequest, Store},
    provisioning::{
        connection::{Connection, ConnectionKind, Health, Policy},
        rule::{Direction, PropagationPlan, Rule},
    },
    reconcile::{
        run::{Run, RunState},
        scope::Subject,
        status::SubjectStatus,
    },
};
use usher_engine::{
    reconcile::{Connectors, Draft, Opened, Preview, Reconciler, retry::Retry},
    worker::{Settings, Worker},
};
use usher_store::{Seal, Storage};
use uuid::Uuid;

/// A clock that is set.
#[derive(Debug)]
pub(crate) struct Hand(AtomicI64);

impl Hand {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Hand {
    pub(crate) fn set_back(&self, by: Duration) {
        self.0.fetch_sub(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Ids that count up.
#[derive(Debug)]
pub(crate) struct Counting(AtomicU64);

impl Ids for Counting {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

/// The one team, with actions to set.
pub(crate) struct Teams {
    pub team: FakeTeam,
    pub policy: Mutex<Policy>,
}

impl Connectors for Teams {
    fn open(&self, _connection: &Connection) -> Result<Opened, Problem> {
        Ok(Opened { connector: Arc::new(self.team.clone()), policy: self.policy.lock().unwrap().clone() })
    }
}

pub(crate) struct World {
    pub store: Arc<dyn Store>,
    pub teams: Arc<Teams>,
    pub team: FakeTeam,
    pub clock: Arc<Hand>,
    pub ids: Arc<Counting>,
    pub reconciler: Reconciler,
    pub worker: Worker,
    pub environment: EnvironmentId,
    pub connection: ConnectionId,
    pub rule: RuleId,
    pub users: BTreeMap<String, UserId>,
    pub groups: BTreeMap<String, GroupId>,
    population: PopulationId,
    _dir: TempDir,
}

impl World {
    /// An active rule for everyone, on a connection that works, with an empty directory and an empty team.
    pub(crate) async fn new() -> World {
        let dir = TempDir::new().unwrap();
        let url = format!("sqlite://{}", dir.path().join("usher.db").display());
        Storage::migrate(&url).await.unwrap();
        let store = Storage::open(&url, Seal::from_keys(&[7; 32], &[]).unwrap()).await.unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(1_700_000_000_000)));
        let ids = Arc::new(Counting(AtomicU64::new(1)));
        let team = FakeTeam::new();
        let teams = Arc::new(Teams { team: team.clone(), policy: Mutex::new(Policy::default()) });
        let reconciler =
            Reconciler::new(store.clone(), teams.clone(), clock.clone(), ids.clone(), Retry::default());
        let worker = Worker::new(reconciler.clone(), Settings::new("test"));
        let mut world = World {
            environment: EnvironmentId(ids.next()),
            population: PopulationId(ids.next()),
            connection: ConnectionId(ids.next()),
            rule: RuleId(ids.next()),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            store,
            teams,
            team,
            clock,
            ids,
            reconciler,
            worker,
            _dir: dir,
        };
        world.set_up().await;
        world
    }

    async fn set_up(&mut self) {
        let (at, environment, version) = (self.clock.now(), self.environment, 1);
        let plan = PlanId(self.ids.next());
        let directory = ConnectionId(self.ids.next());
        let connection = |id, kind, name: &str| Connection {
            id,
            environment,
            kind,
            name: name.to_owned(),
            description: None,
            active: true,
            managed: false,
            configuration: BTreeMap::new(),
            secrets: BTreeMap::new(),
            health: Health::Valid {
                at,
                team: "Fake".into(),
                own_account: "dbmid:0001".into(),
                own_email: "admin@team.example".into(),
            },
            created_at: at,
            updated_at: at,
            version,
        };
        let rule = Rule {
            id: self.rule,
            environment,
            plan,
            name: "Everyone".into(),
            description: None,
            source: directory,
            target: self.connection,
            direction: Direction::Outbound,
            active: true,
            filter: None,
            groups: Vec::new(),
            configuration: BTreeMap::new(),
            retiring: None,
            consent: None,
            created_at: at,
            updated_at: at,
            version,
        };
        let environment_row = Environment {
            id: environment,
            name: "Test".into(),
            description: None,
            guard: Default::default(),
            created_at: at,
            updated_at: at,
            version,
        };
        let population = Population {
            id: self.population,
            environment,
            name: "People".into(),
            description: None,
            default: true,
            created_at: at,
            updated_at: at,
            version,
        };
        let shelf = PropagationPlan {
            id: plan,
            environment,
            name: "plan".into(),
            active: true,
            created_at: at,
            updated_at: at,
            version,
        };
        let writes = vec![
            Write::Environment(environment_row),
            Write::Population(population),
            Write::Connection(connection(directory, ConnectionKind::Directory, "Directory")),
            Write::Connection(connection(self.connection, ConnectionKind::Dropbox, "Dropbox")),
            Write::Plan(shelf),
            Write::Rule(rule),
        ];
        self.commit(writes, &[]).await;
    }

    pub(crate) async fn commit(&self, writes: Vec<Write>, due: &[DueSubject]) {
        let due =
            due.iter().map(|subject| Due { rule: self.rule, subject: subject.clone(), at: self.clock.now() });
        let changes = ChangeSet { writes, events: Vec::new(), due: due.collect() };
        self.store.commit(&changes).await.unwrap();
    }

    /// A new enabled user with an address of their name.
    pub(crate) async fn user(&mut self, name: &str) -> UserId {
        let at = self.clock.now();
        let user = User {
            id: UserId(self.ids.next()),
            environment: self.environment,
            population: self.population,
            username: name.to_owned(),
            email: email(name),
            enabled: true,
            name: Name { given: Some(name.to_owned()), family: Some("Test".into()), ..Name::default() },
            external_id: None,
            attributes: serde_json::Map::new(),
            created_at: at,
            updated_at: at,
            version: 1,
        };
        let id = user.id;
        self.users.insert(name.to_owned(), id);
        self.commit(vec![Write::User(user)], &[DueSubject::User(id)]).await;
        id
    }

    pub(crate) async fn people(&mut self, names: impl IntoIterator<Item = String>) {
        for name in names {
            self.user(&name).await;
        }
    }

    pub(crate) async fn edit(&self, name: &str, change: impl FnOnce(&mut User)) {
        let mut user = self.store.user(self.environment, self.users[name]).await.unwrap().unwrap();
        change(&mut user);
        user.version += 1;
        let id = user.id;
        self.commit(vec![Write::User(user)], &[DueSubject::User(id)]).await;
    }

    pub(crate) async fn disable(&self, name: &str) {
        self.edit(name, |user| user.enabled = false).await;
    }

    pub(crate) async fn delete(&mut self, name: &str) {
        let id = self.users.remove(name).unwrap();
        self.commit(vec![Write::UserGone(id)], &[DueSubject::User(id)]).await;
    }

    /// A new group of the rule.
    pub(crate) async fn group(&mut self, name: &str) -> GroupId {
        let at = self.clock.now();
        let group = Group {
            id: GroupId(self.ids.next()),
            environment: self.environment,
            population: None,
            name: name.to_owned(),
            description: None,
            external_id: None,
            custom_data: None,
            user_filter: None,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        let id = group.id;
        self.groups.insert(name.to_owned(), id);
        self.commit(vec![Write::Group(group)], &[]).await;
        self.edit_rule(|rule| rule.groups.push(id)).await;
        id
    }

    pub(crate) async fn rename_group(&mut self, name: &str, to: &str) {
        let id = self.groups.remove(name).unwrap();
        self.groups.insert(to.to_owned(), id);
        let mut group = self.store.group(self.environment, id).await.unwrap().unwrap();
        group.name = to.to_owned();
        group.version += 1;
        self.commit(vec![Write::Group(group)], &[DueSubject::Group(id)]).await;
    }

    pub(crate) async fn join(&self, user: &str, group: &str) {
        let membership = Membership { user: self.users[user], group: self.groups[group] };
        self.commit(vec![Write::Member(membership)], &[DueSubject::User(membership.user)]).await;
    }

    pub(crate) async fn leave(&self, user: &str, group: &str) {
        let membership = Membership { user: self.users[user], group: self.groups[group] };
        self.commit(vec![Write::MemberGone(membership)], &[DueSubject::User(membership.user)]).await;
    }

    pub(crate) async fn rule(&self) -> Rule {
        self.store.rule_by_id(self.rule).await.unwrap().unwrap()
    }

    pub(crate) async fn edit_rule(&self, change: impl FnOnce(&mut Rule)) {
        let mut rule = self.rule().await;
        change(&mut rule);
        rule.version += 1;
        self.commit(vec![Write::Rule(rule)], &[DueSubject::Everything]).await;
    }

    pub(crate) fn policy(&self, change: impl FnOnce(&mut Policy)) {
        change(&mut self.teams.policy.lock().unwrap());
    }

    pub(crate) async fn resync(&self) {
        self.commit(Vec::new(), &[DueSubject::Everything]).await;
    }

    /// A server starts where one died, a while later: it takes over that one's work.
    pub(crate) async fn restart(&self) {
        self.clock.advance(Duration::from_secs(61));
        self.store.end_leases(self.clock.now()).await.unwrap();
    }

    /// Works all that is due by now.
    pub(crate) async fn work(&self) {
        for _ in 0..50 {
            if self.worker.work_once().await.unwrap().is_none() {
                return;
            }
        }
        panic!("there is no end to what is due");
    }

    pub(crate) async fn preview(&self) -> Preview {
        self.reconciler.preview(&self.rule().await, Draft::default()).await.unwrap()
    }

    /// All runs, the first first.
    pub(crate) async fn runs(&self) -> Vec<Run> {
        let page = PageRequest { after: None, limit: 1000 };
        let mut runs = self.store.runs(self.rule, &page).await.unwrap().items;
        runs.reverse();
        runs
    }

    pub(crate) async fn last_run(&self) -> Run {
        self.runs().await.pop().unwrap()
    }

    pub(crate) async fn held(&self) -> Run {
        let open = self.store.open_runs(self.rule).await.unwrap();
        open.into_iter().find(|run| run.state == RunState::Held).expect("a held run")
    }

    pub(crate) async fn status(&self, name: &str) -> Option<SubjectStatus> {
        self.store.status(self.rule, Subject::User(self.users[name])).await.unwrap()
    }

    pub(crate) fn with_access(&self) -> Vec<String> {
        self.team.change(|team| team.with_access().into_iter().map(short).collect())
    }

    pub(crate) fn in_group(&self, name: &str) -> Vec<String> {
        self.team.change(|team| team.in_group(name).into_iter().map(short).collect())
    }

    pub(crate) fn accept(&self) {
        self.team.change(|team| team.accept_invitations());
    }

    /// What the audit says of syncs: actions, in order.
    pub(crate) async fn told(&self) -> Vec<String> {
        let page = PageRequest { after: None, limit: 1000 };
        let events = self.store.events(self.environment, &page).await.unwrap().items;
        events
            .into_iter()
            .map(|event| event.action)
            .filter(|action| action.starts_with("PROVISIONING"))
            .collect()
    }
}

pub(crate) fn email(name: &str) -> String {
    format!("{name}@example.com")
}

fn short(email: &str) -> String {
    email.split('@').next().unwrap_or_default().to_owned()
}

/// `n` names that sort as they count.
pub(crate) fn names(n: usize) -> impl Iterator<Item = String> {
    (0..n).map(|n| format!("p{n:03}"))
}
