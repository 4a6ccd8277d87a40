//! The due work: marks, leases, fences, and that two never hold one rule.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

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
        assert_eq!(store.claim("ada", at(29), at(100)).await.unwrap(), None, "nothing is due yet");
        let lease = store.claim("ada", at(30), at(100)).await.unwrap().unwrap();
        assert_eq!(subjects(&store.due(&lease, at(30)).await.unwrap()), [user(2)]);
        assert_eq!(subjects(&store.due(&lease, at(40)).await.unwrap()), [user(1), user(2)]);
    }

    async fn what_became_due_again_meanwhile_stays_due(world) {
        let store = &world.store;
        let everything = due(DueSubject::Everything, 1);
        let group = due(DueSubject::Group(id(9)), 1);
        store.make_due(&[due_user(1, 1), due_user(2, 1), everything, group]).await.unwrap();
        let lease = store.claim("ada", at(1), at(100)).await.unwrap().unwrap();
        let done = store.due(&lease, at(1)).await.unwrap();
        assert_eq!(subjects(&done), [DueSubject::Everything, user(1), user(2), DueSubject::Group(id(9))]);
        // A later time does not move, but it is another wish: it must not be lost.
        store.make_due(&[due_user(2, 80)]).await.unwrap();
        store.settle(&lease, &done, &[due_user(3, 60)]).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), Some(at(1)));
        let again = store.claim("bob", at(60), at(100)).await.unwrap().unwrap();
        assert_eq!(again.epoch, lease.epoch + 1);
        let dues = store.due(&again, at(60)).await.unwrap();
        assert_eq!(subjects(&dues), [user(2), user(3)]);
        store.settle(&again, &dues, &[]).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), None);
        assert_eq!(store.claim("bob", at(99), at(100)).await.unwrap(), None);
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

    async fn a_lease_is_renewed_only_to_later(world) {
        let lease = world.lease().await;
        let renewed = world.store.renew(&lease, at(5_000)).await.unwrap();
        assert_eq!(renewed, Lease { until: at(5_000), ..lease.clone() });
        assert_eq!(world.store.renew(&lease, at(9)).await.unwrap().until, at(5_000));
        assert_eq!(world.store.claim("bob", at(4_999), at(9_000)).await.unwrap(), None);
    }

    async fn an_expired_lease_is_taken_over_and_its_holder_fenced_off(world) {
        let store = &world.store;
        let old = world.lease().await;
        assert_eq!(store.claim("bob", at(999), at(2_000)).await.unwrap(), None);
        assert_eq!(store.next_due().await.unwrap(), Some(at(1_000)), "when the lease ends");
        let new = store.claim("bob", at(1_000), at(2_000)).await.unwrap().unwrap();
        assert_eq!((new.rule, new.epoch), (RULE, old.epoch + 1));
        let records = [Record::Run(Box::new(run(1, Trigger::Change, RunState::Applying, 1))), Record::Event(Box::new(event(1)))];
        fenced(store.renew(&old, at(9_000)).await);
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

    async fn the_rule_that_has_been_due_longest_is_claimed_first(world) {
        let others = [1, 2, 3].map(|number| RuleId(Uuid::from_u128(number)));
        let dues: Vec<Due> = [30, 10, 20].into_iter().zip(others)
            .map(|(millis, rule)| Due { rule, ..due(DueSubject::Everything, millis) }).collect();
        world.store.make_due(&dues).await.unwrap();
        for expected in [others[1], others[2], others[0]] {
            let lease = world.store.claim("ada", at(50), at(100)).await.unwrap().unwrap();
            assert_eq!(lease.rule, expected);
        }
        assert_eq!(world.store.claim("ada", at(50), at(100)).await.unwrap(), None);
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
                    let Some(lease) = store.claim(&owner, at(1), at(1_000_000)).await.unwrap() else {
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
