//! SIGTERM: whatever is under way, the server ends soon and well, and the next start goes on.

use std::time::{Duration, Instant};

use dropbox_simulator::{Fault, JobEnd, Route, Target, Team, Trigger, When};
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};

use crate::support::{Home, World, until};

/// What the server is promised to need at most.
const PROMISED: Duration = Duration::from_secs(10);
/// Longer than any test: a wait for this never ends.
const FOREVER: Duration = Duration::from_secs(3600);
/// How many servers are tried at once.
const AT_ONCE: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Busy {
    ReadThatHangs,
    WriteThatHangs,
    ThrottledRead,
    ThrottledWrite,
    TokenEndpointThatHangs,
    JobThatDoesNotEnd,
    LongPlan,
    LookAtTheEventLogThatHangs,
    PreviewThatHangs,
    WebhookThatNeverAnswers,
    RequestThatNeverEnds,
}

const SITUATIONS: [Busy; 11] = [
    Busy::ReadThatHangs,
    Busy::WriteThatHangs,
    Busy::ThrottledRead,
    Busy::ThrottledWrite,
    Busy::TokenEndpointThatHangs,
    Busy::JobThatDoesNotEnd,
    Busy::LongPlan,
    Busy::LookAtTheEventLogThatHangs,
    Busy::PreviewThatHangs,
    Busy::WebhookThatNeverAnswers,
    Busy::RequestThatNeverEnds,
];

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_server_within_ten_seconds_whatever_it_waits_for() {
    let tried = stream::iter(SITUATIONS).map(stops_in_time).buffer_unordered(AT_ONCE);
    tried.collect::<Vec<()>>().await;
}

/// A server at work, stopped, and started again: what it was at is done then.
async fn stops_in_time(busy: Busy) {
    let home = Home::with(&[("USHER_ALLOW_PRIVATE_TARGETS", "127.0.0.1")]);
    let mut world = World::of(home, Team::builder(), json!({ "MAX_IN_FLIGHT": 1 })).await;
    let ada = world.user("ada").await;
    let rule = world.outbound_rule(json!({})).await;
    world.settled(&rule).await;
    world.dropbox.0.team().accept_all_invitations();
    let held = keep_busy(&world, busy, &ada).await;

    let began = Instant::now();
    let status = world.usher.stop().await;
    let took = began.elapsed();
    eprintln!("{busy:?}: stopped in {took:.1?}");
    assert!(status.success(), "{busy:?}: {status}\n{}", world.usher.home().printed());
    assert!(took < PROMISED, "{busy:?}: it took {took:?}");
    drop(held);

    world.dropbox.0.faults().clear();
    world.usher.restart().await;
    let began = Instant::now();
    until(&format!("{busy:?}: the work is done"), async || is_done(&world, busy)).await;
    // Nothing waits for the lease of the server that stopped.
    assert!(began.elapsed() < Duration::from_secs(15), "{busy:?}: it went on after {:?}", began.elapsed());
    let status = world.settled(&rule).await;
    assert_eq!(
        (&status["status"], &status["users"]["failed"]),
        (&json!("ACTIVE"), &json!(0)),
        "{busy:?}: {status:#}"
    );
}

