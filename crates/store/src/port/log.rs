//! The event log: what an append carries, what became of it, and how it is read.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    Hash, IdempotencyKey, IdempotencyRow, LeaseKey, LeaseRow, OutboxKey, RunRow, StoreResult,
    StreamId, TicketRow, TimeMs, WorkspaceId,
};

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
    /// [`segment_hash`](super::segment_hash) of this one.
    pub hash: Hash,
}

/// Many streams, one commit.
#[derive(Debug, Clone, Default)]
pub struct AppendBatch {
    /// Each stream at most once; a second one of the same stream is a conflict.
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
    /// Consecutive segments, at least one; the first follows the head that the writer decided on.
    /// All of them are written or none; a list that does not chain is a conflict.
    pub segments: Vec<Segment>,
    /// Idempotency keys that this append answers. A taken key makes the whole stream conflict. For
    /// a new stream the keys are judged before the head; otherwise the head comes first, because a
    /// rival with the same key has moved it.
    pub keys: Vec<IdempotencyKey>,
    /// New stream: the dedup key that must be free, judged after the idempotency keys. It is held
    /// until a terminal [`RunRow`] is written. Ignored where the stream exists.
    pub dedup: Option<String>,
    /// Everything below derives from the segments: it is written exactly where they are.
    pub rows: DerivedRows,
}

/// Read models and machinery that an append carries along.
#[derive(Debug, Clone, Default)]
pub struct DerivedRows {
    /// The run's row as it stands after the last segment. A terminal one releases the dedup key and
    /// deletes the wake-up.
    pub run: Option<RunRow>,
    /// Ordinals of the segments that owe effects: one outbox row each.
    pub outbox: Vec<u64>,
    /// A lower bound of the earliest due time, if any timer runs. Written, with the ordinal of the
    /// last segment, only when earlier than stored, or when stored is past (`<= now_ms`).
    pub wakeup_due: Option<TimeMs>,
    /// The writer's clock, for judging whether a stored wake-up is past.
    pub now_ms: TimeMs,
    /// Leases that begin to exist, unheld; one that exists already is left alone.
    pub leases_put: Vec<LeaseRow>,
    /// Leases that end, held or not; dropped after the new ones are put.
    pub leases_drop: Vec<LeaseKey>,
    /// Tickets as they stand after the last segment.
    pub tickets: Vec<TicketRow>,
    /// Documents that the segments name, by digest; present ones are left alone.
    pub documents: Vec<(String, String)>,
}

/// What became of one stream of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendOutcome {
    /// Durable, by this append or by an earlier one with the same bytes. `older_outbox` is true
    /// where rows of earlier segments of the stream are still in the outbox once `outbox_done` is
    /// deleted: the relay performs those first.
    Committed {
        /// Whether the relay has older effects of this stream to perform.
        older_outbox: bool,
    },
    /// Nothing of this stream was written.
    Conflict(ConflictKind),
    /// The link died: it may be written or not. Append the identical bytes again, then read.
    Unknown,
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConflictKind {
    /// The head is another one, or the stream belongs to another workspace.
    Head,
    /// The idempotency key is taken.
    Key(IdempotencyRow),
    /// The dedup key is held by this run.
    Dedup(StreamId),
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

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl StreamAppend {
    /// About how many bytes it writes, `per_row` of each segment's besides its events.
    pub(crate) fn weight(&self, per_row: usize) -> usize {
        let events = self.segments.iter().map(|segment| segment.events.len() + per_row);
        let documents = self.rows.documents.iter().map(|(_, document)| document.len());
        events.chain(documents).sum()
    }
}

/// The event log and what derives from it in the same commit.
#[async_trait]
pub trait Log: Send + Sync {
    /// Appends a batch in one commit; one outcome per stream, in the order given. A key that
    /// a stream of the batch takes is taken for those after it; a dedup key that the batch releases
    /// is free once it is over. An `Err` means that the outcome of every stream is unknown; a caller
    /// that drops the future does not know it either; it keeps the batch, to send it again.
    async fn append(&self, batch: Arc<AppendBatch>) -> StoreResult<Vec<AppendOutcome>>;

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

    /// The workspace's feed after `cursor`, at most `limit`: at least once, gapless per run, no
    /// order across runs. The default cursor is the beginning.
    ///
    /// # Errors
    /// [`StoreError::Cursor`](super::StoreError::Cursor) for a cursor of unknown form.
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
