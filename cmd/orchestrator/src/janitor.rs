//! Forgetting what need not be remembered.

use std::sync::Arc;
use std::time::Duration;

use aob_store::{Clock, Store, StoreResult, WorkspaceId};
use tokio_util::sync::CancellationToken;

/// How often.
const PERIOD: Duration = Duration::from_secs(600);
/// Runs that are looked for at once.
const RUNS: u32 = 100;

/// Deletes idempotency keys past their time, and runs that have been over for `retention`, until
/// `shutdown`.
pub(crate) async fn run(
    store: Arc<dyn Store>,
    clock: Clock,
    retention: Option<Duration>,
    shutdown: CancellationToken,
) {
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            () = shutdown.cancelled() => return,
        }
        match store.idempotency_expire(clock()).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "idempotency keys are past their time"),
            Err(error) => tracing::warn!(%error, "idempotency keys stay"),
        }
        let Some(kept) = retention else { continue };
        let kept_ms = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
        match sweep(&*store, clock().saturating_sub(kept_ms), &shutdown).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "runs were over for long enough, and are deleted"),
            Err(error) => tracing::warn!(%error, "old runs stay"),
        }
    }
}

/// Deletes the runs of every workspace that were over before `before_ms`; answers how many. What is
/// left when it is stopped is found again.
pub(crate) async fn sweep(
    store: &dyn Store,
    before_ms: i64,
    shutdown: &CancellationToken,
) -> StoreResult<u64> {
    let mut count = 0;
    for row in store.workspaces().await? {
        count += sweep_one(store, row.workspace, before_ms, shutdown).await?;
    }
    Ok(count)
}

async fn sweep_one(
    store: &dyn Store,
    workspace: WorkspaceId,
    before_ms: i64,
    shutdown: &CancellationToken,
) -> StoreResult<u64> {
    let mut count = 0;
    loop {
        let runs = store.runs_finished_before(workspace, before_ms, RUNS).await?;
        if runs.is_empty() {
            return Ok(count);
        }
        for run in runs {
            if shutdown.is_cancelled() {
                return Ok(count);
            }
            count += u64::from(store.run_delete(workspace, run).await?);
        }
    }
}

#[cfg(test)]
mod tests {
    use aob_store::{
        AppendBatch, DerivedRows, ManualClock, MemStore, RunFilter, RunRow, Segment, StreamAppend,
        StreamId, Views, WorkspaceRow, segment_hash,
    };
    use uuid::Uuid;

    use super::*;

    fn over(n: u128, workspace: WorkspaceId, finished_ms: Option<i64>) -> StreamAppend {
        let stream = StreamId(Uuid::from_u128(n));
        let (events, none) = ("[{}]".to_owned(), [0; 32]);
        let hash = segment_hash(stream, 1, 1, &none, &events);
        let run = RunRow {
            run: stream,
            status: if finished_ms.is_some() { "failed" } else { "waiting" }.to_owned(),
            name: "r".to_owned(),
            tag: None,
            digest: "sha256:0".to_owned(),
            parent: None,
            labels: std::collections::BTreeMap::new(),
            created_ms: 1,
            updated_ms: 1,
            finished_ms,
            seq: 1,
            error: None,
            output: None,
        };
        let segment = Segment {
            ordinal: 1,
            first_seq: 1,
            last_seq: 1,
            at_ms: 1,
            events,
            prev_hash: none,
            hash,
        };
        StreamAppend {
            stream,
            workspace,
            segments: vec![segment],
            keys: Vec::new(),
            dedup: None,
            rows: DerivedRows { run: Some(run), ..DerivedRows::default() },
        }
    }

    #[tokio::test]
    async fn runs_that_were_over_for_long_enough_go_in_every_workspace() {
        let store = MemStore::new(ManualClock::at(1_000).clock());
        let workspaces = [0xa, 0xb].map(|n| WorkspaceId(Uuid::from_u128(n)));
        for (workspace, name) in workspaces.into_iter().zip(["a", "b"]) {
            let row = WorkspaceRow { workspace, name: name.to_owned(), created_ms: 1 };
            aob_store::Identity::workspace_put(&store, &row).await.unwrap();
        }
        let [ours, theirs] = workspaces;
        // More than one page of old ones.
        let old = (1..=230).map(|n| over(n, ours, Some(10)));
        let streams = old.chain([
            over(1_000, ours, None),
            over(1_001, ours, Some(500)),
            over(1_002, theirs, Some(10)),
        ]);
        let batch = AppendBatch { streams: streams.collect(), outbox_done: Vec::new() };
        aob_store::Log::append(&store, Arc::new(batch)).await.unwrap();
        let never = CancellationToken::new();
        assert_eq!(sweep(&store, 500, &never).await.unwrap(), 231);
        let filter = RunFilter { limit: 100, ..RunFilter::default() };
        let left = store.runs(ours, &filter).await.unwrap();
        let mut left: Vec<u128> = left.iter().map(|row| row.run.0.as_u128()).collect();
        left.sort_unstable();
        assert_eq!(left, [1_000, 1_001]);
        assert!(store.runs(theirs, &filter).await.unwrap().is_empty());
        never.cancel();
        assert_eq!(sweep(&store, i64::MAX, &never).await.unwrap(), 0, "it stops when asked");
    }
}
