//! How long it takes to reconcile: a first run and a run with nothing to do, and how soon a change is at Dropbox.
//! Against the real connector and the simulated team, over HTTP on this machine. Prints one Markdown table.
//!
//! *Floor* is the calls times the latency of one, divided by how many may be in flight: no client can be faster.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails should say where")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use dropbox_simulator::{MemberSeed, Simulator, Team, TeamBuilder};
use usher_connectors::dropbox::DropboxConnector;
use usher_domain::{
    Clock, ConnectionId, EnvironmentId, Ids, PlanId, PopulationId, Problem, RuleId, Secret, Timestamp,
    UserId,
    directory::{
        change::{ChangeSet, Due, DueSubject, Write},
        environment::Environment,
        population::Population,
        user::{Name, User},
    },
    ports::store::Store,
    provisioning::{
        connection::{Connection, ConnectionKind, DropboxAccess, Health, Policy},
        rule::{Direction, PropagationPlan, Rule},
    },
    targets::Targets,
};
use usher_engine::{
    reconcile::{Connectors, Opened, Reconciler, retry::Retry},
    worker::{Settings, Worker},
};
use usher_store::{Seal, Storage};
use uuid::Uuid;

#[path = "reconcile/follow.rs"]
mod follow;

const IN_FLIGHT: u32 = 8;
/// So many single changes are timed.
const CHANGES: usize = 15;

#[derive(Debug)]
struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "this program is where the clock comes from")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
    }
}

#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Ids for Counting {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

struct One(Arc<DropboxConnector>);

impl Connectors for One {
    fn open(&self, _connection: &Connection) -> Result<Opened, Problem> {
        Ok(Opened { connector: self.0.clone(), policy: Policy::default() })
    }
}

struct World {
    simulator: Simulator,
    store: Arc<dyn Store>,
    worker: Worker,
    ids: Counting,
    environment: EnvironmentId,
    population: PopulationId,
    rule: RuleId,
    latency: Duration,
    _dir: tempfile::TempDir,
}

fn main() {
    println!("| users | what | a call takes | wall | calls | floor |");
    println!("|---:|---|---:|---:|---:|---:|");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for users in [2_000, 10_000] {
        for latency in [Duration::ZERO, Duration::from_millis(50)] {
            runtime.block_on(measure(users, latency));
            runtime.block_on(follow::measure(users, latency));
        }
    }
    runtime.block_on(measure_inbound(100_000));
}

/// A team into an empty directory, and once more with nothing to do; and how much memory that takes beside what the team
/// and the server have already.
async fn measure_inbound(members: usize) {
    let licences = u32::try_from(members).unwrap() + 100;
    let team = (0..members).fold(Team::builder().licences(licences), |team, n| {
        team.member(MemberSeed::new(&format!("person{n}@example.com"), "Person", &format!("No{n}")))
    });
    let world = World::of(team, Duration::ZERO, Direction::Inbound).await;
    world.due(DueSubject::Everything).await;
    world.row(members, "inbound, first run").await;
    assert_eq!(world.store.count_users(world.environment, None).await.unwrap(), members as u64 + 1);
    world.due(DueSubject::Everything).await;
    let idle = memory("VmRSS");
    // Resets the highest mark.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    world.row(members, "inbound, nothing to do").await;
    let more = memory("VmHWM").saturating_sub(idle) / 1024;
    println!("| {members} | inbound, nothing to do: memory above idle | 0 ms | {more} MB | | |");
}

/// A figure of this process's memory, in KiB.
fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn measure(users: usize, latency: Duration) {
    let world = World::new(users, latency).await;
    let people = world.people(users).await;
    world.row(users, "first run").await;
    let invited = world.simulator.team().count(dropbox_simulator::MemberState::Invited);
    assert_eq!(invited as usize, users, "everyone has an account after the first run");
    world.due(DueSubject::Everything).await;
    world.row(users, "nothing to do").await;
    world.changes(users, &people).await;
}

