//! `PUT /v1/artifacts/{digest}`.

use aob_api::{ErrorCode, Problem, RawText};
use aob_cas::PutError;
use aob_coordinator::namespace;
use aob_edge::{Answer, BodyText, Caller, Query, Refusal};
use aob_ir::Digest;
use axum::extract::{Request, State};
use http::StatusCode;

use crate::api::Api;
use crate::input::{PathText, digest};

/// Stores a JSON value under its digest. Repeating it changes nothing.
#[utoipa::path(
    put, path = "/v1/artifacts/{digest}", tag = "artifacts", operation_id = "artifacts_put",
    params(("digest" = String, Path, description = "`sha256:` of the bytes of the body")),
    request_body = RawText,
    responses(
        (status = 204, description = "It is durable."),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(name): PathText,
    request: Request,
) -> Answer<StatusCode> {
    Query::of(request.uri(), &[])?;
    let digest = digest(&name)?;
    let body = BodyText::read_checked(request).await?;
    let found = Digest(body.hash);
    if found != digest {
        let detail = format!("the bytes have the digest `{found}`, not `{digest}`");
        return Err(Problem::new(ErrorCode::DigestMismatch, detail)
            .with_hint("the digest is that of the bytes exactly as they are sent")
            .into());
    }
    let stored = api.cas.put(namespace(caller.workspace()), body.text.into()).await;
    match stored {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(error @ (PutError::TooLarge { .. } | PutError::Unavailable(_))) => {
            tracing::warn!(%error, "a value cannot be stored");
            Err(Refusal::unavailable())
        }
    }
}
