//! Runs.

pub(crate) mod batch;
pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod fail;
pub(crate) mod get;
pub(crate) mod graph;
pub(crate) mod list;
pub(crate) mod pause;
pub(crate) mod resume;
pub(crate) mod retry;
pub(crate) mod signal;
pub(crate) mod skip;
pub(crate) mod start;
pub(crate) mod succeed;
pub(crate) mod timeline;
pub(crate) mod verify;

use std::sync::Arc;

use aob_coordinator::LoadedRun;
use aob_edge::{Caller, Refusal};
use aob_engine::RunId;
use aob_ir::Ir;

use crate::api::Parts;
use crate::errors::{run_not_found, unreadable, workflow_error};

impl Parts {
    /// A run of the caller's workspace, folded.
    pub(crate) async fn loaded(&self, caller: &Caller, run: RunId) -> Result<LoadedRun, Refusal> {
        // The row first: it is cheap, and who has no such run learns it at once.
        self.run_row(caller, run).await?;
        let loaded = self.coordinator.reader.load_in(caller.workspace(), run).await;
        let loaded = loaded.map_err(|error| unreadable(&error))?;
        loaded.ok_or_else(|| run_not_found(&run.to_string()))
    }

    /// The workflow that holds in a run.
    pub(crate) async fn ir_of(&self, loaded: &LoadedRun) -> Result<Arc<Ir>, Refusal> {
        let digest = loaded.state.digest().unwrap_or(aob_ir::Digest([0; 32]));
        let ir = self.coordinator.workflows.ir(loaded.workspace, digest).await;
        ir.map_err(|error| workflow_error(error, ""))
    }
}
