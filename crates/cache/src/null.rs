//! The cache that loses everything at once.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Cache, CacheKey, Cached};

/// Keeps nothing. What works with it does not depend on a cache.
#[derive(Debug, Clone, Copy, Default)]
pub struct NullCache;

#[async_trait]
impl Cache for NullCache {
    async fn get(&self, _key: CacheKey<'_>) -> Option<Cached> {
        None
    }

    async fn put(&self, _key: CacheKey<'_>, _value: Bytes, _ttl_ms: u64) {}

    async fn put_if_newer(&self, _key: CacheKey<'_>, _seq: u64, _value: Bytes, _ttl_ms: u64) {}

    async fn delete(&self, _key: CacheKey<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Harness;

    #[async_trait]
    impl Harness for NullCache {
        fn cache(&self) -> &dyn Cache {
            self
        }

        async fn advance(&self, _ms: u64) {}
    }

    crate::cache_conformance!(laws NullCache);
}
