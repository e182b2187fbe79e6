//! The store as one process sees it: the reference model behind its gate, with faults.

mod notifications;
mod versions;

use std::fmt;
use std::sync::Arc;

use aob_store::*;
use async_trait::async_trait;

use crate::counts::Count;
use crate::gate::Gate;

/// See the module.
#[derive(Clone)]
pub(crate) struct SimStore {
    gate: Arc<Gate>,
    inner: MemStore,
}

impl fmt::Debug for SimStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimStore").field("process", &self.gate.name).finish_non_exhaustive()
    }
}

fn down() -> StoreError {
    StoreError::Unavailable("simulated".to_owned())
}

impl SimStore {
    pub(crate) fn new(gate: &Arc<Gate>) -> Self {
        Self { gate: Arc::clone(gate), inner: gate.world.store.clone() }
    }

    /// Makes a call, or fails it.
    async fn call<T>(&self, work: impl FnOnce(&mut Model) -> T) -> StoreResult<T> {
        self.gate.enter().await.map_err(|_| down())?;
        if self.gate.world.hits(Count::StoreDown) {
            return Err(down());
        }
        let value = self.inner.with(work);
        self.gate.leave().await;
        Ok(value)
    }

    /// Appends for real, and lets the ledger know what is durable.
    fn write(&self, batch: AppendBatch) -> Vec<AppendOutcome> {
        let world = &self.gate.world;
        let streams = batch.streams.clone();
        let outcomes = self.inner.with(|model| model.append(batch));
        let mut ledger = world.ledger.lock();
        for (stream, outcome) in streams.iter().zip(&outcomes) {
            match outcome {
                AppendOutcome::Committed { older_outbox } => {
                    ledger.committed(world, &self.gate.name, stream);
                    if *older_outbox {
                        world.counts.add(Count::OlderOutbox);
                    }
                }
                AppendOutcome::Conflict(kind) => {
                    world.tell(|| format!("{}: conflict on {}", self.gate.name, stream.stream.0));
                    world.counts.add(match kind {
                        ConflictKind::Head => Count::Conflict,
                        ConflictKind::Key(_) => Count::KeyAnswered,
                        ConflictKind::Dedup(_) => Count::DedupHeld,
                    });
                }
                AppendOutcome::Unknown => {}
            }
        }
        outcomes
    }

    /// Appends some of the streams, and says `unknown` of some that were and of some that were not.
    fn write_some(&self, mut batch: AppendBatch) -> Vec<AppendOutcome> {
        let world = &self.gate.world;
        let count = batch.streams.len();
        let fates: Vec<u64> = (0..count).map(|_| world.draw(|dice| dice.within(0..=2))).collect();
        let unsure: Vec<StreamAppend> = {
            let streams = batch.streams.iter().zip(&fates);
            streams.filter(|(_, fate)| **fate < 2).map(|(stream, _)| stream.clone()).collect()
        };
        let mut fate = fates.iter();
        batch.streams.retain(|_| fate.next().is_some_and(|fate| *fate > 0));
        let mut outcomes = self.write(batch).into_iter();
        world.ledger.lock().unknown(&unsure);
        let outcome = |fate: &u64| match fate {
            0 => AppendOutcome::Unknown,
            1 => {
                outcomes.next();
                AppendOutcome::Unknown
            }
            _ => outcomes.next().unwrap_or(AppendOutcome::Unknown),
        };
        fates.iter().map(outcome).collect()
    }
}

#[async_trait]
impl Log for SimStore {
    async fn append(&self, batch: Arc<AppendBatch>) -> StoreResult<Vec<AppendOutcome>> {
        let batch = Arc::unwrap_or_clone(batch);
        let world = &self.gate.world;
        if self.gate.enter().await.is_err() || world.hits(Count::AppendLost) {
            world.ledger.lock().unknown(&batch.streams);
            return Err(down());
        }
        let outcomes = if world.hits(Count::AppendUnknown) {
            self.write_some(batch)
        } else if world.hits(Count::AppendAnswerLost) {
            let streams = batch.streams.clone();
            self.write(batch);
            world.ledger.lock().unknown(&streams);
            self.gate.leave().await;
            return Err(down());
        } else {
            self.write(batch)
        };
        self.gate.leave().await;
        self.gate.wait().await;
        self.gate.alive().await;
        Ok(outcomes)
    }

    async fn heads(&self, streams: &[StreamId]) -> StoreResult<Vec<Head>> {
        self.call(|model| model.heads(streams)).await
    }

    async fn workspace_of(&self, stream: StreamId) -> StoreResult<Option<WorkspaceId>> {
        self.call(|model| model.workspace_of(stream)).await
    }

