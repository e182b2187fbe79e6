//! What patches of runs change.

use std::sync::Arc;

use aob_api::{DiffView, Problem};
use aob_edge::{Caller, Refusal};
use aob_engine::{Blob, PatchView, RunId};
use aob_ir::Ir;
use aob_materializer::{Budget, Patch, materialize};

use crate::Reads;
use crate::refusals::{unreadable, workflow_error};

/// A patch with the documents on both sides of it.
#[derive(Debug, Clone)]
pub struct PatchChange {
    /// The document that it was last found sound against.
    pub base: Arc<Ir>,
    /// What it makes of it.
    pub result: Arc<Ir>,
    /// Its operations, as they apply to `base`.
    pub operations: Arc<Blob>,
}

impl PatchChange {
    /// What it changes, node by node and key by key.
    pub fn diff(&self) -> DiffView {
        DiffView::between(&self.base, &self.result)
    }
}

impl Reads {
    /// What a patch changes in the document that it was last found sound against.
    ///
    /// # Errors
    /// If it gives no document, or one of them cannot be had.
    pub async fn patch_change(
        &self,
        caller: &Caller,
        run: RunId,
        patch: &PatchView,
    ) -> Result<PatchChange, Refusal> {
        let workspace = caller.workspace();
        if patch.result.is_none() {
            return Err(without_result(patch));
        }
        let base = self.workflows.ir(workspace, patch.planned_base).await;
        let base = base.map_err(|error| workflow_error(error, ""))?;
        let operations = self.reader.value(workspace, run, patch.operations).await;
        let operations = operations.map_err(|error| unreadable(&error))?;
        let result = result_of(&base, &operations).ok_or_else(|| without_result(patch))?;
        Ok(PatchChange { base, result, operations })
    }
}

/// The graph that operations give, if they give one.
pub fn result_of(base: &Ir, operations: &Blob) -> Option<Arc<Ir>> {
    let patch = Patch::parse(operations.text(), &Budget::PERSON).ok()?;
    let document: serde_json::Value = serde_json::from_str(&base.canonical).ok()?;
    let made = materialize(&document, &patch, &Budget::PERSON).ok()?;
    aob_ir::compile(&made.document).ok().map(|compiled| compiled.ir)
}

/// The patch was refused before it gave a document.
fn without_result(patch: &PatchView) -> Refusal {
    let why = patch.message.as_deref().unwrap_or("it was refused");
    let detail = format!("patch `{}` gives no document: {why}", patch.patch);
    Problem::new(aob_api::ErrorCode::PatchRefused, detail)
        .with_hint("its operations are shown by `GET /v1/runs/{id}/patches/{patch}`")
        .into()
}
