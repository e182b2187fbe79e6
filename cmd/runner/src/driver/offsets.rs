//! Which messages of a topic are dealt with, although they end in any order.

use std::collections::BTreeMap;

/// Messages that may be under way in one partition: behind one that takes long, no more are taken
/// than this.
pub(super) const WINDOW_MAX: usize = 65_536;

/// The messages of one topic that were delivered and are not committed.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    partitions: BTreeMap<u32, BTreeMap<u64, bool>>,
}

impl Offsets {
    /// A message was delivered, perhaps again.
    pub(super) fn delivered(&mut self, partition: u32, offset: u64) {
        self.partitions.entry(partition).or_default().insert(offset, false);
    }

    /// Messages are dealt with. Returns what can be committed: per partition the last offset
    /// before which nothing is under way, where that has moved.
    pub(super) fn settled(
        &mut self,
        messages: impl IntoIterator<Item = (u32, u64)>,
    ) -> Vec<(u32, u64)> {
        let mut touched = BTreeMap::new();
        for (partition, offset) in messages {
            if let Some(done) =
                self.partitions.get_mut(&partition).and_then(|window| window.get_mut(&offset))
            {
                *done = true;
                touched.insert(partition, None);
            }
        }
        for (partition, last) in &mut touched {
            let Some(window) = self.partitions.get_mut(partition) else { continue };
            while let Some(first) = window.first_entry().filter(|first| *first.get()) {
                *last = Some(first.remove_entry().0);
            }
        }
        touched.into_iter().filter_map(|(partition, last)| Some((partition, last?))).collect()
    }

    /// True where no partition has too many messages under way.
    pub(super) fn has_room(&self) -> bool {
        self.partitions.values().all(|window| window.len() < WINDOW_MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_gapless_beginning_is_committed() {
        let mut offsets = Offsets::default();
        (10..15).for_each(|offset| offsets.delivered(0, offset));
        offsets.delivered(3, 7);
        assert_eq!(offsets.settled([(0, 12), (0, 11)]), []);
        assert_eq!(offsets.settled([(3, 7), (0, 10)]), [(0, 12), (3, 7)]);
        assert_eq!(offsets.settled([(0, 14)]), []);
        assert_eq!(offsets.settled([(0, 13), (0, 99), (9, 1)]), [(0, 14)]);
    }

    #[test]
    fn what_comes_again_has_to_be_settled_again() {
        let mut offsets = Offsets::default();
        [5, 6, 7].into_iter().for_each(|offset| offsets.delivered(0, offset));
        assert_eq!(offsets.settled([(0, 5)]), [(0, 5)]);
        // The partition went away and came back: it starts behind the last commit.
        [5, 6].into_iter().for_each(|offset| offsets.delivered(0, offset));
        assert_eq!(offsets.settled([(0, 6), (0, 7)]), []);
        assert_eq!(offsets.settled([(0, 5)]), [(0, 7)]);
    }

    #[test]
    fn the_window_is_bounded() {
        let mut offsets = Offsets::default();
        (0..WINDOW_MAX as u64).for_each(|offset| offsets.delivered(0, offset));
        assert!(!offsets.has_room());
        offsets.settled([(0, 0)]);
        assert!(offsets.has_room());
    }

    proptest! {
        /// In whatever order messages end, nothing is committed before all up to it have ended,
        /// and in the end everything is.
        #[test]
        fn commits_never_run_ahead(order in Just((0_u64..60).collect::<Vec<_>>()).prop_shuffle()) {
            let mut offsets = Offsets::default();
            (0..60).for_each(|offset| offsets.delivered(0, offset));
            let mut ended = std::collections::BTreeSet::new();
            let mut committed = None;
            for offset in order {
                ended.insert(offset);
                for (_, last) in offsets.settled([(0, offset)]) {
                    prop_assert!((0..=last).all(|earlier| ended.contains(&earlier)));
                    prop_assert!(committed < Some(last));
                    committed = Some(last);
                }
            }
            prop_assert_eq!(committed, Some(59));
        }
    }
}
