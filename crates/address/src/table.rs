//! Which addresses are public, by our own dated table.
//!
//! Library notions of "global" lag behind the registries and miss embedded IPv4, so the table is
//! ours. IPv4 is public unless listed. IPv6 is public only inside 2000::/3, minus what is listed.
//!
//! Compiled 2026-11-20 from the IANA IPv4 and IPv6 special-purpose address registries (RFC 6890,
//! RFC 8190; the IPv6 registry as of 2025-10-09) and from the cloud vendors' documentation of
//! their metadata services. To be compared with them once a year.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressKind {
    /// A host on the internet.
    Public,
    /// This machine.
    Loopback,
    /// Networks of an organisation or a provider: RFC 1918, RFC 6598, unique local.
    Private,
    /// This link.
    LinkLocal,
    /// A metadata or control service of a cloud, wherever its address lies.
    Metadata,
    /// No address, or "this network".
    Unspecified,
    /// Many hosts at once.
    Multicast,
    /// For documents and benchmarks.
    Documentation,
    /// Carries an IPv4 address through IPv6, where it would escape the IPv4 table.
    Embedded,
    /// Everything else that is not assigned to hosts.
    Reserved,
    /// Inside a network that the configuration denies.
    Denied,
}

impl AddressKind {
    /// Its name in refusals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link_local",
            Self::Metadata => "metadata",
            Self::Unspecified => "unspecified",
            Self::Multicast => "multicast",
            Self::Documentation => "documentation",
            Self::Embedded => "embedded",
            Self::Reserved => "reserved",
            Self::Denied => "denied",
        }
    }

    /// True for what an entry of the configuration may open: networks that an operator can own.
    pub const fn may_be_opened(self) -> bool {
        match self {
            Self::Public | Self::Loopback | Self::Private => true,
            Self::LinkLocal
            | Self::Metadata
            | Self::Unspecified
            | Self::Multicast
            | Self::Documentation
            | Self::Embedded
            | Self::Reserved
            | Self::Denied => false,
        }
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

type V4Row = (Ipv4Addr, u8, AddressKind);
type V6Row = (Ipv6Addr, u8, AddressKind);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

/// The first segments; the rest is zero.
const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

/// Metadata and control services; matched before the ranges that contain them.
const METADATA_V4: [V4Row; 7] = [
    (v4(100, 100, 100, 200), 32, AddressKind::Metadata), // Alibaba Cloud
    (v4(168, 63, 129, 16), 32, AddressKind::Metadata),   // Azure wire server, a public address
    (v4(169, 254, 169, 253), 32, AddressKind::Metadata), // AWS resolver
    (v4(169, 254, 169, 254), 32, AddressKind::Metadata), // AWS, GCP, Azure, Oracle, DigitalOcean
    (v4(169, 254, 170, 2), 32, AddressKind::Metadata),   // AWS ECS task credentials
    (v4(169, 254, 170, 23), 32, AddressKind::Metadata),  // AWS EKS pod identity
    (v4(192, 0, 0, 192), 32, AddressKind::Metadata),     // Oracle Cloud
];

/// IANA IPv4 special-purpose address registry, and multicast.
const SPECIAL_V4: [V4Row; 19] = [
    (v4(0, 0, 0, 0), 8, AddressKind::Unspecified), // RFC 791
    (v4(10, 0, 0, 0), 8, AddressKind::Private),    // RFC 1918
    (v4(100, 64, 0, 0), 10, AddressKind::Private), // RFC 6598, carrier-grade NAT
    (v4(127, 0, 0, 0), 8, AddressKind::Loopback),  // RFC 1122
    (v4(169, 254, 0, 0), 16, AddressKind::LinkLocal), // RFC 3927
    (v4(172, 16, 0, 0), 12, AddressKind::Private), // RFC 1918
    (v4(192, 0, 0, 0), 24, AddressKind::Reserved), // RFC 6890, protocol assignments
    (v4(192, 0, 2, 0), 24, AddressKind::Documentation), // RFC 5737
    (v4(192, 31, 196, 0), 24, AddressKind::Reserved), // RFC 7535, AS112
    (v4(192, 52, 193, 0), 24, AddressKind::Reserved), // RFC 7450, AMT
    (v4(192, 88, 99, 0), 24, AddressKind::Reserved), // RFC 7526, 6to4 relay
    (v4(192, 168, 0, 0), 16, AddressKind::Private), // RFC 1918
    (v4(192, 175, 48, 0), 24, AddressKind::Reserved), // RFC 7534, AS112
    (v4(198, 18, 0, 0), 15, AddressKind::Documentation), // RFC 2544
    (v4(198, 51, 100, 0), 24, AddressKind::Documentation), // RFC 5737
    (v4(203, 0, 113, 0), 24, AddressKind::Documentation), // RFC 5737
    (v4(224, 0, 0, 0), 4, AddressKind::Multicast), // RFC 5771
    (v4(255, 255, 255, 255), 32, AddressKind::Multicast), // RFC 919, broadcast
    (v4(240, 0, 0, 0), 4, AddressKind::Reserved),  // RFC 1112
];

/// Metadata services inside the unique local range; matched before it.
const METADATA_V6: [V6Row; 4] = [
    (v6(0xfd00, 0x0ec2, 0), 32, AddressKind::Metadata), // AWS: ::254, ::253, ::23
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, AddressKind::Metadata), // GCP
    (v6(0xfd00, 0x00c1, 0), 32, AddressKind::Metadata), // Oracle Cloud
    (v6(0xfd00, 0x0042, 0), 32, AddressKind::Metadata), // Scaleway
];

