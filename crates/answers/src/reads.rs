//! Reading runs on behalf of a caller: never outside of its workspace.

use std::sync::Arc;

use aob_coordinator::{Coordinator, LoadedRun, Reader, Workflows, store_workspace, stream};
use aob_edge::{Caller, Refusal};
use aob_engine::RunId;
use aob_ir::Ir;
use aob_store::{RunRow, Store};

use crate::refusals::{run_not_found, unreadable, workflow_error};

/// What answers are read from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reads {
    /// Rows.
    pub store: Arc<dyn Store>,
    /// Logs and payloads.
    pub reader: Reader,
    /// Documents.
    pub workflows: Arc<Workflows>,
}

impl Reads {
    /// Reads what this coordinator works on.
    pub fn new(store: Arc<dyn Store>, coordinator: &Coordinator) -> Self {
        let (reader, workflows) = (coordinator.reader.clone(), Arc::clone(&coordinator.workflows));
        Self { store, reader, workflows }
    }

    /// A run of the caller's workspace.
    ///
    /// # Errors
    /// If there is none, or storage does not answer.
    pub async fn run_row(&self, caller: &Caller, run: RunId) -> Result<RunRow, Refusal> {
        let row = self.store.run(store_workspace(caller.workspace()), stream(run)).await?;
        row.ok_or_else(|| run_not_found(&run.to_string()))
    }

    /// A run of the caller's workspace, folded.
    ///
    /// # Errors
    /// If there is none, or storage does not answer.
    pub async fn loaded(&self, caller: &Caller, run: RunId) -> Result<LoadedRun, Refusal> {
        // The row first: it is cheap, and who has no such run learns it at once.
        self.run_row(caller, run).await?;
        let loaded = self.reader.load_in(caller.workspace(), run).await;
        let loaded = loaded.map_err(|error| unreadable(&error))?;
        loaded.ok_or_else(|| run_not_found(&run.to_string()))
    }

    /// The workflow that holds in a run.
    ///
    /// # Errors
    /// If its document cannot be had.
    pub async fn ir_of(&self, loaded: &LoadedRun) -> Result<Arc<Ir>, Refusal> {
        let digest = loaded.state.digest().unwrap_or(aob_ir::Digest([0; 32]));
        let ir = self.workflows.ir(loaded.workspace, digest).await;
        ir.map_err(|error| workflow_error(error, ""))
    }
}
