//! A server that is empty, wrong, silent, or not there.

use std::time::Duration;

use aob_cache::{Cache, CacheKey, Cached, RedisCache, RedisConfig};
use bytes::Bytes;
use tokio::time::timeout;

use crate::link::{Link, Mode};
use crate::server::{Raw, cache, config, url};

const KEY: CacheKey<'static> = CacheKey { workspace: [7; 16], kind: "k", id: b"id" };
const HOUR_MS: u64 = 3_600_000;
const VALUE: Bytes = Bytes::from_static(b"value");
/// Longer than any operation may take.
const PATIENCE: Duration = Duration::from_secs(60);

async fn value(cache: &RedisCache) -> Option<Bytes> {
    cache.get(KEY).await.map(|cached| cached.value)
}

async fn case() -> (RedisCache, Raw) {
    let config = config(&url());
    (cache(&config), Raw::connect(&config.prefix).await)
}

#[tokio::test]
async fn a_server_that_lost_everything_has_nothing_and_takes_it_again() {
    let (cache, raw) = case().await;
    cache.put(KEY, VALUE, HOUR_MS).await;
    raw.lose_all().await;
    assert_eq!(value(&cache).await, None);
    cache.put(KEY, VALUE, HOUR_MS).await;
    assert_eq!(value(&cache).await, Some(VALUE));
}

#[tokio::test]
async fn bytes_that_were_not_put_are_a_miss_and_go() {
    let (cache, raw) = case().await;
    cache.put_if_newer(KEY, 9, VALUE, HOUR_MS).await;
    let key = raw.key().await;
    let good = raw.get(&key).await;
    let flipped: Vec<u8> = good.iter().map(|byte| byte ^ 1).collect();
    let mut risen = good.clone();
    risen[1] = 0xff;
    for wrong in [flipped, risen, good[..10].to_vec(), b"hello".to_vec(), Vec::new()] {
        raw.set(&key, &wrong).await;
        assert_eq!(cache.get(KEY).await, None, "{wrong:?}");
        assert!(raw.keys().await.is_empty(), "it would keep newer values out");
    }
    // A value of another key, whole.
    raw.set(&key, &good).await;
    let other = CacheKey { id: b"other", ..KEY };
    cache.put(other, VALUE, HOUR_MS).await;
    let other_key = raw.keys().await.into_iter().find(|found| *found != key).expect("two keys");
    raw.set(&other_key, &good).await;
    assert_eq!(cache.get(other).await, None);
    assert_eq!(cache.get(KEY).await, Some(Cached { value: VALUE, seq: 9 }));
}

#[tokio::test]
async fn an_unknown_format_is_replaced_whatever_its_seq() {
    let (cache, raw) = case().await;
    cache.put_if_newer(KEY, 1, VALUE, HOUR_MS).await;
    let key = raw.key().await;
    let mut other_format = vec![0xff; 9];
    other_format.extend_from_slice(b"whatever this is");
    raw.set(&key, &other_format).await;
    cache.put_if_newer(KEY, 1, VALUE, HOUR_MS).await;
    assert_eq!(cache.get(KEY).await, Some(Cached { value: VALUE, seq: 1 }));
}

#[tokio::test]
async fn the_server_lets_values_expire_by_itself() {
    let (cache, raw) = case().await;
    cache.put(KEY, VALUE, 1).await;
    let gone = async { while !raw.keys().await.is_empty() {} };
    timeout(PATIENCE, gone).await.expect("its time has run out");
    assert_eq!(value(&cache).await, None);
    // Times beyond what the server takes are cut, not refused.
    cache.put(KEY, VALUE, u64::MAX).await;
    assert_eq!(value(&cache).await, Some(VALUE));
}

#[tokio::test]
async fn what_is_too_large_replaces_the_old_with_nothing() {
    let config = RedisConfig { value_bytes_max: 5, ..config(&url()) };
    let cache = cache(&config);
    for newer in [false, true] {
        cache.put_if_newer(KEY, 3, VALUE, HOUR_MS).await;
        assert_eq!(value(&cache).await, Some(VALUE));
        let large = Bytes::from_static(b"larger");
        if newer {
            cache.put_if_newer(KEY, 2, large.clone(), HOUR_MS).await;
            assert_eq!(value(&cache).await, Some(VALUE), "it is not newer");
            cache.put_if_newer(KEY, 4, large, HOUR_MS).await;
        } else {
            cache.put(KEY, large, HOUR_MS).await;
        }
        assert_eq!(value(&cache).await, None);
    }
}

/// A cache over a link, with an answer in time or none.
async fn over_link() -> (RedisCache, Link) {
    let url = url();
    let (login, server) = url.rsplit_once('@').expect("a password");
    let link = Link::to(server.trim_end_matches('/').to_owned()).await;
    let config = RedisConfig {
        timeout_ms: 500,
        pause_ms: 200,
        ..config(&format!("{login}@{}", link.address()))
    };
    (cache(&config), link)
}

/// Puts until the value is there: after a failure the server is left alone for a moment.
async fn recovers(cache: &RedisCache) {
    let again = async {
        while value(cache).await != Some(VALUE) {
            cache.put(KEY, VALUE, HOUR_MS).await;
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.expect("the cache comes back");
}

#[tokio::test]
async fn a_server_that_is_cut_off_or_silent_costs_misses_and_comes_back() {
    let (cache, link) = over_link().await;
    for mode in [Mode::Cut, Mode::Silent] {
        recovers(&cache).await;
        link.set(mode);
        let asked = async {
            assert_eq!(value(&cache).await, None, "{mode:?}");
            cache.put(KEY, VALUE, HOUR_MS).await;
            cache.put_if_newer(KEY, 1, VALUE, HOUR_MS).await;
            cache.delete(KEY).await;
            assert_eq!(value(&cache).await, None, "{mode:?}");
            assert!(!cache.is_reachable().await, "{mode:?}");
        };
        timeout(PATIENCE, asked).await.expect("a cache does not hold anybody up");
        link.set(Mode::Open);
    }
    recovers(&cache).await;
    assert!(cache.is_reachable().await);
}

#[tokio::test]
async fn a_silent_server_is_asked_once_and_then_left_alone() {
    let (cache, link) = over_link().await;
    recovers(&cache).await;
    link.set(Mode::Silent);
    let config = RedisConfig {
        timeout_ms: 1_000,
        pause_ms: HOUR_MS,
        ..config(&format!("redis://{}", link.address()))
    };
    let cache = RedisCache::new(config).expect("an address");
    assert_eq!(value(&cache).await, None);
    let rest = async {
        for _ in 0..1_000 {
            assert_eq!(value(&cache).await, None);
        }
    };
    timeout(Duration::from_secs(20), rest).await.expect("1,000 misses cost no deadline each");
}

#[tokio::test]
async fn nobody_there_is_a_miss_and_a_wrong_address_an_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let cache = cache(&config(&format!("redis://{address}")));
    cache.put(KEY, VALUE, HOUR_MS).await;
    assert_eq!(value(&cache).await, None);
    assert!(RedisCache::new(RedisConfig::new("http://x")).is_err());
    let shown = format!("{:?}", RedisConfig::new("redis://:s3cret@x"));
    assert!(!shown.contains("s3cret"), "{shown}");
}
