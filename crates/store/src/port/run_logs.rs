//! Log lines of functions. They are not events: bounded, and lost where there are too many.

use async_trait::async_trait;

use super::{StoreResult, StreamId, TimeMs, WorkspaceId};

/// Bytes of text that a run keeps; the oldest chunks go first.
pub const RUN_LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Consecutive log lines of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLogChunk {
    /// The run.
    pub run: StreamId,
    /// The instance.
    pub instance: String,
    /// The attempt.
    pub attempt: u32,
    /// Number of the first line within the attempt, from 0, counting lines that were dropped.
    pub first: u64,
    /// How many lines.
    pub lines: u32,
    /// The lines: a JSON array of strings.
    pub text: String,
    /// When they came.
    pub at_ms: TimeMs,
}

/// A chunk as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunkRow {
    /// Its number within the run, from 1 in the order of commit. Gaps are chunks that went for want
    /// of room.
    pub n: u64,
    /// Lines of the attempt right before `first` that never came.
    pub missing: u64,
    /// The rest.
    pub chunk: NewLogChunk,
}

/// Log lines by run.
#[async_trait]
pub trait RunLogs: Send + Sync {
    /// Keeps chunks, in order, one commit for all. One that begins before the end of what the
    /// attempt has already is a repetition, and changes nothing. Beyond [`RUN_LOG_BYTES_MAX`] the
    /// run's oldest go; the newest chunk stays whatever its size.
    async fn logs_put(&self, workspace: WorkspaceId, chunks: &[NewLogChunk]) -> StoreResult<()>;

    /// Chunks of a run behind `after`, by number, at most `limit`.
    async fn logs_after(
        &self,
        workspace: WorkspaceId,
        run: StreamId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<LogChunkRow>>;
}
