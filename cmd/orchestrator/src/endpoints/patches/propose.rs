//! `POST /v1/runs/{id}/patches`.

use aob_api::{PlanView, Problem, ProposeRunPatch, RunPatch};
use aob_coordinator::LoadedRun;
use aob_edge::{Answer, Caller, JsonBody, Query, Refusal};
use aob_engine::{Blob, Command, PatchOrigin, ProposePatch as Proposal};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::Uri;

use crate::api::{Api, Parts};
use crate::command::Sent;
use crate::idempotency::Once;
use crate::input::{RunPath, flag};

/// Changes the graph of a run that goes on. 201: applied. 202: it waits for an approval; `ticket`
/// and `links.approval` say which. With `?dry_run` nothing happens, and the answer is the plan.
#[utoipa::path(
    post, path = "/v1/runs/{run}/patches", tag = "patches", operation_id = "runs_patches_propose",
    params(
        ("run" = String, Path),
        ("dry_run" = Option<bool>, Query, description = "Only plan"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body = ProposeRunPatch,
    responses(
        (status = 200, body = PlanView, description = "What it would do (`?dry_run`)"),
        (status = 201, body = RunPatch, description = "Applied"),
        (status = 202, body = RunPatch, description = "Waits for an approval"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handle(
    State(api): State<Api>,
    caller: Caller,
    RunPath(run): RunPath,
    uri: Uri,
    once: Once,
    body: JsonBody<ProposeRunPatch>,
) -> Answer {
    let query = Query::of(&uri, &["dry_run"])?;
    let JsonBody { value, hash } = body;
    if flag(&query, "dry_run")? {
        let loaded = api.loaded(&caller, run).await?;
        let proposal = api.proposal(&loaded, value).await?;
        let sound = api.plan(&caller, &loaded, &proposal).await?;
        return Ok(Json(sound.view()).into_response());
    }
    let turn = match api.patch_turn(&caller, run, &once, hash).await? {
        Ok(turn) => turn,
        Err(before) => return Ok(before),
    };
    let loaded = api.loaded(&caller, run).await?;
    let proposal = api.proposal(&loaded, value).await?;
    let sound = api.plan(&caller, &loaded, &proposal).await?;
    let patch = proposal.patch.clone();
    let command = Command::Patch(Box::new(proposal));
    let sent = Sent { caller: &caller, once: &once, hash, run, command };
    api.send_patch(sent, patch, Some(sound.view()), turn).await
}

/// The same by another name.
#[utoipa::path(
    post, path = "/v1/runs/{run}/patch", tag = "patches", operation_id = "runs_patch",
    params(
        ("run" = String, Path),
        ("dry_run" = Option<bool>, Query, description = "Only plan"),
        ("Idempotency-Key" = Option<String>, Header),
    ),
    request_body = ProposeRunPatch,
    responses(
        (status = 200, body = PlanView, description = "What it would do (`?dry_run`)"),
        (status = 201, body = RunPatch, description = "Applied"),
        (status = 202, body = RunPatch, description = "Waits for an approval"),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn alias(
    state: State<Api>,
    caller: Caller,
    run: RunPath,
    uri: Uri,
    once: Once,
    body: JsonBody<ProposeRunPatch>,
) -> Answer {
    handle(state, caller, run, uri, once, body).await
}

impl Parts {
    /// The command that a body asks for.
    async fn proposal(
        &self,
        loaded: &LoadedRun,
        body: ProposeRunPatch,
    ) -> Result<Proposal, Refusal> {
        let operations = Blob::new(body.operations.0);
        let base = self.ir_of(loaded).await?;
        Ok(Proposal {
            patch: self.new_patch_id(),
            origin: PatchOrigin::Person,
            instance: body.node_id,
            base: body.base,
            children: self.new_children(loaded, &base, &operations).await?,
            operations,
            description: body.description.into(),
        })
    }
}
