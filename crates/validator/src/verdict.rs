//! What comes out of a validation.

use std::sync::Arc;

use aob_ir::{Digest, Ir, Tier};
use serde::Serialize;
use serde_json::Value;

use crate::{Approver, GraphDiff, Growth, Problem, Proof};

/// A patch that may be applied, at once or after an approval.
#[derive(Debug)]
pub struct Validated {
    /// The resulting graph, compiled.
    pub ir: Arc<Ir>,
    /// What it was made of, and what came out.
    pub documents: Documents,
    /// What changes.
    pub diff: GraphDiff,
    /// What the graph may do that it could not do before.
    pub growth: Growth,
    /// Agent nodes of the result, sub-workflows included.
    pub agents: u32,
    /// The tier that the result belongs to.
    pub tier: Tier,
    /// What was checked, layer by layer, in the order of checking.
    pub checks: Vec<Check>,
    /// What a person should know all the same.
    pub warnings: Vec<Problem>,
    /// Names the subject of an approval: operations, resulting specs and capability diff. A rebase
    /// that leaves it equal keeps the approval.
    pub subject_hash: Digest,
    /// Why somebody has to approve it, and who may; `None`: nobody has to.
    pub approval: Option<ApprovalNeed>,
    pub(crate) proof: Proof,
}

/// The documents of a patch as JSON, without aliases and short forms.
#[derive(Debug, Clone, PartialEq)]
pub struct Documents {
    /// The one that holds.
    pub before: Value,
    /// The one that results.
    pub after: Value,
}

/// Why a patch waits for an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApprovalNeed {
    /// Every reason.
    pub reasons: Vec<Problem>,
    /// Who may decide; empty: everybody with the permission.
    pub approvers: Vec<Approver>,
}

impl Validated {
    /// Agent nodes ever present once it is applied, removed ones included.
    pub fn agents_ever(&self) -> u32 {
        u32::try_from(self.proof.agents_ever().len()).unwrap_or(u32::MAX)
    }

    /// Turns it into what the engine applies. `approved` is the subject of an approval that was
    /// given, if any.
    ///
    /// # Errors
    /// Itself again, where an approval is needed and `approved` is not of this subject.
    pub fn authorise(self, approved: Option<Digest>) -> Result<Proof, Box<Self>> {
        if self.approval.is_some() && approved != Some(self.subject_hash) {
            return Err(Box::new(self));
        }
        Ok(self.proof)
    }
}

/// A patch that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Rejected {
    /// Everything that is wrong, in document order; never empty.
    pub problems: Vec<Problem>,
    /// What was checked until there was nothing left to check.
    pub checks: Vec<Check>,
}

/// One check of a validation, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The layer that makes it first: 1 offline, 2 with the run, and 3 repeats both.
    pub layer: u8,
    /// Its name.
    pub name: &'static str,
    /// How it ended.
    pub outcome: CheckOutcome,
    /// What was found, in words.
    pub detail: String,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// Nothing to object.
    Passed,
    /// Nothing to object, something to know.
    Warned,
    /// Somebody has to approve it.
    NeedsApproval,
    /// Refused.
    Failed,
}
