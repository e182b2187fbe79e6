//! The spans of a run: when each instance was opened, started and ended.

use aob_engine::{InstanceId, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ErrorView;

/// One instance over time: an item of `GET /v1/runs/{id}/timeline`, which lists them by
/// `opened_at`, then by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Span {
    /// Which instance: `fetch`, `crawl[3]/fetch`.
    #[schema(value_type = String)]
    pub instance: InstanceId,
    /// Its node.
    pub node: String,
    /// Its status.
    #[schema(example = "completed")]
    pub status: String,
    /// Attempts so far; 0 for what is decided without a runner.
    pub attempts: u32,
    /// When it was first scheduled, waited or was decided.
    #[schema(value_type = String, format = DateTime)]
    pub opened_at: Timestamp,
    /// When the runner of its last attempt started it, where the runner says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// Since when it is in its status.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Why it, or its last attempt, failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
    /// The highest attempt whose result came too late to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late_attempt: Option<u32>,
    /// The child run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub child: Option<RunId>,
}
