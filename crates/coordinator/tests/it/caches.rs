//! Nothing rests on the cache: the same program ends the same with one that works, forgets, is
//! old, lies, or is down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aob_cache::{Cache, CacheKey, Cached};
use aob_engine::{Blob, Command, RunStatus};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::json;

use crate::stack::Stack;

/// What a cache does with what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Works,
    Forgets,
    /// It has what was put first under any key of the kind, and never takes anything newer.
    IsOld,
    /// It answers with other bytes.
    Lies,
    /// It answers late, and nothing.
    IsDown,
}

#[derive(Debug)]
struct Fake {
    manner: Manner,
    values: Mutex<BTreeMap<Vec<u8>, Bytes>>,
    asked: AtomicU64,
    answered: AtomicU64,
}

impl Fake {
    fn new(manner: Manner) -> Arc<Self> {
        let (asked, answered) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { manner, values: Mutex::default(), asked, answered })
    }

    fn name(&self, key: CacheKey<'_>) -> Vec<u8> {
        match self.manner {
            Manner::IsOld => key.kind.as_bytes().to_vec(),
            Manner::Works | Manner::Forgets | Manner::Lies | Manner::IsDown => key.encode(),
        }
    }
}

#[async_trait]
impl Cache for Fake {
    async fn get(&self, key: CacheKey<'_>) -> Option<Cached> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let found = self.values.lock().get(&self.name(key)).cloned();
        let value = match self.manner {
            Manner::Works | Manner::IsOld => found?,
            Manner::Forgets => return None,
            Manner::Lies => found?.iter().map(|byte| byte ^ 1).collect(),
            Manner::IsDown => {
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                return None;
            }
        };
        self.answered.fetch_add(1, Ordering::SeqCst);
        Some(Cached { value, seq: 0 })
    }

    async fn put(&self, key: CacheKey<'_>, value: Bytes, _ttl_ms: u64) {
        self.values.lock().entry(self.name(key)).or_insert(value);
    }

    async fn put_if_newer(&self, key: CacheKey<'_>, _seq: u64, value: Bytes, ttl_ms: u64) {
        self.put(key, value, ttl_ms).await;
    }

    async fn delete(&self, key: CacheKey<'_>) {
        self.values.lock().remove(&self.name(key));
    }
}

/// Processes that know nothing of two runs take them on from each other until they are over.
/// Payloads, snapshots and documents all come from storage, or from the cache.
async fn program(manner: Manner) -> Arc<Fake> {
    let cache = Fake::new(manner);
    let first = Stack::with_cache(cache.clone());
    let document = |constant: u32| {
        json!({
            "nodes": [
                {"id": "go", "type": "signal", "config": {"name": "go"}},
                {"id": "long", "type": "transform", "config": {"expression": "inputs.long"}},
                {"id": "n", "type": "transform",
                 "config": {"expression": format!("size(input) + {constant}")}},
            ],
            "edges": [{"from": "go", "to": "long"}, {"from": "long", "to": "n"}],
        })
    };
    let mut runs = Vec::new();
    for constant in [1, 2] {
        let long = "x".repeat(40_000 * usize::try_from(constant).expect("small"));
        let run = first.start(&document(constant), json!({"long": long})).await;
        runs.push((run, constant));
    }
    first.stop();
    for round in 0..4 {
        let next = first.second_coordinator();
        for (run, _) in &runs {
            let signals = next.signals(*run, &format!("r{round}-"), 0..40).await;
            assert_eq!(signals, 40, "{manner:?}: every signal is acknowledged");
        }
        next.stop();
    }
    let last = first.second_coordinator();
    for (run, constant) in runs {
        let (name, payload) = ("go".into(), Blob::of(json!("now")));
        let command = Command::Signal { name, signal: "s".into(), payload };
        last.submit(run, command).await.expect("the signal is accepted");
        assert_eq!(last.wait(run).await, RunStatus::Completed, "{manner:?}");
        assert_eq!(last.output(run).await, json!(40_000 * constant + constant), "{manner:?}");
        assert_eq!(last.count(run, "signal_received").await, 161, "{manner:?}");
        last.verify(run).await;
    }
    cache
}

#[tokio::test]
async fn a_cache_that_works_is_used() {
    let cache = program(Manner::Works).await;
    assert!(cache.answered.load(Ordering::SeqCst) > 3, "{cache:?}");
    let kinds: Vec<&[u8]> = vec![b"document:1", b"blob:1"];
    let values = cache.values.lock();
    for kind in kinds {
        assert!(values.keys().any(|key| key.windows(kind.len()).any(|part| part == kind)));
    }
}

#[tokio::test]
async fn a_cache_that_forgets_changes_nothing() {
    let cache = program(Manner::Forgets).await;
    assert!(cache.asked.load(Ordering::SeqCst) > 3, "it was asked");
}

#[tokio::test]
async fn a_cache_that_is_old_changes_nothing() {
    let cache = program(Manner::IsOld).await;
    assert!(cache.answered.load(Ordering::SeqCst) > 3, "it answered with what was put first");
}

#[tokio::test]
async fn a_cache_that_lies_changes_nothing() {
    let cache = program(Manner::Lies).await;
    assert!(cache.answered.load(Ordering::SeqCst) > 3, "it answered with other bytes");
}

#[tokio::test]
async fn a_cache_that_is_down_changes_nothing() {
    let cache = program(Manner::IsDown).await;
    assert!(cache.asked.load(Ordering::SeqCst) > 3, "it was asked");
}
