//! Tickets of patches: asked, voted on, expired, given up.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::{ApproverIr, Digest};
use aob_validator::ApprovalNeed;

use super::super::edits;
use super::super::{Decider, Step, Stop, reject};
use super::plan::{Asked, PatchPlan, author};
use super::{Changed, report};
use crate::command::{CastVote, RejectionCode};
use crate::event::{
    ApprovalDecided, ApprovalOutcome, ApprovalRequested, Approver, Escalation, PatchRejected, Vote,
};
use crate::ids::{Actor, PatchId, TicketId};
use crate::state::{About, PatchNo, PatchState, PatchStatus, Ticket};
use crate::value::Blob;

/// Why an approval is needed, in words.
pub(super) fn reasons(need: &ApprovalNeed) -> String {
    let reasons: Vec<&str> = need.reasons.iter().map(|reason| reason.message.as_str()).collect();
    reasons.join("; ")
}

fn named(approver: &ApproverIr) -> Approver {
    match approver {
        ApproverIr::Role(role) => Approver::Role(Arc::clone(role)),
        ApproverIr::User(user) => Approver::User(Arc::clone(user)),
    }
}

fn approver(approver: &aob_validator::Approver) -> Approver {
    match approver {
        aob_validator::Approver::Role(role) => Approver::Role(Arc::clone(role)),
        aob_validator::Approver::User(user) => Approver::User(Arc::clone(user)),
    }
}

