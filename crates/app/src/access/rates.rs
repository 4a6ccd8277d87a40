//! How many requests a client may send: a bucket of tokens for each, in the memory of this server.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use usher_domain::{ClientId, Timestamp};

/// So many seconds' worth of requests may come at once.
const BURST_SECONDS: f64 = 2.0;

/// What each client has left. There are no more of them than clients that showed a good token.
#[derive(Debug)]
pub(crate) struct Rates {
    /// Requests a second; 0 is no limit.
    per_second: f64,
    buckets: Mutex<HashMap<ClientId, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Rates {
    /// Lets each client send so many requests a second, and twice as many at once; 0 is no limit.
    pub(crate) fn new(per_second: u32) -> Self {
        Rates { per_second: f64::from(per_second), buckets: Mutex::new(HashMap::new()) }
    }

    /// Counts one request, or says how long to wait before the next.
    pub(crate) fn take(&self, client: ClientId, now: Timestamp) -> Result<(), Duration> {
        if self.per_second == 0.0 {
            return Ok(());
        }
        let most = self.per_second * BURST_SECONDS;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(client).or_insert(Bucket { left: most, at: now });
        bucket.left = most.min(bucket.left + now.since(bucket.at).as_secs_f64() * self.per_second);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - bucket.left) / self.per_second))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_client_may_send_a_burst_and_then_so_many_a_second_and_takes_from_nobody_else() {
        let rates = Rates::new(10);
        let (ada, bob) = (ClientId(Uuid::from_u128(1)), ClientId(Uuid::from_u128(2)));
        let now = Timestamp::from_millis(1_800_000_000_000);
        let taken = (0..100).filter(|_| rates.take(ada, now).is_ok()).count();
        assert_eq!(taken, 20);
        assert_eq!(rates.take(ada, now), Err(Duration::from_millis(100)));
        assert_eq!(rates.take(bob, now), Ok(()));
        let later = now.plus(Duration::from_millis(500));
        assert_eq!((0..100).filter(|_| rates.take(ada, later).is_ok()).count(), 5);
        assert!((0..100_000).all(|_| Rates::new(0).take(ada, now).is_ok()));
    }
}
