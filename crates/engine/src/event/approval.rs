//! Events about approvals.

use std::sync::Arc;

use aob_ir::Digest;
use serde::{Deserialize, Serialize};

use super::BudgetAsk;
use crate::ids::{Actor, InstanceId, PatchId, TicketId, Timestamp};
use crate::value::Payload;

/// Who may decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// Anybody with this role.
    Role(Arc<str>),
    /// This person.
    User(Arc<str>),
}

/// One step of an escalation chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub to: Approver,
}

/// See [`EventKind::ApprovalRequested`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalRequested {
    /// The instance that asks; absent for a patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceId>,
    /// The patch that is to be approved; absent for an instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<PatchId>,
    /// The budget that is to be raised; absent for an instance or a patch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetAsk>,
    /// The ticket.
    pub ticket: TicketId,
    /// Question for the approver.
    pub message: Arc<str>,
    /// JSON Schema of the data that an approver gives along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Payload>,
    /// What is being approved: the node's input, or the patch's operations.
    pub subject: Payload,
    /// `sha256` over the request (node spec, message, form) and the subject, or over the patch's
    /// operations, resulting specs and capability diff; a decision names it.
    pub subject_hash: Digest,
    /// Who may decide; empty: anybody in the workspace with the permission.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<Approver>,
    /// Approving votes needed.
    pub quorum: u32,
    /// Chain of escalations, in time order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalations: Vec<Escalation>,
    /// When the ticket expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The ticket in whose place this one is asked, as what that one covered has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<TicketId>,
    /// Who is in `barred` may reject, and not approve.
    #[serde(default, skip_serializing_if = "is_false")]
    pub four_eyes: bool,
    /// With `four_eyes`: who started the run, proposed the patch or edited what is to be approved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub barred: Vec<Actor>,
    /// Fields that an approver may edit, as [`aob_ir::Fields`] has them: of the instance's input, or
    /// of the document that the patch gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub editable: Vec<Arc<str>>,
    /// Fields that nobody may edit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<Arc<str>>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// A vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// See [`EventKind::ApprovalVoted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalVoted {
    /// The ticket.
    pub ticket: TicketId,
    /// Who.
    pub by: Actor,
    /// Yes or no.
    pub vote: Vote,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
    /// Answer to the form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Payload>,
}

/// See [`EventKind::ApprovalEscalated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalEscalated {
    /// The ticket.
    pub ticket: TicketId,
    /// Who may decide from here on, too.
    pub to: Approver,
}

/// See [`EventKind::ApprovalEdited`]. What follows from it stands in the events after it: the end of
/// this ticket, of a patch its new plan, and the ticket that asks about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalEdited {
    /// The ticket that was shown.
    pub ticket: TicketId,
    /// Who changed it.
    pub by: Actor,
    /// New values by the JSON pointers of the fields that they replace.
    pub edits: Payload,
    /// The ticket that asks about what came out.
    pub next: TicketId,
}

/// How a ticket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalOutcome {
    /// The quorum approved.
    Approved,
    /// Rejected.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// The run ended or was cancelled first, or what was asked is no longer the question.
    Cancelled,
}

/// See [`EventKind::ApprovalDecided`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalDecided {
    /// The ticket.
    pub ticket: TicketId,
    /// How it ended.
    pub outcome: ApprovalOutcome,
    /// Who cast the deciding vote.
    pub by: Actor,
}
