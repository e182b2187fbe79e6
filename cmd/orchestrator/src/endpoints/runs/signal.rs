//! `POST /v1/runs/{id}/signals/{name}`.

use aob_api::{CommandOutcome, ErrorCode, Problem, RawText};
use aob_edge::{Answer, BodyHash, BodyText, Caller, Query, Refusal, check_json};
use aob_engine::{Blob, Command};
use axum::extract::{Path, Request, State};
use serde_json::value::RawValue;

use crate::api::Api;
use crate::command::Sent;
use crate::errors::run_not_found;
use crate::idempotency::Once;

/// Bytes of a signal's name.
const NAME_BYTES_MAX: usize = 256;

/// Delivers a signal. The body is its payload, any JSON; none is null. It waits in the run until a
/// node consumes it. Signals with the same `Idempotency-Key` are one.
#[utoipa::path(
    post, path = "/v1/runs/{run}/signals/{name}", tag = "runs", operation_id = "runs_signal",
    params(
        ("run" = String, Path), ("name" = String, Path),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body = RawText,
    responses(
        (status = 200, body = CommandOutcome),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    Path((run, name)): Path<(String, String)>,
    once: Once,
    request: Request,
) -> Answer {
    Query::of(request.uri(), &[])?;
    let run = run.parse().map_err(|_| run_not_found(&run))?;
    if name.len() > NAME_BYTES_MAX {
        let detail = format!("the name of a signal has at most {NAME_BYTES_MAX} bytes");
        return Err(Problem::new(ErrorCode::InvalidRequest, detail).into());
    }
    let (payload, hash) = payload(request).await?;
    let signal = match &once.key {
        Some(key) => format!("key:{key}"),
        None => api.random_hex(),
    };
    let command =
        Command::Signal { name: name.into(), signal: signal.into(), payload: Blob::new(payload) };
    api.command(Sent { caller: &caller, once: &once, hash, run, command }).await
}

/// The body of a request as a signal's payload, with its hash.
pub(crate) async fn payload(request: Request) -> Result<(Box<RawValue>, BodyHash), Refusal> {
    let body = BodyText::read(request).await?;
    if body.text.is_empty() {
        return Ok((RawValue::NULL.to_owned(), body.hash));
    }
    if let Err(errors) = check_json(&body.text) {
        let problem = Problem::new(ErrorCode::InvalidBody, "the payload is not JSON");
        return Err(problem.with_errors(errors).into());
    }
    let invalid =
        |error: serde_json::Error| Problem::new(ErrorCode::InvalidBody, error.to_string());
    let payload = RawValue::from_string(body.text).map_err(invalid)?;
    Ok((payload, body.hash))
}
