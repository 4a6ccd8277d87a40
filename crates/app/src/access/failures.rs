//! Failures at the token endpoint, in the memory of this server: a client's door stays shut for a while for whoever failed
//! too often there, and for an address that tried many clients.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use usher_domain::{
    Timestamp,
    access::{
        Attempts,
        lockout::{REMEMBERED, shut_for},
    },
};

use super::source::network;

/// Failures with one client from one address that cost nothing.
pub(crate) const PER_CLIENT: u32 = 10;
/// Clients that one address may fail with before it has to wait.
pub(crate) const CLIENTS_PER_ADDRESS: u32 = 20;
/// How many keys are remembered.
pub(crate) const MOST_KEYS: usize = 20_000;

/// Who failed how often. Successes are never counted in advance: a fleet of servers asks for tokens at the same moment.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    failed: HashMap<String, Attempts>,
    /// When clients last showed their secret, by client and address: what others fail with from there is not theirs.
    good: HashMap<String, Timestamp>,
}

impl Failures {
    /// How much longer that address has to wait before it may try that client.
    pub(crate) fn shut(&self, client: &str, from: Option<IpAddr>, now: Timestamp) -> Option<Duration> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [pair, address] = keys(client, from);
        let shut = |key: &str, free| shut_for(free, kept.failed.get(key).copied(), now);
        let by_others = match kept.good.contains_key(&pair) {
            true => None,
            false => shut(&address, CLIENTS_PER_ADDRESS),
        };
        shut(&pair, PER_CLIENT).max(by_others)
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, client: &str, from: Option<IpAddr>, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut kept.failed, |attempts| attempts.last_at, now);
        let [pair, address] = keys(client, from);
        let mut count = |key: String| {
            let attempts = kept.failed.entry(key).or_insert(Attempts { failures: 0, last_at: now });
            if now.since(attempts.last_at) > REMEMBERED {
                attempts.failures = 0;
            }
            attempts.failures = attempts.failures.saturating_add(1);
            attempts.last_at = now;
            attempts.failures
        };
        // An address is counted once for each client: one service with an old secret shuts out no other behind the same
        // address, while whoever tries many clients is stopped.
        if count(pair) == 1 {
            count(address);
        }
    }

    /// Forgets an address's failures with a client that it has now shown the secret of.
    pub(crate) fn succeeded(&self, client: &str, from: Option<IpAddr>, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [pair, _] = keys(client, from);
        kept.failed.remove(&pair);
        make_room(&mut kept.good, |at| *at, now);
        kept.good.insert(pair, now);
    }
}

/// Forgets what is older than a quarter of an hour when there is much of it, and all of it when that does not help.
fn make_room<T>(kept: &mut HashMap<String, T>, last: impl Fn(&T) -> Timestamp, now: Timestamp) {
    if kept.len() >= MOST_KEYS {
        kept.retain(|_, it| now.since(last(it)) < REMEMBERED / 96);
        if kept.len() >= MOST_KEYS {
            kept.clear();
        }
    }
}

fn keys(client: &str, from: Option<IpAddr>) -> [String; 2] {
    let address = network(from);
    // Ids are short; what is not is no id, and not worth remembering whole.
    let client: String = client.chars().take(64).collect();
    [format!("{client} {address}"), address]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn whoever_fails_too_often_waits_and_nobody_else() {
        let failures = Failures::default();
        for _ in 0..9 {
            failures.failed("a", address(1), NOW);
        }
        assert_eq!(failures.shut("a", address(1), NOW), None);
        failures.failed("a", address(1), NOW);
        assert_eq!(failures.shut("a", address(1), NOW), Some(Duration::from_secs(5)));
        assert_eq!(failures.shut("a", address(2), NOW), None, "the client itself, elsewhere");
        assert_eq!(failures.shut("b", address(1), NOW), None, "another client at that address");
        assert_eq!(failures.shut("a", address(1), NOW.plus(Duration::from_secs(5))), None);
        failures.succeeded("a", address(1), NOW);
        assert_eq!(failures.shut("a", address(1), NOW), None);
    }

    #[test]
    fn an_address_that_tries_many_clients_waits_with_all_of_them() {
        let failures = Failures::default();
        for client in 0..20 {
            failures.failed(&client.to_string(), address(1), NOW);
        }
        assert!(failures.shut("another", address(1), NOW).is_some());
        assert_eq!(failures.shut("another", address(2), NOW), None);
    }

    #[test]
    fn a_client_that_authenticated_from_an_address_is_not_locked_out_by_guesses_from_there() {
        let failures = Failures::default();
        failures.succeeded("ours", address(1), NOW);
        for client in 0..50 {
            failures.failed(&client.to_string(), address(1), NOW);
        }
        assert_eq!(failures.shut("ours", address(1), NOW), None);
        assert!(failures.shut("another", address(1), NOW).is_some());
        for _ in 0..10 {
            failures.failed("ours", address(1), NOW);
        }
        assert!(failures.shut("ours", address(1), NOW).is_some(), "guesses at the client itself");
    }
}
