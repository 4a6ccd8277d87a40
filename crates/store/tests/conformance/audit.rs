//! The audit: found by time and by what it is about, chained, redacted; and what is refused on top of a forged end.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use usher_domain::{
    directory::{
        audit::{
            Event, Resource,
            chain::{REDACTED, REDACTION},
            verify::{Anchor, LastCheck, Report, Tampering},
        },
        change::{ChangeSet, Write},
    },
    ports::store::{EventQuery, StoreError},
};
use uuid::Uuid;

use crate::{on_both, world::*};

/// An event about a user, by number.
fn about(number: u128, user: u128, millis: i64) -> Event {
    let user = Uuid::from_u128(user);
    Event {
        recorded_at: at(millis),
        resources: vec![Resource {
            kind: "USER".into(),
            id: user.to_string(),
            name: format!("canary-{user}"),
            population: Some(POPULATION.to_string()),
            path: format!("/users/{user}"),
        }],
        description: format!("Created User canary-{user}"),
        ..event(number)
    }
}

pub(crate) async fn tell(world: &World, events: Vec<Event>) {
    world.store.commit(&ChangeSet { events, ..ChangeSet::default() }).await.unwrap();
}

pub(crate) async fn verify(world: &World, anchors: &[Anchor]) -> Report {
    world.auditor().await.verify(anchors, 2, &|_, _| ()).await.unwrap()
}

/// Of user 2, as the directory tells it.
fn redaction(number: u128) -> Event {
    Event { action: REDACTION.into(), description: "Redacted".into(), ..about(number, 2, 9) }
}

/// What is said of the first thing that is wrong.
pub(crate) fn first(report: &Report) -> Option<String> {
    let chains = report.chains.iter().filter_map(|chain| chain.tampering.as_ref());
    chains.chain(&report.tampering).next().map(Tampering::to_string)
}

