//! Leases of attempts: granted at most once, renewed by heartbeats, ended by the log.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{StoreResult, StreamId, TimeMs, WorkspaceId};

/// Names a lease.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeaseKey {
    /// The run.
    pub run: StreamId,
    /// Text form of the instance.
    pub instance: String,
    /// The attempt, which is the fence.
    pub attempt: u32,
}

/// A lease as it is born: nobody holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRow {
    /// Which attempt.
    pub key: LeaseKey,
    /// Pool of runners that may claim it.
    pub pool: String,
    /// Function name (`http`, `agent` for those types).
    pub name: String,
    /// 0 high, 1 medium, 2 low.
    pub priority: u8,
    /// Seq of the event that scheduled it: where its job is.
    pub seq: u64,
    /// False where runners find the job by long poll; true where a topic carries it.
    pub by_topic: bool,
    /// When it was scheduled.
    pub scheduled_ms: TimeMs,
}

/// A lease as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseState {
    /// What it was born with.
    pub row: LeaseRow,
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// Who holds it.
    pub holder: Option<String>,
    /// Since when.
    pub granted_ms: Option<TimeMs>,
    /// Until when.
    pub until_ms: Option<TimeMs>,
    /// Last progress.
    pub progress_ms: Option<TimeMs>,
    /// Last progress as JSON, as the holder reported it.
    pub progress: Option<String>,
    /// The holder should stop.
    pub cancelling: bool,
}

/// Conditional claim of one lease.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Which.
    pub key: LeaseKey,
    /// The claimant.
    pub holder: String,
    /// Now.
    pub now_ms: TimeMs,
    /// Until when.
    pub until_ms: TimeMs,
}

/// What a runner asks for in a long poll.
#[derive(Debug, Clone)]
pub struct PoolClaim {
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// Its pool.
    pub pool: String,
    /// The functions it serves.
    pub names: Vec<String>,
    /// The claimant.
    pub holder: String,
    /// At most this many.
    pub limit: u32,
    /// Now.
    pub now_ms: TimeMs,
    /// Until when.
    pub until_ms: TimeMs,
}

/// A heartbeat of one lease.
#[derive(Debug, Clone)]
pub struct Renewal {
    /// Which.
    pub key: LeaseKey,
    /// Who.
    pub holder: String,
    /// Now.
    pub now_ms: TimeMs,
    /// Until when.
    pub until_ms: TimeMs,
    /// Progress as JSON, if there was any.
    pub progress: Option<String>,
}

/// What became of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewalOutcome {
    /// Renewed.
    Held,
    /// Renewed, and the holder should stop.
    Cancelling,
    /// Not held by this holder (any more).
    Lost,
}

/// Leases of attempts.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Claims unheld leases; `false` where the row is absent or held. Claiming again by the same
    /// holder is `true` and sets `until` anew. In the order given.
    async fn lease_claim(&self, claims: &[Claim]) -> StoreResult<Vec<bool>>;

    /// Claims unheld leases of a pool that no topic carries, high priority first, oldest first, then
    /// by key; answers them as claimed, in that order.
    async fn lease_claim_pool(&self, claim: &PoolClaim) -> StoreResult<Vec<LeaseState>>;

    /// Renews held leases, each once per call; answers in the order given. `progress_ms` moves only with a progress report.
    async fn lease_renew(&self, renewals: &[Renewal]) -> StoreResult<Vec<RenewalOutcome>>;

    /// Marks leases so that their holders' next heartbeat says that they should stop.
    async fn lease_cancel(&self, keys: &[LeaseKey]) -> StoreResult<()>;

    /// The leases of a run, by key. (Machinery.)
    async fn leases_of(&self, run: StreamId) -> StoreResult<Vec<LeaseState>>;

    /// Lets leases whose holder starts with `holder_prefix` expire now: their process is gone.
    /// Returns the runs concerned, each once, in order; also those whose time was over already.
    /// (Machinery.)
    async fn lease_expire(&self, holder_prefix: &str, now_ms: TimeMs)
    -> StoreResult<Vec<StreamId>>;
}
