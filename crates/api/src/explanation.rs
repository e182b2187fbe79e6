//! Why a run does not move.

use aob_engine::{InstanceId, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /v1/runs/{id}/explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// Its state.
    #[schema(example = "waiting")]
    pub status: String,
    /// Everything that waits; empty for a run that is over.
    pub waits: Vec<WaitView>,
}

/// One reason for waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitView {
    /// The instance that waits; absent for the run as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub instance: Option<InstanceId>,
    /// Stable code, such as `approval` or `no_runner`.
    #[schema(example = "approval")]
    pub reason: String,
    /// For people.
    pub message: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When something happens by itself at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// Who can end it.
    pub owner: String,
    /// What to do, as a command where there is one.
    pub remedy: String,
    /// Commands that end the waiting in another way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
}
