//! Approvals: tickets, and deciding them.

use std::collections::BTreeMap;

use aob_engine::{
    Actor, Approver, BudgetOf, Escalation, InstanceId, PatchId, PatchOrigin, RunId, TicketId,
    Timestamp, Vote,
};
use aob_ir::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CommandOutcome, DiffView, GrowthView, RawText, ValueRef};

/// A ticket as inboxes list it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TicketSummary {
    /// The ticket.
    #[schema(value_type = String, example = "tk_4a6f0c2f9d1e4b7a8c3d5e6f")]
    pub ticket: TicketId,
    /// Its run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// The instance that asks; absent for a patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub instance: Option<InstanceId>,
    /// The patch of the run that is to be approved; absent for an instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub patch: Option<PatchId>,
    /// The budget that is to be raised: `"run"`, or `{"node"}`; absent for an instance or a patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub budget: Option<BudgetOf>,
    /// `pending approved rejected expired cancelled`.
    #[schema(example = "pending")]
    pub status: String,
    /// Question.
    pub message: String,
    /// Hash of what is shown.
    #[schema(value_type = String)]
    pub subject_hash: Digest,
    /// Asked.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
}

/// `GET /v1/approvals/{ticket}`: everything that an approver has to see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TicketView {
    /// The ticket.
    #[schema(value_type = String, example = "tk_4a6f0c2f9d1e4b7a8c3d5e6f")]
    pub ticket: TicketId,
    /// Its run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// The instance that asks; absent for a patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub instance: Option<InstanceId>,
    /// The patch of the run that is to be approved; absent for an instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub patch: Option<PatchId>,
    /// The budget that is to be raised: `"run"`, or `{"node"}`; absent for an instance or a patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub budget: Option<BudgetOf>,
    /// Of a patch: who asks for what, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Box<ProposalView>>,
    /// `pending approved rejected expired cancelled`.
    #[schema(example = "pending")]
    pub status: String,
    /// Question.
    pub message: String,
    /// What is being approved, where it is short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<RawText>,
    /// What is being approved, where it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_ref: Option<ValueRef>,
    /// Hash of the question and of what is being approved; a decision names it.
    #[schema(value_type = String)]
    pub subject_hash: Digest,
    /// JSON Schema of the data to give along with an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<RawText>,
    /// Who may decide: `{"role"}` or `{"user"}`; empty: anybody with the permission.
    #[schema(value_type = Vec<Object>)]
    pub approvers: Vec<Approver>,
    /// Approving votes needed.
    pub quorum: u32,
    /// Votes so far.
    pub votes: Vec<VoteView>,
    /// Escalations still to come: `{"at", "to"}`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub escalations: Vec<Escalation>,
    /// With four eyes: who may reject, and not approve, as they started the run, proposed the patch or
    /// edited it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub barred: Vec<Actor>,
    /// Fields that may be edited before approving: JSON pointers into the subject, or into the document
    /// that the patch gives, with `*` for any one part; what is below is editable too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub editable: Vec<String>,
    /// Fields that may not be edited, whatever `editable` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<String>,
    /// The ticket that is asked in its place, as what it covers has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub replaced_by: Option<TicketId>,
    /// Asked.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// Decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Timestamp>,
}

/// What an approver of a patch has to see besides its operations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProposalView {
    /// Who proposed it.
    #[schema(value_type = String, example = "agent:planner")]
    pub by: Actor,
    /// `person`, `agent` or `optimizer`.
    #[schema(value_type = String, example = "agent")]
    pub origin: PatchOrigin,
    /// What the proposer says that it is for: their words, not ours.
    pub description: String,
    /// Why it needs an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What the new graph may do that the old could not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub growth: Vec<GrowthView>,
    /// What it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<DiffView>,
}

/// One vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoteView {
    /// Who.
    #[schema(value_type = String, example = "user:ada")]
    pub by: Actor,
    /// `approve` or `reject`.
    #[schema(value_type = String, example = "approve")]
    pub vote: Vote,
}

/// `POST /v1/approvals/{ticket}/decision`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    /// `approve` or `reject`.
    #[schema(value_type = DecisionName)]
    pub decision: Vote,
    /// Why; stands in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Answer to the ticket's form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<RawText>,
    /// What to change before approving: new values by the JSON pointers of the fields that they
    /// replace, within the ticket's `editable`. What comes of it is asked by another ticket, for which
    /// this approval counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"/amount": 400}))]
    pub edits: Option<BTreeMap<String, serde_json::Value>>,
    /// `subject_hash` of the ticket as it was shown: the decision counts for exactly that. Absent:
    /// not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub subject_hash: Option<Digest>,
}

/// The words of [`Decide::decision`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DecisionName {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// What became of a vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// The ticket that the vote counts for: of an edit, the one that asks about what came of it.
    #[schema(value_type = String)]
    pub ticket: TicketId,
    /// Its status after the vote: `pending` where the quorum needs more.
    #[schema(example = "approved")]
    pub status: String,
    /// The run after the vote.
    pub run: CommandOutcome,
}
