//! The storage port: what the product needs of a database, and nothing of how it does it.
//!
//! An append is per stream *committed*, *conflict* or *unknown*. One call is one round trip and one
//! durable commit over many streams. Every row belongs to a workspace; every read names it, except
//! those of the log's own machinery (sweeps, relay), which are marked so.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// Milliseconds since the Unix epoch on the database's clock.
pub type TimeMs = i64;

/// A stream of the log: a run (its id is the run's), a schedule or a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(pub Uuid);

/// A tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkspaceId(pub Uuid);

/// 32 bytes of SHA-256.
pub type Hash = [u8; 32];

/// Where a stream stands. A stream that does not exist stands at [`Head::EMPTY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Ordinal of the last segment; 0: none.
    pub ordinal: u64,
    /// Seq of the last event; 0: none.
    pub seq: u64,
    /// Hash of the last segment; zeros: none.
    pub hash: Hash,
}

impl Head {
    /// Before the first segment.
    pub const EMPTY: Self = Self { ordinal: 0, seq: 0, hash: [0; 32] };
}

/// One row of the log: the events of one or more commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// From 1, without gaps.
    pub ordinal: u64,
    /// Seq of its first event.
    pub first_seq: u64,
    /// Seq of its last event.
    pub last_seq: u64,
    /// Time of its last event.
    pub at_ms: TimeMs,
    /// JSON array of its events.
    pub events: String,
    /// Hash of the segment before.
    pub prev_hash: Hash,
    /// [`segment_hash`] of this one.
    pub hash: Hash,
}

/// Many streams, one commit.
#[derive(Debug, Clone, Default)]
pub struct AppendBatch {
    /// Each stream at most once.
    pub streams: Vec<StreamAppend>,
    /// Outbox rows whose effects are all acknowledged: deleted in the same commit.
    pub outbox_done: Vec<OutboxKey>,
}

/// What one stream gains.
#[derive(Debug, Clone)]
pub struct StreamAppend {
    /// The stream.
    pub stream: StreamId,
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// Consecutive segments; the first follows the head that the writer decided on.
    pub segments: Vec<Segment>,
    /// Idempotency keys that this append answers. For a new stream their rows are inserted first
    /// and a taken key makes the whole stream conflict; otherwise they derive from the segments.
    pub keys: Vec<IdempotencyKey>,
    /// New stream: the dedup key that must be free (held until the run is terminal).
    pub dedup: Option<String>,
    /// Everything below derives from the segments: it is written exactly where they are.
    pub rows: DerivedRows,
}

/// Read models and machinery that an append carries along.
#[derive(Debug, Clone, Default)]
pub struct DerivedRows {
    /// The run's row as it stands after the last segment.
    pub run: Option<RunRow>,
    /// Ordinals of the segments that owe effects: one outbox row each.
    pub outbox: Vec<u64>,
    /// A lower bound of the earliest due time, if any timer runs. Written only when earlier than
    /// stored, or when stored is past (`<= now_ms`).
    pub wakeup_due: Option<TimeMs>,
    /// The writer's clock, for judging whether a stored wake-up is past.
    pub now_ms: TimeMs,
    /// Leases that begin to exist, unheld.
    pub leases_put: Vec<LeaseRow>,
    /// Leases that end, held or not.
    pub leases_drop: Vec<LeaseKey>,
    /// Tickets as they stand after the last segment.
    pub tickets: Vec<TicketRow>,
}

/// What became of one stream of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendOutcome {
    /// Durable. `older_outbox` is true where rows of earlier segments of the stream are still in
    /// the outbox: the relay performs those first.
    Committed { older_outbox: bool },
    /// Nothing of this stream was written.
    Conflict(ConflictKind),
    /// The link died: it may be written or not. Append the identical bytes again, then read.
    Unknown,
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConflictKind {
    /// The head is another one.
    Head,
    /// The idempotency key is taken.
    Key(IdempotencyRow),
    /// The dedup key is held by this run.
    Dedup(StreamId),
}

/// Names an outbox row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutboxKey {
    /// The stream.
    pub stream: StreamId,
    /// The segment that owes.
    pub ordinal: u64,
}

/// The stored answer to an API command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// `METHOD path` of the request.
    pub endpoint: String,
    /// What the client sent.
    pub key: String,
    /// SHA-256 of the request's body.
    pub body_hash: Hash,
    /// HTTP status of the answer.
    pub status: u16,
    /// Body of the answer.
    pub response: String,
    /// When the row may be deleted.
    pub expires_ms: TimeMs,
}

