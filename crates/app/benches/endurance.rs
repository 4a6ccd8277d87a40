//! Minutes of everything at once: random changes, faults of Dropbox, previews, the API and the console. The real server in a
//! process of its own, over HTTP. Prints one Markdown table, and fails when memory grows, a request fails, or the team is not
//! what the directory says at the end.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails should say where")]

#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the binary; not all of it is needed here"
)]
#[path = "../tests/e2e/support/mod.rs"]
mod support;

#[allow(dead_code, reason = "shared with the tests of the console; not all of it is needed here")]
#[path = "../tests/console/visitor.rs"]
mod visitor;

#[allow(dead_code, reason = "shared with the other benchmarks; not all of it is needed here")]
mod scale;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use dropbox_simulator::{Fault, Target, Team};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use support::{Api, Home, World, id, person};
use visitor::{PASSWORD, USERNAME, Visitor};

/// How many minutes it takes.
const MINUTES: &str = "USHER_ENDURANCE_MINUTES";
/// The same random choices each time.
const SEED: u64 = 20_261_130;
const PEOPLE: usize = 2_000;
const GROUPS: usize = 40;
const CHANGERS: usize = 4;
const READERS: usize = 4;
const VISITORS: usize = 2;
/// Memory at the end may be this much above memory after the first fifth of the time: noise of the allocator.
const NOISE: f64 = 1.15;

/// One kind of work: how often it was done, and how long each took.
#[derive(Default)]
struct Work(Mutex<Vec<f64>>);

impl Work {
    async fn timed<T>(&self, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = work.await;
        self.0.lock().unwrap().push(began.elapsed().as_secs_f64());
        done
    }
}

#[derive(Default)]
struct Works {
    changes: Work,
    previews: Work,
    reads: Work,
    pages: Work,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(endure());
}

async fn endure() {
    let minutes: f64 = std::env::var(MINUTES).ok().map_or(10.0, |text| text.parse().unwrap());
    let time = Duration::from_secs_f64(minutes * 60.0);
    let home = Home::with(&[("USHER_MAX_REQUESTS_PER_SECOND", "0"), ("USHER_LOG", "warn")]);
    let team = Team::builder().licences(10_000).check_answers(false);
    let world = World::of(home, team, json!({ "DEPROVISION_USERS": true })).await;
    let (users, groups) = fill(&world.api).await;
    for (user, group) in users.iter().zip(groups.iter().cycle()) {
        world.api.post(&format!("/users/{user}/memberOfGroups"), json!({ "id": group })).await.ok();
    }
    let groups_of_rule: Vec<_> = groups.iter().map(|group| json!({ "id": group })).collect();
    // The guard is tested elsewhere; here nothing may wait for a person.
    let open = json!({ "GUARD_MAX_REMOVALS": 1_000_000, "GUARD_MAX_REMOVAL_PERCENT": 100, "GUARD_WINDOW_MINUTES": 1 });
    let rule = world.outbound_rule(json!({ "groups": groups_of_rule, "configuration": open })).await;
    world.settled(&rule).await;

    let works = Arc::new(Works::default());
    let until = Instant::now() + time;
    let mut tasks = Vec::new();
    for number in 0..CHANGERS {
        let own = users.iter().skip(number).step_by(CHANGERS).cloned().collect();
        let changer = Changer {
            api: world.api.clone(),
            users: own,
            groups: groups.clone(),
            first: number,
            random: StdRng::seed_from_u64(SEED + number as u64),
        };
        tasks.push(tokio::spawn(changer.work(Arc::clone(&works), until)));
    }
    for number in 0..READERS {
        tasks.push(tokio::spawn(read(world.api.clone(), rule.clone(), number, Arc::clone(&works), until)));
    }
    for _ in 0..VISITORS {
        let visitor = Visitor::signed_in(&world.usher, USERNAME, PASSWORD).await;
        tasks.push(tokio::spawn(visit(
            visitor,
            rule.clone(),
            world.store.clone(),
            Arc::clone(&works),
            until,
        )));
    }
    tasks.push(tokio::spawn(preview(world.api.clone(), rule.clone(), Arc::clone(&works), until)));

    let memory = watch(&world, until).await;
    for task in tasks {
        task.await.unwrap();
    }
    let (early, late) =
        (peak(&memory[memory.len() / 10..memory.len() / 5]), peak(&memory[memory.len() * 4 / 5..]));
    show(&works, time, &memory, early, late);
    // Everything that was answered is carried out, and nothing else.
    world.dropbox.0.faults().clear();
    world.api.post(&format!("/propagation/rules/{rule}/syncs"), json!({})).await.ok();
    let status = world.settled(&rule).await;
    let left = world.api.post(&format!("/propagation/rules/{rule}/preview"), json!({})).await.ok();
    assert_eq!(left["operations"], json!([]), "not in step at the end: {status:#}\n{left:#}");

    assert!(late <= early * NOISE, "memory grew from {early:.0} MB to {late:.0} MB");
}

async fn fill(api: &Api) -> (Vec<String>, Vec<String>) {
    let mut users = Vec::new();
    for number in 0..PEOPLE {
        users.push(id(&api.post("/users", person(&format!("person{number}"))).await.ok()));
    }
    let mut groups = Vec::new();
    for number in 0..GROUPS {
        groups.push(id(&api.post("/groups", json!({ "name": format!("Group {number}") })).await.ok()));
    }
    (users, groups)
}

