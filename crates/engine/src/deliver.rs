//! Delivers audit events to webhooks: each subscription's in order and at least once, several subscriptions at a time,
//! one never twice at once, and no server leads.
//!
//! Each attempt is made under a claim that outlasts it, and what was accepted is written down before the next: so two
//! servers never deliver the same subscription side by side. A receiver that is slow or dead keeps its own subscription
//! waiting and nobody else's: an attempt ends in time, and after a failure the subscription rests.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    task::{JoinError, JoinSet},
    time::{Instant, sleep, timeout, timeout_at},
};
use usher_domain::{
    Clock, SubscriptionId,
    ports::{
        meter::{Meter, Unmetered},
        receiver::{Attempt, Receiver, Refused},
        store::{Claim, Store, StoreError, StoreResult},
    },
    subscription::{Batch, Delivery, MAX_BATCH, Subscription},
};

use crate::{
    stop::Stop,
    worker::{LAST_RUNS, LEASE},
};

/// How long an attempt may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How many subscriptions are delivered at once, unless it is set otherwise.
pub const AT_ONCE: usize = 128;
/// How many batches go out before others that wait have their turn.
const BATCHES: usize = 8;
/// How long events are gathered after a delivery before the next is made.
const GATHER: Duration = Duration::from_millis(100);

/// How deliveries are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who makes them: unique among the servers, and another one after each start.
    pub owner: String,
    /// So many subscriptions are delivered at once.
    pub at_once: usize,
    /// How long a claim holds unless it is renewed; with several servers, a dead one's subscriptions wait that long.
    pub lease: Duration,
    /// How often to ask for events that came otherwise than through this server's API.
    pub poll: Duration,
    /// What links in events begin with, such as `https://usher.example.com/v1`.
    pub v1: String,
}

impl Settings {
    /// The defaults, for a server of that name.
    pub fn new(owner: impl Into<String>, v1: impl Into<String>) -> Self {
        Settings {
            owner: owner.into(),
            at_once: AT_ONCE,
            lease: LEASE,
            poll: Duration::from_millis(500),
            v1: v1.into(),
        }
    }
}

/// Delivers until it is stopped.
#[derive(Clone)]
pub struct Deliverer {
    store: Arc<dyn Store>,
    receiver: Arc<dyn Receiver>,
    clock: Arc<dyn Clock>,
    meter: Arc<dyn Meter>,
    settings: Settings,
    wake: Arc<Notify>,
    stop: Stop,
}

impl fmt::Debug for Deliverer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliverer").field("settings", &self.settings).finish_non_exhaustive()
    }
}

type Ended = (SubscriptionId, StoreResult<()>);