/// What has a name outside 2000::/3; all the rest there is reserved.
const OUTSIDE_V6: [V6Row; 13] = [
    (Ipv6Addr::UNSPECIFIED, 128, AddressKind::Unspecified),
    (Ipv6Addr::LOCALHOST, 128, AddressKind::Loopback),
    (v6(0, 0, 0), 96, AddressKind::Embedded), // RFC 4291, IPv4-compatible
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, AddressKind::Embedded), // RFC 4291, mapped
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, AddressKind::Embedded), // RFC 2765, SIIT
    (v6(0x64, 0xff9b, 0), 96, AddressKind::Embedded), // RFC 6052, NAT64
    (v6(0x64, 0xff9b, 1), 48, AddressKind::Embedded), // RFC 8215, local NAT64
    (v6(0x100, 0, 0), 64, AddressKind::Reserved), // RFC 6666, discard-only
    (v6(0x5f00, 0, 0), 16, AddressKind::Reserved), // RFC 9602, segment routing
    (v6(0xfc00, 0, 0), 7, AddressKind::Private), // RFC 4193, unique local
    (v6(0xfe80, 0, 0), 10, AddressKind::LinkLocal), // RFC 4291
    (v6(0xfec0, 0, 0), 10, AddressKind::Private), // RFC 3879, site-local
    (v6(0xff00, 0, 0), 8, AddressKind::Multicast), // RFC 4291
];

/// What is not public inside 2000::/3.
const SPECIAL_V6: [V6Row; 5] = [
    (v6(0x2001, 0, 0), 32, AddressKind::Embedded), // RFC 4380, Teredo
    (v6(0x2001, 0, 0), 23, AddressKind::Reserved), // RFC 2928: ORCHID, benchmarks, relays
    (v6(0x2001, 0xdb8, 0), 32, AddressKind::Documentation), // RFC 3849
    (v6(0x2620, 0x4f, 0x8000), 48, AddressKind::Reserved), // RFC 7534, AS112
    (v6(0x3fff, 0, 0), 20, AddressKind::Documentation), // RFC 9637
];

/// What kind of address it is. `nat64` tells that this site reaches IPv4 through 64:ff9b::/96.
pub fn classify(address: IpAddr, nat64: bool) -> AddressKind {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address, nat64),
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressKind {
    let rows = METADATA_V4.iter().chain(&SPECIAL_V4);
    let row = rows.into_iter().find(|(base, prefix, _)| {
        same_prefix(address.to_bits().into(), base.to_bits().into(), *prefix + 96)
    });
    row.map_or(AddressKind::Public, |(_, _, kind)| *kind)
}

