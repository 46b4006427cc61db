//! Whose address a call came from, when proxies stand in front.
//!
//! Each proxy appends the address that it saw to `X-Forwarded-For` or `Forwarded` (RFC 7239), and hands on whatever its
//! own caller had written there. So only what a trusted proxy wrote counts: the list is read from its end, and the
//! first address that is no trusted proxy's is the caller's. What stands before it may be made up.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;

/// The proxies whose word about addresses is taken. None by default. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Arc<[IpNet]>);

/// Why a list of trusted proxies cannot be used. Each names the wrong part and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadProxies {
    /// Not an address or a range.
    #[error("has {0:?}, which is no address and no range; write it like 10.0.0.0/8,192.0.2.10")]
    Syntax(String),
    /// A range that holds every address.
    #[error("has {0:?}, which trusts everybody, so that each caller could choose its address; name the proxies' own")]
    Everybody(String),
}

impl FromStr for TrustedProxies {
    type Err = BadProxies;

    /// Addresses and ranges (CIDR) with commas between.
    fn from_str(text: &str) -> Result<Self, BadProxies> {
        let ranges = text.split(',').map(str::trim).map(range).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(ranges.into()))
    }
}

fn range(text: &str) -> Result<IpNet, BadProxies> {
    let bad = || BadProxies::Syntax(text.chars().take(80).collect());
    let range = match text.parse::<IpNet>() {
        Ok(range) => range.trunc(),
        Err(_) => text.parse::<IpAddr>().map_err(|_| bad())?.to_canonical().into(),
    };
    // Addresses are compared in their short form, so a range in the long form would hold none.
    let range = match range {
        IpNet::V6(long) if long.prefix_len() >= 96 => {
            long.addr().to_ipv4_mapped().map_or(Ok(range), |short| IpNet::new(short.into(), long.prefix_len() - 96))
        }
        _ => Ok(range),
    };
    let range = range.map_err(|_| bad())?;
    if range.prefix_len() == 0 { Err(BadProxies::Everybody(text.to_owned())) } else { Ok(range) }
}

impl TrustedProxies {
    /// Whether none is trusted, so that no header is read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The address of who called, in its short form (an IPv4 address is never written as IPv6). `peer` is the other end
    /// of the connection; the others are the values of `X-Forwarded-For` and `Forwarded`, in the order in which they
    /// came.
    ///
    /// None when a trusted proxy called and what it forwards leaves open for whom: an entry that is no address, or two
    /// headers that name different callers, as a proxy lets happen that writes one and hands on the other.
    #[must_use]
    pub fn caller<'h>(
        &self,
        peer: IpAddr,
        x_forwarded_for: impl Iterator<Item = &'h [u8]>,
        forwarded: impl Iterator<Item = &'h [u8]>,
    ) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return Some(peer);
        }
        let x_forwarded_for: Vec<_> = x_forwarded_for.flat_map(entries).collect();
        let forwarded: Vec<_> = forwarded.flat_map(elements).collect();
        match (self.last_untrusted(&x_forwarded_for), self.last_untrusted(&forwarded)) {
            // The proxy calls for itself.
            (None, None) => Some(peer),
            (Some(Hop::At(caller)), None) | (None, Some(Hop::At(caller))) => Some(caller),
            (Some(Hop::At(one)), Some(Hop::At(other))) => (one == other).then_some(one),
            (Some(Hop::Unknown), _) | (_, Some(Hop::Unknown)) => None,
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(&address))
    }

    /// The last entry that is no proxy's; the first of all when proxies alone are named; none for an empty list.
    fn last_untrusted(&self, hops: &[Hop]) -> Option<Hop> {
        let is_proxy = |hop: Hop| matches!(hop, Hop::At(address) if self.trusts(address));
        hops.iter().copied().rev().find(|hop| !is_proxy(*hop)).or_else(|| hops.first().copied())
    }
}

/// One entry of a list.
#[derive(Debug, Clone, Copy)]
enum Hop {
    At(IpAddr),
    /// It names no address, or cannot be read.
    Unknown,
}

impl From<Option<IpAddr>> for Hop {
    fn from(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Unknown, Self::At)
    }
}

/// The entries of one value of `X-Forwarded-For`. Empty ones do not count (RFC 9110, 5.6.1.2).
fn entries(value: &[u8]) -> impl Iterator<Item = Hop> {
    let parts = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty());
    parts.map(|entry| std::str::from_utf8(entry).ok().and_then(node).into())
}

