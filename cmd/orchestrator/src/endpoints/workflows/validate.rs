//! `POST /v1/workflows/validate`.

use aob_api::{Problem, RawText, ValidWorkflow};
use aob_edge::{Answer, Caller, Query};
use axum::Json;
use http::Uri;

use super::shape;
use crate::document::Document;
use crate::errors::items;

/// Says everything that is wrong with a document, and stores nothing. The body is the document.
#[utoipa::path(
    post, path = "/v1/workflows/validate", tag = "workflows", operation_id = "workflows_validate",
    request_body = RawText,
    responses(
        (status = 200, body = ValidWorkflow),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    _caller: Caller,
    uri: Uri,
    document: Document,
) -> Answer<Json<ValidWorkflow>> {
    Query::of(&uri, &[])?;
    let ir = document.compiled.ir;
    Ok(Json(ValidWorkflow {
        valid: true,
        digest: ir.digest,
        name: ir.name.to_string(),
        shape: shape(&ir),
        warnings: items(document.compiled.warnings, ""),
    }))
}
