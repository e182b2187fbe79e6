//! Log lines of functions, between the events of a run.

use aob_engine::Timestamp;
use aob_store::{LogChunkRow, Store, StoreResult, StreamId, WorkspaceId};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::filter::LOG;
use crate::frame::push_event;

/// Chunks read at once.
const CHUNKS: u32 = 32;

/// Where a client is among the lines of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines {
    /// Number of the last chunk dealt with.
    pub(crate) after: u64,
    /// The client wants lines at all.
    pub(crate) wanted: bool,
}

impl Lines {
    /// The chunks that come next.
    pub(crate) async fn next(
        &self,
        store: &dyn Store,
        workspace: WorkspaceId,
        run: StreamId,
    ) -> StoreResult<Vec<LogChunkRow>> {
        if !self.wanted {
            return Ok(Vec::new());
        }
        store.logs_after(workspace, run, self.after, CHUNKS).await
    }

    /// Appends a chunk. It has no `id:`, because it is not an event; `n` tells it apart where a
    /// connection that was lost brings it again.
    pub(crate) fn push(&mut self, frames: &mut String, row: &LogChunkRow) {
        let LogChunkRow { n, missing, chunk } = row;
        let went = n.saturating_sub(self.after + 1);
        self.after = *n;
        let empty = || RawValue::from_string("[]".to_owned()).unwrap_or_default();
        let lines = RawValue::from_string(chunk.text.clone()).unwrap_or_else(|_| empty());
        let mut record = json!({
            "type": LOG,
            "run": chunk.run,
            "n": n,
            "instance": chunk.instance,
            "attempt": chunk.attempt,
            "first": chunk.first,
            "at": Timestamp(chunk.at_ms),
            "lines": lines,
        });
        if *missing > 0 {
            record["missing_lines"] = json!(missing);
        }
        if went > 0 {
            record["missing_chunks"] = json!(went);
        }
        push_event(frames, None, LOG, &record.to_string());
    }
}

/// When an event happened.
pub(crate) fn time_of(event: &RawValue) -> Timestamp {
    #[derive(Deserialize)]
    struct At {
        at: Timestamp,
    }
    serde_json::from_str::<At>(event.get()).map(|event| event.at).unwrap_or_default()
}