/// An [`IdempotencyKey`] found in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// SHA-256 of the first request's body.
    pub body_hash: Hash,
    /// HTTP status of the answer.
    pub status: u16,
    /// Body of the answer.
    pub response: String,
}

/// A run as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// The run.
    pub run: StreamId,
    /// One of design.md's run states.
    pub status: String,
    /// Name of the workflow.
    pub name: String,
    /// Tag it was started by.
    pub tag: Option<String>,
    /// `sha256:...` of the document that holds.
    pub digest: String,
    /// Parent run.
    pub parent: Option<StreamId>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Created.
    pub created_ms: TimeMs,
    /// Last event.
    pub updated_ms: TimeMs,
    /// Ended.
    pub finished_ms: Option<TimeMs>,
    /// Seq of the last event.
    pub seq: u64,
    /// Error code and message, for failed runs.
    pub error: Option<String>,
    /// Payload of the output as JSON (`{"digest","len","seq"?}`), for completed runs.
    pub output: Option<String>,
}

impl RunRow {
    /// True where the run is over.
    pub fn is_terminal(&self) -> bool {
        self.finished_ms.is_some()
    }
}

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

/// A wake-up as a sweep finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wakeup {
    /// The stream.
    pub stream: StreamId,
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// A lower bound of the earliest due time.
    pub due_ms: TimeMs,
    /// The segment that wrote it.
    pub ordinal: u64,
}

/// A ticket as inboxes show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRow {
    /// The ticket.
    pub ticket: String,
    /// Its run.
    pub run: StreamId,
    /// Text form of the instance.
    pub instance: String,
    /// `pending approved rejected expired cancelled`.
    pub status: String,
    /// Question.
    pub message: String,
    /// `sha256:...` of what is shown.
    pub subject_hash: String,
    /// Everything else that a page shows, as JSON.
    pub detail: String,
    /// Asked.
    pub created_ms: TimeMs,
    /// Expires.
    pub expires_ms: Option<TimeMs>,
    /// Decided.
    pub decided_ms: Option<TimeMs>,
}

/// A version of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagVersion {
    /// The tag.
    pub tag: String,
    /// From 1.
    pub version: u64,
    /// `sha256:...` of its document.
    pub digest: String,
    /// Who.
    pub actor: String,
    /// When.
    pub created_ms: TimeMs,
}

/// Result of moving a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagMove {
    /// The new version.
    Moved(TagVersion),
    /// The tag already stands at this document; nothing changed.
    Unchanged(TagVersion),
    /// It is not at the version that the caller expected; this is where it is (`None`: nowhere).
    Conflict(Option<TagVersion>),
}

/// An API key as stored: the secret's hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Public part.
    pub key_id: String,
    /// SHA-256 of the secret part.
    pub secret_hash: Hash,
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// What it is for.
    pub name: String,
    /// Roles: `admin operator developer approver auditor runner agent`.
    pub roles: Vec<String>,
    /// Created.
    pub created_ms: TimeMs,
    /// Ends.
    pub expires_ms: Option<TimeMs>,
    /// Revoked.
    pub revoked_ms: Option<TimeMs>,
}

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRow {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Unique name.
    pub name: String,
    /// Created.
    pub created_ms: TimeMs,
}

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

/// Filter of a list of runs. Newest first.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only these states; empty: all.
    pub statuses: Vec<String>,
    /// Only this tag.
    pub tag: Option<String>,
    /// Only this document.
    pub digest: Option<String>,
    /// Only children of this run.
    pub parent: Option<StreamId>,
    /// Only runs with all of these labels.
    pub labels: BTreeMap<String, String>,
    /// Only runs older than this one (exclusive): the cursor.
    pub before: Option<StreamId>,
    /// At most this many.
    pub limit: u32,
}

/// Where a workspace's stream of events stands: opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedCursor(pub String);

/// One segment in a workspace's feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEntry {
    /// After this entry.
    pub cursor: FeedCursor,
    /// The stream.
    pub stream: StreamId,
    /// The segment.
    pub segment: Segment,
}

/// The database did not answer as it should. Nothing is known to have changed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It cannot be reached, is busy for too long, or the disk is full.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A row cannot be read back.
    #[error("table {table}, column {column}, key {key}: {problem}")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Key of the row.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

