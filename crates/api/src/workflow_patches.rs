//! Patches of workflows: what is handed in, and what became of it; and what versions differ in.

use aob_engine::Timestamp;
use aob_ir::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{DiffView, Problem, RawText};

/// `POST /v1/workflows/{tag}/patches`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "operations": [{"op": "replace", "path": "/nodes/fetch/timeout_ms", "value": 5000}],
    "description": "the partner answers within five seconds",
}))]
pub struct ProposeWorkflowPatch {
    /// JSON Patch (RFC 6902). Nodes and edges are best named by id: `/nodes/fetch/config/url`,
    /// `/edges/fetch->save`; `/nodes/-` appends.
    #[schema(value_type = Vec<Object>)]
    pub operations: RawText,
    /// What it is for; versions show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The digest that it was made against; absent: what the tag is at now. Where the tag has moved
    /// on, the patch is brought to what holds, or refused with 409 `patch_conflict`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub base: Option<Digest>,
    /// On whose behalf it is handed in; absent: the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<ClaimedOrigin>,
}

/// On whose behalf a person's key hands a patch in. An agent's or runner's key can claim nothing: its
/// patches are an agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimedOrigin {
    /// The caller's own.
    Person,
    /// A pass of the optimizer made it: it is judged as such, and may grow nothing that the graph may
    /// do.
    Optimizer,
}

/// A patch of a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowPatch {
    /// Its id.
    #[schema(example = "019aa1f2-6c00-7000-8000-2f3c5d7e9a1b")]
    pub id: String,
    /// The workflow's tag.
    pub tag: String,
    /// `pending`, `applied` or `rejected`.
    #[schema(example = "applied")]
    pub status: String,
    /// `person`, `agent` or `optimizer`: what it may do depends on that.
    #[schema(example = "person")]
    pub origin: String,
    /// Who proposed it.
    #[schema(example = "user:ada")]
    pub by: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The document that it was made against.
    #[schema(value_type = String)]
    pub base: Digest,
    /// The document that came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub result: Option<Digest>,
    /// The version of the tag that holds it. A patch that changes nothing is in the version that was
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// As they were handed in. Lists leave them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub operations: Option<RawText>,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub proposed_at: Timestamp,
    /// When it was applied or rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// Where to follow it.
    pub links: WorkflowPatchLinks,
}

/// Paths of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowPatchLinks {
    /// The patch.
    #[serde(rename = "self")]
    pub this: String,
    /// What it changed, once it is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// `GET /v1/workflows/{tag}/diff`: what differs between two documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowDiff {
    /// How the older one is named, such as `onboarding@3`.
    pub from: String,
    /// How the newer one is named.
    pub to: String,
    /// What differs.
    #[serde(flatten)]
    pub diff: DiffView,
    /// The patch that makes the newer one of the older one.
    #[schema(value_type = Vec<Object>)]
    pub operations: RawText,
}
