//! Webhooks that were disabled for long, on a clock that is moved by hand.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use usher_domain::{
    Clock, Ids, Secret, Timestamp,
    ports::receiver::{Attempt, Receiver, Refused},
    subscription::Subscription,
    targets::Targets,
};
use usher_engine::{
    deliver::{Deliverer, Settings},
    directory::Directory,
};
use uuid::Uuid;

use crate::world::{World, body};

const HOUR: i64 = 3_600_000;

#[derive(Debug)]
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Ids that the world's own do not reach.
#[derive(Debug)]
struct Later(AtomicU64);

impl Ids for Later {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Accepts everything, and tells who was told of.
#[derive(Debug)]
struct Told(UnboundedSender<Vec<String>>);

#[async_trait]
impl Receiver for Told {
    async fn post(&self, _: &Subscription, attempt: Attempt<'_>) -> Result<(), Refused> {
        let events: Vec<Value> = serde_json::from_str(attempt.body).unwrap();
        let names = events.iter().map(|event| event["resources"][0]["name"].as_str().unwrap().to_owned());
        self.0.send(names.collect()).unwrap();
        Ok(())
    }
}

async fn heard(from: &mut UnboundedReceiver<Vec<String>>) -> Vec<String> {
    tokio::time::timeout(Duration::from_secs(60), from.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_is_two_weeks_old_when_a_webhook_is_enabled_again_is_given_up_and_counted() {
    let world = World::new().await;
    let began = 1_700_000_000_000;
    let clock = Arc::new(Moved(AtomicI64::new(began)));
    let ids = Arc::new(Later(AtomicU64::new(1_000_000)));
    let quiet = Duration::from_millis(300);
    let directory = Directory::new(world.store.clone(), clock.clone(), ids, quiet, Targets::default());
    let user = async |name: &str| {
        let user = body(json!({ "username": name, "email": format!("{name}@example.com") }));
        directory.create_user(&world.by, world.env, &user).await.unwrap();
    };
    let subscription = |enabled: bool| {
        body(json!({
            "name": "Collector", "enabled": enabled, "verifyTlsCertificates": true, "format": "ACTIVITY",
            "httpEndpoint": { "url": "https://hooks.example.com/in" },
            "filterOptions": { "includedActionTypes": ["USER.CREATED"] },
        }))
    };
    let secret = Secret::new("c2lnbmluZw==");
    let made =
        directory.create_subscription(&world.by, world.env, &subscription(true), &secret).await.unwrap();
    let change = async |enabled: bool| {
        directory.replace_subscription(&world.by, world.env, made.id, &subscription(enabled)).await.unwrap();
    };

    let (told, mut hear) = unbounded_channel();
    let receiver = Arc::new(Told(told));
    let start = || {
        let settings = Settings::new("tests", "https://usher.example.com/v1");
        let deliverer = Deliverer::new(world.store.clone(), receiver.clone(), clock.clone(), settings);
        let running = deliverer.clone();
        (deliverer, tokio::spawn(async move { running.run().await }))
    };
    user("before").await;
    let (deliverer, running) = start();
    assert_eq!(heard(&mut hear).await, ["before"]);
    deliverer.stop();
    running.await.unwrap();

    // Disabled while four happen; then two weeks have passed since the third, and one more happens.
    change(false).await;
    for (hours, name) in [(1, "old1"), (2, "old2"), (3, "kept1"), (14 * 24 + 3, "kept2")] {
        clock.0.store(began + hours * HOUR, Ordering::SeqCst);
        user(name).await;
    }
    change(true).await;
    // What is exactly two weeks old is kept.
    let (deliverer, running) = start();
    assert_eq!(heard(&mut hear).await, ["kept1", "kept2"]);
    deliverer.stop();
    running.await.unwrap();

    let (delivery, _) = world.store.delivery(made.id).await.unwrap().unwrap();
    assert_eq!((delivery.dropped, delivery.delivered, delivery.failures), (2, 3, 0));
    assert_eq!(delivery.position, world.store.last_event(world.env).await.unwrap(), "nothing is left");
    assert!(hear.try_recv().is_err(), "something was delivered twice");
}