/// Has the server wait for something. What is returned keeps the other side there.
async fn keep_busy(world: &World, busy: Busy, ada: &str) -> Vec<Box<dyn Send>> {
    let (api, simulator) = (&world.api, &world.dropbox.0);
    let faults = simulator.faults();
    let under_way = || until("it is under way", async || faults.fired() > 0);
    let rename = || async {
        api.patch(&format!("/users/{ada}"), json!({ "name": { "family": "King" } })).await.ok();
    };
    let disable = || async {
        api.put(&format!("/users/{ada}/enabled"), json!({ "enabled": false })).await.ok();
    };
    let mut held: Vec<Box<dyn Send>> = Vec::new();
    match busy {
        Busy::ReadThatHangs => {
            faults.on(Target::Reads, Trigger::Always, Fault::Slow(FOREVER), When::BeforeEffect);
            rename().await;
            under_way().await;
        }
        Busy::WriteThatHangs => {
            faults.on(Route::MembersSuspend, Trigger::Next, Fault::Slow(FOREVER), When::AfterEffect);
            disable().await;
            under_way().await;
        }
        Busy::ThrottledRead => {
            faults.next(Target::Reads, Fault::throttle(600));
            rename().await;
            under_way().await;
        }
        Busy::ThrottledWrite => {
            faults.next(Route::MembersSuspend, Fault::throttle(600));
            disable().await;
            under_way().await;
        }
        Busy::TokenEndpointThatHangs => {
            faults.next(Target::Reads, Fault::ExpiredToken);
            faults.on(Target::Token, Trigger::Always, Fault::Slow(FOREVER), When::BeforeEffect);
            rename().await;
            until("a token is asked for", async || faults.fired() > 1).await;
        }
        Busy::JobThatDoesNotEnd => {
            let job = Fault::AsyncJob { polls: 1_000_000, end: JobEnd::Complete };
            faults.on(Route::MembersAdd, Trigger::Next, job, When::AfterEffect);
            world.user("bob").await;
            under_way().await;
        }
        Busy::LongPlan => {
            for number in 0..40 {
                world.user(&format!("user{number}")).await;
            }
            let slow = Fault::Slow(Duration::from_secs(1));
            faults.on(Route::MembersAdd, Trigger::Always, slow.clone(), When::BeforeEffect);
            faults.on(Route::MembersSetProfile, Trigger::Always, slow, When::BeforeEffect);
            let users = api.list("/users?limit=200", "users").await;
            for user in users {
                let path = format!("/users/{}", user["id"].as_str().unwrap());
                api.patch(&path, json!({ "name": { "family": "King" } })).await.ok();
            }
            under_way().await;
        }
        Busy::LookAtTheEventLogThatHangs => {
            faults.on(Route::GetEvents, Trigger::Always, Fault::Slow(FOREVER), When::BeforeEffect);
            let population = world.population("From Dropbox").await;
            world
                .rule(json!({
                    "name": "In", "sourceStore": { "id": world.store }, "targetStore": { "id": world.directory },
                    "populationExpression": "domain eq \"example.com\"", "active": false,
                    "configuration": { "POPULATION_ID": population, "FOLLOW_EVENTS": true },
                }))
                .await;
            under_way().await;
        }
        Busy::PreviewThatHangs => {
            faults.on(Target::Reads, Trigger::Always, Fault::Slow(FOREVER), When::BeforeEffect);
            let rules = api.list(&format!("/propagation/plans/{}/rules", world.plan), "rules").await;
            let path = format!("/propagation/rules/{}/preview", rules[0]["id"].as_str().unwrap());
            let api = api.clone();
            tokio::spawn(async move {
                // Broken off, or told that there is no preview.
                let _ = api.try_send(api.request(reqwest::Method::POST, &path).json(&json!({}))).await;
            });
            under_way().await;
        }
        Busy::WebhookThatNeverAnswers => {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/in", listener.local_addr().unwrap());
            let subscription = json!({
                "name": "Silent", "enabled": true, "verifyTlsCertificates": true, "format": "ACTIVITY",
                "httpEndpoint": { "url": url }, "filterOptions": { "includedActionTypes": ["USER.CREATED"] },
            });
            api.post("/subscriptions", subscription).await.ok();
            world.user("bob").await;
            let (stream, _) = listener.accept().await.unwrap();
            held.push(Box::new((listener, stream)));
        }
        Busy::RequestThatNeverEnds => {
            let address = world.usher.url().replace("http://", "");
            for begun in [
                "",
                "GET /healthz HT",
                "POST /console/sign-in HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\na",
            ] {
                let mut stream = TcpStream::connect(&address).await.unwrap();
                stream.write_all(begun.as_bytes()).await.unwrap();
                held.push(Box::new(stream));
            }
        }
    }
    held
}

/// Whether what the server was at is done.
fn is_done(world: &World, busy: Busy) -> bool {
    let people = world.dropbox.people();
    let is = |person: &str| people.iter().any(|it| it == person);
    match busy {
        Busy::ReadThatHangs | Busy::ThrottledRead | Busy::TokenEndpointThatHangs => {
            is("ada@example.com Ada King active")
        }
        Busy::WriteThatHangs | Busy::ThrottledWrite => is("ada@example.com Ada Example suspended"),
        Busy::JobThatDoesNotEnd => is("bob@example.com Bob Example invited"),
        Busy::LongPlan => people.len() == 41 && people.iter().all(|person| person.contains(" King ")),
        _ => is("ada@example.com Ada Example active"),
    }
}
