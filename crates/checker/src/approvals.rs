//! Tickets (I-39, I-40, I-42): one decision per ticket, by a quorum of people who were asked.

use std::collections::{BTreeMap, BTreeSet};

use aob_engine::{
    Actor, ApprovalDecided, ApprovalEscalated, ApprovalOutcome, ApprovalRequested, ApprovalVoted,
    Approver, Escalation, TicketId, Timestamp, Vote,
};
use aob_ir::Digest;

use crate::phase::Outcome;
use crate::rules::{Cx, I_37, I_39, I_40, I_42};

/// Actors that are never people.
const NOT_PEOPLE: [&str; 3] = ["agent:", "runner:", "policy:"];

#[derive(Debug)]
struct Ticket {
    quorum: u32,
    approvers: Vec<Approver>,
    escalations: Vec<Escalation>,
    escalated: usize,
    expires_at: Option<Timestamp>,
    subject_hash: Digest,
    voters: BTreeSet<Actor>,
    approvals: u32,
    rejections: u32,
    outcome: Option<ApprovalOutcome>,
}

/// The tickets of a run.
#[derive(Debug, Default)]
pub(crate) struct Approvals {
    tickets: BTreeMap<TicketId, Ticket>,
}

impl Approvals {
    /// `approval_requested`.
    pub(crate) fn requested(&mut self, data: &ApprovalRequested, cx: &mut Cx<'_>) {
        let ticket = Ticket {
            quorum: data.quorum,
            approvers: data.approvers.clone(),
            escalations: data.escalations.clone(),
            escalated: 0,
            expires_at: data.expires_at,
            subject_hash: data.subject_hash,
            voters: BTreeSet::new(),
            approvals: 0,
            rejections: 0,
            outcome: None,
        };
        cx.require(data.quorum > 0, I_39, || format!("ticket `{}` needs no vote", data.ticket));
        let fresh = self.tickets.insert(data.ticket.clone(), ticket).is_none();
        cx.require(fresh, I_39, || format!("ticket `{}` is opened twice", data.ticket));
    }

    fn open(&mut self, id: &TicketId, cx: &mut Cx<'_>) -> Option<&mut Ticket> {
        let ticket = self.tickets.get_mut(id);
        let undecided = ticket.filter(|ticket| ticket.outcome.is_none());
        if undecided.is_none() {
            cx.violation(I_39, format!("ticket `{id}` is not open"));
        }
        undecided
    }

    /// `approval_voted`.
    pub(crate) fn voted(&mut self, data: &ApprovalVoted, cx: &mut Cx<'_>) {
        let Some(ticket) = self.open(&data.ticket, cx) else { return };
        may_decide(ticket, &data.by, cx);
        let first = ticket.voters.insert(data.by.clone());
        cx.require(first, I_39, || format!("`{}` votes twice on `{}`", data.by, data.ticket));
        match data.vote {
            Vote::Approve => ticket.approvals += 1,
            Vote::Reject => ticket.rejections += 1,
        }
    }

    /// `approval_escalated`.
    pub(crate) fn escalated(&mut self, data: &ApprovalEscalated, cx: &mut Cx<'_>) {
        let Some(ticket) = self.open(&data.ticket, cx) else { return };
        let Some(step) = ticket.escalations.get(ticket.escalated) else {
            cx.violation(I_39, format!("ticket `{}` has no further escalation", data.ticket));
            return;
        };
        cx.require(step.to == data.to, I_39, || {
            format!("ticket `{}` goes to {:?} instead of {:?}", data.ticket, data.to, step.to)
        });
        cx.not_before(step.at, || format!("escalation of ticket `{}`", data.ticket));
        ticket.escalated += 1;
        if !ticket.approvers.is_empty() {
            ticket.approvers.push(data.to.clone());
        }
    }

    /// `approval_decided`. That a dropped ticket's instance is cancelled, its end shows.
    pub(crate) fn decided(&mut self, data: &ApprovalDecided, cx: &mut Cx<'_>) {
        let Some(ticket) = self.open(&data.ticket, cx) else { return };
        ticket.outcome = Some(data.outcome);
        let id = &data.ticket;
        let voted = ticket.voters.contains(&data.by);
        let (approvals, rejections, quorum) = (ticket.approvals, ticket.rejections, ticket.quorum);
        match data.outcome {
            ApprovalOutcome::Approved => {
                cx.require(approvals >= quorum && rejections == 0 && voted, I_39, || {
                    format!("`{id}` is approved by {approvals} of {quorum}, {rejections} against")
                });
            }
            ApprovalOutcome::Rejected => cx.require(rejections > 0 && voted, I_39, || {
                format!("ticket `{id}` is rejected by nobody")
            }),
            ApprovalOutcome::Expired => match ticket.expires_at {
                Some(expires_at) => cx.not_before(expires_at, || format!("expiry of `{id}`")),
                None => cx.violation(I_37, format!("ticket `{id}` expires, but never should")),
            },
            ApprovalOutcome::Cancelled => {}
        }
    }

    /// How `ticket` was decided.
    pub(crate) fn outcome(&self, ticket: &TicketId) -> Option<ApprovalOutcome> {
        self.tickets.get(ticket)?.outcome
    }

    /// What `ticket` asks about.
    pub(crate) fn subject_hash(&self, ticket: &TicketId) -> Option<Digest> {
        self.tickets.get(ticket).map(|ticket| ticket.subject_hash)
    }

    /// Checks that the instance that waited for `id` ends as decided (I-42).
    pub(crate) fn followed(&self, id: &TicketId, outcome: Outcome, cx: &mut Cx<'_>) {
        let decided = self.outcome(id);
        let fits = match outcome {
            Outcome::Completed => decided == Some(ApprovalOutcome::Approved),
            Outcome::Rejected => decided == Some(ApprovalOutcome::Rejected),
            Outcome::TimedOut => decided == Some(ApprovalOutcome::Expired),
            Outcome::Cancelled => decided == Some(ApprovalOutcome::Cancelled),
            // An approved answer may fail a check, and a failure may be skipped over.
            Outcome::Failed | Outcome::PassedOver => decided.is_some(),
            Outcome::DeadPath => false,
        };
        cx.require(fits, I_42, || {
            format!("ticket `{id}` is {decided:?}, but its instance is {outcome:?}")
        });
    }
}

fn may_decide(ticket: &Ticket, by: &Actor, cx: &mut Cx<'_>) {
    let is_person = !NOT_PEOPLE.iter().any(|prefix| by.0.starts_with(prefix));
    cx.require(is_person, I_40, || format!("`{by}` decides in place of a person"));
    // Roles are not in the log, so only a list of named people can be checked.
    let name = by.0.split_once(':').map_or(&*by.0, |(_, name)| name);
    let asked = ticket.approvers.is_empty()
        || ticket.approvers.iter().any(|approver| match approver {
            Approver::User(user) => **user == *name,
            Approver::Role(_) => true,
        });
    cx.require(asked, I_40, || format!("`{by}` was not asked"));
}
