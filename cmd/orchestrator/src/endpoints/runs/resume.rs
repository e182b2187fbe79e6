//! `POST /v1/runs/{id}/resume`.

use aob_api::{CommandOutcome, Problem, ResumeRun};
use aob_edge::{Answer, Caller, OptionalJsonBody, Query};
use aob_engine::Command;
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::command::Sent;
use crate::idempotency::Once;
use crate::input::RunPath;

/// Lets a paused run go on.
#[utoipa::path(
    post, path = "/v1/runs/{run}/resume", tag = "runs", operation_id = "runs_resume",
    params(("run" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = ResumeRun,
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
    body: OptionalJsonBody<ResumeRun>,
) -> Answer {
    Query::of(&uri, &[])?;
    let ResumeRun {} = body.value;
    let command = Command::Resume;
    api.command(Sent { caller: &caller, once: &once, hash: body.hash, run, command }).await
}
