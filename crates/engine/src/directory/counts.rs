//! How many users there are, or meet a filter. To count takes a look at an index of all of them, or at the users themselves:
//! too long for every page of a listing. So a count is kept until something is told of the environment: nobody comes, goes or
//! changes without an event.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use usher_domain::{EnvironmentId, directory::filter::Filter, ports::store::StoreResult};

use super::{Directory, DirectoryError};

/// How many counts are kept; filters are many.
const KEPT: usize = 500;

/// Of which environment, by which filter.
type Key = (EnvironmentId, Option<String>);

/// The last event before it was counted, and what was counted.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<HashMap<Key, (u64, u64)>>);

impl Counts {
    fn get(&self, key: &Key, last: u64) -> Option<u64> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|(at, _)| *at == last).map(|(_, count)| *count)
    }

    fn keep(&self, key: Key, last: u64, count: u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, (last, count));
    }
}

impl Directory {
    /// How many users the environment has.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn count_users(&self, environment: EnvironmentId) -> StoreResult<u64> {
        // Before counting: what is told meanwhile makes the next one count again.
        let last = self.store.last_event(environment).await?;
        let key = (environment, None);
        if let Some(count) = self.counts.get(&key, last) {
            return Ok(count);
        }
        let count = self.store.count_users(environment, None).await?;
        self.counts.keep(key, last, count);
        Ok(count)
    }

    /// How many users meet the filter, on whatever page of the listing they are.
    ///
    /// # Errors
    /// When the filter uses an attribute that users of the environment do not have.
    pub async fn count_meeting(
        &self,
        environment: EnvironmentId,
        filter: &Filter,
    ) -> Result<u64, DirectoryError> {
        let last = self.store.last_event(environment).await?;
        let key = (environment, Some(filter.to_string()));
        if let Some(count) = self.counts.get(&key, last) {
            return Ok(count);
        }
        let count = self.matching(environment, Some(filter), 0).await?.count;
        self.counts.keep(key, last, count);
        Ok(count)
    }
}
