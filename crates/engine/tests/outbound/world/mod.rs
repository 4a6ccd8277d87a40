//! A directory, a rule, a connection and a simulated team, all sharing one clock that stands until it is moved.
//!
//! ```ignore
//! let world = World::new().user("ada").in_group("eng").await;
//! world.sync(Way::Full).await;
//! assert_eq!(world.member("ada"), "invited, Ada Example, marked ada, in eng");
//! ```

mod change;
mod draft;
mod look;

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dropbox_simulator::{Clock as TeamClock, DAY_MS, Simulator};
use tempfile::TempDir;
use usher_connectors::dropbox::{DropboxConnector, Patience};
use usher_domain::{
    Clock, ConnectionId, EnvironmentId, GroupId, Ids, PlanId, PopulationId, Problem, RuleId, Timestamp,
    UserId,
    directory::{
        audit::Actor,
        change::{Due, DueSubject},
    },
    ports::store::Store,
    provisioning::{
        connection::{Connection, DropboxSettings, Health},
        rule::Rule,
    },
    reconcile::{
        plan::Retiring,
        run::{Run, RunState},
    },
    targets::Targets,
};
use usher_engine::{
    directory::Directory,
    reconcile::{Connectors, Draft as RuleDraft, Opened, Preview, Reconciler, retry::Retry},
    worker::{Settings, Worker},
};
use usher_store::{Seal, Storage};
use uuid::Uuid;

pub(crate) use draft::Draft;
pub(crate) use look::counts;

pub(crate) const ENVIRONMENT: EnvironmentId = EnvironmentId(Uuid::from_u128(0xe));
pub(crate) const POPULATION: PopulationId = PopulationId(Uuid::from_u128(0xf));
pub(crate) const PLAN: PlanId = PlanId(Uuid::from_u128(0xa));
pub(crate) const DIRECTORY: ConnectionId = ConnectionId(Uuid::from_u128(0xc0));
pub(crate) const DROPBOX: ConnectionId = ConnectionId(Uuid::from_u128(0xc1));
pub(crate) const RULE: RuleId = RuleId(Uuid::from_u128(0xb0));

/// A claim that finds work more often than this in a row finds the same work again and again.
const MOST_RUNS: usize = 50;

/// What a run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Everything.
    Full,
    /// Every user and group by name, as if each had just been changed; everything only if the engine must.
    Due,
}

/// See the module.
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) directory: Directory,
    pub(crate) reconciler: Reconciler,
    pub(crate) simulator: Simulator,
    worker: Worker,
    time: Time,
    users: RefCell<BTreeMap<String, UserId>>,
    groups: RefCell<BTreeMap<String, GroupId>>,
    _files: TempDir,
}

impl World {
    /// A world to be furnished; awaiting it makes it.
    #[expect(clippy::new_ret_no_self, reason = "it reads best: World::new().user(…).await")]
    pub(crate) fn new() -> Draft {
        Draft::default()
    }

    /// Syncs, and goes on until nothing is due at this time.
    pub(crate) async fn sync(&self, way: Way) {
        match way {
            Way::Full => drop(self.sync_full().await),
            Way::Due => {
                let at = self.time.now();
                let users =
                    self.users.borrow().values().map(|user| DueSubject::User(*user)).collect::<Vec<_>>();
                let groups =
                    self.groups.borrow().values().map(|group| DueSubject::Group(*group)).collect::<Vec<_>>();
                let due = users.into_iter().chain(groups).map(|subject| Due { rule: RULE, subject, at });
                self.store.make_due(&due.collect::<Vec<_>>()).await.unwrap();
                self.sync_due().await;
            }
        }
    }

    /// A full sync that a person asks for, and whatever is due beside it. Gives the full run.
    pub(crate) async fn sync_full(&self) -> Run {
        let run = self.reconciler.resync(ENVIRONMENT, &self.rule().await, person()).await.unwrap();
        self.sync_due().await;
        self.run(run.id).await
    }

    /// Reconciles what is due by now until nothing is.
    pub(crate) async fn sync_due(&self) {
        for _ in 0..MOST_RUNS {
            if self.worker.work_once().await.unwrap().is_none() {
                return;
            }
        }
        panic!("what is due does not come to an end: {:?}", self.last_run().await);
    }

    /// As a server does by itself: sources are watched and what is due is reconciled, until there is nothing at this time.
    pub(crate) async fn work(&self) {
        for _ in 0..MOST_RUNS {
            let looked = self.worker.look_once().await.unwrap();
            if self.worker.work_once().await.unwrap().or(looked).is_none() {
                return;
            }
        }
        panic!("what is due does not come to an end: {:?}", self.last_run().await);
    }

