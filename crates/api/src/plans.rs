//! Plans: what a patch does to a document, and what was checked, shown before it is done.

use aob_engine::{Approver, InstanceId};
use aob_ir::{Digest, Tier};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{DiffView, ProblemItem, RawText};

/// What a patch would do: the answer to `?dry_run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanView {
    /// The document that holds, and that the operations apply to.
    #[schema(value_type = String)]
    pub base: Digest,
    /// The document that they give.
    #[schema(value_type = String)]
    pub result: Digest,
    /// The patch was made against an earlier document, and brought to the one that holds.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rebased: bool,
    /// Of a run: patches applied before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// What changes.
    pub diff: DiffView,
    /// The operations as they would be applied.
    pub operations: RawText,
    /// What was checked, in the order of checking.
    pub checks: Vec<CheckView>,
    /// What it uses of what it may.
    pub budget: PlanBudget,
    /// The rate-limit class of the document before: `simple`, `standard` or `heavy`.
    pub tier_before: String,
    /// The same of the result.
    pub tier: String,
    /// What the new graph may do that the old could not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub growth: Vec<GrowthView>,
    /// What to know all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ProblemItem>,
    /// What an approval would name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub subject_hash: Option<Digest>,
    /// Why somebody has to approve it; absent: it would be applied at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalNeedView>,
    /// Of a run: what follows for nodes that have run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consequences: Option<Consequences>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckView {
    /// The layer that makes it first: 1 without a server, 2 with the run; 3, the engine, repeats
    /// both.
    pub layer: u8,
    /// Its name.
    pub name: String,
    /// `passed`, `warned`, `needs_approval` or `failed`.
    #[schema(example = "passed")]
    pub outcome: String,
    /// What was found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// What a patch uses of what it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanBudget {
    /// Operations.
    pub operations: Share,
    /// Bytes of the patch.
    pub bytes: Share,
    /// Nodes of the result.
    pub nodes: Share,
    /// Agent nodes ever present, removed ones too.
    pub agents: Share,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Share {
    /// So many.
    pub used: u64,
    /// Of so many.
    pub max: u64,
}

/// Something that the graph may do newly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrowthView {
    /// What kind of thing: `node_type`, `egress`, `secret`, `function` ...
    #[schema(example = "egress")]
    pub kind: String,
    /// Which.
    #[schema(example = "POST https://mail.example:443")]
    pub name: String,
    /// The first node that has it, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// A policy grants it: nobody has to approve it.
    pub granted: bool,
}

/// Why somebody has to approve a patch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApprovalNeedView {
    /// Every reason; pointers lead into the result.
    pub reasons: Vec<ProblemItem>,
    /// Who may decide: `{"role"}` or `{"user"}`; empty: anybody with the permission.
    #[schema(value_type = Vec<Object>)]
    pub approvers: Vec<Approver>,
}

/// What a patch means for nodes that have run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Consequences {
    /// Finished instances whose new edges are decided at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub routes: Vec<InstanceId>,
    /// Decided edges that are taken back from targets that have not started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<String>,
    /// Started nodes that are repaired: their next attempts are made from the new spec.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repaired: Vec<String>,
}

impl From<aob_validator::Check> for CheckView {
    fn from(check: aob_validator::Check) -> Self {
        use aob_validator::CheckOutcome;
        let outcome = match check.outcome {
            CheckOutcome::Passed => "passed",
            CheckOutcome::Warned => "warned",
            CheckOutcome::NeedsApproval => "needs_approval",
            CheckOutcome::Failed => "failed",
        };
        Self {
            layer: check.layer,
            name: check.name.to_owned(),
            outcome: outcome.to_owned(),
            detail: check.detail,
        }
    }
}

impl From<&aob_validator::Grown> for GrowthView {
    fn from(grown: &aob_validator::Grown) -> Self {
        Self {
            kind: grown.power.kind().as_str().to_owned(),
            name: grown.power.name().to_owned(),
            node: (!grown.node.is_empty()).then(|| grown.node.to_string()),
            granted: grown.granted,
        }
    }
}

impl From<&aob_engine::GrownPower> for GrowthView {
    fn from(grown: &aob_engine::GrownPower) -> Self {
        Self {
            kind: grown.power.kind().as_str().to_owned(),
            name: grown.power.name().to_owned(),
            node: None,
            granted: grown.granted,
        }
    }
}

impl From<aob_validator::Problem> for ProblemItem {
    fn from(problem: aob_validator::Problem) -> Self {
        let severity = match problem.severity {
            aob_validator::Severity::Error => crate::Severity::Error,
            aob_validator::Severity::Approval | aob_validator::Severity::Warning => {
                crate::Severity::Warning
            }
        };
        let item = Self::at(problem.pointer, problem.code, problem.message);
        let example = problem.example.map(RawText::of_json);
        Self { hint: problem.hint, example, severity, ..item }
    }
}

/// The name of a tier.
pub fn tier_name(tier: Tier) -> &'static str {
    match tier {
        Tier::Simple => "simple",
        Tier::Standard => "standard",
        Tier::Heavy => "heavy",
    }
}
