//! Who may call; second factors, failed sign-ins, and secrets sealed anew.

use usher_domain::{
    AdministratorId, ClientId, Secret,
    access::{Administrator, Attempts, OldSecret, ProviderAccount, Role, SigningKey, Totp, WorkerClient},
    directory::change::Write,
    ports::store::{Resealed, StoreError},
};
use usher_store::{Seal, Storage, keyfile};
use uuid::Uuid;

use crate::{
    on_both,
    world::{DROPBOX, ENVIRONMENT, at, id},
};

fn administrator(number: u128, username: &str) -> Administrator {
    Administrator {
        id: AdministratorId(Uuid::from_u128(number)),
        environment: ENVIRONMENT,
        username: username.into(),
        password_hash: "$argon2id$…".into(),
        roles: Role::ALL.to_vec(),
        enabled: true,
        totp: None,
        provider: None,
        created_at: at(0),
        updated_at: at(1),
        version: 1,
    }
}

fn client(number: u128, name: &str) -> WorkerClient {
    WorkerClient {
        id: ClientId(Uuid::from_u128(number)),
        environment: ENVIRONMENT,
        name: name.into(),
        description: Some("reads".into()),
        secret_hash: "$h".into(),
        old_secret: None,
        token_generation: 3,
        roles: vec![Role::SyncApprover],
        enabled: true,
        created_at: at(0),
        updated_at: at(1),
        version: 1,
    }
}

fn key(number: u128, millis: i64) -> SigningKey {
    SigningKey { id: Uuid::from_u128(number), key: Secret::new("canary-signing-key"), created_at: at(millis) }
}

