//! Waits between tries that grow, with a jitter that needs no dice.

use std::fmt::Display;
use std::time::Duration;

/// First wait.
const FIRST_MS: u64 = 100;
/// No wait is longer.
const LONGEST_MS: u64 = 10_000;

/// A sequence of waits: 100 ms doubling to 10 s, each cut by up to a half. The cut is a hash of
/// who waits and how often it has, so that many waiters spread and a simulation repeats.
#[derive(Debug, Clone)]
pub struct Backoff {
    seed: u64,
    tries: u32,
}

impl Backoff {
    /// Starts over, for this waiter.
    pub fn new(who: &impl Display) -> Self {
        Self { seed: fnv(who.to_string().as_bytes()), tries: 0 }
    }

    /// Starts over.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// How long to wait this time.
    pub fn next_wait(&mut self) -> Duration {
        let whole = FIRST_MS.saturating_mul(1 << self.tries.min(20)).min(LONGEST_MS);
        self.tries = self.tries.saturating_add(1);
        let hash = fnv(&[self.seed.to_be_bytes(), u64::from(self.tries).to_be_bytes()].concat());
        Duration::from_millis(whole - hash % (whole / 2 + 1))
    }
}

/// FNV-1a: the same on every machine and in every version.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_repeat() {
        let mut backoff = Backoff::new(&"r1");
        let waits: Vec<u64> = (0..40).map(|_| backoff.next_wait().as_millis() as u64).collect();
        for (n, wait) in waits.iter().enumerate() {
            let whole = (FIRST_MS << n.min(20)).min(LONGEST_MS);
            assert!((whole / 2..=whole).contains(wait), "{n}: {wait}");
        }
        backoff.reset();
        assert_eq!(backoff.next_wait().as_millis() as u64, waits[0]);
        assert_eq!(Backoff::new(&"r1").next_wait().as_millis() as u64, waits[0]);
    }

    #[test]
    fn waiters_spread() {
        let wait = |n: usize| {
            let mut backoff = Backoff::new(&format!("runner-{n}"));
            (0..8).map(|_| backoff.next_wait()).last()
        };
        let distinct: std::collections::BTreeSet<_> = (0..100).map(wait).collect();
        assert!(distinct.len() > 80, "{}", distinct.len());
    }
}