impl Deliverer {
    /// One that has not begun.
    pub fn new(
        store: Arc<dyn Store>,
        receiver: Arc<dyn Receiver>,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> Self {
        Deliverer {
            store,
            receiver,
            clock,
            meter: Arc::new(Unmetered),
            settings,
            wake: Arc::new(Notify::new()),
            stop: Stop::default(),
        }
    }

    /// The same, its deliveries counted.
    #[must_use]
    pub fn metered(self, meter: Arc<dyn Meter>) -> Self {
        Deliverer { meter, ..self }
    }

    /// The same, stopped by this.
    #[must_use]
    pub fn stopped_by(self, stop: Stop) -> Self {
        Deliverer { stop, ..self }
    }

    /// What to notify after each commit.
    pub fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Stops gently: nothing more is claimed, the attempts in hand end, [`Deliverer::run`] returns.
    pub fn stop(&self) {
        self.stop.set();
        self.wake.notify_one();
    }

    /// Delivers until [`Deliverer::stop`]. Trouble with the store is logged, and tried again.
    pub async fn run(&self) {
        let mut at_work: JoinSet<Ended> = JoinSet::new();
        while !self.stop.is_set() {
            if let Err(error) = self.claim_all(&mut at_work).await {
                tracing::warn!(%error, "cannot ask for due deliveries");
            }
            tokio::select! {
                Some(ended) = at_work.join_next(), if !at_work.is_empty() => told(ended),
                () = self.wake.notified() => {}
                () = self.stop.asked() => {}
                () = sleep(self.settings.poll) => {}
            }
        }
        let last = async {
            while let Some(ended) = at_work.join_next().await {
                told(ended);
            }
        };
        // What is still at work is dropped with the set, and repeated when its claim is over.
        _ = timeout(LAST_RUNS, last).await;
    }

    /// Claims as many subscriptions as there is room for.
    async fn claim_all(&self, at_work: &mut JoinSet<Ended>) -> StoreResult<()> {
        let room = self.settings.at_once.saturating_sub(at_work.len());
        if room == 0 {
            return Ok(());
        }
        let now = self.clock.now();
        for id in self.store.deliveries_due(now, u32::try_from(room).unwrap_or(u32::MAX)).await? {
            let Settings { owner, lease, .. } = &self.settings;
            if let Some(claim) = self.store.claim_delivery(id, owner, now, *lease).await? {
                let deliverer = self.clone();
                at_work.spawn(async move { (claim.subscription, deliverer.deliver(&claim).await) });
            }
        }
        Ok(())
    }

    /// Delivers what one claimed subscription has not seen, and gives it back.
    async fn deliver(&self, claim: &Claim) -> StoreResult<()> {
        let Some(subscription) = self.store.subscription_by_id(claim.subscription).await? else {
            return Ok(());
        };
        let Some((mut delivery, _)) = self.store.delivery(claim.subscription).await? else { return Ok(()) };
        for _ in 0..BATCHES {
            let Some(batch) = self.next_batch(&subscription, &delivery).await? else { break };
            if batch.dropped > 0 {
                tracing::warn!(
                    subscription = %subscription.id, name = subscription.name, events = batch.dropped,
                    "events were given up: they were more than two weeks old when the subscription was enabled again"
                );
                delivery.dropped += batch.dropped;
                self.meter.dropped(batch.dropped);
            }
            if !batch.events.is_empty() {
                // The claim must outlast the attempt, or another server could begin beside it.
                if self.stop.is_set() || !self.store.renew_delivery(claim, self.settings.lease).await? {
                    break;
                }
                let attempt = self.attempt(&subscription, &delivery, &batch);
                let attempted = tokio::select! {
                    biased;
                    attempted = attempt => attempted,
                    // Whether it was accepted is not known, so it is made again.
                    () = self.stop.over() => break,
                    () = self.keep(claim) => return Ok(()),
                };
                if let Err(refused) = attempted {
                    return self.rest(claim, &subscription, delivery, refused).await;
                }
                delivery.delivered += batch.events.len() as u64;
                (delivery.delivered_at, delivery.failures) = (Some(self.clock.now()), 0);
            }
            delivery.position = batch.upto;
            if !self.store.record_delivery(claim, &delivery, None).await? {
                return Ok(());
            }
        }
        let again = self.clock.now().plus(GATHER);
        self.store.record_delivery(claim, &delivery, Some(again)).await?;
        Ok(())
    }

    /// Renews the claim while an attempt is under way; ends when it was lost, or could not be renewed for its length.
    async fn keep(&self, claim: &Claim) {
        let length = self.settings.lease;
        let mut until = Instant::now() + length;
        loop {
            sleep(length / 3).await;
            let asked = Instant::now();
            match timeout_at(until, self.store.renew_delivery(claim, length)).await {
                Ok(Ok(true)) => until = asked + length,
                Ok(Err(_)) if Instant::now() < until => {}
                _ => return,
            }
        }
    }

    /// The next events; `None` when there are none.
    async fn next_batch(
        &self,
        subscription: &Subscription,
        delivery: &Delivery,
    ) -> StoreResult<Option<Batch>> {
        let events = self.store.events_after(subscription.environment, delivery.position, MAX_BATCH).await?;
        let batch = subscription.batch(delivery.position, &events, &self.settings.v1);
        Ok((!events.is_empty()).then_some(batch))
    }

    async fn attempt(
        &self,
        subscription: &Subscription,
        delivery: &Delivery,
        batch: &Batch,
    ) -> Result<(), Refused> {
        let message_id = subscription.message_id(delivery.position, batch.upto);
        let body = serde_json::Value::Array(batch.events.clone()).to_string();
        let attempt =
            Attempt { message_id: &message_id, at: self.clock.now(), body: &body, patience: PATIENCE };
        let posted = timeout(PATIENCE, self.receiver.post(subscription, attempt)).await;
        let outcome = match &posted {
            Ok(Ok(())) => "accepted",
            Ok(Err(_)) => "refused",
            Err(_) => "timeout",
        };
        tracing::debug!(subscription = %subscription.id, message_id, events = batch.events.len(), outcome, "delivery");
        self.meter.delivery(batch.events.len() as u64, matches!(posted, Ok(Ok(()))));
        posted.unwrap_or_else(|_| {
            Err(Refused {
                problem: usher_domain::Problem::new(
                    "WEBHOOK_REFUSED",
                    format!(
                        "The webhook of {} did not answer within {} s.",
                        subscription.name,
                        PATIENCE.as_secs()
                    ),
                    "See whether the receiver runs and can be reached from here; it is tried again.",
                ),
                retry_after: None,
            })
        })
    }

    /// After a failure: written down, and not tried again for a while.
    async fn rest(
        &self,
        claim: &Claim,
        subscription: &Subscription,
        mut delivery: Delivery,
        refused: Refused,
    ) -> StoreResult<()> {
        delivery.failures = delivery.failures.saturating_add(1);
        let wait = delivery.wait(subscription.id, refused.retry_after);
        tracing::warn!(
            subscription = %subscription.id, failures = delivery.failures, again_in_s = wait.as_secs(),
            problem = %refused.problem, "a delivery was not accepted"
        );
        let now = self.clock.now();
        (delivery.failed_at, delivery.problem) = (Some(now), Some(refused.problem));
        self.store.record_delivery(claim, &delivery, Some(now.plus(wait))).await?;
        Ok(())
    }
}

fn told(ended: Result<Ended, JoinError>) {
    match ended {
        Ok((_, Ok(()))) => {}
        Ok((subscription, Err(error @ StoreError::Corrupt(_)))) => {
            tracing::error!(%subscription, %error, "a subscription cannot be read");
        }
        Ok((subscription, Err(error))) => {
            tracing::warn!(%subscription, %error, "a delivery could not be recorded; it is repeated when its claim is over");
        }
        Err(error) => tracing::error!(%error, "a delivery broke off; it is repeated when its claim is over"),
    }
}
