//! Chance from a seed, and the one place where these tests let time pass.

use std::time::Duration;

/// SplitMix64: the same seed draws the same numbers.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Numbers of their own for each stream of a seed.
    pub fn of(seed: u64, stream: u64) -> Self {
        Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "it never ends, so it is no iterator")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True in `percent` of 100 cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Between 2^`from` and 2^`to` milliseconds: short waits as often as long ones.
    pub fn moment(&mut self, from: u64, to: u64) -> Duration {
        let power = from + self.below(to - from);
        Duration::from_millis((1 << power) + self.below(1 << power))
    }
}

/// Lets time pass: the moment of a kill, or the length of work outside. Nothing waits for it.
#[expect(clippy::disallowed_methods, reason = "when a kill comes is the fault that is injected")]
pub fn pass(time: Duration) {
    std::thread::sleep(time);
}

/// The clock that measures how long a restart takes to settle.
#[expect(clippy::disallowed_methods, reason = "what is promised is a number of seconds")]
pub fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// Figures, for whoever runs these tests with `--nocapture`.
#[expect(clippy::print_stdout, reason = "what was measured is part of the result")]
pub fn say(text: &str) {
    println!("{text}");
}
