//! `GET /v1/artifacts/{digest}`.

use aob_api::{ErrorCode, Problem, RawText};
use aob_cas::GetError;
use aob_coordinator::{blob_digest, namespace};
use aob_edge::{Answer, Caller, Query, Refusal};
use aob_engine::{PayloadRef, RunId};
use aob_ir::Digest;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderValue, Uri};
use serde_json::value::RawValue;

use crate::api::Api;
use crate::input::{PathText, digest};

/// Reads a stored value. Short values stand in the log: `run` and `seq` say where.
#[utoipa::path(
    get, path = "/v1/artifacts/{digest}", tag = "artifacts", operation_id = "artifacts_get",
    params(
        ("digest" = String, Path),
        ("run" = Option<String>, Query, description = "The run in whose log the value stands"),
        ("seq" = Option<u64>, Query, description = "The event that has it"),
    ),
    responses(
        (status = 200, body = RawText),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(name): PathText,
    uri: Uri,
) -> Answer {
    let query = Query::of(&uri, &["run", "seq"])?;
    let digest = digest(&name)?;
    let run = query.parsed("run", "give the id of a run", |text| text.parse::<RunId>().ok())?;
    let seq = query.number("seq", 1..=u64::MAX)?;
    let bytes = match run.zip(seq) {
        Some((run, seq)) => {
            let reference = PayloadRef { digest, len: 0, seq: Some(seq) };
            api.reads.run_row(&caller, run).await?;
            let value = api.coordinator.reader.value(caller.workspace(), run, reference).await;
            Bytes::from(value.map_err(|_| not_found(digest))?.text().to_owned())
        }
        None => stored(&api, &caller, digest).await?,
    };
    let is_json = serde_json::from_slice::<&RawValue>(&bytes).is_ok();
    let media = if is_json { "application/json" } else { "application/octet-stream" };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    let forever = "private, max-age=31536000, immutable";
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(forever));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{digest}\"")) {
        headers.insert(ETAG, tag);
    }
    Ok(response)
}

async fn stored(api: &Api, caller: &Caller, digest: Digest) -> Result<Bytes, Refusal> {
    let found = api.cas.get(namespace(caller.workspace()), blob_digest(digest)).await;
    found.map_err(|error| match error {
        GetError::NotFound { .. } => not_found(digest),
        GetError::Corrupt { .. } => {
            tracing::error!(%error, "a stored value is damaged");
            Refusal::internal()
        }
        GetError::Unavailable(_) => {
            tracing::warn!(%error, "values cannot be read");
            Refusal::unavailable()
        }
    })
}

fn not_found(digest: Digest) -> Refusal {
    Problem::new(ErrorCode::ArtifactNotFound, format!("nothing is stored as `{digest}`"))
        .with_hint("values up to 16 KiB stand in the log: follow the `href` that names them")
        .into()
}
