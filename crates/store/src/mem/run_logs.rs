//! Log lines of functions.

use super::Model;
use super::model::page;
use crate::{LogChunkRow, NewLogChunk, RUN_LOG_BYTES_MAX, StreamId, WorkspaceId};

/// What is kept of a run's lines.
#[derive(Debug, Clone)]
pub(super) struct KeptLogs {
    workspace: WorkspaceId,
    last_n: u64,
    chunks: Vec<LogChunkRow>,
}

impl Model {
    /// See [`RunLogs::logs_put`](crate::RunLogs::logs_put).
    pub fn logs_put(&mut self, workspace: WorkspaceId, chunks: &[NewLogChunk]) {
        for chunk in chunks {
            let new = || KeptLogs { workspace, last_n: 0, chunks: Vec::new() };
            let kept = self.logs.entry(chunk.run).or_insert_with(new);
            if kept.workspace == workspace {
                kept.put(chunk);
            }
        }
    }

    /// See [`RunLogs::logs_after`](crate::RunLogs::logs_after).
    pub fn logs_after(
        &self,
        workspace: WorkspaceId,
        run: StreamId,
        after: u64,
        limit: u32,
    ) -> Vec<LogChunkRow> {
        let kept = self.logs.get(&run).filter(|kept| kept.workspace == workspace);
        let chunks = kept.into_iter().flat_map(|kept| &kept.chunks);
        chunks.filter(|row| row.n > after).take(page(limit)).cloned().collect()
    }
}

impl KeptLogs {
    fn put(&mut self, chunk: &NewLogChunk) {
        let same = |row: &&LogChunkRow| {
            row.chunk.instance == chunk.instance && row.chunk.attempt == chunk.attempt
        };
        let ends = self.chunks.iter().filter(same);
        let end = ends.map(|row| row.chunk.first + u64::from(row.chunk.lines)).max().unwrap_or(0);
        let Some(missing) = chunk.first.checked_sub(end) else { return };
        self.last_n += 1;
        self.chunks.push(LogChunkRow { n: self.last_n, missing, chunk: chunk.clone() });
        let bytes = |rows: &[LogChunkRow]| rows.iter().map(|row| row.chunk.text.len() as u64).sum();
        while self.chunks.len() > 1 && RUN_LOG_BYTES_MAX < bytes(&self.chunks) {
            self.chunks.remove(0);
        }
    }
}
