//! Wrong API keys and signatures, counted by address: whoever guesses is told to wait.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;

use aob_store::TimeMs;
use lru::LruCache;
use parking_lot::Mutex;

/// Wrong ones of an address within [`WINDOW_MS`] that are looked up.
const FAILURES_MAX: u32 = 20;
/// How long they are remembered.
const WINDOW_MS: TimeMs = 60_000;
/// Addresses that are remembered at once; those that were silent for longest go first.
const ADDRESSES_MAX: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

/// Whose request it is, as the socket says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// A bounded table of addresses.
#[derive(Debug)]
pub(crate) struct Failures {
    counts: Mutex<LruCache<IpAddr, Count>>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since_ms: TimeMs,
    failures: u32,
}

impl Default for Failures {
    fn default() -> Self {
        Self { counts: Mutex::new(LruCache::new(ADDRESSES_MAX)) }
    }
}

impl Failures {
    /// How long this address has to wait, in milliseconds; `None`: it may try.
    pub(crate) fn must_wait(&self, peer: Peer, now_ms: TimeMs) -> Option<u64> {
        let count = *self.counts.lock().peek(&network(peer))?;
        let left = count.since_ms.saturating_add(WINDOW_MS).saturating_sub(now_ms);
        let left = u64::try_from(left).ok().filter(|left| *left > 0)?;
        (count.failures >= FAILURES_MAX).then_some(left)
    }

    /// Notes a wrong one.
    pub(crate) fn note(&self, peer: Peer, now_ms: TimeMs) {
        let mut counts = self.counts.lock();
        let new = Count { since_ms: now_ms, failures: 0 };
        let count = counts.get_or_insert_mut(network(peer), || new);
        if now_ms.saturating_sub(count.since_ms) >= WINDOW_MS {
            *count = new;
        }
        count.failures = count.failures.saturating_add(1);
    }
}

/// An IPv6 host has a whole network of addresses, which count as one.
fn network(Peer(address): Peer) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        Peer(text.parse().expect("an address"))
    }

    #[test]
    fn an_address_waits_after_too_many_and_only_for_a_while() {
        let failures = Failures::default();
        let bad = peer("192.0.2.1");
        for at in 0..FAILURES_MAX {
            assert_eq!(failures.must_wait(bad, i64::from(at)), None);
            failures.note(bad, i64::from(at));
        }
        assert_eq!(failures.must_wait(bad, 1_000), Some(59_000));
        assert_eq!(failures.must_wait(peer("192.0.2.2"), 1_000), None);
        assert_eq!(failures.must_wait(peer("::ffff:192.0.2.1"), 1_000), Some(59_000));
        assert_eq!(failures.must_wait(bad, WINDOW_MS), None);
        failures.note(bad, WINDOW_MS);
        assert_eq!(failures.must_wait(bad, WINDOW_MS), None, "it counts from the start again");
    }

    #[test]
    fn the_table_is_bounded_and_a_network_is_one_address() {
        let failures = Failures::default();
        for n in 0..100_000_u32 {
            failures.note(Peer(IpAddr::V4(n.into())), 0);
        }
        assert!(failures.counts.lock().len() <= ADDRESSES_MAX.get());
        for n in 0..FAILURES_MAX {
            failures.note(peer(&format!("2001:db8:0:1::{n:x}")), 0);
        }
        assert!(failures.must_wait(peer("2001:db8:0:1:ffff::1"), 0).is_some());
        assert!(failures.must_wait(peer("2001:db8:0:2::1"), 0).is_none());
    }
}
