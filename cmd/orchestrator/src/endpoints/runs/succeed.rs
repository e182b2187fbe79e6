//! `POST /v1/runs/{id}/succeed`.

use aob_api::{CommandOutcome, Problem, SucceedInstance};
use aob_edge::{Answer, Caller, JsonBody, Query};
use aob_engine::{Blob, Command};
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::command::Sent;
use crate::idempotency::Once;
use crate::input::RunPath;

/// Says what a parked instance returned.
#[utoipa::path(
    post, path = "/v1/runs/{run}/succeed", tag = "runs", operation_id = "runs_succeed",
    params(("run" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = SucceedInstance,
    responses(
        (status = 200, body = CommandOutcome),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    RunPath(run): RunPath,
    uri: Uri,
    once: Once,
    body: JsonBody<SucceedInstance>,
) -> Answer {
    Query::of(&uri, &[])?;
    let SucceedInstance { instance, output } = body.value;
    let command = Command::Succeed { instance, output: Blob::new(output.0) };
    api.command(Sent { caller: &caller, once: &once, hash: body.hash, run, command }).await
}
