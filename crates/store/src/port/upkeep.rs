//! Snapshots of streams, and what keeps the database small.

use async_trait::async_trait;

use super::{StoreResult, StreamId, TimeMs, WorkspaceId};

/// Which snapshot of a stream's state exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRow {
    /// The stream.
    pub stream: StreamId,
    /// State after this segment.
    pub ordinal: u64,
    /// Encoding; an unknown one is ignored.
    pub format: u32,
    /// `sha256:...` of the bytes in the CAS.
    pub digest: String,
}

/// Which snapshots exist.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Records a snapshot, replacing one of the same or an earlier ordinal.
    async fn snapshot_put(&self, workspace: WorkspaceId, row: &SnapshotRow) -> StoreResult<()>;

    /// The newest snapshot.
    async fn snapshot(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
    ) -> StoreResult<Option<SnapshotRow>>;
}

/// What keeps the database small.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Runs that finished before `before_ms`, by id (oldest first), at most `limit`.
    async fn runs_finished_before(
        &self,
        workspace: WorkspaceId,
        before_ms: TimeMs,
        limit: u32,
    ) -> StoreResult<Vec<StreamId>>;

    /// Removes every row of a run: segments, outbox, wake-up, leases, tickets, snapshot, dedup key
    /// and the run itself, last. `false`: the workspace has no such stream. A feed cursor stays
    /// valid. A crash on the way leaves the run to be deleted again.
    async fn run_delete(&self, workspace: WorkspaceId, run: StreamId) -> StoreResult<bool>;
}
