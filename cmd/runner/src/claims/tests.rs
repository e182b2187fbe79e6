//! Claims and heartbeats against the store's reference model.

use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{AttemptKey, HeartbeatItem, LeaseStanding, RawText};
use aob_engine::{InstanceId, RunId, Timestamp};
use aob_store::{
    AppendBatch, AppendOutcome, DerivedRows, Head, LeaseKey, LeaseRow, LeaseState, Leases, Log,
    ManualClock, MemStore, Segment, StreamAppend, StreamId, WorkspaceId, segment_hash,
};
use serde_json::json;

use super::StoreClaims;
use crate::clock::Clock;
use crate::leases::{Beat, Claims, Heartbeats};

const RUN: StreamId = StreamId(uuid::Uuid::from_u128(5));

#[derive(Debug)]
struct Shown(ManualClock);

impl Clock for Shown {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.now_ms())
    }
}

/// A store with leases of these attempts of one instance, a clock at 1,000 ms, and its claims.
async fn world(attempts: &[u32]) -> (Arc<MemStore>, ManualClock, StoreClaims) {
    let clock = ManualClock::at(1_000);
    let store = Arc::new(MemStore::new(clock.clock()));
    let events = "[]".to_owned();
    let hash = segment_hash(RUN, 1, 1_000, &Head::EMPTY.hash, &events);
    let segment = Segment {
        ordinal: 1,
        first_seq: 1,
        last_seq: 1,
        at_ms: 1_000,
        events,
        prev_hash: Head::EMPTY.hash,
        hash,
    };
    let lease = |attempt: &u32| LeaseRow {
        key: LeaseKey { run: RUN, instance: "crawl[3]/fetch".to_owned(), attempt: *attempt },
        pool: "default".to_owned(),
        name: "http".to_owned(),
        priority: 1,
        seq: 1,
        by_topic: true,
        scheduled_ms: 1_000,
    };
    let append = StreamAppend {
        stream: RUN,
        workspace: WorkspaceId(uuid::Uuid::from_u128(1)),
        segments: vec![segment],
        keys: vec![],
        dedup: None,
        rows: DerivedRows {
            leases_put: attempts.iter().map(lease).collect(),
            now_ms: 1_000,
            ..DerivedRows::default()
        },
    };
    let batch = AppendBatch { streams: vec![append], ..AppendBatch::default() };
    let outcomes = store.append(batch.into()).await.unwrap();
    assert_eq!(outcomes, [AppendOutcome::Committed { older_outbox: false }]);
    let claims =
        StoreClaims::new(store.clone(), Arc::new(Shown(clock.clone())), Duration::from_secs(15));
    (store, clock, claims)
}

fn key(attempt: u32) -> AttemptKey {
    let instance: InstanceId = "crawl[3]/fetch".parse().unwrap();
    AttemptKey { run: RunId(RUN.0), instance, attempt }
}

fn beat(holder: &str, attempt: u32, progress: Option<RawText>) -> Beat {
    let AttemptKey { run, instance, attempt } = key(attempt);
    let item = HeartbeatItem { run, instance, attempt, token: None, progress, logs: None };
    Beat { holder: holder.into(), item }
}

async fn only_lease(store: &MemStore) -> LeaseState {
    store.leases_of(RUN).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_lease_is_granted_once_to_one_claim() {
    let (store, _, claims) = world(&[1, 2]).await;
    assert_eq!(claims.claim("r1#1", &[key(1), key(7), key(2)]).await.unwrap(), [true, false, true]);
    assert_eq!(
        claims.claim("r1#2", &[key(1)]).await.unwrap(),
        [false],
        "not even to the same runner"
    );
    assert_eq!(claims.claim("r1#1", &[key(1)]).await.unwrap(), [true], "the same claim again");
    let lease = only_lease(&store).await;
    assert_eq!(lease.holder.as_deref(), Some("r1#1"));
    assert_eq!((lease.granted_ms, lease.until_ms), (Some(1_000), Some(16_000)));
}

#[tokio::test]
async fn a_heartbeat_renews_reports_and_learns() {
    let (store, clock, claims) = world(&[1]).await;
    claims.claim("r1#1", &[key(1)]).await.unwrap();
    clock.advance(5_000);
    let progress = Some(RawText::of(&json!({"done": 3})));
    let beats = vec![beat("r1#1", 1, progress), beat("r1#2", 1, None), beat("r1#1", 9, None)];
    let standing = claims.heartbeat(beats).await.unwrap();
    assert_eq!(standing, [LeaseStanding::Held, LeaseStanding::Lost, LeaseStanding::Lost]);
    let lease = only_lease(&store).await;
    assert_eq!((lease.until_ms, lease.progress_ms), (Some(21_000), Some(6_000)));
    assert_eq!(lease.progress.as_deref(), Some(r#"{"done":3}"#));

    store.lease_cancel(&[lease.row.key]).await.unwrap();
    let standing = claims.heartbeat(vec![beat("r1#1", 1, None)]).await.unwrap();
    assert_eq!(standing, [LeaseStanding::Cancelling]);
}
