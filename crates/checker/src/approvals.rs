//! Tickets (I-39, I-40, I-42): one decision per ticket, by a quorum of people who were asked.

use std::collections::{BTreeMap, BTreeSet};

use aob_engine::{
    Actor, ApprovalDecided, ApprovalEdited, ApprovalEscalated, ApprovalOutcome, ApprovalRequested,
    ApprovalVoted, Approver, Escalation, InstanceId, PatchId, TicketId, Timestamp, Vote,
};
use aob_ir::Digest;
use serde_json::Value;

use crate::phase::Outcome;
use crate::rules::{Cx, I_37, I_39, I_40, I_41, I_42};

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
    about: (Option<InstanceId>, Option<PatchId>),
    four_eyes: bool,
    barred: BTreeSet<Actor>,
    editable: Vec<String>,
    fixed: Vec<String>,
    /// Who edited it, and the ticket that has to ask about that.
    edited: Option<(Actor, TicketId)>,
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
            about: (data.instance.clone(), data.patch.clone()),
            four_eyes: data.four_eyes,
            barred: data.barred.iter().cloned().collect(),
            editable: data.editable.iter().map(ToString::to_string).collect(),
            fixed: data.fixed.iter().map(ToString::to_string).collect(),
            edited: None,
        };
        if let Some(replaced) = &data.replaces {
            self.replaces(data, replaced, &ticket, cx);
        }
        cx.require(data.quorum > 0, I_39, || format!("ticket `{}` needs no vote", data.ticket));
        let fresh = self.tickets.insert(data.ticket.clone(), ticket).is_none();
        cx.require(fresh, I_39, || format!("ticket `{}` is opened twice", data.ticket));
    }

    /// A ticket that is asked in place of another asks the same people for as long, and no fewer.
    fn replaces(
        &self,
        data: &ApprovalRequested,
        replaced: &TicketId,
        now: &Ticket,
        cx: &mut Cx<'_>,
    ) {
        let id = &data.ticket;
        let Some(before) = self.tickets.get(replaced) else {
            return cx.violation(I_39, format!("ticket `{id}` replaces `{replaced}`: unknown"));
        };
        cx.count("ticket_replaced");
        let ended = before.outcome == Some(ApprovalOutcome::Cancelled);
        cx.require(ended && before.about == now.about, I_39, || {
            format!("ticket `{id}` replaces `{replaced}`, which asks still, or about another thing")
        });
        let same = before.approvers == now.approvers
            && before.quorum <= now.quorum
            && before.expires_at == now.expires_at
            && (now.four_eyes || !before.four_eyes)
            && before.barred.is_subset(&now.barred);
        cx.require(same, I_40, || format!("ticket `{id}` asks others than `{replaced}` did"));
        let Some((editor, next)) = &before.edited else { return };
        cx.require(next == id, I_41, || {
            format!("`{next}` was to replace `{replaced}`, not `{id}`")
        });
        cx.require(!now.four_eyes || now.barred.contains(editor), I_40, || {
            format!("`{editor}` may approve what they edited (`{id}`)")
        });
    }

    /// `approval_edited`.
    pub(crate) fn edited(&mut self, data: &ApprovalEdited, cx: &mut Cx<'_>) {
        let Some(ticket) = self.open(&data.ticket, cx) else { return };
        may_decide(ticket, &data.by, cx);
        in_time(ticket, &data.ticket, cx);
        ticket.edited = Some((data.by.clone(), data.next.clone()));
        let edits = data.edits.inline().map(|blob| std::sync::Arc::clone(blob.value()));
        for pointer in edits.as_deref().and_then(Value::as_object).into_iter().flatten() {
            let pointer = pointer.0;
            cx.count("field_edited");
            let may = ticket.editable.iter().any(|pattern| is_at(pattern, pointer, false))
                && !ticket.fixed.iter().any(|pattern| is_at(pattern, pointer, true));
            cx.require(may, I_41, || {
                format!("`{}` edits `{pointer}` of ticket `{}`", data.by, data.ticket)
            });
        }
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
        in_time(ticket, &data.ticket, cx);
        let may = data.vote == Vote::Reject || !ticket.barred.contains(&data.by);
        cx.require(may, I_40, || {
            format!("`{}` approves `{}`, which somebody else has to", data.by, data.ticket)
        });
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
        if !ticket.approvers.is_empty() && !ticket.approvers.contains(&data.to) {
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
        let edited = ticket.edited.is_some();
        cx.require(!edited || data.outcome == ApprovalOutcome::Cancelled, I_41, || {
            format!("ticket `{id}` is decided although it was edited")
        });
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

/// What is said about a ticket is said before its time is over (I-39).
fn in_time(ticket: &Ticket, id: &TicketId, cx: &mut Cx<'_>) {
    let at = cx.at;
    cx.require(ticket.expires_at.is_none_or(|expires_at| at < expires_at), I_39, || {
        format!("ticket `{id}` takes a vote after its time")
    });
}

/// Whether a pointer is at or below what a pattern names; or, `above` too, over it.
fn is_at(pattern: &str, pointer: &str, above: bool) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let pointer: Vec<&str> = pointer.split('/').collect();
    let agrees = pattern.iter().zip(&pointer).all(|(want, is)| *want == "*" || want == is);
    agrees && (pointer.len() >= pattern.len() || above)
}

/// True for an actor that may be a person.
pub(crate) fn is_person(actor: &Actor) -> bool {
    !NOT_PEOPLE.iter().any(|prefix| actor.0.starts_with(prefix))
}

fn may_decide(ticket: &Ticket, by: &Actor, cx: &mut Cx<'_>) {
    cx.require(is_person(by), I_40, || format!("`{by}` decides in place of a person"));
    // Roles are not in the log, so only a list of named people can be checked.
    let name = by.0.split_once(':').map_or(&*by.0, |(_, name)| name);
    let asked = ticket.approvers.is_empty()
        || ticket.approvers.iter().any(|approver| match approver {
            Approver::User(user) => **user == *name,
            Approver::Role(_) => true,
        });
    cx.require(asked, I_40, || format!("`{by}` was not asked"));
}
