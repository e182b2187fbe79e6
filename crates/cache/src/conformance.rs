//! The suite that every adapter of [`Cache`] must pass. `cache_conformance!(laws harness)` holds
//! for all of them; `cache_conformance!(retains harness)` for those that keep what fits.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

use crate::{Cache, CacheKey, Cached};

/// An empty cache of the adapter under test, and its clock.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The adapter.
    fn cache(&self) -> &dyn Cache;

    /// Lets so many milliseconds pass.
    async fn advance(&self, ms: u64);
}

/// Expands to one test per case. The expression makes a fresh
/// [`Harness`](conformance::Harness).
#[macro_export]
macro_rules! cache_conformance {
    (laws $harness:expr) => {
        $crate::cache_conformance!(@cases $harness;
            an_empty_cache_has_nothing,
            what_is_read_was_put_and_is_in_time,
        );
    };
    (retains $harness:expr) => {
        $crate::cache_conformance!(@cases $harness;
            keeps_what_was_put_for_its_time,
            keys_are_apart,
            old_does_not_replace_new,
            behaves_like_a_map_with_times,
        );
    };
    (@cases $harness:expr; $($case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::conformance::$case(&$harness).await;
            }
        )*
    };
}

const WORKSPACE: [u8; 16] = [3; 16];

fn key(id: &[u8]) -> CacheKey<'_> {
    CacheKey { workspace: WORKSPACE, kind: "suite", id }
}

async fn value(harness: &dyn Harness, key: CacheKey<'_>) -> Option<Bytes> {
    harness.cache().get(key).await.map(|cached| cached.value)
}

/// Nothing is found where nothing was put, and deleting that is fine.
pub async fn an_empty_cache_has_nothing(harness: &dyn Harness) {
    assert_eq!(harness.cache().get(key(b"a")).await, None);
    harness.cache().delete(key(b"a")).await;
    harness.cache().put(key(b"a"), Bytes::from_static(b"no time"), 0).await;
    assert_eq!(harness.cache().get(key(b"a")).await, None);
}

/// A value is there until its time has run out, also an empty one.
pub async fn keeps_what_was_put_for_its_time(harness: &dyn Harness) {
    for text in ["", "text"] {
        let expected = Cached { value: Bytes::from(text), seq: 0 };
        harness.cache().put(key(b"a"), expected.value.clone(), 1_000).await;
        harness.advance(400).await;
        assert_eq!(harness.cache().get(key(b"a")).await, Some(expected));
        harness.advance(600).await;
        assert_eq!(harness.cache().get(key(b"a")).await, None);
    }
    harness.cache().put(key(b"b"), Bytes::from_static(b"1"), 1_000).await;
    harness.cache().put(key(b"b"), Bytes::from_static(b"2"), 5_000).await;
    harness.advance(2_000).await;
    assert_eq!(value(harness, key(b"b")).await.as_deref(), Some(&b"2"[..]));
    harness.cache().delete(key(b"b")).await;
    assert_eq!(value(harness, key(b"b")).await, None);
}

/// Workspace, kind and id all count, whatever bytes they hold.
pub async fn keys_are_apart(harness: &dyn Harness) {
    let ids: [&[u8]; 6] = [b"", b"\0", b"\0\0", b"id", &[0xff; 4], &[b'x'; 500]];
    let mut keys = Vec::new();
    for workspace in [[0; 16], [1; 16]] {
        for kind in ["", "kind", "kindid", "ki"] {
            keys.extend(ids.map(|id| CacheKey { workspace, kind, id }));
        }
    }
    for (key, n) in keys.iter().zip(0_u32..) {
        harness.cache().put(*key, Bytes::from(n.to_string()), 60_000).await;
    }
    for (key, n) in keys.iter().zip(0_u32..) {
        assert_eq!(value(harness, *key).await, Some(Bytes::from(n.to_string())), "{key:?}");
    }
    harness.cache().delete(keys[0]).await;
    assert_eq!(value(harness, keys[0]).await, None);
    for key in &keys[1..] {
        assert!(value(harness, *key).await.is_some(), "{key:?}");
    }
}

/// A lower or equal seq changes neither the value nor its time.
pub async fn old_does_not_replace_new(harness: &dyn Harness) {
    let put = async |seq, text: &'static str, ttl_ms| {
        harness.cache().put_if_newer(key(b"a"), seq, Bytes::from(text), ttl_ms).await;
    };
    let expect = async |seq, text: &'static str| {
        let expected = Cached { value: Bytes::from(text), seq };
        assert_eq!(harness.cache().get(key(b"a")).await, Some(expected));
    };
    put(5, "five", 1_000).await;
    expect(5, "five").await;
    put(5, "five again", 9_000).await;
    put(4, "four", 9_000).await;
    expect(5, "five").await;
    put(u64::MAX, "last", 1_000).await;
    expect(u64::MAX, "last").await;
    harness.advance(1_000).await;
    assert_eq!(value(harness, key(b"a")).await, None);
    put(1, "after expiry", 1_000).await;
    expect(1, "after expiry").await;
    harness.cache().put(key(b"a"), Bytes::from_static(b"plain"), 1_000).await;
    expect(0, "plain").await;
    put(0, "zero", 1_000).await;
    expect(0, "plain").await;
}

