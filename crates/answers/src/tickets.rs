//! Tickets as they are shown.

use aob_api::{GrowthView, ProposalView, TicketSummary, TicketView, VoteView};
use aob_coordinator::store_workspace;
use aob_edge::{Caller, Refusal};
use aob_engine::{
    Actor, Approver, BudgetOf, Escalation, InstanceId, PatchId, PayloadRef, RunId, TicketId,
    Timestamp, Vote,
};
use aob_ir::Fields;
use aob_store::TicketRow;
use serde::Deserialize;

use crate::Reads;
use crate::refusals::{unknown_patch, unknown_ticket};

/// The statuses of a ticket.
pub const TICKET_STATUSES: [&str; 5] = ["pending", "approved", "rejected", "expired", "cancelled"];

/// What a stored ticket holds besides its columns.
#[derive(Debug, Clone, Deserialize)]
pub struct TicketDetail {
    /// The instance that asks.
    pub instance: Option<InstanceId>,
    /// The patch that is to be approved.
    pub patch: Option<PatchId>,
    /// The budget that is to be raised.
    #[serde(default)]
    pub budget: Option<BudgetOf>,
    /// JSON Schema of the answer.
    pub form: Option<PayloadRef>,
    /// What is being approved.
    pub subject: PayloadRef,
    /// Who may decide.
    pub approvers: Vec<Approver>,
    /// Approving votes needed.
    pub quorum: u32,
    /// Votes so far.
    pub votes: Vec<CastBefore>,
    /// Escalations still to come.
    pub escalations: Vec<Escalation>,
    /// Who in `barred` may reject, and not approve.
    #[serde(default)]
    pub four_eyes: bool,
    /// Who started the run, proposed the patch or edited it, with `four_eyes`.
    #[serde(default)]
    pub barred: Vec<Actor>,
    /// What may be edited before approving.
    #[serde(flatten)]
    pub fields: Fields,
    /// The ticket that is asked in its place.
    pub replaced_by: Option<TicketId>,
}

/// A vote of a stored ticket.
#[derive(Debug, Clone, Deserialize)]
pub struct CastBefore {
    /// Whose.
    pub by: Actor,
    /// Which.
    pub vote: Vote,
}

/// What a stored ticket holds besides its columns.
///
/// # Errors
/// If it cannot be read.
pub fn ticket_detail(row: &TicketRow) -> Result<TicketDetail, Refusal> {
    serde_json::from_str(&row.detail).map_err(|_| unreadable(row, "detail"))
}

fn unreadable(row: &TicketRow, what: &str) -> Refusal {
    tracing::error!(ticket = row.ticket, what, "a ticket cannot be read");
    Refusal::internal()
}

/// A stored ticket as lists show it.
///
/// # Errors
/// If it cannot be read.
pub fn summary(row: TicketRow) -> Result<TicketSummary, Refusal> {
    let detail = ticket_detail(&row)?;
    summary_of(row, &detail)
}

fn summary_of(row: TicketRow, detail: &TicketDetail) -> Result<TicketSummary, Refusal> {
    let subject_hash = row.subject_hash.parse().map_err(|_| unreadable(&row, "subject_hash"))?;
    Ok(TicketSummary {
        instance: detail.instance.clone(),
        patch: detail.patch.clone(),
        budget: detail.budget.clone(),
        subject_hash,
        ticket: TicketId(row.ticket.into()),
        run: RunId(row.run.0),
        status: row.status,
        message: row.message,
        created_at: Timestamp(row.created_ms),
        expires_at: row.expires_ms.map(Timestamp),
        decided_at: row.decided_ms.map(Timestamp),
    })
}

fn texts(patterns: Vec<std::sync::Arc<str>>) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
}

impl Reads {
    /// A ticket of the caller's workspace.
    ///
    /// # Errors
    /// If there is none, or storage does not answer.
    pub async fn ticket_row(&self, caller: &Caller, ticket: &str) -> Result<TicketRow, Refusal> {
        let row = self.store.ticket(store_workspace(caller.workspace()), ticket).await?;
        row.ok_or_else(|| unknown_ticket(ticket))
    }

    /// A ticket with everything that an approver has to see.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn ticket_view(
        &self,
        caller: &Caller,
        row: TicketRow,
    ) -> Result<TicketView, Refusal> {
        let detail = ticket_detail(&row)?;
        let wanted = detail.form.iter().copied().chain([detail.subject]);
        let values = self.values(caller, RunId(row.run.0), wanted, &[]).await?;
        let (subject, subject_ref) = values.show(Some(detail.subject));
        let (form, _) = values.show(detail.form);
        let shown = summary_of(row, &detail)?;
        let proposal = match &shown.patch {
            Some(patch) => Some(self.proposal(caller, shown.run, patch).await?),
            None => None,
        };
        let votes = detail.votes.into_iter().map(|cast| VoteView { by: cast.by, vote: cast.vote });
        Ok(TicketView {
            ticket: shown.ticket,
            run: shown.run,
            instance: shown.instance,
            patch: shown.patch,
            budget: shown.budget,
            proposal: proposal.map(Box::new),
            status: shown.status,
            message: shown.message,
            subject,
            subject_ref,
            subject_hash: shown.subject_hash,
            form,
            approvers: detail.approvers,
            quorum: detail.quorum,
            votes: votes.collect(),
            escalations: detail.escalations,
            barred: detail.barred,
            editable: texts(detail.fields.editable),
            fixed: texts(detail.fields.fixed),
            replaced_by: detail.replaced_by,
            created_at: shown.created_at,
            expires_at: shown.expires_at,
            decided_at: shown.decided_at,
        })
    }

    /// Who asks for the patch, why, and what it changes.
    async fn proposal(
        &self,
        caller: &Caller,
        run: RunId,
        patch: &PatchId,
    ) -> Result<ProposalView, Refusal> {
        let loaded = self.loaded(caller, run).await?;
        let view = loaded.state.patch(patch).ok_or_else(|| unknown_patch(&patch.0))?;
        let diff = match view.result {
            Some(_) => Some(self.patch_change(caller, run, &view).await?.diff()),
            None => None,
        };
        Ok(ProposalView {
            by: view.by,
            origin: view.origin,
            description: view.description.to_string(),
            why: view.approval.map(|why| why.to_string()),
            growth: view.growth.iter().map(GrowthView::from).collect(),
            diff,
        })
    }
}
