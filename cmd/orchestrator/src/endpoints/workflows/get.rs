//! `GET /v1/workflows/{tag}`.

use aob_api::{Problem, RawText, WorkflowView};
use aob_edge::{Answer, Caller, Query, Refusal};
use aob_ir::Digest;
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::ETAG;
use http::{HeaderValue, Uri};
use serde_json::value::RawValue;

use super::{shape, version};
use crate::api::{Api, tenant};
use crate::errors::{workflow_error, workflow_not_found};
use crate::input::PathText;

/// Shows a document: the version that a tag is at, one of its versions, or one by digest.
#[utoipa::path(
    get, path = "/v1/workflows/{tag}", tag = "workflows", operation_id = "workflows_get",
    params(
        ("tag" = String, Path, description = "A tag, or a digest"),
        ("version" = Option<u64>, Query),
    ),
    responses(
        (status = 200, body = WorkflowView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(tag): PathText,
    uri: Uri,
) -> Answer {
    let query = Query::of(&uri, &["version"])?;
    let number = query.number("version", 1..=u64::MAX)?;
    let (row, digest) = match tag.parse::<Digest>() {
        Ok(digest) => (None, digest),
        Err(_) => {
            let row = match number {
                None => api.store.tag(tenant(&caller), &tag).await?.map(|row| row.current),
                Some(number) => api.store.tag_version(tenant(&caller), &tag, number).await?,
            };
            let missing = || match number {
                None => workflow_not_found(&tag),
                Some(number) => workflow_not_found(&format!("{tag}@{number}")),
            };
            let row = version(row.ok_or_else(missing)?)?;
            let digest = row.digest;
            (Some(row), digest)
        }
    };
    let ir = api.coordinator.workflows.ir(caller.workspace(), digest).await;
    let ir = ir.map_err(|error| workflow_error(error, ""))?;
    let document = RawValue::from_string(ir.canonical.to_string()).map_err(|error| {
        tracing::error!(%error, %digest, "a document cannot be read");
        Refusal::internal()
    })?;
    let etag = row.as_ref().map_or_else(|| digest.to_string(), |row| row.version.to_string());
    let mut response = Json(WorkflowView {
        version: row,
        digest,
        name: ir.name.to_string(),
        shape: shape(&ir),
        document: RawText(document),
    })
    .into_response();
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{etag}\"")) {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}
