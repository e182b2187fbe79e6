//! A stream of numbers from a seed: the same on every machine and in every version.

/// `SplitMix64`, or the bytes of an input before that.
#[derive(Debug, Clone)]
pub struct Dice<'a> {
    bytes: std::slice::Iter<'a, u8>,
    state: u64,
}

impl<'a> Dice<'a> {
    /// Numbers from a seed.
    pub fn seeded(seed: u64) -> Self {
        Self { bytes: [].iter(), state: seed }
    }

    /// Numbers below 256 from `bytes`, so that a fuzzer can steer; then from their count.
    pub fn scripted(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter(), state: bytes.len() as u64 }
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        if let Some(byte) = self.bytes.next() {
            return u64::from(*byte);
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % bound.max(1) as u64).unwrap_or(0)
    }

    /// One of `items`; `None` where there is none.
    pub fn pick<'b, T>(&mut self, items: &'b [T]) -> Option<&'b T> {
        items.get(self.below(items.len()))
    }
}
