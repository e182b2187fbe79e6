//! What the log's own machinery keeps: effects that are owed, and timers. No workspace scope.

use async_trait::async_trait;

use super::{StoreResult, StreamId, TimeMs, WorkspaceId};

/// Names an outbox row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutboxKey {
    /// The stream.
    pub stream: StreamId,
    /// The segment that owes.
    pub ordinal: u64,
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

/// What a sweep makes of a wake-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WakeupMove {
    /// The row as it was read.
    pub read: Wakeup,
    /// Where the log ended that says so; `None`: wherever it ends. An append leaves a row alone
    /// that is early enough for it by its own clock, so an unchanged row does not show that the
    /// log is unchanged.
    pub at_seq: Option<u64>,
    /// The new due time; `None`: nothing is due any more.
    pub to: Option<TimeMs>,
}

/// Effects that are still owed. (Machinery: no workspace scope.)
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Rows whose segment's time is before `older_than_ms`, by stream and ordinal, at most `limit`.
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
    /// Rows due at `now_ms` (`due <= now`), earliest first, then by stream; at most `limit`.
    async fn wakeups_due(&self, now_ms: TimeMs, limit: u32) -> StoreResult<Vec<Wakeup>>;

    /// The earliest due time of all; `None`: nothing waits.
    async fn wakeups_next(&self) -> StoreResult<Option<TimeMs>>;

    /// Moves or deletes rows, each only where `due` and `ordinal` are still as they were read and
    /// the log still ends where it did. A moved row keeps its ordinal.
    async fn wakeups_move(&self, moves: &[WakeupMove]) -> StoreResult<()>;
}
