use std::{net::IpAddr, sync::Mutex, time::Duration};

use tempfile::TempDir;
use totp_rs::Builder;
use usher_domain::{
    AdministratorId, ClientId, EnvironmentId, Ids, Timestamp, access::Role, ports::store::PageRequest,
};
use usher_engine::directory::Bootstrap;
use usher_store::{Seal, Storage};
use uuid::Uuid;

use super::*;
use crate::system::{SystemIds, random_secret};

/// A clock that stands still until it is told.
#[derive(Debug)]
pub(crate) struct Hand(Mutex<Timestamp>);

impl Hand {
    pub(crate) fn at(now: Timestamp) -> Hand {
        Hand(Mutex::new(now))
    }

    pub(crate) fn later(&self, seconds: u64) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(Duration::from_secs(seconds));
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Two servers of one database, and one administrator, `ada`.
struct World {
    here: Administrators,
    there: Administrators,
    store: Arc<dyn Store>,
    clock: Arc<Hand>,
    environment: EnvironmentId,
    ada: AdministratorId,
    _folder: TempDir,
}

const PASSWORD: &str = "correct horse";

/// Someone at that address, in a browser in which no one has signed in.
fn from(last: u8) -> Place {
    Place { from: Some(IpAddr::from([192, 0, 2, last])), device: None }
}

/// The session in which somebody changes what is theirs.
const SESSION: &str = "a session";

fn by() -> By {
    By { actor: Actor::System, correlation_id: None }
}

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/usher.db", folder.path().display());
        Storage::migrate(&url).await.unwrap();
        let seal = Seal::open_or_create(&folder.path().join("usher.key")).unwrap();
        let clock = Arc::new(Hand(Mutex::new(Timestamp::from_millis(1_800_000_000_000))));
        let server = async || {
            let store = Storage::open(&url, seal.clone()).await.unwrap();
            let hand = Arc::clone(&clock) as Arc<dyn Clock>;
            let directory = Directory::new(
                Arc::clone(&store),
                Arc::clone(&hand),
                Arc::new(SystemIds),
                Duration::ZERO,
                usher_domain::targets::Targets::default(),
            );
            let guesses = Arc::new(Guesses::new(directory.clone(), Arc::clone(&hand)));
            (store.clone(), directory.clone(), Administrators::new(store, directory, hand, guesses))
        };
        let (store, directory, here) = server().await;
        let (_, _, there) = server().await;
        let environment = EnvironmentId(SystemIds.next());
        let first = Bootstrap {
            environment,
            name: "Test".into(),
            client: ClientId(Uuid::from_u128(1)),
            client_secret_hash: "$nobody".into(),
            administrator: "Ada".into(),
            administrator_password_hash: password::hash(Secret::new(PASSWORD)).await.unwrap(),
            signing_key: random_secret(),
        };
        directory.bootstrap(&by(), &first).await.unwrap().unwrap();
        let ada = store.administrator("ada").await.unwrap().unwrap().id;
        World { here, there, store, clock, environment, ada, _folder: folder }
    }

    fn later(&self, seconds: u64) {
        self.clock.later(seconds);
    }

    async fn ada(&self) -> Administrator {
        self.store.administrator_by_id(self.environment, self.ada).await.unwrap().unwrap()
    }

    /// Turns on the second factor; its secret and the recovery codes.
    async fn enrolled(&self) -> (Secret, Vec<Secret>) {
        let begun = self.here.begin_totp(&by(), &self.ada().await).await.unwrap();
        let code = self.code(&begun.secret);
        let codes = self.here.confirm_totp(&by(), &self.ada().await, &code).await.unwrap();
        self.later(60);
        (begun.secret, codes)
    }

    /// The code that an app shows now.
    fn code(&self, secret: &Secret) -> String {
        let secret = totp_rs::Secret::try_from_base32(secret.expose()).unwrap();
        let totp = Builder::new().with_secret(secret).build().unwrap();
        let seconds = u64::try_from(self.clock.now().as_millis() / 1000).unwrap();
        format!("{:0>6}", totp.generate(seconds).to_string())
    }

    async fn told(&self) -> Vec<String> {
        let page = PageRequest { after: None, limit: 1000 };
        let events = self.store.events(self.environment, &page).await.unwrap().items;
        let about = events
            .iter()
            .filter(|event| event.action.starts_with("USER.") || event.action.starts_with("PASSWORD."));
        about.map(|event| format!("{} {} {}", event.action, event.status, event.description)).collect()
    }
}