#[derive(Debug, Clone)]
enum Step {
    Put { id: u8, ttl_ms: u64 },
    PutIfNewer { id: u8, seq: u64, ttl_ms: u64 },
    Delete { id: u8 },
    Advance { ms: u64 },
    Get { id: u8 },
}

fn programs() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..5_u8, 0..500_u64).prop_map(|(id, ttl_ms)| Step::Put { id, ttl_ms }),
        (0..5_u8, 0..6_u64, 0..500_u64).prop_map(|(id, seq, ttl_ms)| Step::PutIfNewer {
            id,
            seq,
            ttl_ms
        }),
        (0..5_u8).prop_map(|id| Step::Delete { id }),
        (0..200_u64).prop_map(|ms| Step::Advance { ms }),
        (0..5_u8).prop_map(|id| Step::Get { id }),
    ];
    prop::collection::vec(step, 1..100)
}

fn random_programs(count: usize) -> impl Iterator<Item = Vec<Step>> {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    (0..count).map(move |_| programs().new_tree(&mut runner).expect("no filters").current())
}

/// The value of the n-th step: no two are alike.
fn value_of(step: usize) -> Bytes {
    Bytes::from(format!("{step}:{}", "x".repeat(step % 90)))
}

/// Applies a step that is not a `Get`.
async fn apply(harness: &dyn Harness, step: &Step, value: Bytes) {
    match step {
        Step::Put { id, ttl_ms } => harness.cache().put(key(&[*id]), value, *ttl_ms).await,
        Step::PutIfNewer { id, seq, ttl_ms } => {
            harness.cache().put_if_newer(key(&[*id]), *seq, value, *ttl_ms).await;
        }
        Step::Delete { id } => harness.cache().delete(key(&[*id])).await,
        Step::Advance { ms } => harness.advance(*ms).await,
        Step::Get { .. } => {}
    }
}

/// Whatever was lost or has aged: a value read was put under that key with that seq, and its time
/// has not run out.
pub async fn what_is_read_was_put_and_is_in_time(harness: &dyn Harness) {
    for (round, program) in random_programs(30).enumerate() {
        let mut now_ms = 0;
        let mut put = BTreeSet::new();
        for (step, n) in program.iter().zip(round * 1_000..) {
            apply(harness, step, value_of(n)).await;
            match step {
                Step::Put { id, ttl_ms } => {
                    put.insert((*id, 0, value_of(n), now_ms + ttl_ms));
                }
                Step::PutIfNewer { id, seq, ttl_ms } => {
                    put.insert((*id, *seq, value_of(n), now_ms + ttl_ms));
                }
                Step::Advance { ms } => now_ms += ms,
                Step::Get { id } => {
                    if let Some(Cached { value, seq }) = harness.cache().get(key(&[*id])).await {
                        let from = (*id, seq, value.clone(), now_ms + 1);
                        let known = put.range(from..).next();
                        let known = known.map(|(id, seq, value, _)| (*id, *seq, value));
                        assert_eq!(known, Some((*id, seq, &value)), "{program:?}");
                    }
                }
                Step::Delete { .. } => {}
            }
        }
        harness.advance(1_000).await;
    }
}

/// Without pressure, random programs see what a map with times would show.
pub async fn behaves_like_a_map_with_times(harness: &dyn Harness) {
    for program in random_programs(100) {
        let mut now_ms = 0;
        let mut model: BTreeMap<u8, (Cached, u64)> = BTreeMap::new();
        for (n, step) in program.iter().enumerate() {
            apply(harness, step, value_of(n)).await;
            match step {
                Step::Put { id, ttl_ms } => {
                    model.insert(*id, (Cached { value: value_of(n), seq: 0 }, now_ms + ttl_ms));
                }
                Step::PutIfNewer { id, seq, ttl_ms } => {
                    if model.get(id).is_none_or(|(old, _)| old.seq < *seq) {
                        let new = Cached { value: value_of(n), seq: *seq };
                        model.insert(*id, (new, now_ms + ttl_ms));
                    }
                }
                Step::Delete { id } => {
                    model.remove(id);
                }
                Step::Advance { ms } => now_ms += ms,
                Step::Get { id } => {
                    let expected = model.get(id).map(|(cached, _)| cached.clone());
                    assert_eq!(harness.cache().get(key(&[*id])).await, expected, "{program:?}");
                }
            }
            model.retain(|_, (_, expires_ms)| *expires_ms > now_ms);
        }
        harness.advance(1_000).await;
    }
}