/// Result of a storage call.
pub type StoreResult<T> = Result<T, StoreError>;

/// The event log and what derives from it in the same commit.
#[async_trait]
pub trait Log: Send + Sync {
    /// Appends a batch in one commit; one outcome per stream, in the order given. An `Err` means
    /// that the outcome of every stream is unknown.
    async fn append(&self, batch: AppendBatch) -> StoreResult<Vec<AppendOutcome>>;

    /// The heads of these streams, in the order given.
    async fn heads(&self, streams: &[StreamId]) -> StoreResult<Vec<Head>>;

    /// Which workspace a stream belongs to; `None`: no such stream. (Machinery.)
    async fn workspace_of(&self, stream: StreamId) -> StoreResult<Option<WorkspaceId>>;

    /// Segments with `ordinal > after`, in order, at most `limit`.
    async fn segments_after(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_ordinal: u64,
        limit: u32,
    ) -> StoreResult<Vec<Segment>>;

    /// Segments that hold events with `seq > after`, in order, at most `limit`.
    async fn segments_after_seq(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_seq: u64,
        limit: u32,
    ) -> StoreResult<Vec<Segment>>;

    /// The workspace's feed after `cursor`: at least once, gapless per run, no order across runs.
    async fn feed_after(
        &self,
        workspace: WorkspaceId,
        cursor: &FeedCursor,
        limit: u32,
    ) -> StoreResult<Vec<FeedEntry>>;

    /// Where the workspace's feed ends at this moment.
    async fn feed_end(&self, workspace: WorkspaceId) -> StoreResult<FeedCursor>;

    /// The database's clock.
    async fn now_ms(&self) -> StoreResult<TimeMs>;
}

/// Effects that are still owed. (Machinery: no workspace scope.)
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Rows older than `older_than_ms` (their segment's time), oldest first per stream, at most `limit`,
    /// with the segment that owes.
    async fn outbox_due(
        &self,
        older_than_ms: TimeMs,
        limit: u32,
    ) -> StoreResult<Vec<(WorkspaceId, OutboxKey)>>;

    /// Deletes rows outside an append.
    async fn outbox_delete(&self, keys: &[OutboxKey]) -> StoreResult<()>;
}

/// Timers of streams. (Machinery: no workspace scope.)
#[async_trait]
pub trait Wakeups: Send + Sync {
    /// Rows due at `now_ms`, earliest first, at most `limit`.
    async fn wakeups_due(&self, now_ms: TimeMs, limit: u32) -> StoreResult<Vec<Wakeup>>;

    /// The earliest due time of all; `None`: nothing waits.
    async fn wakeups_next(&self) -> StoreResult<Option<TimeMs>>;

    /// Moves (`Some`) or deletes (`None`) rows, each only where it is still as it was read.
    async fn wakeups_move(&self, moves: &[(Wakeup, Option<TimeMs>)]) -> StoreResult<()>;
}

/// Leases of attempts.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Claims unheld leases; `false` where the row is absent or held. Claiming again by the same
    /// holder is `true`.
    async fn lease_claim(&self, claims: &[Claim]) -> StoreResult<Vec<bool>>;

    /// Claims unheld leases of a pool that no topic carries, high priority first, oldest first.
    async fn lease_claim_pool(&self, claim: &PoolClaim) -> StoreResult<Vec<LeaseState>>;

    /// Renews held leases.
    async fn lease_renew(&self, renewals: &[Renewal]) -> StoreResult<Vec<RenewalOutcome>>;

    /// Marks leases so that their holders' next heartbeat says that they should stop.
    async fn lease_cancel(&self, keys: &[LeaseKey]) -> StoreResult<()>;

    /// The leases of a run.
    async fn leases_of(&self, run: StreamId) -> StoreResult<Vec<LeaseState>>;

    /// Lets leases whose holder starts with `holder_prefix` expire now: their process is gone.
    /// Returns the runs concerned.
    async fn lease_expire(&self, holder_prefix: &str, now_ms: TimeMs)
    -> StoreResult<Vec<StreamId>>;
}

/// Read models, written by appends only.
#[async_trait]
pub trait Views: Send + Sync {
    /// One run.
    async fn run(&self, workspace: WorkspaceId, run: StreamId) -> StoreResult<Option<RunRow>>;

