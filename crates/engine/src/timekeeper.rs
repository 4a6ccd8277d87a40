//! Notices when the clock is set: the time of day moved against this machine's steady clock, or is earlier than what an
//! earlier process saw. A jump is logged and counted once. When the clock went back, all stored times are checked again, so
//! that nothing waits for a time that was never true.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use usher_domain::{
    CLOCK_SLACK, Clock, Timestamp,
    ports::{
        meter::Meter,
        store::{Store, StoreResult},
    },
};

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// How often the time is kept, for the process that comes after this one.
const KEEP: Duration = Duration::from_secs(60);

/// Looks at the clock.
pub struct Timekeeper {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    meter: Arc<dyn Meter>,
    wake: Vec<Arc<Notify>>,
    /// What time it was at the last look.
    last: Timestamp,
    /// When it was last kept, by the steady clock since then.
    kept: Duration,
    /// The clock went back, and the stored times are still to be checked again.
    went_back: bool,
}

impl fmt::Debug for Timekeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timekeeper").field("last", &self.last).finish_non_exhaustive()
    }
}

impl Timekeeper {
    /// Begins, by comparing the clock with what a process before this one saw. Those in `wake` are notified when stored
    /// times were checked again.
    ///
    /// # Errors
    /// What the store says.
    pub async fn begin(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        meter: Arc<dyn Meter>,
        wake: Vec<Arc<Notify>>,
    ) -> StoreResult<Timekeeper> {
        let now = clock.now();
        let seen = store.see_time(now).await?;
        let mut keeper =
            Timekeeper { store, clock, meter, wake, last: now, kept: Duration::ZERO, went_back: false };
        if let Some(seen) = seen.filter(|seen| seen.is_of_a_clock_ahead(now)) {
            tracing::warn!(
                %now, %seen,
                "the clock is behind the time at which Usher last ran: it was ahead then, or is wrong now. Times that were \
                 stored with a later time are checked again"
            );
            keeper.meter.clock_moved(false);
            keeper.went_back = true;
            keeper.judge_again().await?;
        }
        Ok(keeper)
    }

    /// Looks for as long as it is polled. Trouble with the store is logged, and tried again.
    pub async fn run(&mut self) {
        loop {
            let before = Instant::now();
            sleep(LOOK).await;
            if let Err(error) = self.look(before.elapsed()).await {
                tracing::warn!(%error, "cannot keep the time yet");
            }
        }
    }

    /// One look, when so much time has passed since the last one by the steady clock.
    ///
    /// # Errors
    /// What the store says; the next look checks the stored times again.
    pub async fn look(&mut self, passed: Duration) -> StoreResult<()> {
        let (expected, now) = (self.last.plus(passed), self.clock.now());
        self.last = now;
        self.kept += passed;
        let (back, ahead) = (expected.since(now), now.since(expected));
        if back > CLOCK_SLACK {
            tracing::warn!(%now, seconds = back.as_secs(), "the clock was set back; stored times are checked again");
            self.meter.clock_moved(false);
            self.went_back = true;
        } else if ahead > CLOCK_SLACK {
            tracing::warn!(%now, seconds = ahead.as_secs(), "the clock was set ahead, or this machine slept");
            self.meter.clock_moved(true);
        }
        self.judge_again().await?;
        if self.kept >= KEEP {
            self.store.see_time(now).await?;
            self.kept = Duration::ZERO;
        }
        Ok(())
    }

    async fn judge_again(&mut self) -> StoreResult<()> {
        if self.went_back {
            let now = self.clock.now();
            self.store.judge_times_again(now).await?;
            self.store.see_time(now).await?;
            self.went_back = false;
            self.wake.iter().for_each(|wake| wake.notify_one());
        }
        Ok(())
    }
}
