//! Approvals: asking, voting, deciding once.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::{Digest, JsonSchema, NodeIr, Template};
use serde_json::{Value, json};

use super::inline::Extras;
use super::resolve::Evaluated;
use super::{Decider, Step, Stop, reject};
use crate::command::{CastVote, NoChange, RejectionCode};
use crate::event::{
    ApprovalDecided, ApprovalOutcome, ApprovalRequested, ApprovalVoted, Approver, Escalation,
    FailureOutcome, Vote,
};
use crate::ids::{Actor, InstanceId, TicketId};
use crate::state::{About, Ticket};
use crate::value::Payload;

impl<'a> Decider<'a> {
    pub(super) fn open_approval(
        &mut self,
        node: &'a NodeIr,
        id: &InstanceId,
        config: &Template,
        input: &Payload,
    ) -> Step<Evaluated<()>> {
        let config = match self.render(config, id, input)? {
            Ok(rendered) => rendered.value,
            Err(failure) => return Ok(Err(failure)),
        };
        let run = self.state.meta().run;
        let subject_hash = Digest::of(
            format!("aob.subject.1\n{}\n{config}\n{}", node.id, input.digest).as_bytes(),
        );
        let approvers = list(&config, "approvers").filter_map(approver).collect();
        let escalations = list(&config, "escalate").filter_map(|step| {
            let after_ms = step.get("after_ms")?.as_u64()?;
            Some(Escalation { at: self.now.plus_ms(after_ms), to: approver(step.get("to")?)? })
        });
        let mut escalations: Vec<Escalation> = escalations.collect();
        escalations.sort_by_key(|step| step.at);
        let message = config.get("message").and_then(Value::as_str).unwrap_or(&node.id);
        let quorum = config.get("quorum").and_then(Value::as_u64).unwrap_or(1);
        let request = ApprovalRequested {
            instance: Some(id.clone()),
            patch: None,
            ticket: TicketId::of(run, id, 0),
            message: message.into(),
            form: config.get("form").map(|form| self.payload_of(form.clone())),
            subject: input.clone(),
            subject_hash,
            approvers,
            quorum: u32::try_from(quorum).unwrap_or(u32::MAX).max(1),
            escalations,
            expires_at: self.expiry(node),
        };
        self.emit(request);
        Ok(Ok(()))
    }

    pub(super) fn vote(&mut self, vote: &CastVote) -> Step {
        let Some(ticket) = self.state.tickets.get(&vote.ticket).cloned() else {
            let text = format!("there is no ticket `{}`", vote.ticket);
            return Err(reject(
                RejectionCode::UnknownTicket,
                text,
                Some("`aob approve` lists them"),
            ));
        };
        if ticket.decided {
            return self.vote_after_decision(vote, &ticket);
        }
        self.admit_vote(vote, &ticket)?;
        let data = self.write_vote(vote);
        let approvals = ticket.votes.iter().filter(|(_, vote)| *vote == Vote::Approve).count() + 1;
        match vote.vote {
            Vote::Reject => self.decide_ticket(vote, &ticket, ApprovalOutcome::Rejected, data),
            Vote::Approve if approvals >= ticket.quorum as usize || seeded(Bug::QuorumIgnored) => {
                self.decide_ticket(vote, &ticket, ApprovalOutcome::Approved, data)
            }
            Vote::Approve => Ok(()),
        }
    }

    /// Refuses a vote that may not be cast.
    pub(super) fn admit_vote(&self, vote: &CastVote, ticket: &Ticket) -> Step {
        self.require_active()?;
        if ticket.votes.contains(&(self.request.actor.clone(), vote.vote)) {
            return Err(Stop::NoChange(NoChange::Repeated));
        }
        self.check_voter(vote, ticket)?;
        self.check_vote(vote, ticket)
    }

    pub(super) fn write_vote(&mut self, vote: &CastVote) -> Option<Payload> {
        let data = vote.data.as_ref().map(|data| self.payload(data));
        self.emit(ApprovalVoted {
            ticket: vote.ticket.clone(),
            by: self.request.actor.clone(),
            vote: vote.vote,
            reason: vote.reason.clone(),
            data: data.clone(),
        });
        data
    }

    fn vote_after_decision(&self, vote: &CastVote, ticket: &Ticket) -> Step {
        let voted = ticket.votes.contains(&(self.request.actor.clone(), vote.vote));
        if voted {
            return Err(Stop::NoChange(NoChange::Repeated));
        }
        let text = format!("ticket `{}` is decided already", vote.ticket);
        Err(reject(RejectionCode::AlreadyDecided, text, None))
    }