fn way(result: Result<Administrator, SignInError>) -> &'static str {
    match result {
        Ok(_) => "in",
        Err(SignInError::Wrong) => "wrong",
        Err(SignInError::CodeNeeded(_)) => "code needed",
        Err(SignInError::Locked(_)) => "locked",
        Err(error @ (SignInError::Store(_) | SignInError::Hash(_))) => panic!("{error}"),
    }
}

async fn sign_in(at: &Administrators, name: &str, password: &str, code: Option<&str>) -> &'static str {
    way(at.sign_in(name, Secret::new(password), code, &from(1)).await)
}

#[tokio::test]
async fn who_knows_the_password_is_in_and_the_audit_is_told() {
    let world = World::new().await;
    assert_eq!(sign_in(&world.here, "ADA", PASSWORD, None).await, "in");
    assert_eq!(sign_in(&world.here, "ada", "battery staple", None).await, "wrong");
    assert_eq!(sign_in(&world.here, "nobody", PASSWORD, None).await, "wrong");
    let short = world
        .here
        .change_password(&by(), &world.ada().await, Secret::new(PASSWORD), Secret::new("short"), SESSION)
        .await;
    assert!(short.unwrap_err().to_string().contains("8 to 256 characters"));
    let wrong = world
        .here
        .change_password(&by(), &world.ada().await, Secret::new("x"), Secret::new("battery staple"), SESSION)
        .await;
    assert!(matches!(wrong, Err(ChangeError::SignIn(SignInError::Wrong))));
    world
        .here
        .change_password(
            &by(),
            &world.ada().await,
            Secret::new(PASSWORD),
            Secret::new("battery staple"),
            SESSION,
        )
        .await
        .unwrap();
    assert_eq!(sign_in(&world.there, "ada", PASSWORD, None).await, "wrong");
    assert_eq!(sign_in(&world.there, "ada", "battery staple", None).await, "in");
    insta::assert_snapshot!(world.told().await.join("\n"), @"
    USER.CREATED SUCCESS Created Administrator Ada
    USER.ACCESS_ALLOWED SUCCESS Signed in Administrator Ada
    USER.ACCESS_DENIED FAILED Refused to sign in Administrator Ada
    USER.ACCESS_DENIED FAILED Refused to sign in an unknown username, from 192.0.2.1
    PASSWORD.CHECK_FAILED FAILED Did not accept the present password of Administrator Ada
    PASSWORD.SET SUCCESS Changed the password of Administrator Ada
    USER.ACCESS_DENIED FAILED Refused to sign in Administrator Ada
    USER.ACCESS_ALLOWED SUCCESS Signed in Administrator Ada
    ");
}

#[tokio::test]
async fn whoever_guesses_shuts_the_door_on_both_servers_but_for_themselves_only_and_not_for_long() {
    let world = World::new().await;
    // Somebody who is not there is locked like somebody who is.
    for name in ["ada", "nobody"] {
        for at in [&world.here, &world.there, &world.here, &world.there, &world.here] {
            assert_eq!(sign_in(at, name, "a guess", None).await, "wrong", "{name}");
        }
        assert_eq!(sign_in(&world.there, name, PASSWORD, None).await, "locked", "{name}");
    }
    let elsewhere = world.there.sign_in("ada", Secret::new(PASSWORD), None, &from(2)).await;
    assert_eq!(way(elsewhere), "in", "from another address the door is open");
    let longest = world.here.sign_in("nobody", Secret::new("a guess"), None, &from(1)).await.unwrap_err();
    assert!(matches!(longest, SignInError::Locked(wait) if wait == Duration::from_secs(5)));
    // Knocking at a shut door does not keep it shut.
    world.later(6);
    assert_eq!(sign_in(&world.here, "nobody", "a guess", None).await, "wrong");
    for _ in 0..20 {
        world.later(901);
        assert_eq!(
            sign_in(&world.here, "nobody", "a guess", None).await,
            "wrong",
            "never longer than 15 minutes"
        );
    }
    assert!(world.told().await.iter().any(|told| told.starts_with("USER.LOCKED")));
}

#[tokio::test]
async fn guesses_that_are_sent_at_the_same_moment_are_worth_no_more() {
    let world = World::new().await;
    let guesses = (0..40).map(|number| {
        let at = if number % 2 == 0 { world.here.clone() } else { world.there.clone() };
        async move { sign_in(&at, "ada", "a guess", None).await }
    });
    let ways = futures_util::future::join_all(guesses).await;
    assert_eq!(ways.iter().filter(|way| **way == "wrong").count(), 5, "{ways:?}");
}

#[tokio::test]
async fn a_second_factor_is_asked_for_once_it_is_confirmed_and_no_code_is_good_twice() {
    let world = World::new().await;
    let begun = world.here.begin_totp(&by(), &world.ada().await).await.unwrap();
    assert!(begun.uri.expose().starts_with("otpauth://totp/Usher:Ada?secret="));
    assert_eq!(sign_in(&world.here, "ada", PASSWORD, None).await, "in", "it is not on yet");
    assert!(world.here.confirm_totp(&by(), &world.ada().await, "000000").await.is_err());
    let code = world.code(&begun.secret);
    let codes = world.here.confirm_totp(&by(), &world.ada().await, &code).await.unwrap();
    assert_eq!(codes.len(), 10);
    assert!(world.here.begin_totp(&by(), &world.ada().await).await.is_err(), "one is on already");

    assert_eq!(sign_in(&world.here, "ada", PASSWORD, None).await, "code needed");
    assert_eq!(sign_in(&world.here, "ada", PASSWORD, Some(&code)).await, "wrong", "it was used to confirm");
    world.later(30);
    let code = world.code(&begun.secret);
    assert_eq!(sign_in(&world.here, "ada", "a guess", Some(&code)).await, "wrong");
    assert_eq!(sign_in(&world.here, "ada", PASSWORD, Some(&code)).await, "in");
    assert_eq!(sign_in(&world.there, "ada", PASSWORD, Some(&code)).await, "wrong", "replayed");

    // In two steps, as a page does it.
    world.later(30);
    let found = match world.here.sign_in("ada", Secret::new(PASSWORD), None, &from(1)).await {
        Err(SignInError::CodeNeeded(found)) => found,
        other => panic!("{other:?}"),
    };
    assert_eq!(way(world.there.second_factor(&found, "000000", &from(1), None).await), "wrong");
    let code = world.code(&begun.secret);
    assert_eq!(way(world.there.second_factor(&found, &code, &from(1), None).await), "in");
}

#[tokio::test]
async fn a_recovery_code_is_good_once() {
    let world = World::new().await;
    let (_, codes) = world.enrolled().await;
    let code = codes[3].expose().to_lowercase();
    assert_eq!(sign_in(&world.here, "ada", PASSWORD, Some(&code)).await, "in");
    assert_eq!(sign_in(&world.there, "ada", PASSWORD, Some(&code)).await, "wrong");
    assert_eq!(world.store.recovery_codes_left(world.ada).await.unwrap(), 9);
    assert_eq!(sign_in(&world.there, "ada", PASSWORD, Some(codes[4].expose())).await, "in");
}

#[tokio::test]
async fn the_right_password_buys_no_guesses_at_the_code() {
    let world = World::new().await;
    world.enrolled().await;
    let mut guesses = 0;
    for _ in 0..20 {
        assert_ne!(sign_in(&world.here, "ada", PASSWORD, None).await, "in");
        if sign_in(&world.here, "ada", PASSWORD, Some("123456")).await == "wrong" {
            guesses += 1;
        }
    }
    assert_eq!(guesses, 5);
}

#[tokio::test]
async fn who_is_disabled_is_not_in() {
    let world = World::new().await;
    let mut body = serde_json::Map::new();
    body.insert("username".into(), "Ada".into());
    body.insert("roles".into(), serde_json::json!(["Environment Admin"]));
    body.insert("enabled".into(), false.into());
    let directory = &world.here.directory;
    directory.replace_administrator(&by(), world.environment, world.ada, &body, &Role::ALL).await.unwrap();
    assert_eq!(sign_in(&world.here, "ada", PASSWORD, None).await, "wrong");
}

/// Guesses from many addresses, until the username is locked for unknown browsers and addresses.
async fn guess_from_many_addresses(world: &World) {
    for last in 100..=130 {
        let _ = world.there.sign_in("ada", Secret::new("a guess"), None, &from(last)).await;
    }
    assert_eq!(way(world.here.sign_in("ada", Secret::new(PASSWORD), None, &from(99)).await), "locked");
}

#[tokio::test]
async fn guesses_from_elsewhere_do_not_lock_out_a_browser_or_an_address_that_signed_in_before() {
    let world = World::new().await;
    let ada = world.here.sign_in("ada", Secret::new(PASSWORD), None, &from(1)).await.unwrap();
    let device = world.here.remember(&ada, &from(1)).await.unwrap();
    guess_from_many_addresses(&world).await;
    for _ in 0..3 {
        assert_eq!(sign_in(&world.there, "ada", PASSWORD, None).await, "in", "at home, in a new browser");
        let travelling = Place { device: Some(device.clone()), ..from(77) };
        let entered = world.here.sign_in("Ada", Secret::new(PASSWORD), None, &travelling).await;
        assert_eq!(way(entered), "in", "the same browser elsewhere");
        guess_from_many_addresses(&world).await;
    }
    // The browser holds the same secret then, and another person's is worth nothing.
    let again = Place { device: Some(device.clone()), ..from(77) };
    assert_eq!(world.here.remember(&ada, &again).await.unwrap(), device);
    let foreign = Place { device: Some(random_secret()), ..from(78) };
    assert_eq!(way(world.here.sign_in("ada", Secret::new(PASSWORD), None, &foreign).await), "locked");
    assert_eq!(way(world.here.sign_in("nobody", Secret::new(PASSWORD), None, &again).await), "wrong");
}

#[tokio::test]
async fn a_known_browser_allows_no_more_guesses_than_any_other() {
    let world = World::new().await;
    let ada = world.ada().await;
    let device = world.here.remember(&ada, &from(1)).await.unwrap();
    let mut guesses = 0;
    for last in 1..=40 {
        let stolen = Place { device: Some(device.clone()), ..from(last) };
        if way(world.here.sign_in("ada", Secret::new("a guess"), None, &stolen).await) == "wrong" {
            guesses += 1;
        }
    }
    assert_eq!(guesses, 5);
    assert_eq!(sign_in(&world.here, "ada", PASSWORD, None).await, "in", "the door of others is open");
}

#[tokio::test]
async fn a_new_password_forgets_every_known_browser_and_address() {
    let world = World::new().await;
    let ada = world.ada().await;
    let device = world.here.remember(&ada, &from(1)).await.unwrap();
    let hash = password::hash(Secret::new(PASSWORD)).await.unwrap();
    let giver = Changer::Other(&Role::ALL);
    world.here.directory.set_password(&by(), world.environment, world.ada, &hash, giver).await.unwrap();
    guess_from_many_addresses(&world).await;
    let known = Place { device: Some(device.clone()), ..from(1) };
    assert_eq!(way(world.here.sign_in("ada", Secret::new(PASSWORD), None, &known).await), "locked");
    assert_ne!(world.here.remember(&ada, &known).await.unwrap(), device);
}

#[tokio::test]
async fn guesses_elsewhere_do_not_stop_a_signed_in_administrator_from_confirming_who_they_are() {
    let world = World::new().await;
    let (secret, _) = world.enrolled().await;
    guess_from_many_addresses(&world).await;
    let ada = world.ada().await;
    world.here.has_factor(&ada, &world.code(&secret)).await.unwrap();
    let new = Secret::new("battery staple");
    world.here.change_password(&by(), &ada, Secret::new(PASSWORD), new, SESSION).await.unwrap();
}
