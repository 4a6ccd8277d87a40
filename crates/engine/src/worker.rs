//! Claims due rules and has them reconciled, or their sources watched: several at a time, a rule never twice at once, and
//! no server leads.
//!
//! A change on this server wakes the worker at once ([`Worker::waker`]); work that other servers made due is found by
//! asking now and then. A change makes its subjects due a moment later, so that a burst of changes becomes one run.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::OptionFuture};
use tokio::{
    sync::Notify,
    task::{JoinError, JoinSet},
    time::{Instant, interval, sleep, timeout, timeout_at},
};
use usher_domain::{
    RuleId,
    ports::{
        job::Lease,
        store::{StoreError, StoreResult},
    },
};

use crate::{
    reconcile::Reconciler,
    stop::{Slot, Slots, Stop, Waits},
};

/// How often to see to what comes round by itself.
const UPKEEP: Duration = Duration::from_secs(600);
/// How many runs a server works on at once, waiting ones included; and how many looks at sources.
pub const AT_WORK: usize = 256;
/// How many runs compute at once, unless it is set otherwise.
pub const RULES_AT_ONCE: usize = 16;
/// How long runs may take to end when the worker is stopped: calls in progress, and recording their results. What is
/// aborted then is planned again by the next holder of the lease.
pub const LAST_RUNS: Duration = Duration::from_secs(7);

/// How long a lease holds unless it is renewed.
pub const LEASE: Duration = Duration::from_secs(15);

/// How a worker works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who it is: unique among the servers, and another one after each start.
    pub owner: String,
    /// How many runs may compute at once. One that waits for a remote side does not count.
    pub rules_at_once: usize,
    /// How long a lease holds unless it is renewed, which happens at a third of it; with several servers, a dead one's work
    /// is taken over after that.
    pub lease: Duration,
    /// How often to ask for work that other servers made due.
    pub poll: Duration,
}

impl Settings {
    /// The defaults, for a worker of that name.
    pub fn new(owner: impl Into<String>) -> Self {
        Settings {
            owner: owner.into(),
            rules_at_once: RULES_AT_ONCE,
            lease: LEASE,
            poll: Duration::from_secs(1),
        }
    }
}

/// Works until it is stopped.
#[derive(Clone, Debug)]
pub struct Worker {
    reconciler: Reconciler,
    settings: Settings,
    slots: Slots,
    wake: Arc<Notify>,
    stop: Stop,
}

impl Worker {
    /// A worker that has not begun.
    pub fn new(reconciler: Reconciler, settings: Settings) -> Self {
        let slots = Slots::new(settings.rules_at_once);
        Worker { reconciler, settings, slots, wake: Arc::new(Notify::new()), stop: Stop::default() }
    }

    /// The same, stopped by this.
    #[must_use]
    pub fn stopped_by(self, stop: Stop) -> Self {
        Worker { stop, ..self }
    }

    /// What to notify after each commit that made something due.
    pub fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Stops gently: nothing more is claimed, runs finish the call in hand and settle, [`Worker::run`] returns.
    pub fn stop(&self) {
        self.stop.set();
        self.wake.notify_one();
    }

    /// Works until [`Worker::stop`]. Trouble with the store is logged, and tried again.
    pub async fn run(&self) {
        let mut runs: JoinSet<(RuleId, StoreResult<()>)> = JoinSet::new();
        let mut looks: JoinSet<(RuleId, StoreResult<()>)> = JoinSet::new();
        let mut tended = interval(UPKEEP);
        // The next claim's place in the queue for slots, when none was free, and the slot that it got.
        let (mut queued, mut slot) = (None, None);
        while !self.stop.is_set() {
            self.watch_all(&mut looks).await;
            let (idle, starved) = self.claim_all(&mut runs, slot.take()).await;
            if starved && queued.is_none() {
                queued = Some(Box::pin(self.slots.clone().take()));
            }
            tokio::select! {
                Some(ended) = runs.join_next(), if !runs.is_empty() => log_failure(ended),
                Some(ended) = looks.join_next(), if !looks.is_empty() => log_failure(ended),
                () = self.wake.notified() => {}
                () = self.stop.asked() => {}
                Some(got) = OptionFuture::from(queued.as_mut()) => (queued, slot) = (None, Some(got)),
                _ = tended.tick() => self.tend().await,
                () = sleep(idle) => {}
            }
        }
        let last = async {
            while let Some(ended) = runs.join_next().await {
                log_failure(ended);
            }
            while looks.join_next().await.is_some() {}
        };
        if timeout(LAST_RUNS, last).await.is_err() {
            tracing::warn!(
                runs = runs.len(),
                "aborting runs that did not end within {} s",
                LAST_RUNS.as_secs()
            );
        }
    }

    async fn tend(&self) {
        if let Err(error) = self.reconciler.tend().await {
            tracing::warn!(%error, "cannot see to what comes round by itself yet");
        }
    }

    /// Claims as many rules as there is room for, the first with that slot. Gives how long to wait before asking again, and
    /// whether there was no slot.
    async fn claim_all(
        &self,
        runs: &mut JoinSet<(RuleId, StoreResult<()>)>,
        mut slot: Option<Slot>,
    ) -> (Duration, bool) {
        while runs.len() < AT_WORK {
            let Some(slot) = slot.take().or_else(|| self.slots.try_take()) else {
                return (self.settings.poll, true);
            };
            match self.claim().await {
                Ok(Some(lease)) => {
                    let worker = self.clone();
                    runs.spawn(async move { (lease.rule, worker.work(&lease, slot).await) });
                }
                Ok(None) => return (self.until_next_due().await, false),
                Err(error) => {
                    tracing::warn!(%error, "cannot ask for due work");
                    return (self.settings.poll, false);
                }
            }
        }
        // Full: only a run that ends makes room.
        (self.settings.poll, false)
    }

