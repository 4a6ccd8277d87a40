//! Stored times, checked again after the clock was set back.

use usher_domain::{
    Secret, Timestamp,
    access::{Attempts, SigningKey},
    directory::change::Write,
    ports::{
        store::Record,
        watch::{LogState, Watched},
    },
    reconcile::run::{RunState, Trigger},
    subscription::Subscription,
};
use uuid::Uuid;

use crate::{on_both, sessions, subscriptions, world::*};

/// Two years ahead.
const AHEAD: i64 = 63_072_000_000;

on_both! {
    async fn the_time_that_was_seen_is_kept(world) {
        let store = &world.store;
        assert_eq!(store.see_time(at(5)).await.unwrap(), None);
        assert_eq!(store.see_time(at(9)).await.unwrap(), Some(at(5)));
        assert_eq!(store.see_time(at(1)).await.unwrap(), Some(at(9)));
        assert_eq!(store.see_time(at(2)).await.unwrap(), Some(at(1)));
    }

    async fn nothing_waits_for_a_time_that_a_clock_wrote_that_was_ahead(world) {
        let store = &world.store;
        let now: Timestamp = at(50);
        // What waits: work, watches, deliveries.
        store.make_due(&[due_user(1, AHEAD), due_user(2, 10)]).await.unwrap();
        store.wake(&[RULE], at(AHEAD)).await.unwrap();
        let hook = Subscription { updated_at: at(AHEAD), not_before: Some(at(AHEAD)), ..subscriptions::subscription() };
        world.commit(vec![Write::Subscription(Box::new(hook.clone()))]).await;
        // What happened: keys, failures, sessions, runs.
        let keys = [1, 2].map(|id| SigningKey {
            id: Uuid::from_u128(id), key: Secret::new("canary"), created_at: at(AHEAD + 9 - i64::try_from(id).unwrap()),
        });
        world.commit(keys.iter().cloned().map(Write::SigningKey).collect()).await;
        assert!(store.count_attempt("ada", None, at(AHEAD)).await.unwrap());
        let lease = store.claim("ada", at(10), LEASE).await.unwrap().unwrap();
        let runs = [run(1, Trigger::Change, RunState::Succeeded, 1), run(2, Trigger::Manual, RunState::Succeeded, AHEAD)];
        for run in &runs {
            store.record(&lease, DROPBOX, &[Record::Run(Box::new(run.clone()))]).await.unwrap();
        }

        store.judge_times_again(now).await.unwrap();
        assert_eq!(store.rule_due(RULE).await.unwrap(), Some(at(10)), "what is past stays");
        assert!(store.claim_watch("bob", now, LEASE).await.unwrap().is_some());
        assert_eq!(store.delivery(hook.id).await.unwrap().unwrap().1, now);
        assert_eq!(store.subscription_by_id(hook.id).await.unwrap().unwrap().not_before, None);
        let kept = store.signing_keys().await.unwrap();
        assert!(kept.iter().all(|key| key.created_at == now), "{kept:?}");
        let expected = Attempts { failures: 1, last_at: now };
        assert_eq!(store.attempts("ada").await.unwrap(), Some(expected));
        let kept = store.full_runs(RULE, 9).await.unwrap();
        assert_eq!(kept.iter().map(|run| run.started_at).collect::<Vec<_>>(), [now, at(1)]);
        assert_eq!(kept[0].finished_at, Some(now));
        assert_eq!(kept[1], runs[0], "what is past stays");
    }

    async fn sessions_of_a_clock_that_was_ahead_end_and_the_others_stay(world) {
        let store = &world.store;
        sessions::open(world, "begun ahead", at(AHEAD), at(AHEAD)).await;
        sessions::open(world, "seen ahead", at(1), at(AHEAD)).await;
        store.judge_times_again(at(50)).await.unwrap();
        assert!(store.session("begun ahead").await.unwrap().is_none());
        assert_eq!(store.session("seen ahead").await.unwrap().unwrap().0.seen_at, at(50));
    }

    async fn a_log_that_was_last_read_in_the_future_leaves_nothing_out(world) {
        let store = &world.store;
        store.wake(&[RULE], at(1)).await.unwrap();
        let lease = store.claim_watch("ada", at(1), LEASE).await.unwrap().unwrap();
        let log = LogState { everything_at: Some(at(AHEAD)), ..LogState::default() };
        let looked = Watched { slot: Some(at(AHEAD)), set_back: None, log, due: Vec::new(), again: Some(at(AHEAD)) };
        store.watched(&lease, &looked).await.unwrap();
        store.judge_times_again(at(50)).await.unwrap();
        assert_eq!(store.watch(RULE).await.unwrap().log.everything_at, None);
    }
}