on_both! {
    async fn one_chain_is_checked_from_within_and_the_last_check_is_kept(world) {
        let before = world.store.chain_state(ENVIRONMENT).await.unwrap();
        assert_eq!((before.checkpoint, world.store.last_check(ENVIRONMENT).await.unwrap()), (None, None));
        tell(world, (1..=105).map(|number| about(number, 2, number as i64)).collect()).await;
        let state = world.store.chain_state(ENVIRONMENT).await.unwrap();
        assert_eq!(state.events, before.events + 105);
        let (number, at) = state.checkpoint.unwrap();
        let hundredth = world.store.events_after(ENVIRONMENT, 99, 1).await.unwrap().remove(0).1;
        assert_eq!((number, at), (100, hundredth.recorded_at));

        let told = std::sync::Mutex::new((0, 0));
        let progress = |done, all| *told.lock().unwrap() = (done, all);
        let good = world.store.check_chain(ENVIRONMENT, &progress).await.unwrap();
        assert_eq!((good.tampering.clone(), good.end.is_some(), good.events), (None, true, state.events));
        assert_eq!(*told.lock().unwrap(), (state.events, state.events));
        let kept = LastCheck::of(&good, "root".into(), at);
        world.store.keep_check(ENVIRONMENT, &kept).await.unwrap();
        assert_eq!(world.store.last_check(ENVIRONMENT).await.unwrap(), Some(kept));

        world.sql("UPDATE events SET action = 'X.Y' WHERE seq = 7").await;
        let bad = world.store.check_chain(ENVIRONMENT, &|_, _| ()).await.unwrap();
        assert_eq!((bad.end.clone(), bad.tampering.clone()), (None, Some(Tampering::Changed(7))));
        let kept = LastCheck::of(&bad, "root".into(), at);
        world.store.keep_check(ENVIRONMENT, &kept).await.unwrap();
        assert_eq!(world.store.last_check(ENVIRONMENT).await.unwrap(), Some(kept));
    }

    async fn events_are_found_by_time_the_newest_first_and_pages_stay_while_more_come(world) {
        let events: Vec<Event> = (1..=9).map(|number| about(number, number % 2 + 1, number as i64 / 2 * 10)).collect();
        tell(world, events.clone()).await;
        let find = async |query: &EventQuery, before, limit| {
            let found = world.store.find_events(ENVIRONMENT, query, before, limit).await.unwrap();
            found.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>()
        };
        let range = EventQuery { from: Some(at(10)), until: Some(at(40)), ..EventQuery::default() };
        assert_eq!(find(&range, None, 4).await, [7, 6, 5, 4]);
        tell(world, vec![about(20, 1, 35)]).await;
        assert_eq!(find(&range, Some((at(20), 4)), 4).await, [3, 2]);
        assert_eq!(find(&range, None, 3).await, [10, 7, 6]);
        let of = |number: u128| EventQuery { about: vec![Uuid::from_u128(number)], ..EventQuery::default() };
        assert_eq!(find(&of(2), None, 9).await, [9, 7, 5, 3, 1]);
        assert_eq!(find(&of(77), None, 9).await, [0; 0]);
        let by = |actor| EventQuery { actor: Some(Uuid::from_u128(actor)), ..EventQuery::default() };
        assert_eq!(find(&by(9), None, 1).await, [9]);
        assert_eq!(find(&by(8), None, 1).await, [0; 0]);
        let action = |actions: &[&str]| EventQuery {
            actions: Some(actions.iter().map(|&action| action.to_owned()).collect()), ..range.clone()
        };
        assert_eq!(find(&action(&["X", "USER.CREATED"]), None, 2).await, [10, 7]);
        assert_eq!(find(&action(&[]), None, 2).await, [0; 0]);
        let request = |id: &str| EventQuery { correlation_id: Some(id.into()), ..EventQuery::default() };
        assert_eq!(find(&request("c"), None, 1).await, [9]);
        assert_eq!(find(&request("d"), None, 1).await, [0; 0]);
        assert_eq!(world.store.event(ENVIRONMENT, id(3)).await.unwrap(), Some(events[2].clone()));
        assert_eq!(world.store.event(id(99), id(3)).await.unwrap(), None);
    }

    async fn a_membership_is_found_by_its_user_and_by_its_group(world) {
        let (user, group) = (Uuid::from_u128(71), Uuid::from_u128(72));
        let mut joined = about(1, 71, 0);
        joined.resources[0].id = group.to_string();
        joined.resources[0].path = format!("/users/{user}/memberOfGroups/{group}");
        tell(world, vec![joined]).await;
        for subject in [user, group] {
            let query = EventQuery { about: vec![subject], ..EventQuery::default() };
            assert_eq!(world.store.find_events(ENVIRONMENT, &query, None, 5).await.unwrap().len(), 1);
        }
    }

    async fn a_chain_holds_whoever_extends_it_and_says_its_end(world) {
        let other = world.another_store().await;
        for number in 0..70 {
            let store = if number % 2 == 0 { &world.store } else { &other };
            let events = (0..5).map(|more| about(number * 10 + more, 1, number as i64)).collect();
            store.commit(&ChangeSet { events, ..ChangeSet::default() }).await.unwrap();
        }
        let report = verify(world, &[]).await;
        assert!(report.holds(), "{report:?}");
        assert_eq!((report.chains.len(), report.chains[0].events), (1, 350));
        let end = report.chains[0].end.clone().unwrap();
        tell(world, vec![about(9_999, 1, 0)]).await;
        assert!(verify(world, std::slice::from_ref(&end)).await.holds(), "the chain went on after the anchor");
        let forged = Anchor { hash: [7; 32], ..end.clone() };
        assert!(first(&verify(world, &[forged]).await).unwrap().contains("another chain"));
        let later = Anchor { seq: 400, ..end };
        assert!(first(&verify(world, &[later]).await).unwrap().contains("older copy"));
    }

    async fn an_environment_has_a_chain_before_anything_is_told_of_it(world) {
        world.commit(vec![Write::Environment(environment(id(0xe2)))]).await;
        let report = verify(world, &[]).await;
        assert!(report.holds(), "{report:?}");
        assert_eq!(report.chains.len(), 2);
        world.sql("DELETE FROM event_heads").await;
        insta(first(&verify(world, &[]).await), "REMOVED: the signed end of the chain is gone");
    }

    async fn what_is_redacted_is_gone_and_the_chain_still_holds(world) {
        let told: Vec<Event> = (1..=6).map(|number| about(number, number % 2 + 1, 0)).collect();
        tell(world, told.clone()).await;
        let before = verify(world, &[]).await.chains[0].end.clone().unwrap();
        assert_eq!(world.store.redact(Uuid::from_u128(2), &redaction(50)).await.unwrap(), [(1, 1), (3, 3), (5, 5)]);
        let report = verify(world, &[before]).await;
        assert!(report.holds(), "{report:?}");
        let gone = world.store.event(ENVIRONMENT, id(3)).await.unwrap().unwrap();
        assert_eq!((gone.description.as_str(), gone.resources[0].name.as_str(), &gone.changes), (REDACTED, REDACTED, &None));
        assert_eq!((gone.resources[0].id.clone(), gone.action.clone()), (Uuid::from_u128(2).to_string(), told[2].action.clone()));
        assert_eq!(world.store.event(ENVIRONMENT, id(2)).await.unwrap().unwrap(), told[1]);
        assert_eq!(world.store.last_event(ENVIRONMENT).await.unwrap(), 7, "the redaction is told");

        tell(world, vec![about(60, 2, 0)]).await;
        assert_eq!(world.store.redact(Uuid::from_u128(2), &redaction(61)).await.unwrap(), [(8, 8)], "what came later");
        assert_eq!(world.store.redact(Uuid::from_u128(2), &redaction(62)).await.unwrap(), [], "nothing is left");
        assert_eq!(world.store.last_event(ENVIRONMENT).await.unwrap(), 9, "and nothing is told of nothing");
        assert!(verify(world, &[]).await.holds());
    }

    async fn nothing_is_recorded_on_top_of_an_end_that_is_not_ours(world) {
        tell(world, vec![about(1, 1, 0)]).await;
        world.sql("UPDATE event_heads SET seq = 0").await;
        let changes = ChangeSet { writes: vec![Write::User(user(1, "ada"))], events: vec![event(2)], due: vec![] };
        let StoreError::Corrupt(why) = world.store.commit(&changes).await.unwrap_err() else { panic!() };
        assert!(why.contains("usher audit verify"), "{why}");
        assert_eq!(world.store.count_users(ENVIRONMENT, None).await.unwrap(), 0, "the change is not made either");

        world.sql("DELETE FROM event_heads").await;
        let StoreError::Corrupt(why) = world.store.commit(&changes).await.unwrap_err() else { panic!() };
        assert!(why.contains("the end of the audit's chain"), "{why}");
    }

    async fn events_from_before_the_chain_are_chained_once(world) {
        let body = serde_json::to_string(&about(1, 1, 7)).unwrap();
        let older = |seq: u64, id: u128| {
            let body = body.replace(&Uuid::from_u128(1).to_string(), &Uuid::from_u128(id).to_string());
            let environment = literal(world, ENVIRONMENT.uuid());
            let id = literal(world, Uuid::from_u128(id));
            format!("INSERT INTO older_events (environment_id, seq, id, body) VALUES ({environment}, {seq}, {id}, '{body}')")
        };
        world.sql("DELETE FROM event_heads").await;
        world.sql("DELETE FROM event_roll").await;
        for seq in 1..=3 {
            world.sql(&older(seq, 100 + u128::from(seq))).await;
        }
        let store = world.another_store().await;
        tell(world, vec![about(1, 1, 9)]).await;
        let found = store.events_after(ENVIRONMENT, 0, 9).await.unwrap();
        assert_eq!(found.iter().map(|(seq, event)| (*seq, event.id)).collect::<Vec<_>>(),
            [(1, id(101)), (2, id(102)), (3, id(103)), (4, id(1))]);
        assert!(verify(world, &[]).await.holds());

        world.sql(&older(4, 104)).await;
        drop(world.another_store().await);
        assert_eq!(store.last_event(ENVIRONMENT).await.unwrap(), 4, "nobody smuggles events in that way");
        insta(first(&verify(world, &[]).await), "INSERTED: older_events holds rows, and they were all chained long ago");
    }

    async fn whatever_is_done_to_a_chain_is_found_and_named(world) {
        tell(world, (1..=250).map(|number| about(number, number % 7, number as i64)).collect()).await;
        world.store.redact(Uuid::from_u128(3), &redaction(500)).await.unwrap();
        let saved = Saved::of(world).await;
        let hash = |seq: u64| format!("(SELECT hash FROM saved_events WHERE seq = {seq})");
        for (done, said) in [
            ("UPDATE events SET action = 'USER.DELETED' WHERE seq = 7".to_owned(),
                "CHANGED: event 7 is not what was recorded after event 6; it was changed, replaced or moved"),
            ("UPDATE events SET recorded_at = recorded_at + 1 WHERE seq = 1".to_owned(),
                "CHANGED: event 1 is not what was recorded after event 0; it was changed, replaced or moved"),
            ("UPDATE events SET correlation_id = NULL WHERE seq = 251".to_owned(),
                "CHANGED: event 251 is not what was recorded after event 250; it was changed, replaced or moved"),
            ("UPDATE events SET subject_2 = subject_1 WHERE seq = 9".to_owned(),
                "CHANGED: event 9 is not what was recorded after event 8; it was changed, replaced or moved"),
            ("UPDATE events SET seq = CASE seq WHEN 20 THEN 1030 ELSE 1020 END WHERE seq IN (20, 30); \
              UPDATE events SET seq = seq - 1000 WHERE seq > 1000".to_owned(),
                "CHANGED: event 20 is not what was recorded after event 19; it was changed, replaced or moved"),
            ("DELETE FROM events WHERE seq = 8".to_owned(), "REMOVED: event 8 is gone"),
            ("DELETE FROM events WHERE seq IN (5, 6, 8)".to_owned(), "REMOVED: events 5 to 6 are gone"),
            ("DELETE FROM events WHERE seq > 240".to_owned(), "TRUNCATED: the last event is 240, and 251 was signed as the last"),
            (format!("DELETE FROM events WHERE seq > 200; UPDATE event_heads SET seq = 200, hash = {}, \
              signature = (SELECT signature FROM event_checkpoints WHERE seq = 200)", hash(200)),
                "FORGED: the signature of the end of the chain at event 200 is not by our key"),
            ("UPDATE events SET seq = 252 WHERE seq = 251".to_owned(), "REMOVED: event 251 is gone"),
            ("UPDATE events SET seq = 0 WHERE seq = 1".to_owned(), "INSERTED: event 0 is outside of what was signed"),
            ("DELETE FROM event_checkpoints WHERE seq = 100".to_owned(), "REMOVED: the checkpoint of event 100 is gone"),
            ("UPDATE event_checkpoints SET seq = 300 WHERE seq = 100".to_owned(), "INSERTED: a checkpoint of event 300, where none is made"),
            ("UPDATE event_checkpoints SET seq = 150 WHERE seq = 100".to_owned(), "INSERTED: a checkpoint of event 150, where none is made"),
            (format!("UPDATE event_checkpoints SET hash = {} WHERE seq = 100", hash(101)),
                "FORGED: the signature of the checkpoint at event 100 is not by our key"),
            ("DELETE FROM event_roll".to_owned(), "INSERTED: the environment is not among those that were signed"),
            ("DELETE FROM events; DELETE FROM event_heads; DELETE FROM event_checkpoints".to_owned(),
                "REMOVED: the signed end of the chain is gone"),
        ] {
            for one in done.split(';') {
                world.sql(one).await;
            }
            insta(first(&verify(world, &[]).await), said);
            saved.restore(world).await;
        }
        assert!(verify(world, &[]).await.holds());
    }
}

