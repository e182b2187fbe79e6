//! `POST /v1/runs/{id}/skip`.

use aob_api::{CommandOutcome, Problem, RepairInstance};
use aob_edge::{Answer, Caller, JsonBody, Query};
use aob_engine::Command;
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::command::Sent;
use crate::idempotency::Once;
use crate::input::RunPath;

/// Passes over a parked instance: success edges, output null.
#[utoipa::path(
    post, path = "/v1/runs/{run}/skip", tag = "runs", operation_id = "runs_skip",
    params(("run" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = RepairInstance,
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
    body: JsonBody<RepairInstance>,
) -> Answer {
    Query::of(&uri, &[])?;
    let command = Command::Skip { instance: body.value.instance };
    api.command(Sent { caller: &caller, once: &once, hash: body.hash, run, command }).await
}
