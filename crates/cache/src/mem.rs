//! The embedded adapter: a bounded number of bytes in memory, the least recently used go first.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use lru::LruCache;
use parking_lot::Mutex;

use crate::{Cache, CacheKey, Cached};

/// Counted per entry besides its key and value, for the table and the list.
const ENTRY_BYTES: usize = 128;

/// A cache in memory, bounded in bytes, with time taken from a clock that is handed in.
pub struct MemCache {
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
    capacity_bytes: usize,
    table: Mutex<Table>,
}

struct Table {
    entries: LruCache<Vec<u8>, Entry>,
    size_bytes: usize,
}

#[derive(Debug)]
struct Entry {
    cached: Cached,
    expires_ms: u64,
}

impl MemCache {
    /// An empty cache. `clock` gives milliseconds since any fixed moment and does not go back.
    pub fn new(capacity_bytes: usize, clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        let table = Table { entries: LruCache::unbounded(), size_bytes: 0 };
        Self { clock: Box::new(clock), capacity_bytes, table: Mutex::new(table) }
    }

    /// Bytes that count towards the capacity; never more than it.
    pub fn size_bytes(&self) -> usize {
        self.table.lock().size_bytes
    }

    fn store(&self, key: CacheKey<'_>, cached: Cached, ttl_ms: u64, only_if_newer: bool) {
        let now_ms = (self.clock)();
        let key = key.encode();
        let mut table = self.table.lock();
        if only_if_newer && table.live(&key, now_ms).is_some_and(|old| old.seq >= cached.seq) {
            return;
        }
        table.remove(&key);
        let size_bytes = size_of_entry(&key, &cached.value);
        if ttl_ms == 0 || size_bytes > self.capacity_bytes {
            return;
        }
        table.size_bytes += size_bytes;
        table.entries.put(key, Entry { cached, expires_ms: now_ms.saturating_add(ttl_ms) });
        while table.size_bytes > self.capacity_bytes {
            table.remove_oldest();
        }
    }
}

impl fmt::Debug for MemCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemCache")
            .field("capacity_bytes", &self.capacity_bytes)
            .field("size_bytes", &self.size_bytes())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Cache for MemCache {
    async fn get(&self, key: CacheKey<'_>) -> Option<Cached> {
        self.table.lock().live(&key.encode(), (self.clock)()).cloned()
    }

    async fn put(&self, key: CacheKey<'_>, value: Bytes, ttl_ms: u64) {
        self.store(key, own(&value, 0), ttl_ms, false);
    }

    async fn put_if_newer(&self, key: CacheKey<'_>, seq: u64, value: Bytes, ttl_ms: u64) {
        self.store(key, own(&value, seq), ttl_ms, true);
    }

    async fn delete(&self, key: CacheKey<'_>) {
        self.table.lock().remove(&key.encode());
    }
}

impl Table {
    /// The entry, as the most recently used; one whose time has run out is removed.
    fn live(&mut self, key: &[u8], now_ms: u64) -> Option<&Cached> {
        if self.entries.peek(key)?.expires_ms <= now_ms {
            self.remove(key);
        }
        self.entries.get(key).map(|entry| &entry.cached)
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some((key, entry)) = self.entries.pop_entry(key) {
            self.size_bytes -= size_of_entry(&key, &entry.cached.value);
        }
    }

    fn remove_oldest(&mut self) {
        if let Some((key, entry)) = self.entries.pop_lru() {
            self.size_bytes -= size_of_entry(&key, &entry.cached.value);
        }
    }
}

/// Copied, because a slice would keep the caller's whole buffer alive, uncounted.
fn own(value: &[u8], seq: u64) -> Cached {
    Cached { value: Bytes::copy_from_slice(value), seq }
}

fn size_of_entry(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::conformance::Harness;

    struct Fixture {
        now_ms: Arc<AtomicU64>,
        cache: MemCache,
    }

    impl Fixture {
        fn new(capacity_bytes: usize) -> Self {
            let now_ms = Arc::new(AtomicU64::new(5_000));
            let clock = Arc::clone(&now_ms);
            let cache = MemCache::new(capacity_bytes, move || clock.load(Ordering::Relaxed));
            Self { now_ms, cache }
        }

        async fn has(&self, id: u8) -> bool {
            self.cache.get(key(&[id])).await.is_some()
        }
    }

    #[async_trait]
    impl Harness for Fixture {
        fn cache(&self) -> &dyn Cache {
            &self.cache
        }

        async fn advance(&self, ms: u64) {
            self.now_ms.fetch_add(ms, Ordering::Relaxed);
        }
    }

    crate::cache_conformance!(laws Fixture::new(1 << 20));
    crate::cache_conformance!(retains Fixture::new(1 << 20));

    mod under_pressure {
        use super::*;

        crate::cache_conformance!(laws Fixture::new(600));
    }

    fn key(id: &[u8]) -> CacheKey<'_> {
        CacheKey { workspace: [0; 16], kind: "k", id }
    }

    /// Room for three entries with a one-byte id and this value.
    const VALUE: Bytes = Bytes::from_static(&[7; 100]);
    const THREE_ENTRIES: usize = 3 * (16 + 8 + 1 + 1 + 100 + ENTRY_BYTES);

    #[tokio::test]
    async fn the_least_recently_used_goes_first() {
        let fixture = Fixture::new(THREE_ENTRIES);
        for id in 1..=3 {
            fixture.cache.put(key(&[id]), VALUE, 1_000).await;
        }
        assert_eq!(fixture.cache.size_bytes(), THREE_ENTRIES);
        assert!(fixture.has(1).await);
        fixture.cache.put(key(&[4]), VALUE, 1_000).await;
        assert!(!fixture.has(2).await);
        for id in [1, 3, 4] {
            assert!(fixture.has(id).await, "{id}");
        }
    }

    #[tokio::test]
    async fn a_value_over_the_capacity_is_not_kept_and_evicts_nothing_else() {
        let fixture = Fixture::new(THREE_ENTRIES);
        fixture.cache.put(key(&[1]), VALUE, 1_000).await;
        fixture.cache.put(key(&[2]), VALUE, 1_000).await;
        fixture.cache.put(key(&[2]), Bytes::from(vec![0; THREE_ENTRIES]), 1_000).await;
        assert!(fixture.has(1).await);
        assert!(!fixture.has(2).await, "the value that was to be replaced is stale");
    }

    #[tokio::test]
    async fn every_byte_is_given_back() {
        let fixture = Fixture::new(THREE_ENTRIES);
        for id in 0..100 {
            fixture.cache.put(key(&[id % 7]), VALUE.slice(..usize::from(id)), 10).await;
            assert!(fixture.cache.size_bytes() <= THREE_ENTRIES);
        }
        fixture.advance(10).await;
        for id in 0..7 {
            assert!(!fixture.has(id).await);
        }
        assert_eq!(fixture.cache.size_bytes(), 0);
    }

    #[tokio::test]
    async fn times_at_the_end_of_the_range_do_not_wrap() {
        let fixture = Fixture::new(THREE_ENTRIES);
        fixture.cache.put(key(&[1]), VALUE, u64::MAX).await;
        assert!(fixture.has(1).await);
    }
}