    async fn segments_after(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_ordinal: u64,
        limit: u32,
    ) -> StoreResult<Vec<Segment>> {
        let read =
            |model: &mut Model| model.segments_after(workspace, stream, after_ordinal, limit);
        let mut segments = self.call(read).await?;
        // Whoever reads a page to its end learns what held when the page was read, which may be
        // long ago by the time it decides.
        if limit > 1 && segments.len() > 1 && self.gate.world.hits(Count::StaleRead) {
            let lag = self.gate.world.draw(|dice| dice.count(1..=3));
            segments.truncate(segments.len().saturating_sub(lag).max(1));
        }
        Ok(segments)
    }

    async fn segments_after_seq(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_seq: u64,
        limit: u32,
    ) -> StoreResult<Vec<Segment>> {
        self.call(|model| model.segments_after_seq(workspace, stream, after_seq, limit)).await
    }

    async fn feed_after(
        &self,
        workspace: WorkspaceId,
        cursor: &FeedCursor,
        limit: u32,
    ) -> StoreResult<Vec<FeedEntry>> {
        self.call(|model| model.feed_after(workspace, cursor, limit)).await?
    }

    async fn feed_end(&self, workspace: WorkspaceId) -> StoreResult<FeedCursor> {
        self.call(|model| model.feed_end(workspace)).await
    }

    async fn now_ms(&self) -> StoreResult<TimeMs> {
        self.call(|_| self.gate.world.now_ms()).await
    }
}

#[async_trait]
impl Outbox for SimStore {
    async fn outbox_due(
        &self,
        older_than_ms: TimeMs,
        limit: u32,
    ) -> StoreResult<Vec<(WorkspaceId, OutboxKey)>> {
        self.call(|model| model.outbox_due(older_than_ms, limit)).await
    }

    async fn outbox_delete(&self, keys: &[OutboxKey]) -> StoreResult<()> {
        self.call(|model| model.outbox_delete(keys)).await
    }
}

#[async_trait]
impl Wakeups for SimStore {
    async fn wakeups_due(&self, now_ms: TimeMs, limit: u32) -> StoreResult<Vec<Wakeup>> {
        self.call(|model| model.wakeups_due(now_ms, limit)).await
    }

    async fn wakeups_next(&self) -> StoreResult<Option<TimeMs>> {
        self.call(|model| model.wakeups_next()).await
    }

    async fn wakeups_move(&self, moves: &[WakeupMove]) -> StoreResult<()> {
        self.gate.world.tell(|| format!("{}: wake-ups move: {moves:?}", self.gate.name));
        self.call(|model| model.wakeups_move(moves)).await
    }
}

#[async_trait]
impl Leases for SimStore {
    async fn lease_claim(&self, claims: &[Claim]) -> StoreResult<Vec<bool>> {
        let granted = self.call(|model| model.lease_claim(claims)).await?;
        let refused = granted.iter().filter(|granted| !**granted).count() as u64;
        self.gate.world.counts.add_many(Count::ClaimRefused, refused);
        Ok(granted)
    }

    async fn lease_claim_pool(&self, claim: &PoolClaim) -> StoreResult<Vec<LeaseState>> {
        self.call(|model| model.lease_claim_pool(claim)).await
    }

    async fn lease_renew(&self, renewals: &[Renewal]) -> StoreResult<Vec<RenewalOutcome>> {
        let outcomes = self.call(|model| model.lease_renew(renewals)).await?;
        let lost = outcomes.iter().filter(|outcome| **outcome == RenewalOutcome::Lost).count();
        self.gate.world.counts.add_many(Count::LeaseLost, lost as u64);
        Ok(outcomes)
    }

    async fn lease_cancel(&self, keys: &[LeaseKey]) -> StoreResult<()> {
        self.call(|model| model.lease_cancel(keys)).await
    }

    async fn leases_of(&self, run: StreamId) -> StoreResult<Vec<LeaseState>> {
        self.call(|model| model.leases_of(run)).await
    }

    async fn lease_expire(
        &self,
        holder_prefix: &str,
        now_ms: TimeMs,
    ) -> StoreResult<Vec<StreamId>> {
        self.call(|model| model.lease_expire(holder_prefix, now_ms)).await
    }
}

#[async_trait]
impl Views for SimStore {
    async fn run(&self, workspace: WorkspaceId, run: StreamId) -> StoreResult<Option<RunRow>> {
        self.call(|model| model.run(workspace, run)).await
    }

    async fn runs(&self, workspace: WorkspaceId, filter: &RunFilter) -> StoreResult<Vec<RunRow>> {
        self.call(|model| model.runs(workspace, filter)).await
    }

    async fn ticket(&self, workspace: WorkspaceId, ticket: &str) -> StoreResult<Option<TicketRow>> {
        self.call(|model| model.ticket(workspace, ticket)).await
    }

