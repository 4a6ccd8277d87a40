//! How work ends with the process, and how it gives its slot back while it waits for the remote side.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::sleep,
};
use usher_domain::{Problem, ports::connector::ConnectorError};

/// How long calls in progress may take once the process is to stop. The next plan finds out what slower ones did.
pub const LAST_CALLS: Duration = Duration::from_secs(5);

/// Asks work to stop: calls in progress are finished if that is soon, their results are recorded, and the rest stays due.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Stop(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Asks.
    pub fn set(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was asked.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Becomes true when it is asked, for the code that makes the calls.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    /// Returns when it was asked.
    pub async fn asked(&self) {
        // There is a sender for as long as there is a `self`.
        let _ = self.watch().wait_for(|asked| *asked).await;
    }

    /// Returns [`LAST_CALLS`] after it was asked.
    pub async fn over(&self) {
        self.asked().await;
        sleep(LAST_CALLS).await;
    }
}

/// How many runs may compute at once.
#[derive(Clone, Debug)]
pub(crate) struct Slots(Arc<Semaphore>);

impl Slots {
    pub(crate) fn new(slots: usize) -> Self {
        Slots(Arc::new(Semaphore::new(slots.max(1))))
    }

    /// A slot, if one is free.
    pub(crate) fn try_take(&self) -> Option<Slot> {
        let permit = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(Slot { slots: Arc::clone(&self.0), permit: Mutex::new(Some(permit)) })
    }

    /// Queues for a slot.
    pub(crate) async fn take(self) -> Slot {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.0).acquire_owned().await.ok();
        Slot { slots: self.0, permit: Mutex::new(permit) }
    }
}

/// The slot of a run.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Semaphore>,
    permit: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Slot {
    /// Gives the slot back while it waits, and queues for one afterwards.
    async fn without<T>(&self, wait: impl Future<Output = T>) -> T {
        drop(self.hold(None));
        let it = wait.await;
        self.hold(Arc::clone(&self.slots).acquire_owned().await.ok());
        it
    }

    fn hold(&self, permit: Option<OwnedSemaphorePermit>) -> Option<OwnedSemaphorePermit> {
        std::mem::replace(&mut *self.permit.lock().unwrap_or_else(PoisonError::into_inner), permit)
    }
}

/// How a run waits for the remote side: without its slot, and not beyond the end of the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waits {
    pub(crate) stop: Stop,
    /// None for what does not count: previews and explanations.
    pub(crate) slot: Option<Arc<Slot>>,
}

impl Waits {
    /// Waits for something that changes nothing; given up as soon as the process is to stop.
    pub(crate) async fn read<T>(
        &self,
        read: impl Future<Output = Result<T, ConnectorError>>,
    ) -> Result<T, ConnectorError> {
        self.without_slot(async {
            tokio::select! {
                biased;
                () = self.stop.asked() => {
                    Err(ConnectorError::Busy { after: Duration::ZERO, problem: stopped() })
                }
                read = read => read,
            }
        })
        .await
    }

    /// Waits for something, without the slot.
    pub(crate) async fn without_slot<T>(&self, wait: impl Future<Output = T>) -> T {
        match &self.slot {
            Some(slot) => slot.without(wait).await,
            None => wait.await,
        }
    }
}

/// Why something was not done.
pub(crate) fn stopped() -> Problem {
    Problem::new(
        "STOPPED",
        "The server was stopped before it got to this.",
        "Nothing to do: it is planned again.",
    )
}
