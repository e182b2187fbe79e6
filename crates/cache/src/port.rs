//! The port: what the product needs of a cache.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

/// Names a value. Two keys are the same only if all three parts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacheKey<'a> {
    /// Whose: the 16 bytes of a workspace's id; zeros for what belongs to none.
    pub workspace: [u8; 16],
    /// What kind of thing, and the version of its encoding: `ir:1`, `state:1`.
    pub kind: &'a str,
    /// Which one.
    pub id: &'a [u8],
}

impl CacheKey<'_> {
    /// One byte string per key: the workspace, the kind behind its length, the id.
    pub fn encode(&self) -> Vec<u8> {
        let kind_len = (self.kind.len() as u64).to_be_bytes();
        [&self.workspace, &kind_len[..], self.kind.as_bytes(), self.id].concat()
    }
}

/// A value found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// As it was put.
    pub value: Bytes,
    /// The seq that it was put with; 0 where it was put without.
    pub seq: u64,
}

/// Values that can be computed again. No operation fails: an adapter that cannot reach its backend
/// logs that and behaves as if the value were lost.
#[async_trait]
pub trait Cache: fmt::Debug + Send + Sync {
    /// Reads a value. It may be missing for any reason. It may be older than the last one put,
    /// but it is one that was put under this key, unaltered, and its time has not run out.
    async fn get(&self, key: CacheKey<'_>) -> Option<Cached>;

    /// Keeps a value that never changes for at most `ttl_ms` milliseconds, with seq 0, whatever
    /// was there before.
    async fn put(&self, key: CacheKey<'_>, value: Bytes, ttl_ms: u64);

    /// Keeps a value as of `seq` for at most `ttl_ms` milliseconds, unless one of the same or a
    /// higher seq is there: a late writer does not replace new with old.
    async fn put_if_newer(&self, key: CacheKey<'_>, seq: u64, value: Bytes, ttl_ms: u64);

    /// Forgets a value, if it can. Somebody else may put it again at once, and what fails here is
    /// silent; so correctness must not need it.
    async fn delete(&self, key: CacheKey<'_>);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_key_do_not_run_together() {
        let key = |kind, id| CacheKey { workspace: [1; 16], kind, id };
        assert_ne!(key("ab", b"c").encode(), key("a", b"bc").encode());
        assert_ne!(key("", b"abc").encode(), key("abc", b"").encode());
        let elsewhere = CacheKey { workspace: [2; 16], ..key("a", b"b") };
        assert_ne!(key("a", b"b").encode(), elsewhere.encode());
    }
}