impl Decider<'_> {
    /// Opens the ticket of a patch, by the rules of the document that holds.
    pub(super) fn ask(
        &mut self,
        patch: &PatchId,
        description: &str,
        plan: &PatchPlan,
        editor: Option<&Actor>,
    ) {
        let known = self.state.patch_state(patch).map(|(_, patch)| patch.clone());
        let (count, expires_at) = known.as_ref().map_or((0, None), |p| (p.tickets, p.expires_at));
        let before = known.as_ref().and_then(|patch| patch.ticket.clone());
        let asked = before.as_ref().and_then(|ticket| self.state.tickets.get(ticket)).cloned();
        let policy = &self.ir.patches;
        let need = plan.validated.approval.as_ref();
        let why = need.map(reasons).unwrap_or_default();
        let message = if description.is_empty() { why } else { format!("{description}: {why}") };
        let subject = self.payload_once(patch, &plan.operations);
        let approvers = match (&asked, policy.approvers.is_empty()) {
            // Whom it was passed on to may still decide it.
            (Some(asked), _) => asked.approvers.clone(),
            (None, false) => policy.approvers.iter().map(named).collect(),
            (None, true) => {
                need.map_or_else(Vec::new, |need| need.approvers.iter().map(approver).collect())
            }
        };
        let step = |(after_ms, to): &(u64, ApproverIr)| Escalation {
            at: self.now.plus_ms(*after_ms),
            to: named(to),
        };
        let escalations = match &asked {
            Some(asked) => asked.escalations[asked.escalated as usize..].to_vec(),
            None => {
                let mut chain: Vec<Escalation> = policy.escalate.iter().map(step).collect();
                chain.sort_by_key(|step| step.at);
                chain
            }
        };
        let barred = match &asked {
            Some(asked) => {
                editor.map_or_else(|| asked.barred.clone(), |by| edits::barred(asked, by))
            }
            None if policy.four_eyes => self.involved(known.as_ref().map(|patch| &patch.by)),
            None => Vec::new(),
        };
        self.emit(ApprovalRequested {
            instance: None,
            patch: Some(patch.clone()),
            budget: None,
            ticket: TicketId::of_patch(self.state.meta().run, patch, count),
            message: message.into(),
            form: None,
            subject,
            subject_hash: plan.validated.subject_hash,
            approvers,
            quorum: asked.as_ref().map_or(policy.quorum, |asked| asked.quorum),
            escalations,
            // A patch that is asked for again does not wait longer for it.
            expires_at: Some(expires_at.unwrap_or_else(|| self.now.plus_ms(policy.timeout_ms))),
            replaces: before,
            four_eyes: asked.as_ref().map_or(policy.four_eyes, |asked| asked.four_eyes),
            barred,
            editable: policy.fields.editable.clone(),
            fixed: policy.fields.fixed.clone(),
        });
    }

    /// Who started the run, and who proposed.
    fn involved(&self, proposer: Option<&Actor>) -> Vec<Actor> {
        let starter = self.starter();
        let other = proposer.filter(|by| **by != starter).cloned();
        std::iter::once(starter).chain(other).collect()
    }

    /// A decision on the ticket of a patch.
    pub(super) fn vote_on_patch(&mut self, vote: &CastVote) -> Step<Changed> {
        let Some((ticket, number)) = self.ticket_of_patch(vote) else { return Ok(None) };
        self.admit_vote(vote, &ticket)?;
        let Some(patch) = self.patch_id(number) else { return Ok(None) };
        if !vote.edits.is_empty() {
            return self.edit_patch(vote, &ticket, number, &patch);
        }
        if vote.vote == Vote::Reject {
            self.write_vote(vote, &vote.ticket);
            let by = self.request.actor.clone();
            self.decide_patch_ticket(&vote.ticket, ApprovalOutcome::Rejected, by.clone());
            let reason = vote.reason.as_deref().map_or(String::new(), |text| format!(": {text}"));
            let message = format!("{by} rejected it{reason}");
            self.close_patch(&patch, "rejected", &message, by);
            return Ok(None);
        }
        let approvals = ticket.votes.iter().filter(|(_, vote)| *vote == Vote::Approve).count() + 1;
        if approvals < ticket.quorum as usize {
            self.write_vote(vote, &vote.ticket);
            return Ok(None);
        }
        self.approved(vote, &ticket, number, &patch)
    }

    fn ticket_of_patch(&self, vote: &CastVote) -> Option<(Ticket, PatchNo)> {
        let ticket = self.state.tickets.get(&vote.ticket)?;
        let About::Patch(number) = ticket.about else { return None };
        Some((ticket.clone(), number))
    }

    /// The quorum approves: what stands at this moment is judged, not what was asked for then.
    fn approved(
        &mut self,
        vote: &CastVote,
        ticket: &Ticket,
        number: PatchNo,
        patch: &PatchId,
    ) -> Step<Changed> {
        let Some(plan) = self.as_shown(vote, ticket, number, patch)? else { return Ok(None) };
        self.write_vote(vote, &vote.ticket);
        let by = self.request.actor.clone();
        self.decide_patch_ticket(&vote.ticket, ApprovalOutcome::Approved, by);
        let planned = self.state.patches.get(&number).and_then(|p| p.planned.as_ref());
        let moved = planned.is_none_or(|planned| planned.base != plan.base);
        if moved && !seeded(Bug::ProofUnbound) {
            self.write_planned(patch, &plan);
        }
        self.apply_plan(patch, plan, Some(ticket.subject_hash))
    }

    /// The plan of a patch as the run stands now, where that is what its ticket shows. Where it is
    /// something else, another ticket asks about that; where it cannot be any more, it is rejected.
    pub(super) fn as_shown(
        &mut self,
        vote: &CastVote,
        ticket: &Ticket,
        number: PatchNo,
        patch: &PatchId,
    ) -> Step<Option<PatchPlan>> {
        let given_up = (ApprovalOutcome::Cancelled, Actor::system());
        match self.plan_again(number) {
            Ok(plan) => {
                let same = plan.validated.subject_hash == ticket.subject_hash;
                if same || seeded(Bug::ApprovalUnbound) {
                    return Ok(Some(plan));
                }
                self.decide_patch_ticket(&vote.ticket, given_up.0, given_up.1);
                self.write_planned(patch, &plan);
                let known = self.state.patch_state(patch);
                let text = known.map(|(_, patch)| Arc::clone(&patch.description));
                self.ask(patch, &text.unwrap_or_default(), &plan, None);
                Ok(None)
            }
            Err(Stop::Rejected(rejection)) => {
                self.decide_patch_ticket(&vote.ticket, given_up.0, given_up.1);
                self.reject_patch(patch, &rejection, Actor::system());
                Ok(None)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Plans a waiting patch against the run as it stands now.
    fn plan_again(&self, number: PatchNo) -> Step<PatchPlan> {
        let Some(patch) = self.state.patches.get(&number) else {
            return Err(report::refused(Vec::new()));
        };
        let operations = self.load(patch.operations)?;
        let base = patch.planned.as_ref().map_or(patch.base, |planned| planned.base);
        self.plan_for(patch, base, &operations)
    }

    /// Plans what an approver made of a patch, by the rules for whoever proposed it.
    pub(super) fn plan_edited(
        &self,
        number: PatchNo,
        shown: &PatchPlan,
        operations: &Arc<Blob>,
    ) -> Step<PatchPlan> {
        let Some(patch) = self.state.patches.get(&number) else {
            return Err(report::refused(Vec::new()));
        };
        self.plan_for(patch, shown.base, operations)
    }

    fn plan_for(&self, patch: &PatchState, base: Digest, operations: &Blob) -> Step<PatchPlan> {
        let instance = patch.instance.as_ref().map(|key| self.state.names.name(key.node));
        self.planner().plan(&Asked {
            base,
            operations,
            author: author(patch.origin, instance),
            ours: patch.reverts.is_some() || base != patch.base,
            children: &patch.children,
        })
    }

    pub(super) fn decide_patch_ticket(
        &mut self,
        ticket: &TicketId,
        outcome: ApprovalOutcome,
        by: Actor,
    ) {
        self.emit(ApprovalDecided { ticket: ticket.clone(), outcome, by });
    }

    fn close_patch(&mut self, patch: &PatchId, code: &str, message: &str, by: Actor) {
        self.emit(PatchRejected {
            patch: patch.clone(),
            code: code.into(),
            message: message.into(),
            by,
            problems: Vec::new(),
        });
    }

    /// Nobody decided in time.
    pub(in super::super) fn expire_patch(&mut self, number: PatchNo) {
        self.end_patch(number, ApprovalOutcome::Expired, ("expired", "nobody decided in time"));
    }

    /// The run stops: what is not decided is not applied any more.
    pub(in super::super) fn stop_patches(&mut self) -> bool {
        let open: Vec<PatchNo> =
            self.state.open_patches.iter().map(|(number, ())| *number).collect();
        for number in open {
            if self.full() {
                return false;
            }
            let why = ("run_stopped", "the run was stopped before it was decided");
            self.end_patch(number, ApprovalOutcome::Cancelled, why);
        }
        true
    }

    fn end_patch(&mut self, number: PatchNo, outcome: ApprovalOutcome, why: (&str, &str)) {
        let Some(patch) = self.state.patches.get(&number) else { return };
        let (id, ticket) = (patch.id.clone(), patch.ticket.clone());
        if let Some(ticket) = ticket.filter(|ticket| self.is_open(ticket)) {
            self.decide_patch_ticket(&ticket, outcome, Actor::system());
        }
        self.close_patch(&id, why.0, why.1, Actor::system());
    }

    fn is_open(&self, ticket: &TicketId) -> bool {
        self.state.tickets.get(ticket).is_some_and(|ticket| !ticket.decided)
    }

    /// `WithdrawPatch`: whoever may patch may give up a patch that waits.
    pub(super) fn withdraw_patch(
        &mut self,
        patch: &PatchId,
        reason: Option<&str>,
    ) -> Step<Changed> {
        self.require_live()?;
        let Some((_, known)) = self.state.patch_state(patch) else {
            return Err(super::unknown(patch));
        };
        if known.status != PatchStatus::Waiting {
            let status = known.status.as_str();
            return Err(reject(
                RejectionCode::PatchDecided,
                format!("patch `{patch}` is {status} already"),
                (status == "applied").then_some("take it back with `aob patch revert`"),
            ));
        }
        let ticket = known.ticket.clone().filter(|ticket| self.is_open(ticket));
        let by = self.request.actor.clone();
        if let Some(ticket) = ticket {
            self.decide_patch_ticket(&ticket, ApprovalOutcome::Cancelled, by.clone());
        }
        let why = reason.map_or(String::new(), |reason| format!(": {reason}"));
        self.close_patch(patch, "withdrawn", &format!("{by} withdrew it{why}"), by);
        Ok(None)
    }
}