    /// Has as many sources watched as there is room for.
    async fn watch_all(&self, looks: &mut JoinSet<(RuleId, StoreResult<()>)>) {
        while looks.len() < AT_WORK {
            match self.claim_watch().await {
                Ok(Some(lease)) => {
                    let worker = self.clone();
                    looks.spawn(async move { (lease.rule, worker.look(&lease).await) });
                }
                Ok(None) => return,
                Err(error) => return tracing::warn!(%error, "cannot ask for sources to watch"),
            }
        }
    }

    async fn claim_watch(&self) -> StoreResult<Option<Lease>> {
        let now = self.reconciler.clock.now();
        self.reconciler.store.claim_watch(&self.settings.owner, now, self.settings.lease).await
    }

    /// Looks at one source, if one is to be watched; tells whose. For tests.
    ///
    /// # Errors
    /// What the store says.
    pub async fn look_once(&self) -> StoreResult<Option<RuleId>> {
        let Some(lease) = self.claim_watch().await? else { return Ok(None) };
        self.look(&lease).await?;
        Ok(Some(lease.rule))
    }

    async fn look(&self, lease: &Lease) -> StoreResult<()> {
        let look = async {
            tokio::select! {
                looked = self.reconciler.look(lease) => looked,
                // It changes nothing in the remote system: the next holder looks again.
                () = self.stop.asked() => self.give_back(lease, Duration::ZERO).await,
            }
        };
        self.under(lease, look).await
    }

    async fn claim(&self) -> StoreResult<Option<Lease>> {
        let now = self.reconciler.clock.now();
        self.reconciler.store.claim(&self.settings.owner, now, self.settings.lease).await
    }

    async fn until_next_due(&self) -> Duration {
        match self.reconciler.store.next_due().await {
            Ok(Some(at)) => {
                at.since(self.reconciler.clock.now()).clamp(Duration::from_millis(5), self.settings.poll)
            }
            _ => self.settings.poll,
        }
    }

    /// Claims and works one rule, if one is due; tells which. For tests and one-off commands.
    ///
    /// # Errors
    /// What the store says.
    pub async fn work_once(&self) -> StoreResult<Option<RuleId>> {
        let Some(slot) = self.slots.try_take() else { return Ok(None) };
        let Some(lease) = self.claim().await? else { return Ok(None) };
        self.work(&lease, slot).await?;
        Ok(Some(lease.rule))
    }

    /// One claimed rule.
    async fn work(&self, lease: &Lease, slot: Slot) -> StoreResult<()> {
        let waits = Waits { stop: self.stop.clone(), slot: Some(Arc::new(slot)) };
        self.under(lease, self.reconciler.run_with(lease, &waits)).await
    }

    /// Work under a lease, which is renewed all the while. If it was lost, the work is dropped where it stands; if the work
    /// breaks off, the lease is given back.
    async fn under(&self, lease: &Lease, work: impl Future<Output = StoreResult<()>>) -> StoreResult<()> {
        let ended = tokio::select! {
            done = AssertUnwindSafe(work).catch_unwind() => done,
            lost = self.keep(lease) => Ok(Err(lost)),
        };
        let retry = &self.reconciler.retry;
        match ended {
            Ok(ended @ (Ok(()) | Err(StoreError::Fenced(_)))) => ended,
            Ok(Err(error)) => {
                // When a person must look, the rule rests meanwhile, and the others go on.
                let corrupt = matches!(error, StoreError::Corrupt(_));
                self.give_back(lease, if corrupt { retry.asleep } else { retry.busy }).await?;
                Err(error)
            }
            Err(_) => {
                tracing::error!(rule = %lease.rule, "a run panicked, which is a fault of Usher; it is planned again");
                self.give_back(lease, retry.broken_answer).await
            }
        }
    }

    /// Renews the lease; ends only when it was lost, or could not be renewed for its length by this machine's steady clock.
    async fn keep(&self, lease: &Lease) -> StoreError {
        let length = self.settings.lease;
        let mut until = Instant::now() + length;
        loop {
            sleep(length / 3).await;
            let asked = Instant::now();
            match timeout_at(until, self.reconciler.store.renew(lease, length)).await {
                Ok(Ok(())) => until = asked + length,
                Ok(Err(error @ StoreError::Fenced(_))) => return error,
                Ok(Err(error)) if Instant::now() >= until => return error,
                Ok(Err(error)) => tracing::warn!(rule = %lease.rule, %error, "cannot renew a lease yet"),
                Err(_) => return StoreError::Unavailable("a lease could not be renewed in time".into()),
            }
        }
    }

    /// Gives back the lease of work that broke off, as soon as the database can be written. The rule is due again after
    /// the wait.
    async fn give_back(&self, lease: &Lease, wait: Duration) -> StoreResult<()> {
        loop {
            let again = self.reconciler.clock.now().plus(wait);
            match self.reconciler.store.give_back(lease, again).await {
                Err(error @ StoreError::Unavailable(_)) if !self.stop.is_set() => {
                    tracing::warn!(rule = %lease.rule, %error, "cannot give back a lease yet");
                    sleep(self.settings.poll).await;
                }
                ended => return ended,
            }
        }
    }
}

fn log_failure(ended: Result<(RuleId, StoreResult<()>), JoinError>) {
    match ended {
        Ok((_, Ok(()))) => {}
        Ok((rule, Err(StoreError::Fenced(_)))) => {
            tracing::info!(%rule, "another server has taken this rule over");
        }
        Ok((rule, Err(error))) => {
            tracing::error!(%rule, %error, "a run could not be recorded; it is planned again in a moment");
        }
        Err(error) => tracing::error!(%error, "a run broke off; it is planned again when its lease is over"),
    }
}
