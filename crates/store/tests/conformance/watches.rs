//! Watching the sources of inbound rules: slots are served once, positions are kept with what they made due.

use std::time::Duration;

use usher_domain::{
    Problem, RuleId,
    directory::change::{ChangeSet, DueSubject, Write},
    ports::{
        connector::LogPosition,
        job::{JobKind, Lease},
        store::{Record, StoreError},
        watch::{LogState, Watch, Watched},
    },
    provisioning::{
        rule::{Direction, Rule},
        schedule::Slots,
    },
};

use crate::{on_both, world::*};

fn nothing_new(again: Option<i64>) -> Watched {
    Watched { slot: None, set_back: None, log: LogState::default(), due: Vec::new(), again: again.map(at) }
}

fn log(position: &str) -> LogState {
    LogState {
        position: Some(LogPosition(position.into())),
        read_at: Some(at(7)),
        everything_at: Some(at(3)),
        problem: Some(Problem::new("BUSY", "It is busy.", "Wait.")),
    }
}

on_both! {
    async fn nothing_is_remembered_of_a_rule_that_was_never_watched(world) {
        assert_eq!(world.store.watch(RULE).await.unwrap(), Watch::default());
        assert_eq!(world.store.claim_watch("ada", at(9_999), LEASE).await.unwrap(), None);
    }

    async fn the_first_full_sync_is_the_anchor_and_no_later_one_moves_it(world) {
        let store = &world.store;
        let lease = world.lease().await;
        store.record(&lease, DROPBOX, &[Record::FullSync(at(10))]).await.unwrap();
        let slots = Some(Slots { anchor: at(10), served: at(10) });
        assert_eq!(store.watch(RULE).await.unwrap(), Watch { slots, ..Watch::default() });
        let watching = store.claim_watch("ada", at(10), LEASE).await.unwrap().unwrap();
        let served = Watched { slot: Some(at(30)), due: vec![due(DueSubject::Everything, 30)], ..nothing_new(Some(90)) };
        store.watched(&watching, &served).await.unwrap();
        let slots = Some(Slots { anchor: at(10), served: at(30) });
        assert_eq!(store.watch(RULE).await.unwrap(), Watch { slots, slot_waits: true, ..Watch::default() });
        assert_eq!(store.rule_due(RULE).await.unwrap(), Some(at(1)));
        store.record(&lease, DROPBOX, &[Record::FullSync(at(40))]).await.unwrap();
        assert_eq!(store.watch(RULE).await.unwrap(), Watch { slots, ..Watch::default() });
    }

    async fn a_position_is_kept_with_what_it_made_due_or_not_at_all(world) {
        let store = &world.store;
        store.wake(&[RULE], at(5)).await.unwrap();
        let old = store.claim_watch("ada", at(5), Duration::ZERO).await.unwrap().unwrap();
        assert_eq!((old.kind, old.rule), (JobKind::Watch, RULE));
        let new = store.claim_watch("bob", at(100), LEASE).await.unwrap().unwrap();
        let seen = Watched { log: log("late"), due: vec![due_user(1, 6)], ..nothing_new(None) };
        assert_eq!(store.watched(&old, &seen).await.unwrap_err(), StoreError::Fenced(RULE));
        assert_eq!(store.watch(RULE).await.unwrap(), Watch::default());
        assert_eq!(store.rule_due(RULE).await.unwrap(), None);
        let seen = Watched { log: log("on"), due: vec![due_user(1, 6)], ..nothing_new(Some(300)) };
        store.watched(&new, &seen).await.unwrap();
        assert_eq!(store.watch(RULE).await.unwrap(), Watch { log: log("on"), ..Watch::default() });
        assert_eq!(store.rule_due(RULE).await.unwrap(), Some(at(6)));
        assert_eq!(store.watched(&new, &seen).await.unwrap_err(), StoreError::Fenced(RULE), "the lease is over");
        assert_eq!(store.claim_watch("ada", at(299), LEASE).await.unwrap(), None);
        assert!(store.claim_watch("ada", at(300), LEASE).await.unwrap().is_some());
    }

    async fn watching_and_reconciling_a_rule_are_two_leases(world) {
        let store = &world.store;
        let lease = world.lease().await;
        store.wake(&[RULE], at(1)).await.unwrap();
        let watching = store.claim_watch("ada", at(1), LEASE).await.unwrap().unwrap();
        let as_a_run = Lease { kind: JobKind::Reconcile, ..watching.clone() };
        assert_eq!(as_a_run, lease, "both epochs are the first");
        store.renew(&watching, LEASE).await.unwrap();
        store.watched(&watching, &nothing_new(None)).await.unwrap();
        assert_eq!(store.renew(&watching, LEASE).await.unwrap_err(), StoreError::Fenced(RULE));
        store.renew(&lease, LEASE).await.unwrap();
        assert_eq!(store.claim_watch("ada", at(9_999), LEASE).await.unwrap(), None, "nothing to watch");
    }

    async fn what_wakes_a_watch_while_it_looks_has_it_look_again(world) {
        let store = &world.store;
        store.wake(&[RULE], at(5)).await.unwrap();
        let lease = store.claim_watch("ada", at(5), LEASE).await.unwrap().unwrap();
        store.wake(&[RULE], at(8)).await.unwrap();
        store.watched(&lease, &nothing_new(Some(50))).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), Some(at(8)));
        let lease = store.claim_watch("ada", at(8), LEASE).await.unwrap().unwrap();
        store.wake(&[RULE], at(60)).await.unwrap();
        store.watched(&lease, &nothing_new(Some(50))).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), Some(at(50)));
    }

    async fn a_watch_is_not_lost_with_the_server_that_had_it(world) {
        let store = &world.store;
        store.wake(&[RULE], at(5)).await.unwrap();
        let lost = store.claim_watch("ada", at(5), LEASE).await.unwrap().unwrap();
        assert_eq!(store.claim_watch("bob", at(99), LEASE).await.unwrap(), None);
        store.renew(&lost, Duration::ZERO).await.unwrap();
        let taken = store.claim_watch("bob", at(100), LEASE).await.unwrap().unwrap();
        assert_eq!(taken.epoch, lost.epoch + 1);
    }

    async fn an_inbound_rule_that_is_written_is_watched_and_one_that_is_gone_is_forgotten(world) {
        let store = &world.store;
        let inbound: RuleId = id(0xb1);
        let it = Rule { direction: Direction::Inbound, source: DROPBOX, target: DIRECTORY, ..rule(inbound) };
        world.commit(vec![Write::Rule(it.clone())]).await;
        let lease = store.claim_watch("ada", at(500), LEASE).await.unwrap().unwrap();
        assert_eq!(lease.rule, inbound, "and not the outbound one");
        store.watched(&lease, &Watched { log: log("on"), ..nothing_new(None) }).await.unwrap();
        let again = Rule { version: 2, updated_at: at(600), ..it };
        world.commit(vec![Write::Rule(again)]).await;
        assert_eq!(store.next_due().await.unwrap(), Some(at(600)));
        let changes = ChangeSet { writes: vec![Write::RuleGone(inbound)], ..ChangeSet::default() };
        store.commit(&changes).await.unwrap();
        assert_eq!(store.watch(inbound).await.unwrap(), Watch::default());
        assert_eq!(store.next_due().await.unwrap(), None);
    }
}
