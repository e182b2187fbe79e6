//! The production adapter: Redis 7 or what speaks its protocol.
//!
//! One connection is shared by all callers and made again when it breaks. An operation has a
//! deadline; after one that failed, operations of the next second are answered as misses without
//! trying, so a server that is down costs nobody more than one deadline per second.

mod frame;
mod pause;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, Cmd, RedisError, Script};
use async_trait::async_trait;
use bytes::Bytes;
use thiserror::Error;

use self::pause::Pause;
use crate::{Cache, CacheKey, Cached};

/// Values are kept no longer than this, whatever was asked for: 30 days.
const TTL_MAX_MS: u64 = 30 * 24 * 60 * 60 * 1_000;

/// Commands that wait for the shared connection; beyond it callers wait.
const PIPELINE_MAX: usize = 1_024;

/// Settings of a [`RedisCache`].
#[derive(Clone)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/database]`, `rediss://` for TLS.
    pub url: String,
    /// What all keys begin with, so that a server can be shared (`aob:`).
    pub prefix: String,
    /// An operation that takes longer counts as a miss (250).
    pub timeout_ms: u64,
    /// After a failure the server is left alone for so long (1,000).
    pub pause_ms: u64,
    /// Larger values are not kept (1 MiB).
    pub value_bytes_max: usize,
}

impl RedisConfig {
    /// The defaults, on this server.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: "aob:".to_owned(),
            timeout_ms: 250,
            pause_ms: 1_000,
            value_bytes_max: 1 << 20,
        }
    }
}

impl fmt::Debug for RedisConfig {
    /// Addresses hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("prefix", &self.prefix)
            .field("timeout_ms", &self.timeout_ms)
            .field("pause_ms", &self.pause_ms)
            .field("value_bytes_max", &self.value_bytes_max)
            .finish_non_exhaustive()
    }
}

/// The address is not one of a Redis server.
#[derive(Debug, Error)]
#[error("the address of the Redis server is not valid")]
pub struct AddressError(#[source] RedisError);

/// A cache on a Redis server. Cheap to clone; it works on the runtime that it was made on.
#[derive(Clone)]
pub struct RedisCache {
    config: RedisConfig,
    connection: ConnectionManager,
    put_if_newer: Script,
    pause: Pause,
}

impl RedisCache {
    /// A cache on this server, which need not be there: the first operation connects.
    ///
    /// # Errors
    /// If the address is not valid.
    pub fn new(config: RedisConfig) -> Result<Self, AddressError> {
        let client = Client::open(config.url.as_str()).map_err(AddressError)?;
        let timeout = Duration::from_millis(config.timeout_ms);
        // What waits is bounded here; trying again is up to the next operation.
        let settings = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout))
            .set_pipeline_buffer_size(PIPELINE_MAX);
        let connection =
            ConnectionManager::new_lazy_with_config(client, settings).map_err(AddressError)?;
        let pause = Pause::new(Duration::from_millis(config.pause_ms));
        let put_if_newer = Script::new(include_str!("put_if_newer.lua"));
        Ok(Self { config, connection, put_if_newer, pause })
    }

    /// True where the server answers in time.
    pub async fn is_reachable(&self) -> bool {
        let mut connection = self.connection.clone();
        let ping = async { Cmd::ping().query_async::<()>(&mut connection).await };
        let limit = Duration::from_millis(self.config.timeout_ms);
        matches!(tokio::time::timeout(limit, ping).await, Ok(Ok(())))
    }

    fn key(&self, key: &[u8]) -> Vec<u8> {
        [self.config.prefix.as_bytes(), key].concat()
    }

    /// What the server answers, or `None` where it cannot be asked.
    async fn attempt<T>(
        &self,
        operation: &'static str,
        asked: impl Future<Output = Result<T, RedisError>>,
    ) -> Option<T> {
        if self.pause.holds() {
            return None;
        }
        let limit = Duration::from_millis(self.config.timeout_ms);
        let (error, unanswered) = match tokio::time::timeout(limit, asked).await {
            Ok(Ok(answer)) => {
                self.pause.end();
                return Some(answer);
            }
            // A server that answers is not left alone for what it says.
            Ok(Err(error)) => (error.to_string(), error.kind() == ::redis::ErrorKind::Io),
            Err(_) => (format!("no answer within {} ms", self.config.timeout_ms), true),
        };
        if unanswered {
            self.pause.begin();
        }
        tracing::warn!(operation, error, "the cache is not used");
        None
    }

    async fn set(&self, key: &[u8], value: &Bytes, ttl_ms: u64) {
        if ttl_ms == 0 || value.len() > self.config.value_bytes_max {
            return self.remove(key).await;
        }
        let frame = frame::encode(key, 0, value);
        let mut command = ::redis::cmd("SET");
        command.arg(self.key(key)).arg(&frame[..]).arg("PX").arg(ttl_ms.min(TTL_MAX_MS));
        let mut connection = self.connection.clone();
        self.attempt("put", command.query_async::<()>(&mut connection)).await;
    }

    async fn remove(&self, key: &[u8]) {
        let mut command = ::redis::cmd("DEL");
        command.arg(self.key(key));
        let mut connection = self.connection.clone();
        self.attempt("delete", command.query_async::<()>(&mut connection)).await;
    }
}

impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache").field("config", &self.config).finish_non_exhaustive()
    }
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: CacheKey<'_>) -> Option<Cached> {
        let key = key.encode();
        let mut command = ::redis::cmd("GET");
        command.arg(self.key(&key));
        let mut connection = self.connection.clone();
        let asked = command.query_async::<Option<Bytes>>(&mut connection);
        let frame = self.attempt("get", asked).await??;
        let cached = frame::decode(&key, &frame);
        if cached.is_none() {
            // It would keep newer values out until its time has run out.
            tracing::warn!("a cached value is not what was put: it is dropped");
            self.remove(&key).await;
        }
        cached
    }

    async fn put(&self, key: CacheKey<'_>, value: Bytes, ttl_ms: u64) {
        self.set(&key.encode(), &value, ttl_ms).await;
    }

    async fn put_if_newer(&self, key: CacheKey<'_>, seq: u64, value: Bytes, ttl_ms: u64) {
        let key = key.encode();
        // A value over the limit makes what is there stale and is not kept itself.
        let kept = value.len() <= self.config.value_bytes_max;
        let ttl_ms = if kept { ttl_ms.min(TTL_MAX_MS) } else { 0 };
        let frame = frame::encode(&key, seq, if kept { &value } else { &[] });
        let mut script = self.put_if_newer.key(self.key(&key));
        script.arg(&frame[..]).arg(ttl_ms);
        let mut connection = self.connection.clone();
        let asked = script.invoke_async::<i64>(&mut connection);
        self.attempt("put_if_newer", asked).await;
    }

    async fn delete(&self, key: CacheKey<'_>) {
        self.remove(&key.encode()).await;
    }
}
