//! `GET /v1/workflows/{tag}/diff`.

use std::sync::Arc;

use aob_api::{DiffView, Problem, RawText, WorkflowDiff};
use aob_coordinator::{WorkflowRef, patch_between};
use aob_edge::{Answer, Caller, Query, Refusal};
use aob_ir::{Digest, Ir};
use axum::Json;
use axum::extract::State;
use http::Uri;

use crate::api::{Api, Parts, tenant};
use crate::errors::{workflow_error, workflow_not_found};
use crate::input::PathText;
use crate::starting::named;

/// Compares two documents: versions of the tag (`3`), digests, other tags, or versions of those
/// (`staging@7`). Without `to`, the version that the tag is at; without `from`, the version before
/// `to`.
#[utoipa::path(
    get, path = "/v1/workflows/{tag}/diff", tag = "workflows", operation_id = "workflows_diff",
    params(
        ("tag" = String, Path),
        ("from" = Option<String>, Query), ("to" = Option<String>, Query),
    ),
    responses(
        (status = 200, body = WorkflowDiff),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(tag): PathText,
    uri: Uri,
) -> Answer<Json<WorkflowDiff>> {
    let query = Query::of(&uri, &["from", "to"])?;
    let (from, to) = (query.one("from")?, query.one("to")?);
    let row =
        api.store.tag(tenant(&caller), &tag).await?.ok_or_else(|| workflow_not_found(&tag))?;
    let to = to.map_or_else(|| row.current.version.to_string(), str::to_owned);
    let from = match from {
        Some(from) => from.to_owned(),
        None => api.before(&caller, &tag, &to).await?,
    };
    let (from, older) = api.side(&caller, &tag, &from).await?;
    let (to, newer) = api.side(&caller, &tag, &to).await?;
    let operations = serde_json::to_value(patch_between(&older, &newer)).unwrap_or_default();
    Ok(Json(WorkflowDiff {
        from,
        to,
        diff: DiffView::between(&older, &newer),
        operations: RawText::of(&operations),
    }))
}

impl Parts {
    /// One side of a comparison.
    async fn side(
        &self,
        caller: &Caller,
        tag: &str,
        name: &str,
    ) -> Result<(String, Arc<Ir>), Refusal> {
        let (reference, shown) = match name.parse::<u64>() {
            Ok(version) => {
                let reference = WorkflowRef::Tag { tag: tag.to_owned(), version: Some(version) };
                (reference, format!("{tag}@{version}"))
            }
            Err(_) => (named(name), name.to_owned()),
        };
        let workflows = &self.coordinator.workflows;
        let found = workflows.digest(caller.workspace(), &reference).await;
        let digest: Digest = found.map_err(|_| workflow_not_found(&shown))?;
        let ir = workflows.ir(caller.workspace(), digest).await;
        let ir = ir.map_err(|error| workflow_error(error, ""))?;
        Ok((shown, ir))
    }

    /// The version before `to`, where that is a version of the tag.
    async fn before(&self, caller: &Caller, tag: &str, to: &str) -> Result<String, Refusal> {
        let missing = || {
            let hint = "name the older side too, such as `?from=1`";
            Query::refuse("from", "is missing, and there is no version before `to`", hint)
        };
        let version = to.parse::<u64>().map_err(|_| missing())?;
        let row = self.store.tag_version(tenant(caller), tag, version).await?;
        let row = row.ok_or_else(|| workflow_not_found(&format!("{tag}@{version}")))?;
        row.predecessor.map(|before| before.to_string()).ok_or_else(missing)
    }
}
