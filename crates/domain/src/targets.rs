//! Where Usher may connect to on behalf of someone who wrote an address down: service addresses of connections, and
//! webhooks. Pure: whoever connects resolves the name, asks of each address, and connects to no other.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::IpNet;
use url::{Host, Url};

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A connection's service and token addresses: may be in one's own network.
    Service,
    /// A webhook: whoever may edit one needs no more than the public network.
    Webhook,
}

/// Where connections may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Whether `http://` may lead elsewhere than to this machine.
    pub http: bool,
    /// Which addresses beyond the public ones.
    pub private: Private,
}

impl Targets {
    /// Everywhere that anybody may allow: for settings that were judged when they were saved, and are only read again.
    pub fn anywhere() -> Self {
        Targets { http: true, private: Private::All }
    }
}

/// Which addresses beyond the public ones may be connected to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Private {
    /// Nothing was said: a service address may lead to this machine when it says so itself (`localhost`,
    /// `127.0.0.1`, `[::1]`), never by a name that turns out to; and into private networks. A webhook may not.
    #[default]
    SpelledOut,
    /// What is listed, for services and webhooks alike.
    These(Vec<IpNet>),
    /// This machine and private networks; not link-local addresses, where clouds keep their secrets.
    All,
}

impl FromStr for Private {
    type Err = String;

    /// `true`, `false`, or addresses and networks (`10.1.0.0/16`) with commas between.
    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |part: &str| {
            part.parse::<IpNet>()
                .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| part.to_owned())
        };
        match text.trim() {
            "true" => Ok(Private::All),
            "false" | "" => Ok(Private::These(Vec::new())),
            list => {
                Ok(Private::These(list.split(',').map(|part| parse(part.trim())).collect::<Result<_, _>>()?))
            }
        }
    }
}

/// What kind of place an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Public,
    Loopback,
    LinkLocal,
    Private,
    /// Nobody lives there: unspecified, multicast, broadcast, reserved.
    Nowhere,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Public => "public",
            Place::Loopback => "this machine itself (loopback)",
            Place::LinkLocal => "link-local, where clouds keep their secrets",
            Place::Private => "in a private network",
            Place::Nowhere => "no address of a server",
        })
    }
}

impl Targets {
    /// Whether the scheme, and the host where it is an address, are allowed; `Err` says what is. Names are judged when
    /// they are resolved, by [`Targets::check_address`].
    ///
    /// # Errors
    /// What is allowed instead, as the end of "must be …".
    pub fn check_url(&self, purpose: Purpose, url: &Url) -> Result<(), String> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(name)) if is_localhost(name) => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Some(Host::Domain(_)) => None,
            None => return Err("an address with a host".into()),
        };
        let loopback = address.is_some_and(|address| place(address) == Place::Loopback);
        match url.scheme() {
            "https" => {}
            "http" if self.http || loopback => {}
            "http" => {
                return Err("an https:// address; http:// is for this machine only, unless the server's \
                            allow_http_targets is set"
                    .into());
            }
            _ => return Err("an https:// address".into()),
        }
        match address {
            Some(address) => self.check_address(purpose, url.host_str().unwrap_or_default(), address),
            None => Ok(()),
        }
    }

    /// Whether this address, which `host` was resolved to, may be connected to.
    ///
    /// # Errors
    /// What is allowed instead, as the end of "must be …".
    pub fn check_address(&self, purpose: Purpose, host: &str, address: IpAddr) -> Result<(), String> {
        let (address, place) = (canonical(address), place(address));
        let spelled_out = is_localhost(host) || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let allowed = match (place, &self.private) {
            (Place::Public, _) => true,
            (Place::Private, Private::SpelledOut) => purpose == Purpose::Service,
            (Place::Loopback, Private::SpelledOut) => purpose == Purpose::Service && spelled_out,
            (Place::Loopback | Place::Private, Private::All) => true,
            (_, Private::These(networks)) => networks.iter().any(|network| network.contains(&address)),
            _ => false,
        };
        if allowed {
            return Ok(());
        }
        let this = if spelled_out { "this is".to_owned() } else { format!("{host} leads to") };
        Err(format!(
            "an address that may be connected to, and {this} {address}, {place}: the server's allow_private_targets \
             does not name it"
        ))
    }
}

/// `scheme://host:port` of an address, spelled in the one way by which two can be compared.
pub fn origin(address: &str) -> Option<String> {
    let url = Url::parse(address.trim()).ok()?;
    Some(format!("{}://{}:{}", url.scheme(), url.host_str()?, url.port_or_known_default()?))
}

fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost")
}

/// The IPv4 address that an IPv6 address stands for, where a packet to the one arrives at the other.
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        // Mapped, and the old form of compatible addresses.
        [0, 0, 0, 0, 0, 0xffff, high, low] => v4(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        // NAT64 and 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        _ => address,
    }
}

fn place(address: IpAddr) -> Place {
    let place = match canonical(address) {
        IpAddr::V4(address) => place_v4(address),
        IpAddr::V6(address) => place_v6(address),
    };
    match (address, place) {
        // A tunnel of one's own network (6to4) whose other end is public; no public server has such an address.
        (IpAddr::V6(tunnel), Place::Public) if tunnel.segments()[0] == 0x2002 => Place::Private,
        (_, place) => place,
    }
}

/// By the IANA registry of special-purpose addresses, and by where clouds answer their own machines.
fn place_v4(address: Ipv4Addr) -> Place {
    match address.octets() {
        [127, ..] => Place::Loopback,
        // Link-local; and the metadata services of two clouds, which live among other addresses.
        [169, 254, ..] | [192, 0, 0, 192] | [100, 100, 100, 200] => Place::LinkLocal,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Place::Private,
        // Shared by providers (CGNAT), protocol assignments, 6to4 relays, benchmarks, documentation.
        [100, 64..=127, ..] | [192, 0, 0, _] | [192, 88, 99, _] | [198, 18..=19, ..] => Place::Private,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Place::Private,
        // Azure's platform, seen from its machines.
        [168, 63, 129, 16] => Place::Private,
        [0, ..] | [224..=255, ..] => Place::Nowhere,
        _ => Place::Public,
    }
}

