//! `POST /v1/runs/{id}/patches/{patch}/withdraw`.

use aob_api::{Problem, RunPatch, TakeBack};
use aob_edge::{Answer, Caller, OptionalJsonBody, Query};
use aob_engine::Command;
use axum::extract::State;
use http::Uri;

use crate::api::Api;
use crate::command::Sent;
use crate::idempotency::Once;
use crate::input::PatchPath;

/// Gives up a patch that waits for its approval; its ticket is cancelled.
#[utoipa::path(
    post, path = "/v1/runs/{run}/patches/{patch}/withdraw", tag = "patches",
    operation_id = "runs_patches_withdraw",
    params(
        ("run" = String, Path),
        ("patch" = String, Path),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body = TakeBack,
    responses(
        (status = 200, body = RunPatch),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    PatchPath { run, patch }: PatchPath,
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
    let command =
        Command::WithdrawPatch { patch: patch.clone(), reason: value.reason.map(Into::into) };
    let sent = Sent { caller: &caller, once: &once, hash, run, command };
    api.send_patch(sent, patch, None, turn).await
}
