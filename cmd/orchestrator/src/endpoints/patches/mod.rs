//! Patches of runs.

pub(crate) mod diff;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod propose;
pub(crate) mod revert;
pub(crate) mod withdraw;

use aob_api::{GrowthView, PlanView, RunPatch, RunPatchLinks};
use aob_coordinator::LoadedRun;
use aob_edge::{Answer, Caller, Refusal};
use aob_engine::{PatchId, PatchStatus, PatchView, RunId};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::api::Parts;
use crate::command::{Carried, Sent};
use crate::errors::unknown_patch;
use crate::idempotency::{Met, Turn};
use crate::replay::replayed;
use aob_answers::Values;

/// Letters of a patch's id behind its prefix.
const ID_LEN: usize = 24;

impl Parts {
    /// The id of a patch that nobody has proposed yet.
    pub(crate) fn new_patch_id(&self) -> PatchId {
        let random = self.random_hex();
        PatchId(format!("pt_{}", random.get(..ID_LEN).unwrap_or(&random)).into())
    }

    /// Answers a repetition with how its patch stands, or gives the request its turn.
    pub(crate) async fn patch_turn(
        &self,
        caller: &Caller,
        run: RunId,
        once: &crate::idempotency::Once,
        hash: aob_edge::BodyHash,
    ) -> Result<Result<Turn, Response>, Refusal> {
        match self.meet(caller, once, hash).await? {
            Met::Nothing(turn) => Ok(Ok(turn)),
            Met::Answer(row) => self.patch_again(caller, run, &row.response).await.map(Err),
        }
    }

    /// Sends a command that makes this patch, and answers how the patch stands then.
    pub(crate) async fn send_patch(
        &self,
        sent: Sent<'_>,
        patch: PatchId,
        plan: Option<PlanView>,
        turn: Turn,
    ) -> Answer {
        let (caller, run) = (sent.caller, sent.run);
        let stored = json!({ "patch": patch }).to_string();
        match self.submit(sent, stored, turn).await? {
            Carried::Before(row) => self.patch_again(caller, run, &row.response).await,
            Carried::Out(_) => {
                let mut shown = self.patch_of(caller, run, &patch).await?;
                shown.plan = plan.map(Box::new);
                Ok(answer(shown))
            }
        }
    }

    async fn patch_again(&self, caller: &Caller, run: RunId, stored: &str) -> Answer {
        #[derive(serde::Deserialize)]
        struct Stored {
            patch: PatchId,
        }
        let stored: Stored = serde_json::from_str(stored).map_err(|error| {
            tracing::error!(%error, "a stored answer cannot be read");
            Refusal::internal()
        })?;
        let shown = self.patch_of(caller, run, &stored.patch).await?;
        Ok(replayed(answer(shown)))
    }

    /// A patch of a run of the caller's workspace, with its operations.
    pub(crate) async fn patch_of(
        &self,
        caller: &Caller,
        run: RunId,
        patch: &PatchId,
    ) -> Result<RunPatch, Refusal> {
        let loaded = self.reads.loaded(caller, run).await?;
        let view = known(&loaded, patch)?;
        let wanted = [view.operations].into_iter();
        let values = self.reads.values(caller, run, wanted, &loaded.blobs).await?;
        Ok(shown(run, view, Some(&values)))
    }
}

/// A patch of this run.
fn known(loaded: &LoadedRun, patch: &PatchId) -> Result<PatchView, Refusal> {
    loaded.state.patch(patch).ok_or_else(|| unknown_patch(&patch.0))
}

/// How the answer to a proposal says where the patch stands.
fn answer(patch: RunPatch) -> Response {
    let status = match patch.status {
        PatchStatus::Applied | PatchStatus::Reverted => StatusCode::CREATED,
        PatchStatus::Waiting => StatusCode::ACCEPTED,
        PatchStatus::Rejected => StatusCode::OK,
    };
    let location = HeaderValue::from_str(&patch.links.this);
    let mut response = (status, Json(patch)).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// A patch as answers show it; `values` hold its operations, where they are wanted.
fn shown(run: RunId, view: PatchView, values: Option<&Values>) -> RunPatch {
    let (operations, operations_ref) =
        values.map_or((None, None), |values| values.show(Some(view.operations)));
    RunPatch {
        links: RunPatchLinks::of(run, &view.patch, view.ticket.as_ref()),
        id: view.patch,
        run,
        status: view.status,
        origin: view.origin,
        by: view.by,
        description: view.description,
        base: view.base,
        result: view.result,
        revision: view.revision,
        applied_seq: view.applied_seq,
        operations,
        operations_ref,
        growth: view.growth.iter().map(GrowthView::from).collect(),
        approval: view.approval,
        subject_hash: view.subject_hash,
        ticket: view.ticket,
        proposed_at: view.proposed_at,
        decided_at: view.decided_at,
        expires_at: view.expires_at,
        reverts: view.reverts,
        reverted_by: view.reverted_by,
        code: view.code,
        message: view.message,
        plan: None,
    }
}
