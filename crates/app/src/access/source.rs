//! From where a request comes, for lock-outs: the peer, or whom a proxy that we trust names.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap},
};

/// The address that a request comes from. `X-Forwarded-For` counts only when the peer is one of the `trusted` proxies, and
/// of it only the last entry, which is that proxy's own.
pub(crate) fn source(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpAddr]) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let peer = peer.ip().to_canonical();
    if !trusted.contains(&peer) {
        return Some(peer);
    }
    let last = headers.get_all("x-forwarded-for").iter().next_back();
    let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse::<IpAddr>().ok());
    Some(last.map_or(peer, |address| address.to_canonical()))
}

/// What stands for an address in a lock-out: whoever has one address of IPv6 has its whole network.
pub(crate) fn network(address: Option<IpAddr>) -> String {
    match address {
        None => "unknown".into(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let mask = Ipv6Addr::from_bits(u128::MAX << 64);
            format!("{}/64", address & mask)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&str]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted = ["127.0.0.1".parse().unwrap()];
        network(source(&extensions, &headers, &trusted))
    }

    #[test]
    fn only_a_trusted_proxy_says_where_a_request_comes_from_and_only_its_own_word_counts() {
        assert_eq!(from("192.0.2.7:1", &[]), "192.0.2.7");
        assert_eq!(from("192.0.2.7:1", &["198.51.100.1"]), "192.0.2.7");
        assert_eq!(from("127.0.0.1:1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(from("[::ffff:127.0.0.1]:1", &["a lie, 198.51.100.1", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(from("127.0.0.1:1", &["nonsense"]), "127.0.0.1");
        assert_eq!(from("[2001:db8:1:2:3:4:5:6]:1", &[]), "2001:db8:1:2::/64");
        assert_eq!(network(None), "unknown");
    }
}
