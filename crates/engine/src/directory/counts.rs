//! How many users there are. The database counts by reading an index of all of them, too long for every page of a
//! listing; so a count is kept until something is told of the environment: nobody comes or goes without an event.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use usher_domain::{EnvironmentId, ports::store::StoreResult};

use super::Directory;

/// The last event before it was counted, and what was counted.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<HashMap<EnvironmentId, (u64, u64)>>);

impl Directory {
    /// How many users the environment has.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn count_users(&self, environment: EnvironmentId) -> StoreResult<u64> {
        // Before counting: what is told meanwhile makes the next one count again.
        let last = self.store.last_event(environment).await?;
        {
            let kept = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, count)) = kept.get(&environment)
                && *at == last
            {
                return Ok(*count);
            }
        }
        let count = self.store.count_users(environment, None).await?;
        let mut kept = self.counts.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(environment, (last, count));
        Ok(count)
    }
}