    /// Runs, newest first.
    async fn runs(&self, workspace: WorkspaceId, filter: &RunFilter) -> StoreResult<Vec<RunRow>>;

    /// One ticket.
    async fn ticket(&self, workspace: WorkspaceId, ticket: &str) -> StoreResult<Option<TicketRow>>;

    /// Tickets, oldest first; `status`: only those; `after`: the ticket id cursor.
    async fn tickets(
        &self,
        workspace: WorkspaceId,
        status: Option<&str>,
        run: Option<StreamId>,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TicketRow>>;

    /// The stored answer to a command.
    async fn idempotency(
        &self,
        workspace: WorkspaceId,
        endpoint: &str,
        key: &str,
    ) -> StoreResult<Option<IdempotencyRow>>;

    /// Deletes idempotency rows past their time; returns how many.
    async fn idempotency_expire(&self, now_ms: TimeMs) -> StoreResult<u64>;
}

/// Workflows: documents by digest, tags by version.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Stores documents (canonical JSON) by digest; present ones are left alone.
    async fn documents_put(
        &self,
        workspace: WorkspaceId,
        documents: &[(String, String)],
        now_ms: TimeMs,
    ) -> StoreResult<()>;

    /// One document.
    async fn document(&self, workspace: WorkspaceId, digest: &str) -> StoreResult<Option<String>>;

    /// Points `tag` at `digest` as a new version. `expected`: the version it must be at now
    /// (`Some(0)`: it must not exist; `None`: any).
    async fn tag_move(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        digest: &str,
        expected: Option<u64>,
        actor: &str,
        now_ms: TimeMs,
    ) -> StoreResult<TagMove>;

    /// Where a tag is; with `version`, where it was then.
    async fn tag(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: Option<u64>,
    ) -> StoreResult<Option<TagVersion>>;

    /// Latest version of each tag, by name, after the cursor.
    async fn tags(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TagVersion>>;

    /// Versions of one tag, newest first.
    async fn tag_versions(&self, workspace: WorkspaceId, tag: &str)
    -> StoreResult<Vec<TagVersion>>;
}

/// Tenants and keys.
#[async_trait]
pub trait Identity: Send + Sync {
    /// Creates a workspace, or returns the one with that name.
    async fn workspace_put(&self, row: &WorkspaceRow) -> StoreResult<WorkspaceRow>;

    /// All workspaces. (Machinery.)
    async fn workspaces(&self) -> StoreResult<Vec<WorkspaceRow>>;

    /// Stores a new key.
    async fn key_put(&self, row: &ApiKeyRow) -> StoreResult<()>;

    /// Finds a key by its public part. (Before authentication: no workspace.)
    async fn key(&self, key_id: &str) -> StoreResult<Option<ApiKeyRow>>;

    /// Keys of a workspace.
    async fn keys(&self, workspace: WorkspaceId) -> StoreResult<Vec<ApiKeyRow>>;

    /// Revokes a key; `false`: no such key in the workspace.
    async fn key_revoke(
        &self,
        workspace: WorkspaceId,
        key_id: &str,
        now_ms: TimeMs,
    ) -> StoreResult<bool>;
}

/// Which snapshots exist.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Records a snapshot, replacing an older one.
    async fn snapshot_put(&self, workspace: WorkspaceId, row: &SnapshotRow) -> StoreResult<()>;

    /// The newest snapshot.
    async fn snapshot(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
    ) -> StoreResult<Option<SnapshotRow>>;
}

/// Everything, for those who compose a stack.
pub trait Store:
    Log + Outbox + Wakeups + Leases + Views + Catalog + Identity + Snapshots + std::fmt::Debug
{
}

impl<T> Store for T where
    T: Log + Outbox + Wakeups + Leases + Views + Catalog + Identity + Snapshots + std::fmt::Debug
{
}

/// `sha256("aob.segment.1", stream, ordinal, at_ms, prev_hash, events)`, every field preceded by its
/// length as eight big-endian bytes; integers are eight big-endian bytes.
pub fn segment_hash(
    stream: StreamId,
    ordinal: u64,
    at_ms: TimeMs,
    prev_hash: &Hash,
    events: &str,
) -> Hash {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    field(b"aob.segment.1");
    field(stream.0.as_bytes());
    field(&ordinal.to_be_bytes());
    field(&at_ms.to_be_bytes());
    field(prev_hash);
    field(events.as_bytes());
    hash.finalize().into()
}
