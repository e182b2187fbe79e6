//! Networks as the configuration writes them.

use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

use aob_address::same_prefix;

/// A network: `203.0.113.0/24`, `2a00:1450::/32`, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

impl Network {
    /// True where the address lies in the network. An IPv4 network also holds its addresses as
    /// IPv4-mapped IPv6.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                same_prefix(base.to_bits().into(), address.to_bits().into(), self.prefix + 96)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                same_prefix(base.to_bits(), address.to_bits(), self.prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// The text is not an address with an optional `/prefix`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a network such as 203.0.113.0/24 or 2a00:1450::/32")]
pub struct ParseNetworkError {
    text: String,
}

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, ParseNetworkError> {
        let wrong = || ParseNetworkError { text: text.to_owned() };
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| wrong())?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
            None => longest,
        };
        if prefix > longest { Err(wrong()) } else { Ok(Self { base, prefix }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let network: Network = "198.100.7.0/24".parse().unwrap();
        for (address, inside) in [
            ("198.100.7.0", true),
            ("198.100.7.255", true),
            ("::ffff:198.100.7.9", true),
            ("198.100.8.0", false),
            ("2a00::1", false),
        ] {
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{address}");
        }
        let everything: Network = "::/0".parse().unwrap();
        assert!(everything.contains("ffff::".parse().unwrap()));
        let single: Network = "2a00::1".parse().unwrap();
        assert!(single.contains("2a00::1".parse().unwrap()));
        assert!(!single.contains("2a00::2".parse().unwrap()));
        for wrong in ["", "/", "10.0.0.0/33", "::/129", "10.0.0/8", "a/8", "10.0.0.0/-1"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
