//! `GET /v1/runs/{id}/patches/{patch}`.

use aob_api::{Problem, RunPatch};
use aob_edge::{Answer, Caller, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::input::PatchPath;

/// Shows a patch of a run, with its operations.
#[utoipa::path(
    get, path = "/v1/runs/{run}/patches/{patch}", tag = "patches",
    operation_id = "runs_patches_get",
    params(("run" = String, Path), ("patch" = String, Path)),
    responses(
        (status = 200, body = RunPatch),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PatchPath { run, patch }: PatchPath,
    uri: Uri,
) -> Answer<Json<RunPatch>> {
    Query::of(&uri, &[])?;
    Ok(Json(api.patch_of(&caller, run, &patch).await?))
}
