//! Events about the run as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_ir::{Budget, Digest, Limits, Priority};
use serde::{Deserialize, Serialize};

use super::{Failure, Spent, is_zero, str_is_empty};
use crate::ids::{Actor, InstanceId, RunId, Timestamp, WorkspaceId};
use crate::value::Payload;

/// See [`EventKind::RunCreated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCreated {
    /// The run itself.
    pub run: RunId,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The document that holds from here on.
    pub digest: Digest,
    /// The tag it was started by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Arc<str>>,
    /// `metadata.name` of the workflow.
    #[serde(default, skip_serializing_if = "str_is_empty")]
    pub name: Arc<str>,
    /// The run's inputs.
    pub inputs: Payload,
    /// The instance of another run that waits for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
    /// Nesting of child runs; 0 for a run without parent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u32,
    /// Labels for search.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Default priority of the run's jobs.
    #[serde(default)]
    pub priority: Priority,
    /// How much the log tells.
    #[serde(default, skip_serializing_if = "Fidelity::is_fast")]
    pub fidelity: Fidelity,
    /// Bounds.
    pub limits: Limits,
    /// When the run fails with `run_timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// How long a cancelled attempt may take to stop before it is fenced.
    pub cancel_grace_ms: u64,
    /// What the tags of sub-workflows meant when the run was created, transitively.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub children: BTreeMap<Arc<str>, Digest>,
    /// Agents this run may ever contain.
    pub agents: u32,
    /// What it may spend on models; absent: nothing bounds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Who asked; for a child run, for the topmost one.
    pub actor: Actor,
}

/// How much the log of a run tells. What happens, and what a crash cannot take away, is the same.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// What the state needs. That a node has started is not said where its end is decided with it.
    #[default]
    Fast,
    /// Also [`EventKind::NodeStarted`] of every instance, with the input it saw.
    Full,
}

impl Fidelity {
    fn is_fast(&self) -> bool {
        *self == Self::Fast
    }
}

/// Names the instance that a child run reports to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentLink {
    /// The parent run.
    pub run: RunId,
    /// The `composite` or map body instance.
    pub instance: InstanceId,
}

/// See [`EventKind::WarningRaised`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WarningRaised {
    /// Stable code, such as `unknown_type`.
    pub code: Arc<str>,
    /// For people.
    pub message: Arc<str>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Arc<str>>,
}

/// See [`EventKind::SignalReceived`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalReceived {
    /// Name of the signal.
    pub name: Arc<str>,
    /// Its own id, for deduplication.
    pub signal: Arc<str>,
    /// What it carries.
    pub payload: Payload,
    /// Who sent it.
    pub actor: Actor,
}

/// See [`EventKind::RunPaused`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPaused {
    /// Who.
    pub actor: Actor,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
}

/// See [`EventKind::RunResumed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResumed {
    /// Who.
    pub actor: Actor,
}

/// See [`EventKind::CancelRequested`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelRequested {
    /// Who.
    pub actor: Actor,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
}

/// See [`EventKind::RunFailing`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFailing {
    /// The instance whose failure nobody handles; absent for the run's own deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<InstanceId>,
    /// Why.
    pub failure: Failure,
}

/// See [`EventKind::Continued`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Continued {}

/// See [`EventKind::RunCompleted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCompleted {
    /// The run's output.
    pub output: Payload,
    /// Who waits for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
    /// What it spent, where a parent gave it a budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

/// See [`EventKind::RunFailed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFailed {
    /// The instance that failed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<InstanceId>,
    /// Why.
    pub failure: Failure,
    /// Who waits for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
    /// What it spent, where a parent gave it a budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}

/// See [`EventKind::RunCancelled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCancelled {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
    /// Who waits for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
    /// What it spent, where a parent gave it a budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spent: Option<Spent>,
}