/// Compares what is said; a name that reads like what it does.
#[track_caller]
pub(crate) fn insta(found: Option<String>, expected: &str) {
    assert_eq!(found.as_deref(), Some(expected));
}

/// An id as the database writes it.
fn literal(world: &World, id: Uuid) -> String {
    if world.file.is_some() { format!("x'{}'", id.simple()) } else { format!("'{id}'") }
}

/// The tables of the audit.
pub(crate) const TABLES: [&str; 5] =
    ["events", "event_heads", "event_checkpoints", "event_roll", "older_events"];

/// The audit as it was, beside what is done to it.
pub(crate) struct Saved;

impl Saved {
    pub(crate) async fn of(world: &World) -> Saved {
        for table in TABLES {
            world.sql(&format!("CREATE TABLE saved_{table} AS SELECT * FROM {table}")).await;
        }
        Saved
    }

    pub(crate) async fn restore(&self, world: &World) {
        for table in TABLES {
            world.sql(&format!("DELETE FROM {table}")).await;
            world.sql(&format!("INSERT INTO {table} SELECT * FROM saved_{table}")).await;
        }
    }
}

impl World {
    /// What somebody does who has the database.
    pub(crate) async fn sql(&self, text: &str) {
        let text = AssertSqlSafe(text.to_owned());
        if self.file.is_some() {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
            connection.execute(text).await.unwrap();
            connection.close().await.unwrap();
        } else {
            sqlx::PgConnection::connect(&self.url).await.unwrap().execute(text).await.unwrap();
        }
    }
}
