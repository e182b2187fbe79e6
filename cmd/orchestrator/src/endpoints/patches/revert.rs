//! `POST /v1/runs/{id}/patches/{patch}/revert`.

use aob_api::{Problem, RunPatch, TakeBack};
use aob_edge::{Answer, Caller, OptionalJsonBody, Query};
use aob_engine::{Command, RevertPatch};
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::command::Sent;
use crate::idempotency::Once;
use crate::input::PatchPath;

/// Takes an applied patch back: by a patch of its own, which is judged like any other. What it
/// added and has run already stands in the way, and is named.
#[utoipa::path(
    post, path = "/v1/runs/{run}/patches/{patch}/revert", tag = "patches",
    operation_id = "runs_patches_revert",
    params(
        ("run" = String, Path),
        ("patch" = String, Path),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body = TakeBack,
    responses(
        (status = 201, body = RunPatch, description = "The patch that took it back"),
        (status = 202, body = RunPatch, description = "That patch waits for an approval"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PatchPath { run, patch: reverts }: PatchPath,
    uri: Uri,
    once: Once,
    body: OptionalJsonBody<TakeBack>,
) -> Answer {
    Query::of(&uri, &[])?;
    let OptionalJsonBody { value, hash } = body;
    api.reads.run_row(&caller, run).await?;
    let turn = match api.patch_turn(&caller, run, &once, hash).await? {
        Ok(turn) => turn,
        Err(before) => return Ok(before),
    };
    let patch = api.new_patch_id();
    let description = value.reason.unwrap_or_default().into();
    let command =
        Command::RevertPatch(Box::new(RevertPatch { patch: patch.clone(), reverts, description }));
    let sent = Sent { caller: &caller, once: &once, hash, run, command };
    api.send_patch(sent, patch, None, turn).await
}
