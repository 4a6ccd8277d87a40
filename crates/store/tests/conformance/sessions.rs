//! Sessions of the console.

use usher_domain::{
    AdministratorId, Timestamp,
    access::{Administrator, ProviderAccount},
    directory::change::Write,
    session::{Ended, Session, Stage},
};
use uuid::Uuid;

use crate::world::{ENVIRONMENT, World, at};

async fn administrator(world: &World, number: u128, username: &str) -> Administrator {
    let administrator = Administrator {
        id: Uuid::from_u128(number).into(),
        environment: ENVIRONMENT,
        username: username.into(),
        password_hash: "$argon2id$".into(),
        roles: Vec::new(),
        enabled: true,
        totp: None,
        provider: None,
        created_at: at(1),
        updated_at: at(1),
        version: 1,
    };
    world.commit(vec![Write::Administrator(administrator.clone())]).await;
    administrator
}

fn session(digest: &str, of: AdministratorId, began: Timestamp) -> Session {
    Session {
        digest: digest.into(),
        environment: ENVIRONMENT,
        administrator: of,
        stage: Stage::SignedIn,
        provider: None,
        agent: "Firefox on Linux".into(),
        created_at: began,
        seen_at: began,
    }
}

/// A session of somebody of their own.
pub(crate) async fn open(world: &World, digest: &str, began: Timestamp, seen: Timestamp) {
    let of = administrator(world, 100 + digest.len() as u128, digest).await;
    let session = Session { seen_at: seen, ..session(digest, of.id, began) };
    world.store.open_session(&session, 1).await.unwrap();
}

