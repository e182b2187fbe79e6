//! Keeping log lines that come with heartbeats and results.

use aob_edge::Caller;
use aob_engine::RunId;
use aob_store::NewLogChunk;

use crate::api::{Api, tenant};

/// Keeps them, and tells those who watch. Lines are not worth the failure of what they came with.
pub(super) async fn keep(api: &Api, caller: &Caller, chunks: &[NewLogChunk]) {
    if chunks.is_empty() {
        return;
    }
    if let Err(error) = api.store.logs_put(tenant(caller), chunks).await {
        tracing::warn!(%error, "log lines are lost");
        return;
    }
    for chunk in chunks {
        api.watch.notify_run(RunId(chunk.run.0));
    }
}