on_both! {
    async fn callers_come_back_as_they_were_written(world) {
        let store = &world.store;
        let mut ci = client(1, "ci");
        world.commit(vec![Write::Client(ci.clone()), Write::Administrator(administrator(2, "Root"))]).await;
        assert_eq!(store.client(ENVIRONMENT, id(1)).await.unwrap(), Some(ci.clone()));
        (ci.version, ci.enabled, ci.description) = (2, false, None);
        ci.old_secret = Some(OldSecret { hash: "$old".into(), until: at(9) });
        world.commit(vec![Write::Client(ci.clone())]).await;
        assert_eq!(store.clients(ENVIRONMENT).await.unwrap(), [ci]);
        assert_eq!(store.clients(id(99)).await.unwrap(), []);
        assert_eq!(store.administrator("rOOT").await.unwrap(), Some(administrator(2, "Root")));
        assert_eq!(store.administrator("toor").await.unwrap(), None);
        assert_eq!(store.administrators(ENVIRONMENT).await.unwrap(), [administrator(2, "Root")]);
        assert_eq!(store.administrator_by_id(ENVIRONMENT, id(2)).await.unwrap(), Some(administrator(2, "Root")));
        assert_eq!(store.administrator_by_id(id(99), id(2)).await.unwrap(), None);
        let taken = world.try_commit(vec![Write::Administrator(administrator(3, "ROOT"))]).await.unwrap_err();
        assert_eq!(taken, StoreError::Conflict("an administrator of that username exists".into()));

        world.commit(vec![Write::SigningKey(key(1, 1)), Write::SigningKey(key(2, 2))]).await;
        assert_eq!(store.signing_keys().await.unwrap(), [key(2, 2), key(1, 1)], "the newest first");

        world.commit(vec![
            Write::ClientGone(id(1)), Write::AdministratorGone(id(2)), Write::SigningKeyGone(Uuid::from_u128(1)),
        ]).await;
        assert_eq!(store.clients(ENVIRONMENT).await.unwrap(), []);
        assert_eq!(store.administrators(ENVIRONMENT).await.unwrap(), []);
        assert_eq!(store.signing_keys().await.unwrap(), [key(2, 2)]);
        let again = world.try_commit(vec![Write::SigningKeyGone(Uuid::from_u128(1))]).await;
        assert!(matches!(again, Err(StoreError::Conflict(_))));
    }

    async fn an_account_at_a_provider_is_bound_to_one_administrator(world) {
        let store = &world.store;
        let account = |issuer: &str| ProviderAccount { issuer: issuer.into(), subject: "248289761001".into() };
        let mut ada = administrator(1, "ada");
        ada.provider = Some(account("https://id.example.com"));
        world.commit(vec![Write::Administrator(ada.clone()), Write::Administrator(administrator(2, "bob"))]).await;
        assert_eq!(store.administrator_of(&account("https://id.example.com")).await.unwrap(), Some(ada.clone()));
        assert_eq!(store.administrator_of(&account("https://id.example.org")).await.unwrap(), None);
        let bob = Administrator { provider: ada.provider.clone(), version: 2, ..administrator(2, "bob") };
        let taken = world.try_commit(vec![Write::Administrator(bob)]).await.unwrap_err();
        let told = "another administrator is bound to that account at the OpenID provider";
        assert_eq!(taken, StoreError::Conflict(told.into()));
        (ada.provider, ada.version) = (None, 2);
        world.commit(vec![Write::Administrator(ada)]).await;
        assert_eq!(store.administrator_of(&account("https://id.example.com")).await.unwrap(), None);
    }

    async fn no_time_step_and_no_recovery_code_is_good_twice(world) {
        let store = &world.store;
        let secret = Secret::new("canary-totp");
        let mut ada = administrator(1, "ada");
        ada.totp = Some(Totp { secret: secret.clone(), confirmed: false });
        world.commit(vec![Write::Administrator(ada.clone())]).await;
        assert_eq!(store.administrator("ada").await.unwrap(), Some(ada.clone()));
        assert!(store.use_totp_step(ada.id, 100).await.unwrap());
        ada.totp = Some(Totp { secret, confirmed: true });
        ada.version = 2;
        let codes = |hashes: [&str; 2]| Write::RecoveryCodes(ada.id, hashes.map(str::to_owned).to_vec());
        world.commit(vec![Write::Administrator(ada.clone()), codes(["one", "two"])]).await;
        assert_eq!(store.administrators(ENVIRONMENT).await.unwrap(), [ada.clone()]);

        // Of two servers that are shown the same code at once, one lets in.
        let other = world.another_store().await;
        let (here, there) = tokio::join!(store.use_totp_step(ada.id, 101), other.use_totp_step(ada.id, 101));
        assert!(here.unwrap() ^ there.unwrap());
        assert!(!store.use_totp_step(ada.id, 100).await.unwrap(), "what is older is used up with it");
        assert!(store.use_totp_step(ada.id, 102).await.unwrap());

        let (here, there) = tokio::join!(store.use_recovery_code(ada.id, "one"), other.use_recovery_code(ada.id, "one"));
        assert!(here.unwrap() ^ there.unwrap());
        assert!(!store.use_recovery_code(ada.id, "three").await.unwrap());
        assert_eq!(store.recovery_codes_left(ada.id).await.unwrap(), 1);
        world.commit(vec![codes(["three", "four"])]).await;
        assert!(!store.use_recovery_code(ada.id, "two").await.unwrap());
        assert_eq!(store.recovery_codes_left(ada.id).await.unwrap(), 2);
        world.commit(vec![Write::AdministratorGone(ada.id)]).await;
        assert_eq!(store.recovery_codes_left(ada.id).await.unwrap(), 0);
    }

    async fn attempts_are_counted_once_each_on_all_servers_together(world) {
        let store = &world.store;
        let other = world.another_store().await;
        assert_eq!(store.attempts("ada").await.unwrap(), None);
        let (here, there) = tokio::join!(store.count_attempt("ada", None, at(1)), other.count_attempt("ada", None, at(1)));
        assert!(here.unwrap() ^ there.unwrap());
        let one = Attempts { failures: 1, last_at: at(1) };
        assert_eq!(store.attempts("ada").await.unwrap(), Some(one));
        assert!(store.count_attempt("ada", Some(one), at(2)).await.unwrap());
        assert!(!other.count_attempt("ada", Some(one), at(2)).await.unwrap(), "somebody was faster");
        store.uncount_attempt("ada", Some(one), at(2)).await.unwrap();
        assert_eq!(store.attempts("ada").await.unwrap(), Some(one));
        // Another one came between: the count goes down, and the time stays.
        assert!(store.count_attempt("ada", Some(one), at(3)).await.unwrap());
        store.uncount_attempt("ada", Some(one), at(2)).await.unwrap();
        assert_eq!(store.attempts("ada").await.unwrap(), Some(Attempts { failures: 1, last_at: at(3) }));
        assert!(store.count_attempt("bob", None, at(9)).await.unwrap());
        store.forget_attempts_before(at(9)).await.unwrap();
        assert_eq!(store.attempts("ada").await.unwrap(), None);
        store.forget_attempts("bob").await.unwrap();
        assert_eq!(store.attempts("bob").await.unwrap(), None);
    }

    async fn every_secret_is_sealed_anew_and_the_old_key_can_go(world) {
        let store = &world.store;
        let mut ada = administrator(1, "ada");
        ada.totp = Some(Totp { secret: Secret::new("canary-totp"), confirmed: true });
        world.commit(vec![Write::Administrator(ada.clone()), Write::SigningKey(key(1, 1))]).await;
        let before = store.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap();
        assert_eq!(store.reseal(100).await.unwrap(), Resealed::default(), "all is under the newest key");

        let path = world.key_file();
        let mut keys = keyfile::read(&path).unwrap();
        keys.add_new().unwrap();
        keyfile::write(&path, &keys).unwrap();
        let secrets = store.reseal(0).await.unwrap().left;
        assert!(secrets >= before.secrets.len() as u64 + 2, "a connection's, the second factor, the signing key");
        // Row by row, as a process would that is killed after each.
        let mut done = 0;
        loop {
            let step = world.another_store().await.reseal(1).await.unwrap();
            done += step.done;
            assert_eq!(step.left, secrets - done);
            // Who runs on meanwhile reads all of it, and changes what they like.
            assert_eq!(store.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap().secrets, before.secrets);
            assert_eq!(store.administrator("ada").await.unwrap(), Some(ada.clone()));
            assert_eq!(store.signing_keys().await.unwrap(), [key(1, 1)]);
            if step.left == 0 {
                break;
            }
        }
        assert_eq!(done, secrets);
        keys.keep_newest();
        keyfile::write(&path, &keys).unwrap();
        assert!(crate::audit::verify(world, &[]).await.holds(), "the audit is signed anew, too");
        let anew = Storage::open(&world.url, Seal::open_or_create(&path).unwrap()).await.unwrap();
        assert_eq!(anew.connection(ENVIRONMENT, DROPBOX).await.unwrap().unwrap(), before);
        assert_eq!(anew.administrator("ada").await.unwrap(), Some(ada.clone()));
        assert_eq!(anew.signing_keys().await.unwrap(), [key(1, 1)]);
    }
}
