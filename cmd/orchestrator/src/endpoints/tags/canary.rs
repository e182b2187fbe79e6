//! `POST /v1/tags/{tag}/canary`.

use aob_api::{ErrorCode, Problem, ProblemItem, SetCanary, TagView};
use aob_edge::{Answer, Caller, JsonBody};
use aob_store::Canary;
use aob_store::tagging::TagStep;
use axum::extract::State;
use serde_json::json;

use super::change::Asked;
use crate::api::Api;
use crate::input::PathText;

/// Tries a version of the tag on a share of the runs that are started by the tag, or ends the
/// trial. Which runs, a hash says: of the run's id, or of `canary_key` where it is given, so the same
/// key meets the same version for as long as the share is the same, and also once it grows.
#[utoipa::path(
    post, path = "/v1/tags/{tag}/canary", tag = "workflows", operation_id = "tags_canary",
    params(
        ("tag" = String, Path),
        ("If-Match" = Option<String>, Header), ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body = SetCanary,
    responses(
        (status = 200, body = TagView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PathText(tag): PathText,
    asked: Asked,
    body: JsonBody<SetCanary>,
) -> Answer {
    let canary =
        body.value.canary.map(|canary| Canary { version: canary.version, percent: canary.percent });
    if let Some(Canary { percent, .. }) = canary
        && !(1..=100).contains(&percent)
    {
        let message = format!("{percent} is not a share of 1 to 100");
        let item = ProblemItem::at("/canary/percent", "out_of_range", message)
            .with_hint("to end the trial, send `{\"canary\": null}`")
            .with_example(&json!({"canary": {"version": 2, "percent": 10}}));
        let problem = Problem::new(ErrorCode::InvalidRequest, item.message.clone());
        return Err(problem.with_errors(vec![item]).into());
    }
    let step = TagStep::Canary(canary, caller.actor().to_string());
    asked.change(&api, &caller, &tag, (step, body.hash)).await
}
