//! `POST /v1/tags/{tag}/undo` and `/redo`.

use aob_api::{Nothing, Problem, TagView};
use aob_edge::{Answer, Caller, OptionalJsonBody};
use aob_store::tagging::TagStep;
use axum::extract::State;

use super::change::Asked;
use crate::api::Api;
use crate::input::PathText;

/// Points a tag at the version before the one that it is at. `If-Match: "3"` asks that it is at
/// version 3. Runs that were started stay at what they were started with.
#[utoipa::path(
    post, path = "/v1/tags/{tag}/undo", tag = "workflows", operation_id = "tags_undo",
    params(
        ("tag" = String, Path),
        ("If-Match" = Option<String>, Header), ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body = Nothing,
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
    body: OptionalJsonBody<Nothing>,
) -> Answer {
    let step = TagStep::Undo(caller.actor().to_string());
    asked.change(&api, &caller, &tag, (step, body.hash)).await
}

/// Points a tag at the version that an undo led away from. `If-Match: "3"` asks that it is at
/// version 3. Nothing is left to redo once a version was made after an undo.
#[utoipa::path(
    post, path = "/v1/tags/{tag}/redo", tag = "workflows", operation_id = "tags_redo",
    params(
        ("tag" = String, Path),
        ("If-Match" = Option<String>, Header), ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body = Nothing,
    responses(
        (status = 200, body = TagView),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn redo(
    State(api): State<Api>,
    caller: Caller,
    PathText(tag): PathText,
    asked: Asked,
    body: OptionalJsonBody<Nothing>,
) -> Answer {
    let step = TagStep::Redo(caller.actor().to_string());
    asked.change(&api, &caller, &tag, (step, body.hash)).await
}
