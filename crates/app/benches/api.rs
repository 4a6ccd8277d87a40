//! How fast the API answers, with 100,000 users in SQLite on this machine's disk: the real server in a process of its
//! own, asked over HTTP by this one. Prints one Markdown table.
//!
//! For reading, the server has one core and this program another. Creating is measured with all cores open to both.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement that fails should say where")]

#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the binary; not all of it is needed here"
)]
#[path = "../tests/e2e/support/mod.rs"]
mod support;

#[allow(dead_code, reason = "shared with the other benchmark; not all of it is needed here")]
mod scale;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use scale::{GROUPS, USERS, keep_to, median};
use support::{Api, Home, person};

/// So many pages are asked for at a time.
const READERS: usize = 16;
/// How long pages are read before and while it counts.
const WARM: Duration = Duration::from_secs(1);
const COUNTED: Duration = Duration::from_secs(5);
/// So many searches of each kind are timed, one after the other.
const SEARCHES: usize = 200;
/// So many clients create users at a time.
const CREATORS: usize = 64;
const CREATED: usize = 15_000;

fn main() {
    // One thread, which is kept to a core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let home = Home::with(&[("USHER_MAX_REQUESTS_PER_SECOND", "0"), ("USHER_LOG", "info")]);
    let mut usher = home.serve().await;
    scale::fill(&usher.api().await).await;
    println!("| what | the server has | measured |");
    println!("|---|---|---:|");

    let kept = keep_to("0");
    usher.restart().await;
    let has = if kept && keep_to("1") { "one core" } else { "every core" };
    let api = usher.api().await;
    pages(&api, WARM).await;
    let rate = pages(&api, COUNTED).await;
    println!("| `GET users?limit=100` of {USERS}, {READERS} at a time | {has} | {rate:.0} a second |");
    searches(&api, has).await;

    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    keep_to(&format!("0-{}", cores.max(2) - 1));
    usher.restart().await;
    let rate = creations(&usher.api().await).await;
    println!(
        "| users created, each durable when answered, {CREATORS} clients | every core | {rate:.0} a second |"
    );
}

/// How many pages of users are answered in a second.
async fn pages(api: &Api, during: Duration) -> f64 {
    let (began, answered) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let readers = (0..READERS).map(|_| {
        let (api, answered) = (api.clone(), Arc::clone(&answered));
        tokio::spawn(async move {
            while began.elapsed() < during {
                let answer = api.request(Method::GET, "/users?limit=100").send().await.unwrap();
                assert_eq!(answer.status(), 200);
                assert!(answer.bytes().await.unwrap().len() > 50_000, "a page of 100 users is longer");
                answered.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
    answered.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

async fn searches(api: &Api, has: &str) {
    let groups = api.list("/groups?limit=1000", "groups").await;
    assert_eq!(groups.len(), GROUPS);
    let step = USERS / SEARCHES;
    let members = USERS / GROUPS;
    type Asked<'a> = Box<dyn Fn(usize) -> String + 'a>;
    let kinds: [(&str, usize, Asked<'_>); 3] = [
        ("username eq", 1, Box::new(|n| format!("username eq \"person{}\"", n * step))),
        ("email eq", 1, Box::new(|n| format!("email eq \"person{}@example.com\"", n * step))),
        (
            "memberOfGroups[id eq]",
            members,
            Box::new(|n| format!("memberOfGroups[id eq {}]", groups[n * GROUPS / SEARCHES]["id"])),
        ),
    ];
    for (what, found, filter) in kinds {
        let mut took = Vec::new();
        for n in 0..SEARCHES {
            let began = Instant::now();
            let filter = utf8_percent_encode(&filter(n), NON_ALPHANUMERIC).to_string();
            let answer = api.get(&format!("/users?filter={filter}")).await.ok();
            took.push(began.elapsed().as_secs_f64());
            assert_eq!(answer["_embedded"]["users"].as_array().unwrap().len(), found, "{what}");
        }
        let took = median(took);
        println!(
            "| filter `{what}`, finds {found} of {USERS}, median of {SEARCHES} | {has} | {took:.1} ms |"
        );
    }
}

/// How many users are created in a second.
async fn creations(api: &Api) -> f64 {
    let (began, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let creators = (0..CREATORS).map(|_| {
        let (api, next) = (api.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= CREATED {
                    return;
                }
                api.post("/users", person(&format!("newcomer{number}"))).await.ok();
            }
        })
    });
    for creator in creators.collect::<Vec<_>>() {
        creator.await.unwrap();
    }
    CREATED as f64 / began.elapsed().as_secs_f64()
}