fn classify_v6(address: Ipv6Addr, nat64: bool) -> AddressKind {
    if let Some(kind) = find_v6(&METADATA_V6, address) {
        return kind;
    }
    let [a, b, c, _, iid0, iid1, g, h] = address.segments();
    if nat64 && same_prefix(address.to_bits(), v6(0x64, 0xff9b, 0).to_bits(), 96) {
        return embedded(join(g, h));
    }
    if a & 0xe000 != 0x2000 {
        return find_v6(&OUTSIDE_V6, address).unwrap_or(AddressKind::Reserved);
    }
    // ISATAP (RFC 5214) puts an IPv4 address behind 00-00-5E-FE, with any bits for scope.
    if iid0 & !0x0300 == 0 && iid1 == 0x5efe {
        return AddressKind::Embedded;
    }
    // 6to4 (RFC 3056).
    if a == 0x2002 {
        return embedded(join(b, c));
    }
    find_v6(&SPECIAL_V6, address).unwrap_or(AddressKind::Public)
}

/// An address that leads to an IPv4 host is as public as that host.
fn embedded(inner: Ipv4Addr) -> AddressKind {
    match classify_v4(inner) {
        AddressKind::Public => AddressKind::Public,
        AddressKind::Loopback
        | AddressKind::Private
        | AddressKind::LinkLocal
        | AddressKind::Metadata
        | AddressKind::Unspecified
        | AddressKind::Multicast
        | AddressKind::Documentation
        | AddressKind::Embedded
        | AddressKind::Reserved
        | AddressKind::Denied => AddressKind::Embedded,
    }
}

