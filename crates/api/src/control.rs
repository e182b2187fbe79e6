//! Commands to a run.

use aob_engine::{InstanceId, RunId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::RawText;

/// `POST /v1/runs/{id}/cancel`, `.../pause`. The body may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopRun {
    /// Why; stands in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /v1/runs/{id}/resume`. The body may be left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeRun {}

/// `POST /v1/runs/{id}/retry`, `.../skip`: what to do with a parked instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepairInstance {
    /// Which: `fetch`, `crawl[3]/fetch`.
    #[schema(value_type = String, example = "fetch")]
    pub instance: InstanceId,
}

/// `POST /v1/runs/{id}/fail`: lets a parked instance fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailInstance {
    /// Which.
    #[schema(value_type = String, example = "fetch")]
    pub instance: InstanceId,
    /// Why; absent: `failed by hand`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// `POST /v1/runs/{id}/succeed`: says what a parked instance returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SucceedInstance {
    /// Which.
    #[schema(value_type = String, example = "fetch")]
    pub instance: InstanceId,
    /// Its output.
    pub output: RawText,
}

/// The run after a command, once the command's outcome is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandOutcome {
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub id: RunId,
    /// Its state.
    #[schema(example = "cancelling")]
    pub status: String,
    /// Seq of its last event.
    pub seq: u64,
    /// False: the run was like this before, and the command changed nothing.
    pub changed: bool,
}

/// `GET /v1/runs/{id}/signals/{name}/webhook`: a URL that needs no API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookView {
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// The signal that a POST to the path delivers.
    #[schema(example = "payment_received")]
    pub signal: String,
    /// Path of the URL, behind the address by which the sender reaches the server. Whoever knows it
    /// can send the signal: treat it as a secret.
    pub path: String,
}
