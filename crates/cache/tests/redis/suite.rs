//! The port's suite against a server.

use aob_cache::conformance::Harness;
use aob_cache::{Cache, CacheKey, Cached, RedisCache, cache_conformance};
use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::server::{Raw, cache, config, url};

/// Milliseconds of the server for one of the suite's. Its clock cannot be set, so time passes by
/// bringing the end of every key nearer, and what the test itself takes must not count.
const SCALE: u64 = 10_000;

/// A cache whose milliseconds are long.
#[derive(Debug)]
struct Slow(RedisCache);

#[async_trait]
impl Cache for Slow {
    async fn get(&self, key: CacheKey<'_>) -> Option<Cached> {
        self.0.get(key).await
    }

    async fn put(&self, key: CacheKey<'_>, value: Bytes, ttl_ms: u64) {
        self.0.put(key, value, ttl_ms * SCALE).await;
    }

    async fn put_if_newer(&self, key: CacheKey<'_>, seq: u64, value: Bytes, ttl_ms: u64) {
        self.0.put_if_newer(key, seq, value, ttl_ms * SCALE).await;
    }

    async fn delete(&self, key: CacheKey<'_>) {
        self.0.delete(key).await;
    }
}

struct OnServer {
    cache: Slow,
    prefix: String,
    raw: OnceCell<Raw>,
}

impl OnServer {
    fn new() -> Self {
        let config = config(&url());
        let cache = Slow(cache(&config));
        Self { cache, prefix: config.prefix, raw: OnceCell::new() }
    }
}

#[async_trait]
impl Harness for OnServer {
    fn cache(&self) -> &dyn Cache {
        &self.cache
    }

    async fn advance(&self, ms: u64) {
        let raw = self.raw.get_or_init(|| Raw::connect(&self.prefix)).await;
        raw.expire_within(ms * SCALE).await;
    }
}

cache_conformance!(laws OnServer::new());
cache_conformance!(retains OnServer::new());
