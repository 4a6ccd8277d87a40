//! How many connections each address has open, so that no one client can take every place.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::access::source::network;

/// The connections that are open, by address. An IPv6 address counts with its whole /64.
#[derive(Debug)]
pub(super) struct Addresses {
    /// The most that one address may have open.
    most: usize,
    /// Addresses without a limit of their own: proxies that bring many clients.
    exempt: Vec<IpAddr>,
    open: Mutex<HashMap<String, usize>>,
}

/// One open connection; it stops counting when dropped.
#[derive(Debug)]
pub(super) struct Counted {
    addresses: Arc<Addresses>,
    /// `None` for an exempt address.
    network: Option<String>,
}

impl Addresses {
    /// Nothing open yet.
    pub(super) fn new(most: usize, exempt: Vec<IpAddr>) -> Arc<Self> {
        Arc::new(Addresses { most, exempt, open: Mutex::default() })
    }

    /// Counts one more connection of this address; `None` if it has reached its limit.
    pub(super) fn count(self: &Arc<Self>, peer: IpAddr) -> Option<Counted> {
        let peer = peer.to_canonical();
        if self.exempt.contains(&peer) {
            return Some(Counted { addresses: Arc::clone(self), network: None });
        }
        let network = network(Some(peer));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Counted { addresses: Arc::clone(self), network: Some(network) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(network) = &self.network else { return };
        let mut open = self.addresses.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(network) {
            *count -= 1;
            if *count == 0 {
                open.remove(network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_own_limit_and_gets_a_place_back_when_a_connection_ends() {
        let addresses = Addresses::new(2, vec![address("192.0.2.9")]);
        let one = addresses.count(address("192.0.2.1")).unwrap();
        let _two = addresses.count(address("::ffff:192.0.2.1")).unwrap();
        assert!(addresses.count(address("192.0.2.1")).is_none());
        let other = addresses.count(address("192.0.2.2"));
        assert!(other.is_some(), "another address");
        drop(one);
        assert!(addresses.count(address("192.0.2.1")).is_some());
        drop(other);
        assert_eq!(addresses.open.lock().unwrap().len(), 1, "addresses without connections are forgotten");
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address_and_a_trusted_proxy_does_not_count() {
        let addresses = Addresses::new(1, vec![address("192.0.2.9")]);
        let _one = addresses.count(address("2001:db8:1:2::1")).unwrap();
        assert!(addresses.count(address("2001:db8:1:2:ffff::7")).is_none());
        assert!(addresses.count(address("2001:db8:1:3::1")).is_some());
        let proxied: Vec<_> = (0..100).map_while(|_| addresses.count(address("192.0.2.9"))).collect();
        assert_eq!(proxied.len(), 100);
    }
}
