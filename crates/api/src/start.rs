//! Starting runs.

use std::collections::BTreeMap;

use aob_engine::{Fidelity, RunId};
use aob_ir::{Digest, Priority};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BudgetSpec, ErrorView, Problem, RawText, ValueRef};

/// Runs that one `POST /v1/runs:batch` may start.
pub const BATCH_RUNS_MAX: usize = 1_000;
/// Labels of a run.
pub const LABELS_MAX: usize = 64;
/// Bytes of a label's key, and of its value.
pub const LABEL_BYTES_MAX: usize = 256;

/// What labels of the server's own begin with.
pub const LABEL_PREFIX_RESERVED: &str = "aob.";
/// Label of runs that were started while a version was on trial: which version each got.
pub const VERSION_LABEL: &str = "aob.version";
/// The same: `true` where it is the one on trial.
pub const CANARY_LABEL: &str = "aob.canary";

/// `POST /v1/runs`: what to start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"workflow": "onboarding", "inputs": {"customer": "c-1005"}}))]
pub struct StartRun {
    /// What runs: a tag (`"onboarding"`), a version of one (`"onboarding@3"`), a digest
    /// (`"sha256:..."`), or a document. Exactly one of `workflow` and `tag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>, example = "onboarding")]
    pub workflow: Option<RawText>,
    /// What runs, by tag or `tag@version`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Patches of the workflow for this run alone, applied one after the other: each a JSON Patch. The
    /// tag stays where it is, so two sets of patches can be compared on the same workflow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Vec<Object>>)]
    pub patches: Vec<RawText>,
    /// Inputs, checked against the workflow's `inputs` schema; absent: `{}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<RawText>,
    /// Labels to find the run by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Priority of its jobs; absent: medium.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PriorityName>)]
    pub priority: Option<Priority>,
    /// How much its log tells: `full` adds an event for every node that starts, with its input;
    /// absent: `fast`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<FidelityName>)]
    pub fidelity: Option<Fidelity>,
    /// What it may spend on models, its child runs included. What is not named here is bounded as
    /// `limits.budget` of the workflow says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetSpec>,
    /// While a version of the tag is on trial: decides instead of the run's id whether the run falls to
    /// it, so that the same customer meets the same version. 1 to 256 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_key: Option<String>,
    /// At most one run that is not over holds a dedup key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedup: Option<Dedup>,
}

impl StartRun {
    /// Starts what this name (tag, `tag@version` or digest) stands for.
    pub fn named(workflow: &str) -> Self {
        let workflow = RawText::of(&serde_json::Value::String(workflow.to_owned()));
        Self { workflow: Some(workflow), ..Self::default() }
    }

    /// Starts a document.
    pub fn document(workflow: RawText) -> Self {
        Self { workflow: Some(workflow), ..Self::default() }
    }
}

/// The words of [`StartRun::priority`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriorityName {
    /// First.
    High,
    /// As usual.
    Medium,
    /// Last.
    Low,
}

/// The words of [`StartRun::fidelity`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FidelityName {
    /// What is needed to go on.
    Fast,
    /// Every node that starts, with its input, too.
    Full,
}

/// See [`StartRun::dedup`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dedup {
    /// The key: 1 to 256 bytes.
    pub key: String,
    /// What happens where it is held.
    #[serde(default)]
    pub policy: DedupPolicy,
}

/// What happens where a dedup key is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DedupPolicy {
    /// 409 `dedup_conflict`, naming the run that holds it.
    #[default]
    Reject,
    /// 200 with the run that holds it.
    Attach,
}

/// A run that was started: 201; 200 where `attached`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StartedRun {
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub id: RunId,
    /// Its state: `queued running waiting paused cancelling completed failed cancelled rolled_back`.
    #[schema(example = "running")]
    pub status: String,
    /// What it runs.
    pub workflow: WorkflowUsed,
    /// Where to look next.
    pub links: RunLinks,
    /// True: the run existed and holds the dedup key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attached: bool,
    /// With `Prefer: wait`: its output, where it completed in time and the output is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<RawText>,
    /// With `Prefer: wait`: its output, where it completed in time and the output is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_ref: Option<ValueRef>,
    /// With `Prefer: wait`: why it failed, where it did in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorView>,
}

/// Which workflow a run was started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkflowUsed {
    /// The tag it was named by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The version of the tag that the run was started with: where it starts, and later while it was
    /// started during the trial of a version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// True: that version is on trial, and the run fell to its share.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canary: bool,
    /// The document.
    #[schema(value_type = String)]
    pub digest: Digest,
}

impl WorkflowUsed {
    /// As a run's tag, digest and labels tell.
    pub fn labelled<'a>(
        tag: Option<String>,
        digest: Digest,
        label: impl Fn(&str) -> Option<&'a str>,
    ) -> Self {
        let version = label(VERSION_LABEL).and_then(|version| version.parse().ok());
        Self { tag, version, canary: label(CANARY_LABEL) == Some("true"), digest }
    }
}

/// Paths of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunLinks {
    /// The run.
    #[serde(rename = "self")]
    pub this: String,
    /// Its events, a page at a time.
    pub events: String,
    /// Its events as they happen.
    pub stream: String,
    /// Its graph.
    pub graph: String,
    /// Its spans.
    pub timeline: String,
    /// Why it does not move.
    pub explain: String,
}

impl RunLinks {
    /// The paths of `run`.
    pub fn of(run: RunId) -> Self {
        Self {
            this: format!("/v1/runs/{run}"),
            events: format!("/v1/runs/{run}/events"),
            stream: format!("/v1/runs/{run}/stream"),
            graph: format!("/v1/runs/{run}/graph"),
            timeline: format!("/v1/runs/{run}/timeline"),
            explain: format!("/v1/runs/{run}/explain"),
        }
    }
}

/// `POST /v1/runs:batch`: many runs at once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRuns {
    /// 1 to 1,000 runs. Each succeeds or fails by itself.
    pub runs: Vec<StartRun>,
}

/// What became of a batch, in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StartedRuns {
    /// One for each run asked for.
    pub items: Vec<BatchItem>,
    /// How many were started.
    pub started: u32,
    /// How many were refused.
    pub refused: u32,
}

/// What became of one run of a batch: exactly one of the two is present.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchItem {
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<StartedRun>,
    /// Why it was not started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}
