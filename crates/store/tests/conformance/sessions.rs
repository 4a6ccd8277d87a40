//! Sessions of the console.

use usher_domain::{
    AdministratorId, Timestamp,
    access::{Administrator, ProviderAccount},
    directory::change::Write,
    session::{Session, Stage},
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

crate::on_both! {
    async fn a_session_is_found_by_its_digest_with_its_administrator_and_ended_once(world) {
        let ada = administrator(world, 71, "ada").await;
        let mut opened = session("d1", ada.id, at(10));
        opened.stage = Stage::SecondFactor;
        let account = ProviderAccount { issuer: "https://id.example.com".into(), subject: "7".into() };
        opened.provider = Some(account);
        world.store.open_session(&opened).await.unwrap();
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
            world.store.open_session(&session(digest, of, at(began))).await.unwrap();
        }
        let digests = |sessions: Vec<Session>| sessions.into_iter().map(|it| it.digest).collect::<Vec<_>>();
        assert_eq!(digests(world.store.sessions_of(ada.id).await.unwrap()), ["a2", "a3", "a1"]);
        world.store.end_sessions_of(ada.id, Some("a3")).await.unwrap();
        assert_eq!(digests(world.store.sessions_of(ada.id).await.unwrap()), ["a3"]);
        world.store.end_sessions_of(ada.id, None).await.unwrap();
        assert_eq!(digests(world.store.sessions_of(ada.id).await.unwrap()), Vec::<String>::new());
        assert_eq!(digests(world.store.sessions_of(bob.id).await.unwrap()), ["b1"]);
    }

    async fn sessions_that_nobody_uses_any_more_are_forgotten(world) {
        let ada = administrator(world, 71, "ada").await;
        for (digest, began, seen) in [("silent", 50, 60), ("old", 10, 100), ("good", 50, 100)] {
            world.store.open_session(&session(digest, ada.id, at(began))).await.unwrap();
            world.store.touch_session(digest, at(seen)).await.unwrap();
        }
        world.store.forget_sessions(at(70), at(20)).await.unwrap();
        let left = world.store.sessions_of(ada.id).await.unwrap();
        assert_eq!(left.iter().map(|it| it.digest.as_str()).collect::<Vec<_>>(), ["good"]);
    }
}
