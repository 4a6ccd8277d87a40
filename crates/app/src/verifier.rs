//! Checks of the audit that somebody asked the server for: one at a time for each environment, beside everything else;
//! what was found out is kept. `usher audit verify` is for whoever does not believe the server.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use usher_domain::{
    Clock, EnvironmentId,
    directory::audit::verify::LastCheck,
    ports::store::{Store, StoreError, StoreResult},
};

/// Where a check stands that is not kept yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Going {
    /// So many events were checked, of so many.
    Checking(u64, u64),
    /// It could not be found out.
    Failed(String),
}

#[derive(Debug, Default)]
struct Progress {
    done: AtomicU64,
    all: AtomicU64,
    failed: Mutex<Option<String>>,
}

/// The checks of this process.
#[derive(Clone)]
pub(crate) struct Verifier {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    going: Arc<Mutex<HashMap<EnvironmentId, Arc<Progress>>>>,
}

impl Verifier {
    /// With nothing to check.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Verifier { store, clock, going: Arc::default() }
    }

    /// Begins to check an environment's chain, unless that is being done.
    pub(crate) fn start(&self, environment: EnvironmentId, by: String) {
        let progress = Arc::new(Progress::default());
        {
            let mut going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
            let known = going.get(&environment);
            if known.is_some_and(|known| matches!(known.stands(), Going::Checking(..))) {
                return;
            }
            going.insert(environment, Arc::clone(&progress));
        }
        let verifier = self.clone();
        tokio::spawn(async move {
            let (checker, told) = (verifier.clone(), Arc::clone(&progress));
            // In a task of its own, so that a panic is a failure like others and not a check without end.
            let checked = tokio::spawn(async move { checker.check(environment, by, &told).await }).await;
            match checked.map_err(|error| StoreError::Unavailable(error.to_string())).flatten() {
                Ok(()) => {
                    let mut going = verifier.going.lock().unwrap_or_else(PoisonError::into_inner);
                    going.remove(&environment);
                }
                Err(error) => {
                    tracing::warn!(%error, %environment, "the audit could not be checked");
                    let mut failed = progress.failed.lock().unwrap_or_else(PoisonError::into_inner);
                    *failed = Some(error.to_string());
                }
            }
        });
    }

    async fn check(&self, environment: EnvironmentId, by: String, progress: &Progress) -> StoreResult<()> {
        let told = |done, all| {
            progress.all.store(all, Ordering::Relaxed);
            progress.done.store(done, Ordering::Relaxed);
        };
        let checked = self.store.check_chain(environment, &told).await?;
        if let Some(what) = &checked.tampering {
            tracing::error!(%environment, %what, "the audit was tampered with");
        }
        self.store.keep_check(environment, &LastCheck::of(&checked, by, self.clock.now())).await
    }

    /// Where the check stands that goes on, or how it failed; `None` when what was found out is kept.
    pub(crate) fn going(&self, environment: EnvironmentId) -> Option<Going> {
        let going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        going.get(&environment).map(|progress| progress.stands())
    }
}

impl Progress {
    fn stands(&self) -> Going {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match failed.as_ref() {
            Some(why) => Going::Failed(why.clone()),
            None => Going::Checking(self.done.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed)),
        }
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("going", &self.going).finish_non_exhaustive()
    }
}
