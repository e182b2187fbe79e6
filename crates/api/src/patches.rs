//! Patches of workflows and runs: what is handed in, what it would do, what became of it.

use aob_engine::Timestamp;
use aob_ir::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Problem, ProblemItem, RawText, WorkflowShape};

/// `POST /v1/workflows/{tag}/patches`: a patch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "operations": [{"op": "replace", "path": "/nodes/fetch/timeout_ms", "value": 5000}],
    "description": "the partner answers within five seconds",
}))]
pub struct ProposePatch {
    /// JSON Patch (RFC 6902). Nodes and edges are best named by id: `/nodes/fetch/config/url`,
    /// `/edges/fetch->save`; `/nodes/-` appends.
    #[schema(value_type = Vec<serde_json::Value>)]
    pub operations: RawText,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The digest that it was made against; absent: what the tag is at now. Where the tag has moved
    /// on, the patch is rebased, or refused with 409 `patch_conflict`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub base: Option<Digest>,
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
    /// The version of the tag that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The document that came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub digest: Option<Digest>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The digest that it was made against.
    #[schema(value_type = String)]
    pub base: Digest,
    /// As they were handed in.
    #[schema(value_type = Vec<serde_json::Value>)]
    pub operations: RawText,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who.
    #[schema(example = "user:ada")]
    pub author: String,
    /// What kind of author: `person`, `agent`, `optimizer`.
    #[schema(example = "person")]
    pub origin: String,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
    /// Where to follow it.
    pub links: PatchLinks,
}

/// Paths of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PatchLinks {
    /// The patch.
    #[serde(rename = "self")]
    pub this: String,
}

/// What a patch would do, and what was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PatchPlan {
    /// What the operations apply to.
    #[schema(value_type = String)]
    pub base: Digest,
    /// What would come out.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// True: it was made against an older document, and its operations were adapted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rebased: bool,
    /// The operations as they would be applied.
    #[schema(value_type = Vec<serde_json::Value>)]
    pub operations: RawText,
    /// What changes.
    pub diff: GraphDiff,
    /// What the graph consists of before.
    pub before: WorkflowShape,
    /// What it consists of after.
    pub after: WorkflowShape,
    /// What it uses of the bounds that hold for it.
    pub budget: Vec<BudgetUse>,
    /// What was checked, layer by layer.
    pub checks: Vec<PatchCheck>,
    /// What the graph may do that it could not do before.
    pub growth: Vec<GrownPower>,
    /// Why somebody has to look at it; empty: nobody has to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approval: Vec<ProblemItem>,
    /// What a person should know all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ProblemItem>,
}

/// A bound of a patch or of its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BudgetUse {
    /// What is counted: `operations`, `patch_bytes`, `document_bytes`, `nodes`.
    pub name: String,
    /// How much is used.
    pub used: u64,
    /// How much may be.
    pub limit: u64,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PatchCheck {
    /// The layer that makes it first: 1 before it is sent, 2 in the server, 3 in the engine.
    pub layer: u8,
    /// Its name.
    pub name: String,
    /// `passed`, `warned`, `needs_approval` or `failed`.
    pub outcome: String,
    /// What was found.
    #[serde(default)]
    pub detail: String,
}

/// Something that a graph may do and could not do before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrownPower {
    /// What kind: `egress`, `secret`, `function`, ...
    pub kind: String,
    /// Which.
    pub name: String,
    /// The first node that has it.
    #[serde(default)]
    pub node: String,
    /// A policy grants it.
    pub granted: bool,
}

/// What two documents differ in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GraphDiff {
    /// Nodes.
    pub nodes: ListDiff,
    /// Edges.
    pub edges: ListDiff,
    /// Everything else.
    #[serde(default)]
    pub sections: Vec<ValueChange>,
}

/// What two lists of nodes or edges differ in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListDiff {
    /// Items of the new list only.
    pub added: Vec<ListItem>,
    /// Items of the old list only.
    pub removed: Vec<ListItem>,
    /// Items of both, and what changes in them.
    pub changed: Vec<ItemChange>,
    /// Items of both stand in another order.
    #[serde(default)]
    pub reordered: bool,
}

/// A node or an edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListItem {
    /// Its id.
    pub id: String,
    /// All of it.
    #[schema(value_type = serde_json::Value)]
    pub value: Value,
}

/// What changes in a node or an edge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemChange {
    /// Its id.
    pub id: String,
    /// The type of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_type: Option<String>,
    /// What changes.
    pub changes: Vec<ValueChange>,
}

/// A value that was added, removed or replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValueChange {
    /// JSON pointer from the item, or from the document.
    pub pointer: String,
    /// What was there; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub before: Option<Value>,
    /// What is there; absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub after: Option<Value>,
}

impl GraphDiff {
    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        let same = |list: &ListDiff| {
            list.added.is_empty()
                && list.removed.is_empty()
                && list.changed.is_empty()
                && !list.reordered
        };
        same(&self.nodes) && same(&self.edges) && self.sections.is_empty()
    }
}

/// `GET /v1/workflows/{tag}/diff`: what differs between two documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowDiff {
    /// The older one.
    pub from: DiffSide,
    /// The newer one.
    pub to: DiffSide,
    /// What differs.
    pub diff: GraphDiff,
    /// The patch that makes the newer one of the older one.
    #[schema(value_type = Vec<serde_json::Value>)]
    pub operations: RawText,
}

/// A document that is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiffSide {
    /// How it was named.
    pub name: String,
    /// Its digest.
    #[schema(value_type = String)]
    pub digest: Digest,
}
