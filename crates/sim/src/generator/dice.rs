//! Chance, drawn from a seed.

use std::ops::RangeInclusive;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

/// A source of chance that a seed determines.
#[derive(Debug)]
pub struct Dice(SmallRng);

impl Dice {
    /// The dice of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// The dice of `seed` for the thing named by `parts`: the same whenever it is asked for.
    pub fn of(seed: u64, parts: &[&str]) -> Self {
        // FNV-1a: stable over platforms and versions, unlike the standard library's hasher.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed;
        for part in parts {
            for byte in part.bytes().chain([0]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        Self::new(hash)
    }

    /// True in `percent` of a hundred cases.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    /// A number of the range.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        self.0.random_range(range)
    }

    /// As [`Dice::within`], for counts.
    pub fn count(&mut self, range: RangeInclusive<usize>) -> usize {
        self.0.random_range(range)
    }

    /// As [`Dice::within`], for small numbers with sign.
    pub fn number(&mut self, range: RangeInclusive<i64>) -> i64 {
        self.0.random_range(range)
    }

    /// One of `choices`, which is not empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.0.random_range(0..choices.len())]
    }

    /// One of `choices` by weight; the last where the weights are all zero.
    pub fn weighted<T: Copy>(&mut self, choices: &[(u32, T)]) -> T {
        let total: u32 = choices.iter().map(|(weight, _)| weight).sum();
        let mut left = self.0.random_range(0..total.max(1));
        for (weight, choice) in choices {
            if left < *weight {
                return *choice;
            }
            left -= weight;
        }
        choices[choices.len() - 1].1
    }
}