crate::on_both! {
    async fn a_session_is_found_by_its_digest_with_its_administrator_and_ended_once(world) {
        let ada = administrator(world, 71, "ada").await;
        let mut opened = session("d1", ada.id, at(10));
        opened.stage = Stage::SecondFactor;
        let account = ProviderAccount { issuer: "https://id.example.com".into(), subject: "7".into() };
        opened.provider = Some(account);
        assert!(world.store.open_session(&opened, 1).await.unwrap());
        assert_eq!(world.store.session("d1").await.unwrap(), Some((opened.clone(), ada.clone())));
        assert_eq!(world.store.session("d2").await.unwrap(), None);

        world.store.touch_session("d1", at(99)).await.unwrap();
        opened.seen_at = at(99);
        assert_eq!(world.store.session("d1").await.unwrap(), Some((opened, ada)));

        world.store.end_session("d1").await.unwrap();
        world.store.end_session("d1").await.unwrap();
        assert_eq!(world.store.session("d1").await.unwrap(), None);
    }

    async fn all_sessions_of_one_administrator_end_but_the_one_that_is_kept(world) {
        let ada = administrator(world, 71, "ada").await;
        let bob = administrator(world, 72, "bob").await;
        for (digest, of, began) in [("a1", ada.id, 1), ("a2", ada.id, 3), ("a3", ada.id, 2), ("b1", bob.id, 1)] {
            world.store.open_session(&session(digest, of, at(began)), 1).await.unwrap();
        }
        let digests = |sessions: Vec<Session>| sessions.into_iter().map(|it| it.digest).collect::<Vec<_>>();
        assert_eq!(digests(world.store.sessions_of(ada.id).await.unwrap()), ["a2", "a3", "a1"]);
        world.commit(vec![Write::SessionsGone(ada.id, Ended::One("b1".into()))]).await;
        assert_eq!(digests(world.store.sessions_of(bob.id).await.unwrap()), ["b1"], "it is not theirs");
        world.commit(vec![Write::SessionsGone(ada.id, Ended::AllBut("a3".into()))]).await;
        assert_eq!(digests(world.store.sessions_of(ada.id).await.unwrap()), ["a3"]);
        world.commit(vec![Write::SessionsGone(ada.id, Ended::All)]).await;
        assert_eq!(digests(world.store.sessions_of(ada.id).await.unwrap()), Vec::<String>::new());
        assert_eq!(digests(world.store.sessions_of(bob.id).await.unwrap()), ["b1"]);
    }

    async fn a_session_of_an_account_at_a_provider_ends_with_the_others_of_its_kind(world) {
        let ada = administrator(world, 71, "ada").await;
        let account = ProviderAccount { issuer: "https://id.example.com".into(), subject: "7".into() };
        let vouched = Session { provider: Some(account), ..session("a1", ada.id, at(1)) };
        for session in [vouched, session("a2", ada.id, at(2))] {
            assert!(world.store.open_session(&session, 1).await.unwrap());
        }
        world.commit(vec![Write::SessionsGone(ada.id, Ended::OfProvider)]).await;
        let left = world.store.sessions_of(ada.id).await.unwrap();
        assert_eq!(left.iter().map(|it| it.digest.as_str()).collect::<Vec<_>>(), ["a2"]);
    }

    async fn whoever_was_changed_or_disabled_while_they_signed_in_is_not_in(world) {
        let mut ada = administrator(world, 71, "ada").await;
        ada.version = 2;
        world.commit(vec![Write::Administrator(ada.clone())]).await;
        assert!(!world.store.open_session(&session("a1", ada.id, at(1)), 1).await.unwrap());
        assert!(world.store.open_session(&session("a1", ada.id, at(1)), 2).await.unwrap());
        (ada.version, ada.enabled) = (3, false);
        world.commit(vec![Write::Administrator(ada.clone()), Write::SessionsGone(ada.id, Ended::All)]).await;
        assert!(!world.store.open_session(&session("a2", ada.id, at(1)), 3).await.unwrap());
        assert_eq!(world.store.sessions_of(ada.id).await.unwrap(), []);
    }

    /// Of a sign-in and a new password at the same moment, no session of the old password is left.
    async fn no_sign_in_outlives_a_new_password_that_is_set_at_the_same_moment(world) {
        let mut ada = administrator(world, 71, "ada").await;
        for round in 1..20 {
            let old = ada.clone();
            ada.version += 1;
            let reset = vec![Write::Administrator(ada.clone()), Write::SessionsGone(ada.id, Ended::All)];
            let opened = session(&format!("s{round}"), ada.id, at(1));
            let (_, opened) = tokio::join!(world.commit(reset), world.store.open_session(&opened, old.version));
            opened.unwrap();
            assert_eq!(world.store.sessions_of(ada.id).await.unwrap(), [], "round {round}");
        }
    }

    async fn places_are_known_of_one_administrator_the_latest_of_them_and_until_a_new_password(world) {
        let ada = administrator(world, 71, "ada").await;
        let bob = administrator(world, 72, "bob").await;
        let store = &world.store;
        for (second, place) in [(1, "device/1"), (2, "device/2"), (3, "device/3"), (4, "device/1")] {
            store.know_places(ada.id, &[place, "from/1"], at(second), 3).await.unwrap();
        }
        store.know_places(bob.id, &["device/9"], at(1), 3).await.unwrap();
        let all = ["device/1", "device/2", "device/3", "device/9", "from/1"];
        let known = async |who: &str| {
            let mut known = store.known_places(who, &all).await.unwrap();
            known.sort();
            known
        };
        assert_eq!(known("ADA").await, ["device/1", "device/3", "from/1"]);
        assert_eq!(known("bob").await, ["device/9"]);
        assert_eq!(known("nobody").await, Vec::<String>::new());
        store.forget_places_before(at(4)).await.unwrap();
        assert_eq!(known("ada").await, ["device/1", "from/1"]);
        world.commit(vec![Write::PlacesGone(ada.id)]).await;
        assert_eq!(known("ada").await, Vec::<String>::new());
    }

    async fn sessions_that_nobody_uses_any_more_are_forgotten(world) {
        let ada = administrator(world, 71, "ada").await;
        for (digest, began, seen) in [("silent", 50, 60), ("old", 10, 100), ("good", 50, 100)] {
            world.store.open_session(&session(digest, ada.id, at(began)), 1).await.unwrap();
            world.store.touch_session(digest, at(seen)).await.unwrap();
        }
        world.store.forget_sessions(at(70), at(20)).await.unwrap();
        let left = world.store.sessions_of(ada.id).await.unwrap();
        assert_eq!(left.iter().map(|it| it.digest.as_str()).collect::<Vec<_>>(), ["good"]);
    }
}