    /// The server is stopped and started again: nothing of it is left but the database.
    pub(crate) async fn restart(&mut self) {
        let files = self._files.path();
        let seal = Seal::open_or_create(&files.join("usher.key")).unwrap();
        let url = format!("sqlite://{}", files.join("usher.db").display());
        self.store = Storage::open(&url, seal).await.unwrap();
        let connectors = Arc::new(Real { patience: patience(), kept: Mutex::default() });
        let clock: Arc<dyn Clock> = Arc::new(self.time.clone());
        let ids: Arc<dyn Ids> = Arc::new(Counter(AtomicU64::new(self.simulator.team().clock().now_ms())));
        self.reconciler = Reconciler::new(Arc::clone(&self.store), connectors, clock, ids, Retry::default());
        self.worker = Worker::new(self.reconciler.clone(), Settings::new(format!("from {}", self.now())));
        self.reconciler.tend().await.unwrap();
    }

    /// Another server on the same database.
    pub(crate) fn another_server(&self) -> Worker {
        Worker::new(self.reconciler.clone(), Settings::new("another"))
    }

    /// What a full run would do.
    pub(crate) async fn preview(&self) -> Preview {
        self.reconciler.preview(&self.rule().await, RuleDraft::default()).await.unwrap()
    }

    /// What deleting the rule with its accounts would do.
    pub(crate) async fn preview_of_deletion(&self) -> Preview {
        let rule = Rule { retiring: Some(Retiring::Deprovision), ..self.rule().await };
        self.reconciler.preview(&rule, RuleDraft::default()).await.unwrap()
    }

    /// A full run would do nothing now.
    pub(crate) async fn assert_at_rest(&self) {
        let plan = self.preview().await.plan;
        assert!(plan.is_empty(), "there is still something to do:\n{plan}");
    }

    /// Approves the held run as it was seen, and goes on.
    pub(crate) async fn approve(&self, run: &Run) {
        let digest = run.digest.clone().unwrap();
        self.reconciler.approve(ENVIRONMENT, run.id, &digest, person()).await.unwrap();
        self.sync_due().await;
    }

    /// The run that is held.
    pub(crate) async fn held(&self) -> Run {
        let open = self.store.open_runs(RULE).await.unwrap();
        let mut held: Vec<Run> = open.into_iter().filter(|run| run.state == RunState::Held).collect();
        assert_eq!(held.len(), 1, "not one held run: {held:?}");
        held.remove(0)
    }

    pub(crate) fn time_passes(&self, by: Duration) {
        self.time.0.advance(u64::try_from(by.as_millis()).unwrap());
    }

    pub(crate) fn days_pass(&self, days: u64) {
        self.time.0.advance(days * DAY_MS);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.time.now()
    }

    pub(crate) async fn rule(&self) -> Rule {
        self.store.rule_by_id(RULE).await.unwrap().expect("the rule is there")
    }

    pub(crate) async fn rule_is_gone(&self) -> bool {
        self.store.rule_by_id(RULE).await.unwrap().is_none()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let unasked: Vec<_> = self
                .simulator
                .team()
                .wipes()
                .iter()
                .filter(|wipe| wipe.wipe_data || !wipe.explicit)
                .cloned()
                .collect();
            assert!(unasked.is_empty(), "nobody asked to wipe devices: {unasked:?}");
        }
    }
}

pub(crate) fn person() -> Actor {
    Actor::User { id: Uuid::from_u128(0xad), name: "root".into() }
}

/// The team's clock, as Usher reads it.
#[derive(Clone, Debug)]
struct Time(TeamClock);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.0.now_ms()).unwrap())
    }
}

/// Ids by counting.
#[derive(Debug)]
struct Counter(AtomicU64);

impl Ids for Counter {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Real connectors, kept per version of the connection so that their tokens live on.
struct Real {
    patience: Patience,
    kept: Mutex<HashMap<(ConnectionId, i64), Opened>>,
}

impl fmt::Debug for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Real")
    }
}

impl Connectors for Real {
    fn open(&self, connection: &Connection) -> Result<Opened, Problem> {
        let mut kept = self.kept.lock().unwrap();
        let opened = kept.entry((connection.id, connection.version)).or_insert_with(|| {
            let settings =
                DropboxSettings::parse(&connection.configuration, &connection.secrets, &Targets::default())
                    .expect("good settings");
            let Health::Valid { own_account, .. } = &connection.health else { panic!("it is not in use") };
            let connector = DropboxConnector::with_patience(
                settings.access,
                &settings.policy,
                Some(own_account.clone()),
                &Targets::default(),
                self.patience.clone(),
            );
            Opened { connector: Arc::new(connector.unwrap()), policy: settings.policy }
        });
        Ok(opened.clone())
    }
}

fn patience() -> Patience {
    let moment = Duration::from_millis(1);
    Patience {
        attempts: 3,
        page_attempts: 2,
        first_wait: moment,
        longest_wait: moment,
        total: Duration::from_secs(20),
        timeout: Duration::from_secs(10),
        poll: moment,
        job: Duration::from_secs(5),
        test: Duration::from_secs(20),
    }
}