impl World {
    async fn new(users: usize, latency: Duration) -> World {
        let team = Team::builder().licences(u32::try_from(users).unwrap() + 100);
        World::with(team, latency).await
    }

    async fn with(team: TeamBuilder, latency: Duration) -> World {
        World::of(team, latency, Direction::Outbound).await
    }

    async fn of(team: TeamBuilder, latency: Duration, direction: Direction) -> World {
        let team = team.latency(latency).check_answers(false).build();
        let simulator = Simulator::start(team).await.unwrap();
        let access = DropboxAccess {
            base_url: format!("{}/2", simulator.url()),
            token_url: simulator.token_url(),
            client_id: simulator.client_id(),
            client_secret: Secret::new(simulator.client_secret()),
            refresh_token: Secret::new(simulator.refresh_token()),
            send_welcome_email: true,
            wipe_data: false,
            keep_account: false,
            transfer_dest_email: None,
            transfer_admin_email: None,
            max_calls_per_second: 0,
            max_in_flight: IN_FLIGHT,
            max_members_per_call: 500,
        };
        let connector =
            Arc::new(DropboxConnector::new(access, &Policy::default(), None, &Targets::default()).unwrap());
        let dir = tempfile::TempDir::new().unwrap();
        let url = format!("sqlite://{}", dir.path().join("usher.db").display());
        Storage::migrate(&url).await.unwrap();
        let store = Storage::open(&url, Seal::from_keys(&[7; 32], &[]).unwrap()).await.unwrap();
        let connectors = Arc::new(One(connector));
        let reconciler = Reconciler::new(
            store.clone(),
            connectors,
            Arc::new(Wall),
            // Apart from the ids of the rows below.
            Arc::new(Counting(AtomicU64::new(1 << 40))),
            Retry::default(),
        );
        let ids = Counting::default();
        let world = World {
            simulator,
            store,
            worker: Worker::new(reconciler, Settings::new("bench")),
            environment: EnvironmentId(ids.next()),
            population: PopulationId(ids.next()),
            rule: RuleId(ids.next()),
            ids,
            latency,
            _dir: dir,
        };
        world.set_up(direction).await;
        world
    }

    async fn set_up(&self, direction: Direction) {
        let (at, environment, version) = (Wall.now(), self.environment, 1);
        let (plan, source, target) =
            (PlanId(self.ids.next()), ConnectionId(self.ids.next()), ConnectionId(self.ids.next()));
        let connection = |id, kind, name: &str| {
            Write::Connection(Connection {
                id,
                environment,
                kind,
                name: name.into(),
                description: None,
                active: true,
                managed: false,
                configuration: BTreeMap::new(),
                secrets: BTreeMap::new(),
                health: Health::Valid {
                    at,
                    team: "Bench".into(),
                    own_account: "none".into(),
                    own_email: "none@example.com".into(),
                },
                created_at: at,
                updated_at: at,
                version,
            })
        };
        let (name, description) = ("Bench".to_owned(), None);
        let writes = vec![
            Write::Environment(Environment {
                id: environment,
                name: name.clone(),
                description: None,
                guard: Default::default(),
                created_at: at,
                updated_at: at,
                version,
            }),
            Write::Population(Population {
                id: self.population,
                environment,
                name: name.clone(),
                description: None,
                default: true,
                created_at: at,
                updated_at: at,
                version,
            }),
            connection(source, ConnectionKind::Directory, "Directory"),
            connection(target, ConnectionKind::Dropbox, "Dropbox"),
            Write::Plan(PropagationPlan {
                id: plan,
                environment,
                name: name.clone(),
                active: true,
                created_at: at,
                updated_at: at,
                version,
            }),
            Write::Rule(Rule {
                id: self.rule,
                environment,
                plan,
                name,
                description,
                source: if direction == Direction::Outbound { source } else { target },
                target: if direction == Direction::Outbound { target } else { source },
                direction,
                active: true,
                filter: None,
                groups: Vec::new(),
                configuration: [("POPULATION_ID".to_owned(), serde_json::json!(self.population))].into(),
                retiring: None,
                consent: None,
                created_at: at,
                updated_at: at,
                version,
            }),
        ];
        self.commit(writes, &[]).await;
    }

