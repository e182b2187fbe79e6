//! `GET /v1/workflows/{tag}/patches/{patch}`.

use aob_api::{Problem, WorkflowPatch};
use aob_edge::{Answer, Caller, Query};
use axum::Json;
use axum::extract::State;
use http::Uri;

use super::{not_found, view};
use crate::api::{Api, tenant};
use crate::input::PathTexts;
use crate::wait::Wait;

/// Shows a patch of a workflow: where it stands, its operations, and why it was rejected. With
/// `Prefer: wait=N`, once it is decided, or after so many seconds.
#[utoipa::path(
    get, path = "/v1/workflows/{tag}/patches/{patch}", tag = "workflows",
    operation_id = "workflows_patches_get",
    params(
        ("tag" = String, Path),
        ("patch" = String, Path),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: answer when the patch is decided, or after N seconds as it is then"),
    ),
    responses(
        (status = 200, body = WorkflowPatch),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathTexts(tag, patch): PathTexts,
    uri: Uri,
    Wait(wait): Wait,
) -> Answer<Json<WorkflowPatch>> {
    Query::of(&uri, &[])?;
    let row = api.store.patch(tenant(&caller), &patch).await?;
    let row = row.filter(|row| row.tag == tag).ok_or_else(|| not_found(&tag, &patch))?;
    let row = match wait {
        Some(limit) => api.decided(&caller, row, limit).await?,
        None => row,
    };
    Ok(Json(view(row)?))
}
