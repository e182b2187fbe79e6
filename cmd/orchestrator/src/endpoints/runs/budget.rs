//! `POST /v1/runs/{id}/budget`.

use aob_api::{CommandOutcome, Problem, RaiseBudget};
use aob_edge::{Answer, Caller, JsonBody, Query};
use aob_engine::{Amounts, Command, RaiseBudget as Raise};
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::command::Sent;
use crate::endpoints::runners::budget::in_range;
use crate::idempotency::Once;
use crate::input::RunPath;

/// Raises a budget of a run by these amounts. What is parked for it goes on.
#[utoipa::path(
    post, path = "/v1/runs/{run}/budget", tag = "runs", operation_id = "runs_budget_raise",
    params(("run" = String, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = RaiseBudget,
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
    body: JsonBody<RaiseBudget>,
) -> Answer {
    Query::of(&uri, &[])?;
    let spec = body.value.spec();
    in_range(spec.problems(""))?;
    let amounts = Amounts::of_caps(&spec.caps());
    let command = Command::RaiseBudget(Raise { of: body.value.of(), amounts });
    api.command(Sent { caller: &caller, once: &once, hash: body.hash, run, command }).await
}
