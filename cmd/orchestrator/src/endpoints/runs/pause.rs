//! `POST /v1/runs/{id}/pause`.

use aob_api::{CommandOutcome, Problem, StopRun};
use aob_edge::{Answer, Caller, OptionalJsonBody, Query};
use aob_engine::Command;
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::command::Sent;
use crate::idempotency::Once;
use crate::input::RunPath;

/// Lets nothing more start. What runs may end; deadlines and approvals keep counting.
#[utoipa::path(
    post, path = "/v1/runs/{run}/pause", tag = "runs", operation_id = "runs_pause",
    params(("run" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = StopRun,
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
    body: OptionalJsonBody<StopRun>,
) -> Answer {
    Query::of(&uri, &[])?;
    let command = Command::Pause { reason: body.value.reason.map(Into::into) };
    api.command(Sent { caller: &caller, once: &once, hash: body.hash, run, command }).await
}
