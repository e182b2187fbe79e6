//! `GET /v1/runs/{id}/patches/{patch}/diff`.

use aob_api::{DiffView, Problem};
use aob_edge::{Answer, Caller, Query, Refusal};
use aob_engine::{PatchView, RunId};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::{known, without_result};
use crate::api::{Api, Parts};
use crate::errors::{unreadable, workflow_error};
use crate::input::PatchPath;
use crate::planning::result_of;

/// Shows what a patch changes (changed, would change), node by node and key by key.
#[utoipa::path(
    get, path = "/v1/runs/{run}/patches/{patch}/diff", tag = "patches",
    operation_id = "runs_patches_diff",
    params(("run" = String, Path), ("patch" = String, Path)),
    responses(
        (status = 200, body = DiffView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PatchPath { run, patch }: PatchPath,
    uri: Uri,
) -> Answer<Json<DiffView>> {
    Query::of(&uri, &[])?;
    let loaded = api.loaded(&caller, run).await?;
    let patch = known(&loaded, &patch)?;
    Ok(Json(api.diff_of(&caller, run, &patch).await?))
}

impl Parts {
    /// What a patch changes in the document that it was last found sound against.
    pub(crate) async fn diff_of(
        &self,
        caller: &Caller,
        run: RunId,
        patch: &PatchView,
    ) -> Result<DiffView, Refusal> {
        let workspace = caller.workspace();
        if patch.result.is_none() {
            return Err(without_result(patch));
        }
        let base = self.coordinator.workflows.ir(workspace, patch.planned_base).await;
        let base = base.map_err(|error| workflow_error(error, ""))?;
        let operations = self.coordinator.reader.value(workspace, run, patch.operations).await;
        let operations = operations.map_err(|error| unreadable(&error))?;
        let result = result_of(&base, &operations).ok_or_else(|| without_result(patch))?;
        Ok(DiffView::between(&base, &result))
    }
}
