//! `POST /v1/runs/{id}/fail`.

use aob_api::{CommandOutcome, FailInstance, Problem};
use aob_edge::{Answer, Caller, JsonBody, Query};
use aob_engine::Command;
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::command::Sent;
use crate::idempotency::Once;
use crate::input::RunPath;

/// Lets a parked instance fail, with all that follows from it.
#[utoipa::path(
    post, path = "/v1/runs/{run}/fail", tag = "runs", operation_id = "runs_fail",
    params(("run" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = FailInstance,
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
    body: JsonBody<FailInstance>,
) -> Answer {
    Query::of(&uri, &[])?;
    let FailInstance { instance, message } = body.value;
    let message = message.unwrap_or_else(|| "failed by hand".to_owned()).into();
    let command = Command::Fail { instance, message };
    api.command(Sent { caller: &caller, once: &once, hash: body.hash, run, command }).await
}
