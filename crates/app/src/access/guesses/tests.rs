use std::sync::Arc;

use tempfile::TempDir;
use usher_domain::{
    Ids as _, Secret,
    ports::store::{PageRequest, Store},
};
use usher_engine::directory::Bootstrap;
use usher_store::{Seal, Storage};
use uuid::Uuid;

use super::*;
use crate::{
    access::administrators::tests::Hand,
    system::{SystemIds, random_secret},
};

struct World {
    guesses: Guesses,
    store: Arc<dyn Store>,
    clock: Arc<Hand>,
    environment: EnvironmentId,
    _folder: TempDir,
}

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/usher.db", folder.path().display());
        Storage::migrate(&url).await.unwrap();
        let seal = Seal::open_or_create(&folder.path().join("usher.key")).unwrap();
        let store = Storage::open(&url, seal).await.unwrap();
        let clock = Arc::new(Hand::at(Timestamp::from_millis(1_800_000_000_000)));
        let directory = Directory::new(
            Arc::clone(&store),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::new(SystemIds),
            Duration::ZERO,
            usher_domain::targets::Targets::default(),
        );
        let environment = EnvironmentId(SystemIds.next());
        let first = Bootstrap {
            environment,
            name: "Test".into(),
            client: ClientId(Uuid::from_u128(1)),
            client_secret_hash: "$nobody".into(),
            administrator: "Ada".into(),
            administrator_password_hash: "$nobody".into(),
            signing_key: Secret::new(random_secret().expose()),
        };
        let by = By { actor: Actor::System, correlation_id: None };
        directory.bootstrap(&by, &first).await.unwrap().unwrap();
        let guesses = Guesses::new(directory, Arc::clone(&clock) as Arc<dyn Clock>);
        World { guesses, store, clock, environment, _folder: folder }
    }

    /// What the audit has of refused attempts, in order.
    async fn recorded(&self) -> Vec<String> {
        let page = PageRequest { after: None, limit: 1000 };
        let events = self.store.events(self.environment, &page).await.unwrap().items;
        let refused = events.into_iter().filter(|event| event.status == "FAILED");
        refused.map(|event| format!("{} {}", event.action, event.description)).collect()
    }
}

fn from(last: u8, of: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, of, last]))
}

#[tokio::test]
async fn a_flood_of_guesses_from_one_address_is_one_event_at_once_and_one_a_minute() {
    let world = World::new().await;
    for _ in 0..500 {
        world.guesses.unknown_username(from(1, 2)).await;
    }
    let client = world.store.client(world.environment, ClientId(Uuid::from_u128(1))).await.unwrap().unwrap();
    world.guesses.wrong_secret(&client, from(1, 2)).await;
    world.guesses.unknown_client(world.environment, from(1, 2)).await;
    world.guesses.flush(false).await;
    assert_eq!(world.recorded().await.len(), 3);
    world.clock.later(60);
    world.guesses.flush(false).await;
    world.clock.later(60);
    world.guesses.flush(false).await;
    insta::assert_snapshot!(world.recorded().await.join("\n"), @r"
    USER.ACCESS_DENIED Refused to sign in an unknown username, from 192.0.2.1
    SECRET.CHECK_FAILED Refused an access token to Application Bootstrap client: its secret was wrong, from 192.0.2.1
    SECRET.CHECK_FAILED Refused an access token to an unknown Application, from 192.0.2.1
    USER.ACCESS_DENIED Refused to sign in an unknown username, from 192.0.2.1 (499 times)
    ");
}

#[tokio::test]
async fn a_flood_of_guesses_from_everywhere_fills_the_audit_no_faster() {
    let world = World::new().await;
    for of in 0..4 {
        for last in 0..=255 {
            world.guesses.unknown_username(from(last, of)).await;
        }
    }
    assert_eq!(world.recorded().await.len(), MOST_SOURCES);
    world.clock.later(60);
    world.guesses.flush(false).await;
    let told = world.recorded().await;
    assert_eq!(told.len(), MOST_SOURCES + 1);
    let last = told.last().unwrap();
    assert_eq!(
        last,
        "USER.ACCESS_DENIED Refused sign-ins and access tokens, from other addresses (924 times)"
    );
    // What is recorded at the end is not lost.
    world.guesses.unknown_username(from(1, 9)).await;
    world.guesses.unknown_username(from(1, 9)).await;
    world.guesses.flush(true).await;
    assert_eq!(world.recorded().await.len(), MOST_SOURCES + 3);
}