fn join(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

fn find_v6(rows: &[V6Row], address: Ipv6Addr) -> Option<AddressKind> {
    let row = rows
        .iter()
        .find(|(base, prefix, _)| same_prefix(address.to_bits(), base.to_bits(), *prefix));
    row.map(|(_, _, kind)| *kind)
}

/// True where the first `prefix` of 128 bits agree.
pub fn same_prefix(left: u128, right: u128, prefix: u8) -> bool {
    (left ^ right).checked_shr(128 - u32::from(prefix)).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(address: &str) -> AddressKind {
        classify(address.parse().unwrap(), false)
    }

    /// First and last address of each IPv4 range, and the neighbours outside.
    #[test]
    fn ipv4_ranges_end_where_they_should() {
        for (inside, outside) in [
            (["0.0.0.0", "0.255.255.255"], ["1.0.0.0", "1.0.0.1"]),
            (["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            (["100.64.0.0", "100.127.255.255"], ["100.63.255.255", "100.128.0.0"]),
            (["127.0.0.0", "127.255.255.255"], ["126.255.255.255", "128.0.0.0"]),
            (["169.254.0.0", "169.254.255.255"], ["169.253.255.255", "169.255.0.0"]),
            (["172.16.0.0", "172.31.255.255"], ["172.15.255.255", "172.32.0.0"]),
            (["192.0.0.0", "192.0.0.255"], ["191.255.255.255", "192.0.1.0"]),
            (["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0"]),
            (["192.31.196.0", "192.31.196.255"], ["192.31.195.255", "192.31.197.0"]),
            (["192.52.193.0", "192.52.193.255"], ["192.52.192.255", "192.52.194.0"]),
            (["192.88.99.0", "192.88.99.255"], ["192.88.98.255", "192.88.100.0"]),
            (["192.168.0.0", "192.168.255.255"], ["192.167.255.255", "192.169.0.0"]),
            (["192.175.48.0", "192.175.48.255"], ["192.175.47.255", "192.175.49.0"]),
            (["198.18.0.0", "198.19.255.255"], ["198.17.255.255", "198.20.0.0"]),
            (["198.51.100.0", "198.51.100.255"], ["198.51.99.255", "198.51.101.0"]),
            (["203.0.113.0", "203.0.113.255"], ["203.0.112.255", "203.0.114.0"]),
            (["224.0.0.0", "255.255.255.255"], ["223.255.255.255", "223.255.255.254"]),
            (["168.63.129.16", "168.63.129.16"], ["168.63.129.15", "168.63.129.17"]),
        ] {
            for address in inside {
                assert_ne!(kind(address), AddressKind::Public, "{address}");
            }
            for address in outside {
                assert_eq!(kind(address), AddressKind::Public, "{address}");
            }
        }
    }

    /// The same for IPv6.
    #[test]
    fn ipv6_ranges_end_where_they_should() {
        let last = |prefix: &str| format!("{prefix}:ffff:ffff:ffff:ffff:ffff:ffff");
        for (inside, outside) in [
            (vec!["1fff::".to_owned(), last("1fff:ffff")], vec!["2000::".to_owned()]),
            (vec!["4000::".to_owned()], vec![last("3ffe:ffff")]),
            (
                vec!["2001::".to_owned(), last("2001:1ff")],
                vec![last("2000:ffff"), "2001:200::".to_owned()],
            ),
            (
                vec!["2001:db8::".to_owned(), last("2001:db8")],
                vec![last("2001:db7"), "2001:db9::".to_owned()],
            ),
            (vec!["2002::".to_owned(), "2002:7f00:1::".to_owned()], vec![last("2001:ffff")]),
            (vec!["3fff::".to_owned(), last("3fff:fff")], vec!["3fff:1000::".to_owned()]),
            (
                vec!["2620:4f:8000::".to_owned()],
                vec!["2620:4f:7fff::".to_owned(), "2620:4f:8001::".to_owned()],
            ),
        ] {
            for address in inside {
                assert_ne!(kind(&address), AddressKind::Public, "{address}");
            }
            for address in outside {
                assert_eq!(kind(&address), AddressKind::Public, "{address}");
            }
        }
    }

    #[test]
    fn kinds_are_told_apart() {
        for (address, expected) in [
            ("8.8.8.8", AddressKind::Public),
            ("2606:4700:4700::1111", AddressKind::Public),
            ("2002:808:808::1", AddressKind::Public),
            ("127.0.0.1", AddressKind::Loopback),
            ("::1", AddressKind::Loopback),
            ("10.1.2.3", AddressKind::Private),
            ("100.100.100.201", AddressKind::Private),
            ("fd12:3456::1", AddressKind::Private),
            ("169.254.1.1", AddressKind::LinkLocal),
            ("fe80::1", AddressKind::LinkLocal),
            ("169.254.169.254", AddressKind::Metadata),
            ("100.100.100.200", AddressKind::Metadata),
            ("fd00:ec2::254", AddressKind::Metadata),
            ("fd00:ec2::23", AddressKind::Metadata),
            ("fd20:ce::254", AddressKind::Metadata),
            ("0.0.0.0", AddressKind::Unspecified),
            ("::", AddressKind::Unspecified),
            ("224.0.0.251", AddressKind::Multicast),
            ("255.255.255.255", AddressKind::Multicast),
            ("ff02::1", AddressKind::Multicast),
            ("198.19.0.1", AddressKind::Documentation),
            ("::ffff:8.8.8.8", AddressKind::Embedded),
            ("::8.8.8.8", AddressKind::Embedded),
            ("64:ff9b::8.8.8.8", AddressKind::Embedded),
            ("2002:a9fe:a9fe::", AddressKind::Embedded),
            ("2a00:1450:4001::5efe:808:808", AddressKind::Embedded),
            ("2a00:1450:4001:0:200:5efe:808:808", AddressKind::Embedded),
            ("2001:0:4136:e378:8000:63bf:5601:5601", AddressKind::Embedded),
            ("5f00::1", AddressKind::Reserved),
            ("100::1", AddressKind::Reserved),
            ("8000::1", AddressKind::Reserved),
        ] {
            assert_eq!(kind(address), expected, "{address}");
        }
    }

    #[test]
    fn a_nat64_site_reaches_public_ipv4_only() {
        for (address, expected) in [
            ("64:ff9b::8.8.8.8", AddressKind::Public),
            ("64:ff9b::169.254.169.254", AddressKind::Embedded),
            ("64:ff9b::10.0.0.1", AddressKind::Embedded),
            ("64:ff9b:1::8.8.8.8", AddressKind::Embedded),
            ("64:ff9b:0:1::8.8.8.8", AddressKind::Reserved),
        ] {
            assert_eq!(classify(address.parse().unwrap(), true), expected, "{address}");
        }
    }
}