    async fn commit(&self, writes: Vec<Write>, due: &[DueSubject]) {
        let due = due.iter().map(|subject| Due { rule: self.rule, subject: subject.clone(), at: Wall.now() });
        let changes = ChangeSet { writes, events: Vec::new(), due: due.collect() };
        self.store.commit(&changes).await.unwrap();
    }

    async fn due(&self, subject: DueSubject) {
        self.commit(Vec::new(), &[subject]).await;
    }

    /// So many people in the directory, and a full run due.
    async fn people(&self, users: usize) -> Vec<User> {
        let at = Wall.now();
        let people: Vec<User> = (0..users)
            .map(|n| User {
                id: UserId(self.ids.next()),
                environment: self.environment,
                population: self.population,
                username: format!("person{n}"),
                email: format!("person{n}@example.com"),
                enabled: true,
                name: Name {
                    given: Some("Person".into()),
                    family: Some(format!("No{n}")),
                    ..Name::default()
                },
                external_id: None,
                attributes: serde_json::Map::new(),
                created_at: at,
                updated_at: at,
                version: 1,
            })
            .collect();
        for some in people.chunks(500) {
            self.commit(some.iter().cloned().map(Write::User).collect(), &[]).await;
        }
        self.due(DueSubject::Everything).await;
        people
    }

    /// Works all that is due, and prints how long it took.
    async fn row(&self, users: usize, what: &str) {
        let (from, begun) = (self.simulator.calls().total(), Instant::now());
        while self.worker.work_once().await.unwrap().is_some() {}
        let (wall, calls) = (begun.elapsed(), self.simulator.calls().total() - from);
        let floor = self.latency.as_secs_f64() * calls as f64 / f64::from(IN_FLIGHT);
        let (latency, wall) = (self.latency.as_millis(), wall.as_secs_f64());
        println!("| {users} | {what} | {latency} ms | {wall:.2} s | {calls} | {floor:.2} s |");
    }

    /// Changes one user after another while the worker works as in a server, and prints how soon each change was at
    /// the team, from the commit on; the quiet time that the directory adds is not in it.
    async fn changes(&self, users: usize, people: &[User]) {
        let (worker, waker) = (self.worker.clone(), self.worker.waker());
        let working = tokio::spawn(async move { worker.run().await });
        let from = self.simulator.calls().total();
        let mut took = Vec::new();
        for (n, user) in people.iter().step_by(people.len() / CHANGES).take(CHANGES).enumerate() {
            let given = format!("Changed{n}");
            let name = Name { given: Some(given.clone()), ..user.name.clone() };
            let user = User { name, version: 2, ..user.clone() };
            let (id, email) = (user.id, user.email.clone());
            let begun = Instant::now();
            self.commit(vec![Write::User(user)], &[DueSubject::User(id)]).await;
            waker.notify_one();
            while !self.is_called(&email, &given) {
                tokio::time::sleep(Duration::from_millis(1)).await;
                assert!(begun.elapsed() < Duration::from_secs(30), "the change of {email} does not arrive");
            }
            took.push(begun.elapsed());
        }
        let calls = self.simulator.calls().total() - from;
        self.worker.stop();
        working.await.unwrap();
        took.sort_unstable();
        let (median, each) = (took[took.len() / 2].as_secs_f64(), calls / CHANGES as u64);
        let (latency, floor) = (self.latency.as_millis(), self.latency.as_secs_f64() * each as f64);
        println!(
            "| {users} | one change, median of {CHANGES} | {latency} ms | {median:.3} s | {each} each | {floor:.2} s |"
        );
    }

    fn is_called(&self, email: &str, given: &str) -> bool {
        self.simulator.team().member_by_email(email).is_some_and(|member| member.given_name == given)
    }
}