    fn check_voter(&self, vote: &CastVote, ticket: &Ticket) -> Step {
        let refuse = |text: String| Err(reject(RejectionCode::NotAnApprover, text, None));
        let actor = &self.request.actor;
        if actor.is_machine() {
            return refuse("agents and runners decide no approvals".to_owned());
        }
        if ticket.votes.iter().any(|(by, _)| by == actor) {
            return refuse(format!("{actor} has voted on this ticket already"));
        }
        let user = actor.0.split_once(':').map_or(&*actor.0, |(_, name)| name);
        let may = |approver: &Approver| match approver {
            Approver::Role(role) => vote.roles.contains(role),
            Approver::User(name) => **name == *user,
        };
        if ticket.approvers.is_empty() || ticket.approvers.iter().any(may) {
            return Ok(());
        }
        let wanted: Vec<String> = ticket.approvers.iter().map(approver_text).collect();
        refuse(format!("{actor} is not an approver of this ticket ({})", wanted.join(", ")))
    }

    fn check_vote(&self, vote: &CastVote, ticket: &Ticket) -> Step {
        if vote.subject_hash.is_some_and(|hash| hash != ticket.subject_hash) {
            let text = "what is to be approved is not what was shown".to_owned();
            return Err(reject(
                RejectionCode::SubjectChanged,
                text,
                Some("look at the ticket again"),
            ));
        }
        let (Some(form), Vote::Approve) = (ticket.form, vote.vote) else { return Ok(()) };
        let form = self.load(form)?;
        let Ok(schema) = JsonSchema::compile(form.value()) else { return Ok(()) };
        let null = std::sync::Arc::new(Value::Null);
        let data = vote.data.as_ref().map_or(&null, |data| data.value());
        let problems = schema.validate(data);
        if problems.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> =
            problems.iter().map(|p| format!("`/data{}`: {}", p.pointer, p.message)).collect();
        Err(reject(
            RejectionCode::InvalidForm,
            lines.join("; "),
            Some("give `data` that fits the form"),
        ))
    }

    fn decide_ticket(
        &mut self,
        vote: &CastVote,
        ticket: &Ticket,
        outcome: ApprovalOutcome,
        data: Option<Payload>,
    ) -> Step {
        let by = self.request.actor.clone();
        self.emit(ApprovalDecided { ticket: vote.ticket.clone(), outcome, by: by.clone() });
        let data = match data {
            Some(data) => Some(Arc::clone(self.load_payload(&data)?.value())),
            None => None,
        };
        let output = json!({
            "approved": outcome == ApprovalOutcome::Approved,
            "by": by,
            "reason": vote.reason,
            "data": data,
        });
        let About::Instance(key) = &ticket.about else { return Ok(()) };
        let id = self.state.id_of(key);
        let Some(node) = self.find(&id) else { return Ok(()) };
        let output = self.payload_of(output);
        if outcome == ApprovalOutcome::Approved {
            return self.complete_extra(node, &id, 0, output, Extras::default());
        }
        let reason = vote.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
        let failure = super::pump::failure("rejected", format!("{by} rejected it{reason}"));
        self.fail_with(node, &id, 0, FailureOutcome::Rejected, failure, output)
    }

    /// The ticket's time is over.
    pub(super) fn expire_ticket(
        &mut self,
        ticket: &TicketId,
        node: &'a NodeIr,
        id: &InstanceId,
    ) -> Step {
        let (ticket, outcome) = (ticket.clone(), ApprovalOutcome::Expired);
        self.emit(ApprovalDecided { ticket, outcome, by: Actor::system() });
        let output = json!({"approved": false, "by": null, "reason": "expired", "data": null});
        let output = self.payload_of(output);
        let failure = super::pump::failure("timeout", "nobody decided in time");
        self.fail_with(node, id, 0, FailureOutcome::TimedOut, failure, output)
    }
}

fn list<'v>(config: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    config.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn approver(value: &Value) -> Option<Approver> {
    let role = value.get("role").and_then(Value::as_str).map(|role| Approver::Role(role.into()));
    role.or_else(|| Some(Approver::User(value.get("user")?.as_str()?.into())))
}

fn approver_text(approver: &Approver) -> String {
    match approver {
        Approver::Role(role) => format!("role {role}"),
        Approver::User(user) => format!("user {user}"),
    }
}
