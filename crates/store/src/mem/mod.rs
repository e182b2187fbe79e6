//! The store in memory: the reference model behind the port.

mod append;
mod catalog;
mod identity;
mod leases;
mod log;
mod model;
mod modules;
mod notifications;
mod run_logs;
mod tags;
mod versions;
mod views;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

pub use self::model::Model;
use crate::*;

/// A [`Model`] shared by its clones. Every call is ready at once and cannot fail but for a bad
/// cursor.
#[derive(Clone)]
pub struct MemStore {
    model: Arc<Mutex<Model>>,
    clock: Clock,
}

impl MemStore {
    /// An empty store that reads `clock`.
    pub fn new(clock: Clock) -> Self {
        Self { model: Arc::default(), clock }
    }

    /// Runs `work` on the model: what a single-threaded simulator calls.
    pub fn with<T>(&self, work: impl FnOnce(&mut Model) -> T) -> T {
        work(&mut self.model.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for MemStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Log for MemStore {
    async fn append(&self, batch: Arc<AppendBatch>) -> StoreResult<Vec<AppendOutcome>> {
        Ok(self.with(|model| model.append(Arc::unwrap_or_clone(batch))))
    }

    async fn heads(&self, streams: &[StreamId]) -> StoreResult<Vec<Head>> {
        Ok(self.with(|model| model.heads(streams)))
    }

    async fn workspace_of(&self, stream: StreamId) -> StoreResult<Option<WorkspaceId>> {
        Ok(self.with(|model| model.workspace_of(stream)))
    }

    async fn segments_after(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_ordinal: u64,
        limit: u32,
    ) -> StoreResult<Vec<Segment>> {
        Ok(self.with(|model| model.segments_after(workspace, stream, after_ordinal, limit)))
    }

    async fn segments_after_seq(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_seq: u64,
        limit: u32,
    ) -> StoreResult<Vec<Segment>> {
        Ok(self.with(|model| model.segments_after_seq(workspace, stream, after_seq, limit)))
    }

    async fn feed_after(
        &self,
        workspace: WorkspaceId,
        cursor: &FeedCursor,
        limit: u32,
    ) -> StoreResult<Vec<FeedEntry>> {
        self.with(|model| model.feed_after(workspace, cursor, limit))
    }

    async fn feed_end(&self, workspace: WorkspaceId) -> StoreResult<FeedCursor> {
        Ok(self.with(|model| model.feed_end(workspace)))
    }

    async fn now_ms(&self) -> StoreResult<TimeMs> {
        Ok((self.clock)())
    }
}

#[async_trait]
impl Outbox for MemStore {
    async fn outbox_due(
        &self,
        older_than_ms: TimeMs,
        limit: u32,
    ) -> StoreResult<Vec<(WorkspaceId, OutboxKey)>> {
        Ok(self.with(|model| model.outbox_due(older_than_ms, limit)))
    }

    async fn outbox_delete(&self, keys: &[OutboxKey]) -> StoreResult<()> {
        self.with(|model| model.outbox_delete(keys));
        Ok(())
    }
}

#[async_trait]
impl Wakeups for MemStore {
    async fn wakeups_due(&self, now_ms: TimeMs, limit: u32) -> StoreResult<Vec<Wakeup>> {
        Ok(self.with(|model| model.wakeups_due(now_ms, limit)))
    }

    async fn wakeups_next(&self) -> StoreResult<Option<TimeMs>> {
        Ok(self.with(|model| model.wakeups_next()))
    }

    async fn wakeups_move(&self, moves: &[WakeupMove]) -> StoreResult<()> {
        self.with(|model| model.wakeups_move(moves));
        Ok(())
    }
}

#[async_trait]
impl Leases for MemStore {
    async fn lease_claim(&self, claims: &[Claim]) -> StoreResult<Vec<bool>> {
        Ok(self.with(|model| model.lease_claim(claims)))
    }

    async fn lease_claim_pool(&self, claim: &PoolClaim) -> StoreResult<Vec<LeaseState>> {
        Ok(self.with(|model| model.lease_claim_pool(claim)))
    }

    async fn lease_renew(&self, renewals: &[Renewal]) -> StoreResult<Vec<RenewalOutcome>> {
        Ok(self.with(|model| model.lease_renew(renewals)))
    }

    async fn lease_cancel(&self, keys: &[LeaseKey]) -> StoreResult<()> {
        self.with(|model| model.lease_cancel(keys));
        Ok(())
    }

    async fn leases_of(&self, run: StreamId) -> StoreResult<Vec<LeaseState>> {
        Ok(self.with(|model| model.leases_of(run)))
    }

    async fn lease_expire(
        &self,
        holder_prefix: &str,
        now_ms: TimeMs,
    ) -> StoreResult<Vec<StreamId>> {
        Ok(self.with(|model| model.lease_expire(holder_prefix, now_ms)))
    }
}

#[async_trait]
impl Views for MemStore {
    async fn run(&self, workspace: WorkspaceId, run: StreamId) -> StoreResult<Option<RunRow>> {
        Ok(self.with(|model| model.run(workspace, run)))
    }

    async fn runs(&self, workspace: WorkspaceId, filter: &RunFilter) -> StoreResult<Vec<RunRow>> {
        Ok(self.with(|model| model.runs(workspace, filter)))
    }

    async fn ticket(&self, workspace: WorkspaceId, ticket: &str) -> StoreResult<Option<TicketRow>> {
        Ok(self.with(|model| model.ticket(workspace, ticket)))
    }

    async fn tickets(
        &self,
        workspace: WorkspaceId,
        status: Option<&str>,
        run: Option<StreamId>,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TicketRow>> {
        self.with(|model| model.tickets(workspace, status, run, after, limit))
    }

    async fn idempotency(
        &self,
        workspace: WorkspaceId,
        endpoint: &str,
        key: &str,
    ) -> StoreResult<Option<IdempotencyRow>> {
        Ok(self.with(|model| model.idempotency(workspace, endpoint, key)))
    }

    async fn idempotency_expire(&self, now_ms: TimeMs) -> StoreResult<u64> {
        Ok(self.with(|model| model.idempotency_expire(now_ms)))
    }
}

#[async_trait]
impl Catalog for MemStore {
    async fn documents_put(
        &self,
        workspace: WorkspaceId,
        documents: &[(String, String)],
        _now_ms: TimeMs,
    ) -> StoreResult<()> {
        self.with(|model| model.documents_put(workspace, documents));
        Ok(())
    }

    async fn documents_put_patched(
        &self,
        workspace: WorkspaceId,
        documents: &[PatchedDocument],
        _now_ms: TimeMs,
    ) -> StoreResult<()> {
        self.with(|model| model.documents_put_patched(workspace, documents));
        Ok(())
    }

    async fn document(
        &self,
        workspace: WorkspaceId,
        digest: &str,
    ) -> StoreResult<Option<StoredDocument>> {
        self.with(|model| model.document(workspace, digest))
    }
}

#[async_trait]
impl Identity for MemStore {
    async fn workspace_put(&self, row: &WorkspaceRow) -> StoreResult<WorkspaceRow> {
        Ok(self.with(|model| model.workspace_put(row)))
    }

    async fn workspaces(&self) -> StoreResult<Vec<WorkspaceRow>> {
        Ok(self.with(|model| model.workspaces()))
    }

    async fn key_put(&self, row: &ApiKeyRow) -> StoreResult<()> {
        self.with(|model| model.key_put(row));
        Ok(())
    }

    async fn key(&self, key_id: &str) -> StoreResult<Option<ApiKeyRow>> {
        Ok(self.with(|model| model.key(key_id)))
    }

    async fn keys(&self, workspace: WorkspaceId) -> StoreResult<Vec<ApiKeyRow>> {
        Ok(self.with(|model| model.keys(workspace)))
    }

    async fn key_revoke(
        &self,
        workspace: WorkspaceId,
        key_id: &str,
        now_ms: TimeMs,
    ) -> StoreResult<bool> {
        Ok(self.with(|model| model.key_revoke(workspace, key_id, now_ms)))
    }

    async fn signing_key(
        &self,
        workspace: WorkspaceId,
        purpose: &str,
        fresh: SigningKey,
    ) -> StoreResult<SigningKey> {
        Ok(self.with(|model| model.signing_key(workspace, purpose, fresh)))
    }

    async fn signing_key_known(
        &self,
        workspace: WorkspaceId,
        purpose: &str,
    ) -> StoreResult<Option<SigningKey>> {
        Ok(self.with(|model| model.signing_key_known(workspace, purpose)))
    }
}

#[async_trait]
impl Modules for MemStore {
    async fn module_put(&self, workspace: WorkspaceId, row: &ModuleRow) -> StoreResult<ModuleRow> {
        Ok(self.with(|model| model.module_put(workspace, row)))
    }

    async fn module(&self, workspace: WorkspaceId, digest: &str) -> StoreResult<Option<ModuleRow>> {
        Ok(self.with(|model| model.module(workspace, digest)))
    }

    async fn modules(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<ModuleRow>> {
        Ok(self.with(|model| model.modules(workspace, after, limit)))
    }

    async fn module_enable(
        &self,
        workspace: WorkspaceId,
        digest: &str,
        enabled: bool,
    ) -> StoreResult<Option<ModuleRow>> {
        Ok(self.with(|model| model.module_enable(workspace, digest, enabled)))
    }
}

#[async_trait]
impl Snapshots for MemStore {
    async fn snapshot_put(&self, workspace: WorkspaceId, row: &SnapshotRow) -> StoreResult<()> {
        self.with(|model| model.snapshot_put(workspace, row));
        Ok(())
    }

    async fn snapshot(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
    ) -> StoreResult<Option<SnapshotRow>> {
        Ok(self.with(|model| model.snapshot(workspace, stream)))
    }
}

#[async_trait]
impl Retention for MemStore {
    async fn runs_finished_before(
        &self,
        workspace: WorkspaceId,
        before_ms: TimeMs,
        limit: u32,
    ) -> StoreResult<Vec<StreamId>> {
        Ok(self.with(|model| model.runs_finished_before(workspace, before_ms, limit)))
    }

    async fn run_delete(&self, workspace: WorkspaceId, run: StreamId) -> StoreResult<bool> {
        Ok(self.with(|model| model.run_delete(workspace, run)))
    }
}

#[async_trait]
impl RunLogs for MemStore {
    async fn logs_put(&self, workspace: WorkspaceId, chunks: &[NewLogChunk]) -> StoreResult<()> {
        self.with(|model| model.logs_put(workspace, chunks));
        Ok(())
    }

    async fn logs_after(
        &self,
        workspace: WorkspaceId,
        run: StreamId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<LogChunkRow>> {
        Ok(self.with(|model| model.logs_after(workspace, run, after, limit)))
    }
}