/// Changes its own share of the people, at random.
struct Changer {
    api: Api,
    users: Vec<String>,
    groups: Vec<String>,
    /// The number of the first of them; the next are [`CHANGERS`] apart.
    first: usize,
    random: StdRng,
}

impl Changer {
    async fn work(mut self, works: Arc<Works>, until: Instant) {
        while Instant::now() < until {
            works.changes.timed(self.change()).await;
            tokio::time::sleep(Duration::from_millis(self.random.random_range(20..80))).await;
        }
    }

    async fn change(&mut self) {
        let at = self.random.random_range(0..self.users.len());
        let user = format!("/users/{}", self.users[at]);
        match self.random.random_range(0..10) {
            0..3 => {
                let given = format!("Given{}", self.random.random_range(0..1_000_000));
                self.api.patch(&user, json!({ "name": { "given": given } })).await.ok();
            }
            3..5 => {
                let enabled = self.random.random_bool(0.6);
                self.api.put(&format!("{user}/enabled"), json!({ "enabled": enabled })).await.ok();
            }
            5..6 => {
                let group = &self.groups[self.random.random_range(0..self.groups.len())];
                self.api.post(&format!("{user}/memberOfGroups"), json!({ "id": group })).await.ok();
            }
            6..8 => {
                let listed = self.api.get(&format!("{user}/memberOfGroups")).await.ok();
                if let Some(group) = listed["_embedded"]["groupMemberships"][0]["id"].as_str() {
                    self.api.delete(&format!("{user}/memberOfGroups/{group}")).await.ok();
                }
            }
            _ => {
                // They come back, so that the team does not grow by its removed members.
                self.api.delete(&user).await.ok();
                let number = self.first + at * CHANGERS;
                let person = person(&format!("person{number}"));
                self.users[at] = id(&self.api.post("/users", person).await.ok());
            }
        }
    }
}

async fn read(api: Api, rule: String, number: usize, works: Arc<Works>, until: Instant) {
    let paths = [
        "/users?limit=100".to_owned(),
        format!("/users?filter=username%20eq%20%22person{number}%22"),
        "/groups?limit=100".into(),
        format!("/propagation/rules/{rule}/syncStatus"),
        format!("/propagation/rules/{rule}/runs?limit=20"),
        format!("/propagation/rules/{rule}/syncedUsers?limit=100"),
        "/activities?limit=100&filter=recordedAt%20gt%20%222020-01-01T00:00:00Z%22".into(),
    ];
    for path in paths.iter().cycle() {
        if Instant::now() >= until {
            return;
        }
        works.reads.timed(api.get(path)).await.ok();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn visit(mut visitor: Visitor, rule: String, store: String, works: Arc<Works>, until: Instant) {
    let paths = [
        "/console".to_owned(),
        "/console/users".into(),
        "/console/groups".into(),
        "/console/audit".into(),
        "/console/runs".into(),
        format!("/console/rules/{rule}"),
        format!("/console/rules/{rule}/runs"),
        format!("/console/connections/{store}"),
    ];
    for path in paths.iter().cycle() {
        if Instant::now() >= until {
            return;
        }
        let page = works.pages.timed(visitor.get(path)).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn preview(api: Api, rule: String, works: Arc<Works>, until: Instant) {
    let path = format!("/propagation/rules/{rule}/preview");
    while Instant::now() < until {
        let answer = works.previews.timed(api.post(&path, json!({}))).await;
        // Dropbox may be down at that moment; that is an answer, too.
        assert!(answer.status == 200 || answer.status == 503 || answer.status == 502, "{:#}", answer.body);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Lets Dropbox fail now and then, and gives the memory of each second, in MB.
async fn watch(world: &World, until: Instant) -> Vec<f64> {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut memory = Vec::new();
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_secs(1)).await;
        memory.push(world.usher.memory().now as f64 / 1e6);
        if memory.len() % 5 == 0 {
            let fault = match random.random_range(0..5) {
                0 => Fault::throttle(1),
                1 => Fault::ServerError { status: 503 },
                2 => Fault::Reset,
                3 => Fault::Truncated,
                _ => Fault::Slow(Duration::from_millis(500)),
            };
            world.dropbox.0.faults().next(Target::Any, fault);
        }
    }
    memory
}

fn peak(memory: &[f64]) -> f64 {
    memory.iter().copied().fold(0.0, f64::max)
}

fn show(works: &Works, time: Duration, memory: &[f64], early: f64, late: f64) {
    println!("| what | how often | median | 99th percentile |");
    println!("|---|---:|---:|---:|");
    for (name, work) in [
        ("changes by the API", &works.changes),
        ("reads by the API", &works.reads),
        ("pages of the console", &works.pages),
        ("previews of the whole rule", &works.previews),
    ] {
        let mut took = work.0.lock().unwrap().clone();
        took.sort_unstable_by(f64::total_cmp);
        let at = |share: usize| 1000.0 * took[(took.len() * share / 100).min(took.len() - 1)];
        println!("| {name} | {} | {:.1} ms | {:.1} ms |", took.len(), at(50), at(99));
    }
    println!(
        "| memory, highest of the first minutes ({:.0} s in all) | | {early:.0} MB | |",
        time.as_secs_f64()
    );
    println!("| memory, highest of the last fifth | | {late:.0} MB | |");
    println!("| memory, highest of all | | {:.0} MB | |", peak(memory));
    let tenths: Vec<_> =
        memory.chunks(memory.len().div_ceil(10)).map(|tenth| format!("{:.0}", peak(tenth))).collect();
    println!("| memory, highest of each tenth | | {} MB | |", tenths.join(", "));
}
