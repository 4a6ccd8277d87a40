//! The due work: marks, leases, fences, and that two never hold one rule.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use usher_domain::{
    RuleId, UserId,
    directory::change::{Due, DueSubject},
    ports::{
        job::{DueMark, Lease},
        store::{Record, StoreError, StoreResult},
    },
    reconcile::run::{RunState, Trigger},
};
use uuid::Uuid;

use crate::{on_both, world::*};

fn subjects(dues: &[DueMark]) -> Vec<DueSubject> {
    dues.iter().map(|due| due.subject.clone()).collect()
}

fn user(number: u128) -> DueSubject {
    DueSubject::User(id::<UserId>(number))
}

fn fenced<T: std::fmt::Debug>(result: StoreResult<T>) {
    assert_eq!(result.unwrap_err(), StoreError::Fenced(RULE));
}

on_both! {
    async fn a_due_time_moves_only_earlier(world) {
        let store = &world.store;
        assert_eq!(store.next_due().await.unwrap(), None);
        assert_eq!(store.rule_due(RULE).await.unwrap(), None);
        store.make_due(&[due_user(1, 50), due_user(1, 40), due_user(2, 60)]).await.unwrap();
        store.make_due(&[due_user(1, 70)]).await.unwrap();
        assert_eq!(store.rule_due(RULE).await.unwrap(), Some(at(40)));
        store.make_due(&[due_user(2, 30)]).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), Some(at(30)));
        assert_eq!(store.claim("ada", at(29), LEASE).await.unwrap(), None, "nothing is due yet");
        let lease = store.claim("ada", at(30), LEASE).await.unwrap().unwrap();
        assert_eq!(subjects(&store.due(&lease, at(30)).await.unwrap()), [user(2)]);
        assert_eq!(subjects(&store.due(&lease, at(40)).await.unwrap()), [user(1), user(2)]);
    }

    async fn what_became_due_again_meanwhile_stays_due(world) {
        let store = &world.store;
        let everything = due(DueSubject::Everything, 1);
        let group = due(DueSubject::Group(id(9)), 1);
        store.make_due(&[due_user(1, 1), due_user(2, 1), everything, group]).await.unwrap();
        let lease = store.claim("ada", at(1), LEASE).await.unwrap().unwrap();
        let done = store.due(&lease, at(1)).await.unwrap();
        assert_eq!(subjects(&done), [DueSubject::Everything, user(1), user(2), DueSubject::Group(id(9))]);
        // A later time does not move, but it is another wish: it must not be lost.
        store.make_due(&[due_user(2, 80)]).await.unwrap();
        store.settle(&lease, &done, &[due_user(3, 60)]).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), Some(at(1)));
        let again = store.claim("bob", at(60), LEASE).await.unwrap().unwrap();
        assert_eq!(again.epoch, lease.epoch + 1);
        let dues = store.due(&again, at(60)).await.unwrap();
        assert_eq!(subjects(&dues), [user(2), user(3)]);
        store.settle(&again, &dues, &[]).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), None);
        assert_eq!(store.claim("bob", at(99), LEASE).await.unwrap(), None);
    }

    async fn the_epoch_rises_over_the_life_of_the_rule(world) {
        let mut epochs = Vec::new();
        for _ in 0..3 {
            let lease = world.lease().await;
            let done = world.store.due(&lease, at(1)).await.unwrap();
            world.store.settle(&lease, &done, &[]).await.unwrap();
            epochs.push(lease.epoch);
        }
        assert!(epochs.windows(2).all(|pair| pair[0] < pair[1]), "{epochs:?}");
    }

    async fn a_lease_that_was_not_renewed_is_taken_over_and_its_holder_fenced_off(world) {
        let store = &world.store;
        let old = world.lease().await;
        assert_eq!(store.claim("bob", at(999), LEASE).await.unwrap(), None);
        store.renew(&old, Duration::ZERO).await.unwrap();
        assert_eq!(store.claim("ada", at(999), LEASE).await.unwrap(), None, "ada has it in hand, whatever the clock says");
        let new = store.claim("bob", at(1_000), LEASE).await.unwrap().unwrap();
        assert_eq!((new.rule, new.epoch), (RULE, old.epoch + 1));
        let records = [Record::Run(Box::new(run(1, Trigger::Change, RunState::Applying, 1))), Record::Event(Box::new(event(1)))];
        fenced(store.renew(&old, LEASE).await);
        fenced(store.give_back(&old, at(1)).await);
        fenced(store.due(&old, at(9_000)).await);
        fenced(store.record(&old, DROPBOX, &records).await);
        fenced(store.settle(&old, &[], &[due_user(1, 1)]).await);
        fenced(store.record(&Lease { epoch: old.epoch, ..new.clone() }, DROPBOX, &records).await);
        assert_eq!(store.runs(RULE, &page(None, 5)).await.unwrap().items, []);
        assert_eq!(store.events(ENVIRONMENT, &page(None, 5)).await.unwrap().items, []);
        store.record(&new, DROPBOX, &records).await.unwrap();
        let done = store.due(&new, at(1_000)).await.unwrap();
        assert_eq!(subjects(&done), [DueSubject::Everything], "what the fenced one wished was not kept");
        store.settle(&new, &done, &[]).await.unwrap();
        fenced(store.settle(&new, &done, &[]).await);
    }

    async fn leases_go_by_the_databases_clock_whatever_time_servers_say_it_is(world) {
        let store = &world.store;
        let lease = world.lease().await;
        let years = at(90_000_000_000_000);
        assert_eq!(store.claim("far ahead", years, LEASE).await.unwrap(), None);
        store.renew(&lease, LEASE).await.unwrap();
        assert_eq!(store.claim("far ahead", years, LEASE).await.unwrap(), None);
        let holding = store.holding(RULE).await.unwrap().unwrap();
        assert!(holding.renewed && !holding.over, "{holding:?}");
    }

    async fn a_lease_that_was_given_before_the_databases_clock_was_set_back_holds_nothing_up(world) {
        let store = &world.store;
        let lease = world.lease().await;
        world.sql("UPDATE jobs SET leased_at = '2999-01-01T00:00:00+00:00', leased_until = '2999-01-01T00:01:00+00:00'").await;
        assert_eq!(store.claim("bob", at(1), LEASE).await.unwrap().unwrap().epoch, lease.epoch + 1);
        // Its holder is alive: renewing it is all it takes.
        store.make_due(&[due_user(1, 1)]).await.unwrap();
        let bob = Lease { owner: "bob".into(), epoch: lease.epoch + 1, ..lease };
        world.sql("UPDATE jobs SET leased_at = '2999-01-01T00:00:00+00:00', leased_until = '2999-01-01T00:01:00+00:00'").await;
        store.renew(&bob, LEASE).await.unwrap();
        assert_eq!(store.claim("ada", at(1), LEASE).await.unwrap(), None);
    }

    async fn a_holder_that_does_not_renew_is_told_from_one_at_work(world) {
        let store = &world.store;
        assert_eq!(store.holding(RULE).await.unwrap(), None);
        let lease = world.lease().await;
        assert!(store.holding(RULE).await.unwrap().unwrap().renewed);
        world.sql("UPDATE jobs SET leased_at = '2001-01-01T00:00:00+00:00'").await;
        let holding = store.holding(RULE).await.unwrap().unwrap();
        assert!(!holding.renewed && !holding.over, "{holding:?}");
        store.renew(&lease, Duration::ZERO).await.unwrap();
        assert!(store.holding(RULE).await.unwrap().unwrap().over);
        store.give_back(&lease, at(1)).await.unwrap();
        assert_eq!(store.holding(RULE).await.unwrap(), None);
    }

    async fn work_that_broke_off_is_given_back_with_all_that_was_due(world) {
        let store = &world.store;
        let lease = world.lease().await;
        store.give_back(&lease, at(50)).await.unwrap();
        fenced(store.give_back(&lease, at(50)).await);
        assert_eq!(store.next_due().await.unwrap(), Some(at(50)));
        assert_eq!(store.claim("ada", at(49), LEASE).await.unwrap(), None);
        let again = store.claim("ada", at(50), LEASE).await.unwrap().unwrap();
        assert_eq!(subjects(&store.due(&again, at(50)).await.unwrap()), [DueSubject::Everything]);
        // What comes meanwhile does not wait for it.
        store.give_back(&again, at(99)).await.unwrap();
        store.make_due(&[due_user(1, 60)]).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), Some(at(60)));
    }

    async fn the_only_worker_takes_over_at_once_what_one_left_that_is_gone(world) {
        let store = &world.store;
        assert_eq!(store.end_leases(at(3)).await.unwrap(), 0);
        let run = world.lease().await;
        store.wake(&[RULE], at(1)).await.unwrap();
        let watch = store.claim_watch("ada", at(1), LEASE).await.unwrap().unwrap();
        assert_eq!(store.end_leases(at(3)).await.unwrap(), 2);
        fenced(store.renew(&run, LEASE).await);
        fenced(store.renew(&watch, LEASE).await);
        let again = store.claim("bob", at(3), LEASE).await.unwrap().unwrap();
        assert_eq!(subjects(&store.due(&again, at(3)).await.unwrap()), [DueSubject::Everything]);
        assert!(store.claim_watch("bob", at(3), LEASE).await.unwrap().is_some());
    }

    async fn the_rule_that_has_been_due_longest_is_claimed_first(world) {
        let others = [1, 2, 3].map(|number| RuleId(Uuid::from_u128(number)));
        let dues: Vec<Due> = [30, 10, 20].into_iter().zip(others)
            .map(|(millis, rule)| Due { rule, ..due(DueSubject::Everything, millis) }).collect();
        world.store.make_due(&dues).await.unwrap();
        for expected in [others[1], others[2], others[0]] {
            let lease = world.store.claim("ada", at(50), LEASE).await.unwrap().unwrap();
            assert_eq!(lease.rule, expected);
        }
        assert_eq!(world.store.claim("ada", at(50), LEASE).await.unwrap(), None);
    }

    async fn two_never_hold_one_rule(world) {
        const RULES: u128 = 3;
        let rules: Vec<RuleId> = (1..=RULES).map(id).collect();
        let dues: Vec<Due> = rules.iter()
            .map(|rule| Due { rule: *rule, ..due(DueSubject::Everything, 1) }).collect();
        world.store.make_due(&dues).await.unwrap();
        let holders: Arc<Vec<AtomicUsize>> = Arc::new((0..RULES).map(|_| AtomicUsize::new(0)).collect());
        let stores = [world.store.clone(), world.another_store().await];
        let mut tasks = Vec::new();
        for task in 0..8_usize {
            let (store, holders) = (stores[task % 2].clone(), holders.clone());
            tasks.push(tokio::spawn(async move {
                let mut held = 0;
                for _ in 0..25 {
                    let owner = format!("task {task}");
                    let Some(lease) = store.claim(&owner, at(1), LEASE).await.unwrap() else {
                        tokio::task::yield_now().await;
                        continue;
                    };
                    let holder = &holders[usize::try_from(lease.rule.uuid().as_u128()).unwrap() - 1];
                    assert_eq!(holder.fetch_add(1, Ordering::SeqCst), 0, "two hold {}", lease.rule);
                    let done = store.due(&lease, at(1)).await.unwrap();
                    tokio::task::yield_now().await;
                    holder.fetch_sub(1, Ordering::SeqCst);
                    let again = Due { rule: lease.rule, ..due(DueSubject::Everything, 1) };
                    store.settle(&lease, &done, &[again]).await.unwrap();
                    held += 1;
                }
                held
            }));
        }
        let mut held = 0;
        for task in tasks {
            held += task.await.unwrap();
        }
        assert!(held >= 25, "only {held} claims succeeded");
    }
}
