//! Patches of runs.

use std::sync::Arc;

use aob_engine::{
    Actor, InstanceId, PatchId, PatchOrigin, PatchStatus, RunId, TicketId, Timestamp,
};
use aob_ir::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ClaimedOrigin, GrowthView, PlanView, RawText, ValueRef};

/// `POST /v1/runs/{id}/patches`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeRunPatch {
    /// JSON Patch (RFC 6902): `add`, `remove`, `replace`, `test`, and from people `move` and `copy`.
    /// Nodes and edges are best addressed by their ids: `/nodes/fetch/config/url`,
    /// `/edges/fetch->save`, `/nodes/-`.
    #[schema(value_type = Vec<Object>)]
    pub operations: RawText,
    /// What it is for; approvers see it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The document that it was made against, as `GET /v1/runs/{id}/graph` named it. If the run has
    /// moved on, the patch is brought to what holds where it touches other parts. Absent: the one
    /// that holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub base: Option<Digest>,
    /// The node of the run on whose behalf it is proposed: it is judged as a patch of that agent,
    /// whoever sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "planner")]
    pub node_id: Option<InstanceId>,
    /// On whose behalf it is handed in; absent: the caller's own. Not together with `node_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<ClaimedOrigin>,
}

/// `POST /v1/runs/{id}/patches/{patch}/revert`, `.../withdraw`. The body may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeBack {
    /// Why; stands in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A patch of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunPatch {
    /// The patch.
    #[schema(value_type = String, example = "pt_4a6f0c2f9d1e4b7a8c3d5e6f")]
    pub id: PatchId,
    /// Its run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// `applied`: in force. `waiting`: for its approval. `rejected`: by a rule or by a person, or
    /// out of time. `reverted`: applied, and taken back later.
    #[schema(value_type = String, example = "applied")]
    pub status: PatchStatus,
    /// `person`, `agent` or `optimizer`: what it may do depends on that.
    #[schema(value_type = String, example = "person")]
    pub origin: PatchOrigin,
    /// Who proposed it.
    #[schema(value_type = String, example = "user:ada")]
    pub by: Actor,
    /// What it is for.
    #[serde(default, skip_serializing_if = "str_is_empty")]
    #[schema(value_type = String)]
    pub description: Arc<str>,
    /// The document that it was made against.
    #[schema(value_type = String)]
    pub base: Digest,
    /// The document that it gives, gave or would give.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub result: Option<Digest>,
    /// Its place in the run's chain of patches, from 1, once applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// Seq of the event that applied it: everything after follows the new graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_seq: Option<u64>,
    /// Its operations as they stand, where they are short. Lists leave them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<RawText>,
    /// Where they can be read, where they are long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations_ref: Option<ValueRef>,
    /// What the new graph may do that the old could not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub growth: Vec<GrowthView>,
    /// Why it needs an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub approval: Option<Arc<str>>,
    /// What a decision names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub subject_hash: Option<Digest>,
    /// Its ticket, where one was opened: `GET /v1/approvals/{ticket}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ticket: Option<TicketId>,
    /// When it was proposed.
    #[schema(value_type = String, format = DateTime)]
    pub proposed_at: Timestamp,
    /// When it was applied or rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// When it expires, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// The patch that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reverts: Option<PatchId>,
    /// The patch that took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reverted_by: Option<PatchId>,
    /// Code of its rejection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub code: Option<Arc<str>>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub message: Option<Arc<str>>,
    /// Where to look next.
    pub links: RunPatchLinks,
    /// Of a patch just proposed: what was found about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<PlanView>>,
}

/// Paths around a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunPatchLinks {
    /// The patch.
    #[serde(rename = "self")]
    pub this: String,
    /// What it changes.
    pub diff: String,
    /// The graph that holds.
    pub graph: String,
    /// Its ticket, where one was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
}

impl RunPatchLinks {
    /// Those of this patch.
    pub fn of(run: RunId, patch: &PatchId, ticket: Option<&TicketId>) -> Self {
        let this = format!("/v1/runs/{run}/patches/{patch}");
        Self {
            diff: format!("{this}/diff"),
            graph: format!("/v1/runs/{run}/graph"),
            approval: ticket.map(|ticket| format!("/v1/approvals/{ticket}")),
            this,
        }
    }
}

fn str_is_empty(text: &str) -> bool {
    text.is_empty()
}