fn place_v6(address: Ipv6Addr) -> Place {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Place::Loopback,
        // The metadata services of two clouds, which live among private addresses.
        [0xfd00, 0x0ec2, ..] | [0xfd20, 0x00ce, ..] => Place::LinkLocal,
        [0xfe80..=0xfebf, ..] => Place::LinkLocal,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Place::Private,
        // NAT64 of one's own network; Teredo, benchmarks and other protocol assignments; documentation; segment routing.
        [0x64, 0xff9b, ..] | [0x2001, 0..=0x01ff, ..] | [0x2001, 0xdb8, ..] => Place::Private,
        [0x3fff, 0..=0x0fff, ..] | [0x5f00, ..] => Place::Private,
        [0, ..] | [0x100, 0, 0, 0, ..] | [0xff00..=0xffff, ..] => Place::Nowhere,
        _ => Place::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(targets: &Targets, purpose: Purpose, url: &str) -> bool {
        let url = Url::parse(url).unwrap();
        targets.check_url(purpose, &url).is_ok()
    }

    fn resolved(targets: &Targets, purpose: Purpose, address: &str) -> bool {
        targets.check_address(purpose, "name.example", address.parse().unwrap()).is_ok()
    }

    fn private(text: &str) -> Targets {
        Targets { http: false, private: text.parse().unwrap() }
    }

    #[test]
    fn a_service_address_may_be_this_machine_only_when_it_says_so() {
        let default = Targets::default();
        for good in [
            "http://127.0.0.1:9100",
            "http://localhost:1",
            "https://[::1]/2",
            "https://10.0.0.8",
            "http://2130706433",
        ] {
            assert!(allowed(&default, Purpose::Service, good), "{good}");
        }
        for bad in [
            "https://169.254.169.254",
            "https://[fe80::1]",
            "https://0.0.0.0",
            "https://[::ffff:169.254.169.254]",
            "http://10.0.0.8",
        ] {
            assert!(!allowed(&default, Purpose::Service, bad), "{bad}");
        }
        // The same address by a name is what a rebinding attack looks like.
        for bad in [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "169.254.1.1",
            "fd00:ec2::254",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!resolved(&default, Purpose::Service, bad), "{bad}");
        }
        assert!(
            resolved(&default, Purpose::Service, "192.168.1.1")
                && resolved(&default, Purpose::Service, "1.1.1.1")
        );
    }

    #[test]
    fn a_webhook_reaches_only_the_public_network() {
        let default = Targets::default();
        for bad in [
            "https://127.0.0.1",
            "https://localhost",
            "http://localhost",
            "https://10.1.2.3",
            "https://[fc00::1]",
            "http://example.com",
            "https://192.168.0.1",
            "ftp://example.com",
        ] {
            assert!(!allowed(&default, Purpose::Webhook, bad), "{bad}");
        }
        assert!(allowed(&default, Purpose::Webhook, "https://example.com/hook"));
        for bad in
            ["10.0.0.1", "172.31.255.255", "100.64.0.1", "127.0.0.1", "fd12::1", "ff02::1", "198.18.0.1"]
        {
            assert!(!resolved(&default, Purpose::Webhook, bad), "{bad}");
        }
        for good in ["8.8.8.8", "172.32.0.1", "2606:4700::1111"] {
            assert!(resolved(&default, Purpose::Webhook, good), "{good}");
        }
    }

    #[test]
    fn what_is_allowed_is_allowed_and_nothing_beside_it() {
        let one = private("10.1.0.0/16, ::1");
        assert!(resolved(&one, Purpose::Webhook, "10.1.2.3") && resolved(&one, Purpose::Webhook, "::1"));
        assert!(
            !resolved(&one, Purpose::Webhook, "10.2.0.1") && !resolved(&one, Purpose::Webhook, "127.0.0.1")
        );
        assert!(!allowed(&private("false"), Purpose::Service, "http://127.0.0.1:9100"));
        let all = private("true");
        assert!(
            allowed(&all, Purpose::Webhook, "http://127.0.0.1:9")
                && resolved(&all, Purpose::Webhook, "10.0.0.1")
        );
        assert!(!resolved(&all, Purpose::Webhook, "169.254.169.254"));
        assert!(resolved(&private("169.254.0.0/16"), Purpose::Service, "169.254.169.254"));
        assert_eq!("10.0.0.0/99".parse::<Private>(), Err("10.0.0.0/99".to_owned()));
    }

    #[test]
    fn false_keeps_services_out_of_private_networks_too() {
        let no = private("false");
        for bad in [
            "https://10.0.0.8",
            "https://192.168.1.1",
            "https://[fd12::1]",
            "https://[::ffff:10.0.0.8]",
            "https://100.64.0.1",
            "https://168.63.129.16",
            "https://0xa000008",
            "https://localhost",
        ] {
            assert!(!allowed(&no, Purpose::Service, bad), "{bad}");
        }
        assert!(!resolved(&no, Purpose::Service, "10.0.0.8") && resolved(&no, Purpose::Service, "8.8.8.8"));
        let one = private("10.1.0.0/16");
        assert!(
            resolved(&one, Purpose::Service, "10.1.2.3") && !resolved(&one, Purpose::Service, "10.2.0.1")
        );
    }

    #[test]
    fn addresses_that_are_not_public_are_known_by_every_form_of_theirs() {
        let (default, all) = (Targets::default(), private("true"));
        for private in [
            "100.64.0.1",
            "100.127.255.255",
            "168.63.129.16",
            "::ffff:168.63.129.16",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::808:808",
            "2002:a00:1::",
            "2002:808:808::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:2::1",
            "2001:db8::1",
            "3fff::1",
            "fec0::1",
            "fd00::1",
        ] {
            assert!(!resolved(&default, Purpose::Webhook, private), "{private}");
            assert!(resolved(&default, Purpose::Service, private), "{private}");
            assert!(resolved(&all, Purpose::Webhook, private), "{private}");
        }
        for metadata in [
            "169.254.169.254",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "64:ff9b::a9fe:a9fe",
            "::ffff:100.100.100.200",
            "2002:a9fe:a9fe::1",
        ] {
            for targets in [&default, &all] {
                assert!(!resolved(targets, Purpose::Service, metadata), "{metadata}");
            }
        }
        for public in
            ["100.63.255.255", "100.128.0.1", "168.63.129.17", "64:ff9b::808:808", "2606:4700::1111"]
        {
            assert!(resolved(&default, Purpose::Webhook, public), "{public}");
        }
    }

    #[test]
    fn a_refusal_says_where_the_name_leads() {
        let refused =
            Targets::default().check_address(Purpose::Webhook, "hook.example", "10.0.0.1".parse().unwrap());
        insta::assert_snapshot!(refused.unwrap_err(), @"an address that may be connected to, and hook.example leads to 10.0.0.1, in a private network: the server's allow_private_targets does not name it");
    }

    #[test]
    fn an_origin_is_compared_however_it_is_spelled() {
        assert_eq!(origin("HTTPS://Example.com/a"), origin("https://example.com:443/b"));
        assert_ne!(origin("https://example.com"), origin("https://example.com:444"));
        assert_ne!(origin("https://example.com"), origin("http://example.com"));
        assert_eq!(origin("x"), None);
    }
}
