//! One partition: a window of messages, addressed by offset.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::Limits;
use crate::{Header, Key, Outgoing};

/// Counted per message besides its bytes, for what the window itself takes.
const ENTRY_BYTES: usize = std::mem::size_of::<Entry>();

/// A message as kept.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) headers: Vec<Header>,
    pub(super) payload: Bytes,
    size_bytes: usize,
}

/// The messages of a partition that are still kept.
#[derive(Debug, Default)]
pub(super) struct Log {
    start: u64,
    entries: VecDeque<Entry>,
    size_bytes: usize,
}

impl Log {
    /// Offset of the oldest message kept, or of the next one where none is.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Offset of the next message.
    pub(super) fn end(&self) -> u64 {
        self.start + self.entries.len() as u64
    }

    /// True where the window has reached a limit.
    pub(super) fn is_full(&self, limits: Limits) -> bool {
        self.entries.len() >= limits.messages || self.size_bytes >= limits.bytes
    }

    pub(super) fn push(&mut self, message: Outgoing) {
        let size_bytes = message.size_bytes() + ENTRY_BYTES;
        let Outgoing { key, headers, payload, topic: _ } = message;
        self.size_bytes += size_bytes;
        self.entries.push_back(Entry { key, headers, payload, size_bytes });
    }

    /// The messages of these offsets that are kept.
    pub(super) fn range(&self, offsets: Range<u64>) -> impl Iterator<Item = (u64, &Entry)> {
        let place = |offset: u64| {
            let place = offset.clamp(self.start, self.end()) - self.start;
            usize::try_from(place).unwrap_or(usize::MAX)
        };
        let first = offsets.start.max(self.start);
        (first..).zip(self.entries.range(place(offsets.start)..place(offsets.end)))
    }

    /// Drops all messages before an offset. True where there were any.
    pub(super) fn drop_before(&mut self, offset: u64) -> bool {
        let old_start = self.start;
        while self.start < offset && self.drop_oldest() {}
        self.start > old_start
    }

    /// Drops the oldest messages until the window is within its limits.
    pub(super) fn keep_tail(&mut self, limits: Limits) {
        while (self.entries.len() > limits.messages || self.size_bytes > limits.bytes)
            && self.drop_oldest()
        {}
    }

    fn drop_oldest(&mut self) -> bool {
        let Some(entry) = self.entries.pop_front() else { return false };
        self.start += 1;
        self.size_bytes -= entry.size_bytes;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(messages: u8) -> Log {
        let mut log = Log::default();
        for n in 0..messages {
            let payload = Bytes::from(vec![n; 100]);
            log.push(Outgoing { topic: "t".into(), key: [n; 16], headers: Vec::new(), payload });
        }
        log
    }

    fn keys(log: &Log, offset: u64) -> Vec<(u64, u8)> {
        log.range(offset..u64::MAX).map(|(offset, entry)| (offset, entry.key[0])).collect()
    }

    #[test]
    fn offsets_stay_with_their_messages() {
        let mut log = log_of(5);
        assert!(log.drop_before(2));
        assert_eq!((log.start(), log.end()), (2, 5));
        assert_eq!(keys(&log, 3), [(3, 3), (4, 4)]);
        assert_eq!(keys(&log, 5), []);
        assert!(!log.drop_before(1));
        assert!(log.drop_before(9));
        assert_eq!((log.start(), log.end(), log.size_bytes), (5, 5, 0));
    }

    #[test]
    fn both_limits_bound_the_window() {
        let entry_bytes = 100 + ENTRY_BYTES;
        let by_count = Limits { messages: 3, bytes: usize::MAX };
        let by_bytes = Limits { messages: usize::MAX, bytes: 3 * entry_bytes };
        for limits in [by_count, by_bytes] {
            assert!(!log_of(2).is_full(limits));
            assert!(log_of(3).is_full(limits));
            let mut log = log_of(7);
            log.keep_tail(limits);
            assert_eq!(keys(&log, 0), [(4, 4), (5, 5), (6, 6)]);
        }
    }
}
