//! `GET /v1/runs/{id}/patches/{patch}/diff`.

use aob_api::{DiffView, Problem};
use aob_edge::{Answer, Caller, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::known;
use crate::api::Api;
use crate::input::PatchPath;

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
    let loaded = api.reads.loaded(&caller, run).await?;
    let patch = known(&loaded, &patch)?;
    Ok(Json(api.reads.patch_change(&caller, run, &patch).await?.diff()))
}
