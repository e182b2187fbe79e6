//! The tests' server.

use std::sync::atomic::{AtomicU64, Ordering};

use aob_cache::{RedisCache, RedisConfig};
use redis::aio::MultiplexedConnection;
use redis::{Client, cmd};

/// Where the tests' server is; made by `scripts/services`.
const VARIABLE: &str = "AOB_TEST_REDIS_URL";

#[expect(clippy::disallowed_methods, reason = "the tests' configuration is one variable")]
pub(crate) fn url() -> String {
    std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("{VARIABLE} is not set: run `scripts/services run redis -- cargo test ...`")
    })
}

/// Keys that no other case uses, on the server at this address.
pub(crate) fn config(url: &str) -> RedisConfig {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("{}-{n}:", std::process::id());
    // A machine that is busy with other tests answers late.
    RedisConfig { prefix, timeout_ms: 10_000, ..RedisConfig::new(url) }
}

/// The adapter under a configuration.
pub(crate) fn cache(config: &RedisConfig) -> RedisCache {
    RedisCache::new(config.clone()).expect("an address")
}

/// Behind the adapter's back.
#[derive(Clone)]
pub(crate) struct Raw {
    connection: MultiplexedConnection,
    prefix: String,
}

impl Raw {
    pub(crate) async fn connect(prefix: &str) -> Self {
        let client = Client::open(url()).expect("an address");
        let connection = client.get_multiplexed_async_connection().await.expect("it answers");
        Self { connection, prefix: prefix.to_owned() }
    }

    /// The keys of this case.
    pub(crate) async fn keys(&self) -> Vec<Vec<u8>> {
        let mut command = cmd("KEYS");
        command.arg(format!("{}*", self.prefix));
        command.query_async(&mut self.connection.clone()).await.expect("its keys")
    }

    /// The one key of this case.
    pub(crate) async fn key(&self) -> Vec<u8> {
        let keys = self.keys().await;
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys.concat()
    }

    pub(crate) async fn get(&self, key: &[u8]) -> Vec<u8> {
        let mut command = cmd("GET");
        command.arg(key);
        command.query_async(&mut self.connection.clone()).await.expect("its bytes")
    }

    pub(crate) async fn set(&self, key: &[u8], bytes: &[u8]) {
        let mut command = cmd("SET");
        command.arg(key).arg(bytes);
        command.query_async::<()>(&mut self.connection.clone()).await.expect("it is set");
    }

    /// Loses everything of this case.
    pub(crate) async fn lose_all(&self) {
        self.expire_within(u64::MAX).await;
    }

    /// Brings the end of each key of this case so many milliseconds nearer.
    pub(crate) async fn expire_within(&self, ms: u64) {
        let mut connection = self.connection.clone();
        for key in self.keys().await {
            let left: i64 = cmd("PTTL").arg(&key).query_async(&mut connection).await.expect("PTTL");
            let left = u64::try_from(left).unwrap_or(0).saturating_sub(ms);
            let mut command = cmd(if left == 0 { "DEL" } else { "PEXPIRE" });
            command.arg(&key);
            if left > 0 {
                command.arg(left);
            }
            command.query_async::<()>(&mut connection).await.expect("it answers");
        }
    }
}
