//! The graph of a run with where everything stands.

use aob_engine::RunId;
use aob_ir::{Digest, EdgeOn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ItemsView;

/// `GET /v1/runs/{id}/graph`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GraphView {
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// The document that holds; also the `ETag`.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Patches applied so far; 0: the document is the one that the run was created from.
    #[serde(default)]
    pub revision: u32,
    /// Seq of the run's last event.
    pub seq: u64,
    /// Nodes in document order; bodies of maps follow their map.
    pub nodes: Vec<GraphNode>,
    /// Edges in document order, then those that keys of loops stand for.
    pub edges: Vec<GraphEdge>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GraphNode {
    /// Its id.
    pub id: String,
    /// Its type, as the document spells it.
    #[serde(rename = "type")]
    pub kind: String,
    /// As in `nodes` of the run.
    pub status: String,
    /// Attempts so far.
    pub attempts: u32,
    /// The loop nodes around it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loops: Vec<String>,
    /// The map whose body it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
    /// How far a map is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemsView>,
}

/// One edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GraphEdge {
    /// Its id.
    pub id: String,
    /// Source.
    pub from: String,
    /// Target.
    pub to: String,
    /// Which outcome of the source it follows.
    #[schema(value_type = String, example = "success")]
    pub on: EdgeOn,
    /// Its condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// `pending`: not decided; `taken`: it led on, in one scope at least; `dead`: it did not;
    /// `failed`: it did not, because its source failed.
    #[schema(example = "taken")]
    pub status: String,
    /// In how many scopes it was taken.
    pub taken: u32,
    /// In how many scopes it was not.
    pub dead: u32,
}