    async fn tickets(
        &self,
        workspace: WorkspaceId,
        status: Option<&str>,
        run: Option<StreamId>,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TicketRow>> {
        self.call(|model| model.tickets(workspace, status, run, after, limit)).await?
    }

    async fn idempotency(
        &self,
        workspace: WorkspaceId,
        endpoint: &str,
        key: &str,
    ) -> StoreResult<Option<IdempotencyRow>> {
        self.call(|model| model.idempotency(workspace, endpoint, key)).await
    }

    async fn idempotency_expire(&self, now_ms: TimeMs) -> StoreResult<u64> {
        self.call(|model| model.idempotency_expire(now_ms)).await
    }
}

#[async_trait]
impl Catalog for SimStore {
    async fn documents_put(
        &self,
        workspace: WorkspaceId,
        documents: &[(String, String)],
        _now_ms: TimeMs,
    ) -> StoreResult<()> {
        self.call(|model| model.documents_put(workspace, documents)).await
    }

    async fn documents_put_patched(
        &self,
        workspace: WorkspaceId,
        documents: &[PatchedDocument],
        _now_ms: TimeMs,
    ) -> StoreResult<()> {
        self.call(|model| model.documents_put_patched(workspace, documents)).await
    }

    async fn document(
        &self,
        workspace: WorkspaceId,
        digest: &str,
    ) -> StoreResult<Option<StoredDocument>> {
        self.call(|model| model.document(workspace, digest)).await?
    }
}

#[async_trait]
impl Identity for SimStore {
    async fn workspace_put(&self, row: &WorkspaceRow) -> StoreResult<WorkspaceRow> {
        self.call(|model| model.workspace_put(row)).await
    }

    async fn workspaces(&self) -> StoreResult<Vec<WorkspaceRow>> {
        self.call(|model| model.workspaces()).await
    }

    async fn key_put(&self, row: &ApiKeyRow) -> StoreResult<()> {
        self.call(|model| model.key_put(row)).await
    }

    async fn key(&self, key_id: &str) -> StoreResult<Option<ApiKeyRow>> {
        self.call(|model| model.key(key_id)).await
    }

    async fn keys(&self, workspace: WorkspaceId) -> StoreResult<Vec<ApiKeyRow>> {
        self.call(|model| model.keys(workspace)).await
    }

    async fn key_revoke(
        &self,
        workspace: WorkspaceId,
        key_id: &str,
        now_ms: TimeMs,
    ) -> StoreResult<bool> {
        self.call(|model| model.key_revoke(workspace, key_id, now_ms)).await
    }

    async fn signing_key(
        &self,
        workspace: WorkspaceId,
        purpose: &str,
        fresh: SigningKey,
    ) -> StoreResult<SigningKey> {
        self.call(|model| model.signing_key(workspace, purpose, fresh)).await
    }

    async fn signing_key_known(
        &self,
        workspace: WorkspaceId,
        purpose: &str,
    ) -> StoreResult<Option<SigningKey>> {
        self.call(|model| model.signing_key_known(workspace, purpose)).await
    }
}

#[async_trait]
impl Modules for SimStore {
    async fn module_put(&self, workspace: WorkspaceId, row: &ModuleRow) -> StoreResult<ModuleRow> {
        self.call(|model| model.module_put(workspace, row)).await
    }

    async fn module(&self, workspace: WorkspaceId, digest: &str) -> StoreResult<Option<ModuleRow>> {
        self.call(|model| model.module(workspace, digest)).await
    }

    async fn modules(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<ModuleRow>> {
        self.call(|model| model.modules(workspace, after, limit)).await
    }

    async fn module_enable(
        &self,
        workspace: WorkspaceId,
        digest: &str,
        enabled: bool,
    ) -> StoreResult<Option<ModuleRow>> {
        self.call(|model| model.module_enable(workspace, digest, enabled)).await
    }
}

#[async_trait]
impl Snapshots for SimStore {
    async fn snapshot_put(&self, workspace: WorkspaceId, row: &SnapshotRow) -> StoreResult<()> {
        self.call(|model| model.snapshot_put(workspace, row)).await
    }

    async fn snapshot(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
    ) -> StoreResult<Option<SnapshotRow>> {
        let found = self.call(|model| model.snapshot(workspace, stream)).await?;
        if found.is_some() {
            self.gate.world.counts.add(Count::SnapshotResume);
        }
        Ok(found)
    }
}

#[async_trait]
impl Retention for SimStore {
    async fn runs_finished_before(
        &self,
        workspace: WorkspaceId,
        before_ms: TimeMs,
        limit: u32,
    ) -> StoreResult<Vec<StreamId>> {
        self.call(|model| model.runs_finished_before(workspace, before_ms, limit)).await
    }

    async fn run_delete(&self, workspace: WorkspaceId, run: StreamId) -> StoreResult<bool> {
        self.call(|model| model.run_delete(workspace, run)).await
    }
}

#[async_trait]
impl RunLogs for SimStore {
    async fn logs_put(&self, workspace: WorkspaceId, chunks: &[NewLogChunk]) -> StoreResult<()> {
        self.call(|model| model.logs_put(workspace, chunks)).await
    }

    async fn logs_after(
        &self,
        workspace: WorkspaceId,
        run: StreamId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<LogChunkRow>> {
        self.call(|model| model.logs_after(workspace, run, after, limit)).await
    }
}
