//! Commits: all of a change set or nothing; events in order; a schema that is checked; any text survives.

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;
use usher_domain::{
    directory::{
        change::{ChangeSet, DueSubject, Write},
        user::{Name, User},
    },
    ports::store::StoreError,
};
use usher_store::{Seal, Storage};

use crate::{on_both, world::*};

on_both! {
    async fn a_failing_write_leaves_nothing_behind(world) {
        world.commit(vec![Write::User(user(1, "ada"))]).await;
        let changes = ChangeSet {
            writes: vec![Write::User(user(2, "bob")), Write::Group(group(10, "a")), Write::User(user(3, "ADA"))],
            events: vec![event(1)],
            due: vec![due(DueSubject::Everything, 1)],
        };
        assert!(matches!(world.store.commit(&changes).await, Err(StoreError::Conflict(_))));
        assert_eq!(world.store.all_users(ENVIRONMENT).await.unwrap(), [user(1, "ada")]);
        assert_eq!(world.store.groups(ENVIRONMENT).await.unwrap(), []);
        assert_eq!(world.store.next_due().await.unwrap(), None);
        assert_eq!(world.store.events(ENVIRONMENT, &page(None, 5)).await.unwrap().items, []);
    }

    async fn an_event_that_cannot_be_told_undoes_the_change(world) {
        let changes = |number| ChangeSet {
            writes: vec![Write::User(user(number, &format!("u{number}")))],
            events: vec![event(1)],
            due: vec![due(DueSubject::Everything, 1)],
        };
        world.store.commit(&changes(1)).await.unwrap();
        assert!(matches!(world.store.commit(&changes(2)).await, Err(StoreError::Conflict(_))), "the event is old");
        assert_eq!(world.store.count_users(ENVIRONMENT, None).await.unwrap(), 1);
    }

    async fn events_are_told_in_the_order_in_which_they_were_recorded(world) {
        for events in [[7, 3], [9, 1]] {
            let events = events.map(event).to_vec();
            world.store.commit(&ChangeSet { events, ..ChangeSet::default() }).await.unwrap();
        }
        let first = world.store.events(ENVIRONMENT, &page(None, 3)).await.unwrap();
        assert_eq!(first.items, [7, 3, 9].map(event));
        let second = world.store.events(ENVIRONMENT, &page(first.next, 3)).await.unwrap();
        assert_eq!((second.items.as_slice(), second.next), ([event(1)].as_slice(), None));
        assert_eq!(world.store.events(id(99), &page(None, 3)).await.unwrap().items, []);
    }

    async fn events_are_read_on_after_a_number_that_someone_remembered(world) {
        assert_eq!(world.store.last_event(ENVIRONMENT).await.unwrap(), 0);
        world.store.commit(&ChangeSet { events: [7, 3, 9].map(event).to_vec(), ..ChangeSet::default() }).await.unwrap();
        assert_eq!(world.store.last_event(ENVIRONMENT).await.unwrap(), 3);
        let after = async |after, limit| world.store.events_after(ENVIRONMENT, after, limit).await.unwrap();
        assert_eq!(after(0, 2).await, [(1, event(7)), (2, event(3))]);
        assert_eq!(after(2, 2).await, [(3, event(9))]);
        assert_eq!(after(3, 2).await, []);
        assert_eq!(world.store.events_after(id(99), 0, 2).await.unwrap(), []);
    }

    async fn commits_at_once_all_land_and_their_events_have_no_gap(world) {
        let other = world.another_store().await;
        let mut tasks = Vec::new();
        for number in 0..40_u128 {
            let store = if number % 2 == 0 { world.store.clone() } else { other.clone() };
            tasks.push(tokio::spawn(async move {
                let changes = ChangeSet {
                    writes: vec![Write::User(user(number, &format!("u{number}")))],
                    events: vec![event(number)],
                    due: vec![due_user(number, 1), due(DueSubject::Everything, 1)],
                };
                store.commit(&changes).await.unwrap();
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(world.store.count_users(ENVIRONMENT, None).await.unwrap(), 40);
        assert_eq!(world.store.events(ENVIRONMENT, &page(None, 99)).await.unwrap().items.len(), 40);
    }

    async fn a_commit_that_fails_takes_no_other_with_it(world) {
        world.commit(vec![Write::User(user(1, "taken"))]).await;
        let mut tasks = Vec::new();
        for number in 10..50_u128 {
            let store = world.store.clone();
            tasks.push(tokio::spawn(async move {
                let name = if number.is_multiple_of(2) { "TAKEN".to_owned() } else { format!("u{number}") };
                let writes = vec![Write::Group(group(number, &format!("g{number}"))), Write::User(user(number, &name))];
                let changes = ChangeSet { writes, events: vec![event(number)], due: vec![due_user(number, 1)] };
                (number, store.commit(&changes).await)
            }));
        }
        for task in tasks {
            let (number, result) = task.await.unwrap();
            assert_eq!(result.is_err(), number.is_multiple_of(2), "{number}: {result:?}");
        }
        assert_eq!(world.store.count_users(ENVIRONMENT, None).await.unwrap(), 21);
        assert_eq!(world.store.groups(ENVIRONMENT).await.unwrap().len(), 20, "those that failed left nothing");
        assert_eq!(world.store.events(ENVIRONMENT, &page(None, 99)).await.unwrap().items.len(), 20);
    }

    async fn what_cannot_be_told_among_many_takes_no_other_with_it(world) {
        world.store.commit(&ChangeSet { events: vec![event(1)], ..ChangeSet::default() }).await.unwrap();
        let mut tasks = Vec::new();
        for number in 10..40_u128 {
            let store = world.store.clone();
            tasks.push(tokio::spawn(async move {
                let told = if number.is_multiple_of(7) { 1 } else { number };
                let writes = vec![Write::User(user(number, &format!("u{number}")))];
                let changes = ChangeSet { writes, events: vec![event(told)], due: vec![due_user(number, 1)] };
                (number, store.commit(&changes).await)
            }));
        }
        for task in tasks {
            let (number, result) = task.await.unwrap();
            assert_eq!(result.is_err(), number.is_multiple_of(7), "{number}: {result:?}");
        }
        assert_eq!(world.store.count_users(ENVIRONMENT, None).await.unwrap(), 26);
        assert_eq!(world.store.events(ENVIRONMENT, &page(None, 99)).await.unwrap().items.len(), 27);
    }

    async fn an_import_of_thousands_is_one_change_set(world) {
        let writes = (0..2_100).map(|number| Write::User(user(number, &format!("u{number}"))));
        let mut writes: Vec<Write> = writes.collect();
        writes.push(Write::Group(group(1, "all")));
        writes.extend((0..2_100).map(|number| {
            Write::Member(usher_domain::directory::group::Membership { user: id(number), group: id(1) })
        }));
        world.commit(writes).await;
        assert_eq!(world.store.all_users(ENVIRONMENT).await.unwrap().len(), 2_100);
        let ids: Vec<_> = (0..2_100).map(id).collect();
        assert_eq!(world.store.users_by_id(ENVIRONMENT, &ids).await.unwrap().len(), 2_100);
        assert_eq!(world.store.memberships(ENVIRONMENT, Some(&ids)).await.unwrap().len(), 2_100);
        assert_eq!(world.store.member_counts(&[id(1)]).await.unwrap(), [(id(1), 2_100, 0)]);
    }

    async fn a_current_schema_is_ready_and_migrating_again_changes_nothing(world) {
        world.store.ready().await.unwrap();
        Storage::migrate(&world.url).await.unwrap();
        assert_eq!(world.store.environments().await.unwrap().len(), 1);
    }

    async fn users_of_any_text_come_back_as_they_were_written(world) {
        let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
        let mut number = 0;
        for _ in 0..40 {
            let mut user = any_user().new_tree(&mut runner).unwrap().current();
            number += 1;
            user.id = id(number);
            user.username = format!("{number}{}", user.username);
            world.commit(vec![Write::User(user.clone())]).await;
            assert_eq!(world.store.user(ENVIRONMENT, user.id).await.unwrap(), Some(user));
        }
    }
}

/// Text as people may send it. No NUL outside JSON: PostgreSQL has none in text, and the API refuses it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>().prop_map(|text| text.replace('\0', "")),
        proptest::sample::select(vec!["İßŁ", "\u{202e}x", "e\u{301}", "🦀'\";--", "\u{feff}", "%_\\"])
            .prop_map(str::to_owned),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_user() -> impl Strategy<Value = User> {
    let attributes = proptest::collection::btree_map(any::<String>(), any_value(), 0..4);
    let optional = || proptest::option::of(text());
    (text(), text(), optional(), optional(), optional(), any::<bool>(), attributes).prop_map(
        |(username, email, given, family, external_id, enabled, attributes)| User {
            email,
            enabled,
            external_id,
            name: Name { given, family, ..Name::default() },
            attributes: attributes.into_iter().collect(),
            ..user(1, &username)
        },
    )
}

#[tokio::test]
async fn a_database_that_is_not_there_or_not_migrated_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let seal = Seal::open_or_create(&directory.path().join("usher.key")).unwrap();
    let url = format!("sqlite://{}/usher.db", directory.path().display());
    assert!(matches!(Storage::open(&url, seal.clone()).await, Err(StoreError::Unavailable(_))));
    std::fs::write(directory.path().join("usher.db"), "").unwrap();
    let store = Storage::open(&url, seal.clone()).await.unwrap();
    let StoreError::Unavailable(why) = store.ready().await.unwrap_err() else { panic!() };
    assert!(why.contains("usher migrate"), "{why}");
    for wrong in ["mysql://root:hunter2@host/db", "sqlite::memory:", ""] {
        let error = Storage::open(wrong, seal.clone()).await.err().unwrap().to_string();
        assert!(error.contains("sqlite://") && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_secret_that_was_sealed_with_another_key_names_the_key() {
    let world = World::furnished(On::Sqlite).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let seal = Seal::open_or_create(&other.path().join("usher.key")).unwrap();
    let store = Storage::open(&world.url, seal).await.unwrap();
    let StoreError::Corrupt(why) = store.connections(ENVIRONMENT).await.unwrap_err() else { panic!() };
    assert!(why.contains("is sealed with the key") && why.contains("OAUTH_REFRESH_TOKEN"), "{why}");
}