/// The `for` of each element of one value of `Forwarded`. A quotation that does not end makes an entry without an
/// address of all that follows it, so that nobody hides what a proxy appends.
fn elements(value: &[u8]) -> Vec<Hop> {
    let Ok(text) = std::str::from_utf8(value) else { return vec![Hop::Unknown] };
    let parts = split_unquoted(text, ',').into_iter().map(str::trim).filter(|element| !element.is_empty());
    parts.map(|part| element(part).into()).collect()
}

fn element(text: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in split_unquoted(text, ';') {
        let (name, value) = pair.trim().split_once('=')?;
        // Of the others too: a quotation that swallowed the next element is in one of them.
        let value = unquoted(value)?;
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
    }
    node(found?)
}

/// The text of a token or a quoted string; none if it is neither, or holds an escape, which no address needs.
fn unquoted(value: &str) -> Option<&str> {
    let text = match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"')?,
        None => value,
    };
    (!text.contains(['"', '\\'])).then_some(text)
}

fn split_unquoted(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if letter == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// An address, with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::from);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(bracketed).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROXIES: &str = "10.0.0.0/8, 2001:db8:a::/48, 192.0.2.10";

    fn address(text: &str) -> IpAddr {
        text.parse().expect("is an address")
    }

    /// Who calls by these headers; a name of theirs may stand twice.
    fn caller(peer: &str, headers: &[(&str, &str)]) -> Option<String> {
        let proxies: TrustedProxies = PROXIES.parse().expect("is a list");
        let of = |name| headers.iter().filter(move |(given, _)| *given == name).map(|(_, value)| value.as_bytes());
        proxies.caller(address(peer), of("x"), of("f")).map(|address| address.to_string())
    }

    #[test]
    fn headers_of_whoever_is_no_trusted_proxy_are_not_read() {
        for headers in [&[("x", "203.0.113.9")][..], &[("f", "for=203.0.113.9")], &[("x", "10.0.0.1")], &[]] {
            assert_eq!(caller("198.51.100.7", headers).as_deref(), Some("198.51.100.7"));
            assert_eq!(caller("::ffff:198.51.100.7", headers).as_deref(), Some("198.51.100.7"));
        }
        let nobody = TrustedProxies::default();
        let spoofed = || [b"203.0.113.9".as_slice()].into_iter();
        assert_eq!(nobody.caller(address("10.0.0.1"), spoofed(), spoofed()), Some(address("10.0.0.1")));
    }

    #[test]
    fn the_last_address_that_is_no_proxy_is_the_callers() {
        for (headers, expected) in [
            (&[("x", "198.51.100.7")][..], "198.51.100.7"),
            // What the caller wrote itself stands before what the proxies saw.
            (&[("x", "203.0.113.9, 198.51.100.7")], "198.51.100.7"),
            (&[("x", "garbage, 198.51.100.7, 10.1.1.1")], "198.51.100.7"),
            (&[("x", "10.0.0.1, 198.51.100.7,10.1.1.1 , 192.0.2.10")], "198.51.100.7"),
            (&[("x", "203.0.113.9"), ("x", "198.51.100.7")], "198.51.100.7"),
            (&[("x", ",, 198.51.100.7,")], "198.51.100.7"),
            // A port, brackets, IPv6 and IPv4 within it.
            (&[("x", "198.51.100.7:4711")], "198.51.100.7"),
            (&[("x", "[2001:db8:b::1]:80, 2001:db8:a::2")], "2001:db8:b::1"),
            (&[("x", "[2001:db8:b::1]")], "2001:db8:b::1"),
            (&[("x", "::ffff:198.51.100.7, ::ffff:10.0.0.1")], "198.51.100.7"),
            (&[("f", "for=198.51.100.7")], "198.51.100.7"),
            (&[("f", "for=203.0.113.9, For=\"198.51.100.7:80\";proto=https;by=10.0.0.1")], "198.51.100.7"),
            (&[("f", "proto=https; for=\"[2001:db8:b::1]:80\", for=10.2.2.2")], "2001:db8:b::1"),
            (&[("f", "for=\"a, for=203.0.113.9\""), ("f", "for=198.51.100.7")], "198.51.100.7"),
            // Both, and they agree.
            (&[("x", "198.51.100.7"), ("f", "for=203.0.113.9, for=198.51.100.7")], "198.51.100.7"),
            // Proxies alone: the one that began.
            (&[("x", "10.0.0.1, 10.0.0.2")], "10.0.0.1"),
            (&[], "10.9.9.9"),
            (&[("x", ""), ("f", " ")], "10.9.9.9"),
        ] {
            assert_eq!(caller("10.9.9.9", headers).as_deref(), Some(expected), "{headers:?}");
        }
    }

    #[test]
    fn what_leaves_open_who_called_names_nobody_and_never_the_proxy() {
        for headers in [
            &[("x", "unknown")][..],
            &[("x", "198.51.100.7, unknown")],
            &[("x", "198.51.100.7, 010.0.0.1")],
            &[("x", "198.51.100.7 203.0.113.9")],
            &[("x", "fe80::1%eth0")],
            &[("x", "198.51.100.7:port")],
            &[("x", "[198.51.100.7]")],
            &[("f", "for=_hidden")],
            &[("f", "for=unknown")],
            &[("f", "198.51.100.7")],
            &[("f", "proto=https")],
            &[("f", "for=203.0.113.9;for=198.51.100.7")],
            &[("f", "for=198.51.100.7;\"")],
            // A quotation that the caller began and the proxy's own ends somewhere in between.
            &[("f", "for=203.0.113.9, for=\"x, for=\"[2001:db8:b::1]\"")],
            &[("f", "for=203.0.113.9;x=\", for=198.51.100.7")],
            &[("f", "for=203.0.113.9;x=\"\\\", for=198.51.100.7")],
            // A proxy that writes one and hands the other on.
            &[("x", "198.51.100.7"), ("f", "for=203.0.113.9")],
            &[("x", "198.51.100.7"), ("f", "for=unknown")],
            &[("x", "198.51.100.7"), ("f", "for=10.0.0.1")],
        ] {
            assert_eq!(caller("10.9.9.9", headers), None, "{headers:?}");
        }
        let proxies: TrustedProxies = PROXIES.parse().expect("is a list");
        let odd = [b"198.51.100.7, \xff".as_slice()];
        assert_eq!(proxies.caller(address("10.9.9.9"), odd.into_iter(), std::iter::empty()), None);
        assert_eq!(proxies.caller(address("10.9.9.9"), std::iter::empty(), odd.into_iter()), None);
    }

    #[test]
    fn a_list_is_addresses_and_ranges() {
        let proxies: TrustedProxies = "::ffff:10.0.0.0/104,192.0.2.10,2001:db8::1/64".parse().expect("is a list");
        for trusted in ["10.200.0.1", "192.0.2.10", "2001:db8::ffff"] {
            assert!(proxies.trusts(address(trusted)), "{trusted}");
        }
        assert!(!proxies.trusts(address("192.0.2.11")) && !proxies.trusts(address("2001:db8:1::1")));
        for wrong in ["", "10.0.0.1,", "10.0.0.0/33", "10.0.0.1-10.0.0.9", "proxy.example.com", "*"] {
            assert!(matches!(wrong.parse::<TrustedProxies>(), Err(BadProxies::Syntax(_))), "{wrong}");
        }
        for everybody in ["0.0.0.0/0", "10.0.0.1,::/0", "::ffff:0:0/96"] {
            assert!(matches!(everybody.parse::<TrustedProxies>(), Err(BadProxies::Everybody(_))), "{everybody}");
        }
    }

    proptest! {
        /// Whatever a caller writes into one of the headers, the address that the proxy appends is not another one.
        #[test]
        fn nothing_that_a_caller_writes_makes_another_caller_of_it(spoof in "[ -~]{0,60}", which in 0..3) {
            let own = "198.51.100.7";
            let (x, f) = (format!("{spoof}, {own}"), format!("{spoof}, for={own};proto=https"));
            let seen = match which {
                0 => caller("10.9.9.9", &[("x", &x)]),
                1 => caller("10.9.9.9", &[("f", &f)]),
                _ => caller("10.9.9.9", &[("x", &x), ("f", &spoof)]),
            };
            prop_assert!(seen.is_none() || seen.as_deref() == Some(own), "{seen:?}");
        }
    }
}
