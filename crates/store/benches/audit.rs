//! How fast an audit is checked, and what the audit costs a commit. SQLite on this machine's disk; prints one Markdown
//! table.
//!
//! A commit without an event is never made by Usher; here it shows what the event, its seven indices, its link in the
//! chain and the signature of the end cost together, which is more than the chain alone.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails should say where")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use serde_json::json;
use usher_domain::{
    EnvironmentId, EventId, PopulationId, Timestamp, UserId,
    directory::{
        audit::{Actor, Event, Resource},
        change::{ChangeSet, Write},
        environment::Environment,
        population::Population,
        user::{Name, User},
    },
    ports::store::Store,
};
use usher_store::{Auditor, Seal, Storage};
use uuid::Uuid;

const EVENTS: u64 = 400_000;
const COMMITS: u64 = 6_000;
/// So many callers commit at a time.
const CALLERS: u64 = 64;
const ENVIRONMENT: EnvironmentId = EnvironmentId(Uuid::from_u128(0xe));
const POPULATION: PopulationId = PopulationId(Uuid::from_u128(0xf));

fn main() {
    println!("| what | events or commits | time | a second |");
    println!("|---|---:|---:|---:|");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(checking());
    runtime.block_on(committing());
}

struct Place {
    store: Arc<dyn Store>,
    url: String,
    seal: Seal,
    _directory: tempfile::TempDir,
}

async fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("usher.db").display());
    let seal = Seal::open_or_create(&directory.path().join("usher.key")).unwrap();
    Storage::migrate(&url).await.unwrap();
    let store = Storage::open(&url, seal.clone()).await.unwrap();
    let at = Timestamp::default();
    let environment = Environment {
        id: ENVIRONMENT,
        name: "Acme".into(),
        description: None,
        guard: Default::default(),
        created_at: at,
        updated_at: at,
        version: 1,
    };
    let population = Population {
        id: POPULATION,
        environment: ENVIRONMENT,
        name: "Everyone".into(),
        description: None,
        default: true,
        created_at: at,
        updated_at: at,
        version: 1,
    };
    let writes = vec![Write::Environment(environment), Write::Population(population)];
    store.commit(&ChangeSet { writes, ..ChangeSet::default() }).await.unwrap();
    Place { store, url, seal, _directory: directory }
}

async fn checking() {
    let place = place().await;
    let mut next = 0;
    while next < EVENTS {
        let events = (next..next + 2_000).map(event).collect();
        place.store.commit(&ChangeSet { events, ..ChangeSet::default() }).await.unwrap();
        next += 2_000;
    }
    let auditor = Auditor::open(&place.url, place.seal.clone()).await.unwrap();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for side_by_side in [1, cores] {
        let mut best = f64::MAX;
        for _ in 0..3 {
            let began = Instant::now();
            let report = auditor.verify(&[], side_by_side, &|_, _| ()).await.unwrap();
            assert!(report.holds() && report.chains[0].events == EVENTS, "{report:?}");
            best = best.min(began.elapsed().as_secs_f64());
        }
        row(&format!("audit checked, {side_by_side} stretches at a time, best of 3"), EVENTS, best);
    }
}

async fn committing() {
    let mut rates = Vec::new();
    for (what, told) in [("without an event", false), ("with an event", true)] {
        let place = place().await;
        let began = Instant::now();
        let next = Arc::new(AtomicU64::new(0));
        let callers = (0..CALLERS).map(|_| {
            let (store, next) = (Arc::clone(&place.store), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= COMMITS {
                        return;
                    }
                    let events = if told { vec![event(number)] } else { Vec::new() };
                    let changes =
                        ChangeSet { writes: vec![Write::User(user(number))], events, ..ChangeSet::default() };
                    store.commit(&changes).await.unwrap();
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.unwrap();
        }
        let took = began.elapsed().as_secs_f64();
        row(&format!("durable commits of a user {what}, {CALLERS} callers"), COMMITS, took);
        rates.push(COMMITS as f64 / took);
    }
    println!("| commits with an event, of those without | | | {:.0} % |", 100.0 * rates[1] / rates[0]);
}

fn row(what: &str, count: u64, seconds: f64) {
    println!("| {what} | {count} | {seconds:.2} s | {:.0} |", count as f64 / seconds);
}

fn user(number: u64) -> User {
    let at = Timestamp::from_millis(1_760_000_000_000);
    User {
        id: UserId(Uuid::from_u128(u128::from(number))),
        environment: ENVIRONMENT,
        population: POPULATION,
        username: format!("user-{number}"),
        email: format!("user-{number}@example.com"),
        enabled: true,
        name: Name { given: Some("Ada".into()), family: Some("Lovelace".into()), ..Name::default() },
        external_id: None,
        attributes: serde_json::Map::new(),
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

/// What the directory tells of a changed user.
fn event(number: u64) -> Event {
    let user = Uuid::from_u128(u128::from(number));
    Event {
        id: EventId(Uuid::from_u128(u128::from(number) + (1 << 64))),
        environment: ENVIRONMENT,
        recorded_at: Timestamp::from_millis(1_760_000_000_000 + i64::try_from(number).unwrap()),
        correlation_id: Some(Uuid::from_u128(u128::from(number) + (1 << 96)).to_string()),
        actor: Actor::Client { id: Uuid::from_u128(9), name: "HR import".into() },
        action: "USER.UPDATED".into(),
        resources: vec![Resource {
            kind: "USER".into(),
            id: user.to_string(),
            name: format!("user-{number}"),
            population: Some(POPULATION.to_string()),
            path: format!("/users/{user}"),
        }],
        status: "SUCCESS".into(),
        description: format!("Updated title, name.family for User user-{number}"),
        changes: Some(json!({ "title": { "from": "Analyst", "to": "Countess" } })),
    }
}
