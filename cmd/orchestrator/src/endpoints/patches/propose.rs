//! `POST /v1/runs/{id}/patches`.

use aob_api::{ErrorCode, PlanView, Problem, ProblemItem, ProposeRunPatch, RunPatch};
use aob_coordinator::LoadedRun;
use aob_edge::{Answer, Caller, JsonBody, Query, Refusal};
use aob_engine::{Blob, Command, PatchOrigin, ProposePatch as Proposal, RunId};
use aob_points::{Point, reach};
use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use http::Uri;

use crate::api::{Api, Parts};
use crate::command::Sent;
use crate::endpoints::runners::token::{JobToken, invalid_token};
use crate::endpoints::workflows::patches::origin_of;
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
        ("Aob-Job-Token" = Option<String>, Header,
         description = "Token of the job on whose behalf it is proposed: it says `node_id`"),
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
    sent: (Once, JobToken),
    body: JsonBody<ProposeRunPatch>,
) -> Answer {
    let (once, token) = sent;
    let query = Query::of(&uri, &["dry_run"])?;
    let JsonBody { value, hash } = body;
    if flag(&query, "dry_run")? {
        let value = api.on_behalf(&caller, run, &token, value).await?;
        let loaded = api.reads.loaded(&caller, run).await?;
        let proposal = api.proposal(&caller, &loaded, value).await?;
        let sound = api.plan(&caller, &loaded, &proposal).await?;
        return Ok(Json(sound.view()).into_response());
    }
    let turn = match api.patch_turn(&caller, run, &once, hash).await? {
        Ok(turn) => turn,
        Err(before) => return Ok(before),
    };
    let value = api.on_behalf(&caller, run, &token, value).await?;
    let loaded = api.reads.loaded(&caller, run).await?;
    let proposal = api.proposal(&caller, &loaded, value).await?;
    let sound = api.plan(&caller, &loaded, &proposal).await?;
    let patch = proposal.patch.clone();
    reach(Point::PatchPlanned)
        .await
        .map_err(|struck| Problem::new(ErrorCode::Unavailable, struck.to_string()))?;
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
        ("Aob-Job-Token" = Option<String>, Header),
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
    sent: (Once, JobToken),
    body: JsonBody<ProposeRunPatch>,
) -> Answer {
    handle(state, caller, run, uri, sent, body).await
}

impl Parts {
    /// The body with the instance that it speaks for. The token of a job says it; what only claims
    /// to be one has to be a person's, who may say that an agent is at fault.
    async fn on_behalf(
        &self,
        caller: &Caller,
        run: RunId,
        token: &JobToken,
        body: ProposeRunPatch,
    ) -> Result<ProposeRunPatch, Refusal> {
        let Some(job) = self.named_by(caller, token).await? else {
            if caller.actor().is_machine() && body.node_id.is_some() {
                return Err(invalid_token("a program speaks for a node with the token of its job"));
            }
            return Ok(body);
        };
        if job.run != run || body.node_id.as_ref().is_some_and(|node| *node != job.instance) {
            return Err(invalid_token("the token is one of another attempt"));
        }
        self.outstanding(caller, &job).await?;
        Ok(ProposeRunPatch { node_id: Some(job.instance), ..body })
    }

    /// The command that a body asks for.
    async fn proposal(
        &self,
        caller: &Caller,
        loaded: &LoadedRun,
        body: ProposeRunPatch,
    ) -> Result<Proposal, Refusal> {
        let origin = match (&body.node_id, body.origin) {
            (Some(_), Some(_)) => return Err(two_origins()),
            // An agent's, whoever sends it: the engine says so.
            (Some(_), None) => PatchOrigin::Person,
            (None, claimed) => origin_of(caller, claimed)?,
        };
        let operations = Blob::new(body.operations.0);
        let base = self.reads.ir_of(loaded).await?;
        Ok(Proposal {
            patch: self.new_patch_id(),
            origin,
            instance: body.node_id,
            base: body.base,
            children: self.new_children(loaded, &base, &operations).await?,
            operations,
            description: body.description.into(),
        })
    }
}

fn two_origins() -> Refusal {
    let detail = "a patch on behalf of a node is that of its agent";
    let item = ProblemItem::at("/origin", "invalid_value", detail);
    Problem::new(ErrorCode::InvalidRequest, detail)
        .with_hint("leave `origin` or `node_id` out")
        .with_errors(vec![item])
        .into()
}
