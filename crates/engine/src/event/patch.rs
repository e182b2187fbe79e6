//! Events about patches of the run's graph.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_ir::Digest;
use aob_validator::{AgentKey, Power};
use serde::{Deserialize, Serialize};

use super::str_is_empty;
use crate::ids::{Actor, InstanceId, PatchId, Scope};
use crate::value::Payload;

/// Whose patch it is: what it may do depends on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchOrigin {
    /// A person, or a program with a person's key.
    Person,
    /// An agent, or whatever else answers for an attempt.
    Agent,
    /// A pass of the optimizer.
    Optimizer,
}

/// See [`EventKind::PatchProposed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatchProposed {
    /// The patch.
    pub patch: PatchId,
    /// Whose it is.
    pub origin: PatchOrigin,
    /// Who.
    pub by: Actor,
    /// The instance whose result carried it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// The document that it was made against.
    pub base: Digest,
    /// JSON Patch operations.
    pub operations: Payload,
    /// What it is for.
    #[serde(default, skip_serializing_if = "str_is_empty")]
    pub description: Arc<str>,
    /// What the tags of sub-workflows that it names meant, transitively.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub children: BTreeMap<Arc<str>, Digest>,
    /// The patch that this one takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts: Option<PatchId>,
}

/// See [`EventKind::PatchPlanned`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatchPlanned {
    /// The patch.
    pub patch: PatchId,
    /// The document that held when it was validated.
    pub base: Digest,
    /// The document that it gives.
    pub result: Digest,
    /// The operations as they apply to `base`: rebased where the run had moved on.
    pub operations: Payload,
    /// `sha256` over operations, resulting specs and capability diff; an approval names it.
    pub subject_hash: Digest,
    /// What the new graph may do that the old could not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub growth: Vec<GrownPower>,
    /// Why it needs an approval; absent where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Arc<str>>,
}

/// Something that the graph may do newly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrownPower {
    /// What.
    pub power: Power,
    /// A policy grants it, so nobody has to approve it.
    pub granted: bool,
}

/// See [`EventKind::PatchApplied`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatchApplied {
    /// The patch.
    pub patch: PatchId,
    /// Number of patches applied so far, this one included.
    pub revision: u32,
    /// The document that held before.
    pub base: Digest,
    /// The document that holds from here on.
    pub result: Digest,
    /// The operations that lead from `base` to `result`.
    pub operations: Payload,
    /// Operations that lead back.
    pub inverse: Payload,
    /// What the new graph may do that the old could not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub growth: Vec<GrownPower>,
    /// Agent nodes ever present in the run, those that were removed included.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub agents: BTreeSet<AgentKey>,
    /// Decided edges that are no more: what they brought to targets that have not started is taken
    /// back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<WithdrawnEdge>,
    /// Finished instances that have edges to decide now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<InstanceId>,
    /// Started nodes that a person repaired.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repaired: Vec<RepairedNode>,
    /// What the tags of sub-workflows that it names mean, transitively.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub children: BTreeMap<Arc<str>, Digest>,
}

/// A decided edge that a patch removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawnEdge {
    /// Edge id.
    pub id: Arc<str>,
    /// The scope in which it was decided.
    #[serde(default, skip_serializing_if = "Scope::is_top")]
    pub scope: Scope,
    /// The target that it had reached.
    pub to: InstanceId,
}

/// A started node whose `config`, `retry` or `timeout_ms` a person changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairedNode {
    /// The node.
    pub node: Arc<str>,
    /// `sha256` of its canonical spec before.
    pub before: Digest,
    /// `sha256` of its canonical spec after.
    pub after: Digest,
    /// Its instances that wait for another attempt, to which the new spec applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<RepairedInstance>,
}

/// An instance whose next attempt is made from the repaired spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairedInstance {
    /// Which.
    pub instance: InstanceId,
    /// The last attempt that retries may reach now.
    pub attempts_max: u32,
}

/// See [`EventKind::PatchRejected`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatchRejected {
    /// The patch.
    pub patch: PatchId,
    /// Stable code.
    pub code: Arc<str>,
    /// For people.
    pub message: Arc<str>,
    /// Who decided.
    pub by: Actor,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<PatchProblem>,
}

/// One thing that is wrong with a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchProblem {
    /// Stable code.
    pub code: Arc<str>,
    /// JSON pointer: into the patch, or into the document that it gives.
    #[serde(default, skip_serializing_if = "str_is_empty")]
    pub pointer: Arc<str>,
    /// For people.
    pub message: Arc<str>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Arc<str>>,
    /// What it could look like, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Arc<str>>,
    /// Instances that stand in its way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<InstanceId>,
}

/// See [`EventKind::PatchReverted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatchReverted {
    /// The patch that was taken back.
    pub patch: PatchId,
    /// The patch that took it back.
    pub by: PatchId,
}
