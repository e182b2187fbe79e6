//! Runs as clients see them.

use std::collections::BTreeMap;

use aob_engine::{InstanceId, RunId, TicketId, Timestamp};
use aob_ir::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BudgetView, RawText, RunLinks, ValueRef, WorkflowUsed};

/// `GET /v1/runs/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunView {
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub id: RunId,
    /// Its state: `queued running waiting paused cancelling completed failed cancelled rolled_back`.
    #[schema(example = "running")]
    pub status: String,
    /// Name of the workflow.
    pub name: String,
    /// What it was started from.
    pub workflow: WorkflowUsed,
    /// Its output, once completed, where it is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<RawText>,
    /// Its output, once completed, where it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_ref: Option<ValueRef>,
    /// The failure that ends or ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
    /// Its nodes by id. A node inside loops and maps shows one of its instances: the last that is
    /// not over, or the last.
    pub nodes: BTreeMap<String, NodeView>,
    /// The document that holds.
    #[schema(value_type = String)]
    pub digest: Digest,
    /// Seq of its last event.
    pub seq: u64,
    /// Created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time of its last event.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The instance of another run that waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentView>,
    /// What bounds its spending: its own budget, then those of its agent nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<BudgetView>,
    /// Where to look next.
    pub links: RunLinks,
}

/// Who waits for a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParentView {
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// Its instance.
    #[schema(value_type = String)]
    pub instance: InstanceId,
}

/// A failure in two words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorView {
    /// Stable code.
    pub code: String,
    /// For people.
    pub message: String,
}

/// One node of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeView {
    /// `pending scheduled waiting retrying completed failed skipped parked cancelled compensated`.
    #[schema(example = "completed")]
    pub status: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Its output, where it is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<RawText>,
    /// Its output, where it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_ref: Option<ValueRef>,
    /// Why it, or its last attempt, failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
    /// Started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// Ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// The child run that it waits or waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub child: Option<RunId>,
    /// The ticket that it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ticket: Option<TicketId>,
    /// Which instance is shown, where the node is inside a loop or map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub instance: Option<InstanceId>,
    /// How far a map is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemsView>,
}

/// How far a map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemsView {
    /// All.
    pub count: u32,
    /// Completed or skipped.
    pub completed: u32,
    /// Failed.
    pub failed: u32,
    /// Open at this moment.
    pub open: u32,
}

/// A run as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub id: RunId,
    /// Its state.
    #[schema(example = "running")]
    pub status: String,
    /// Name of the workflow.
    pub name: String,
    /// What it was started from, with the document that holds.
    pub workflow: WorkflowUsed,
    /// The run that waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub parent: Option<RunId>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Time of its last event.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Seq of its last event.
    pub seq: u64,
    /// Code and message of the failure, for failed runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
