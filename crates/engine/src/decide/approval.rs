//! Approvals: asking, voting, deciding once.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::{Digest, JsonSchema, NodeIr, Template};
use serde_json::{Value, json};

use super::edits;
use super::inline::Extras;
use super::resolve::Evaluated;
use super::{Decider, Step, Stop, reject};
use crate::command::{CastVote, NoChange, RejectionCode};
use crate::event::{
    ApprovalDecided, ApprovalEdited, ApprovalEscalated, ApprovalOutcome, ApprovalRequested,
    ApprovalVoted, Approver, Escalation, FailureOutcome, Vote,
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
        let four_eyes = config.get("four_eyes").and_then(Value::as_bool).unwrap_or(false);
        let request = ApprovalRequested {
            instance: Some(id.clone()),
            patch: None,
            budget: None,
            ticket: TicketId::of(run, id, 0),
            message: message.into(),
            form: config.get("form").map(|form| self.payload_of(form.clone())),
            subject: input.clone(),
            subject_hash,
            approvers,
            quorum: u32::try_from(quorum).unwrap_or(u32::MAX).max(1),
            escalations,
            expires_at: self.expiry(node),
            replaces: None,
            four_eyes,
            barred: if four_eyes { vec![self.starter()] } else { Vec::new() },
            editable: texts(&config, "editable"),
            fixed: texts(&config, "fixed"),
        };
        self.emit(request);
        Ok(Ok(()))
    }

    /// Who asked for the run.
    pub(super) fn starter(&self) -> Actor {
        self.state.meta().started_by.clone()
    }

    /// A ticket goes to the next in its chain, where that is due.
    pub(super) fn escalate(&mut self, id: &TicketId) {
        let ticket = self.state.tickets.get(id).filter(|ticket| !ticket.decided);
        let next = ticket.and_then(|t| t.escalations.get(t.escalated as usize)).cloned();
        if let Some(step) = next.filter(|step| step.at <= self.now) {
            self.emit(ApprovalEscalated { ticket: id.clone(), to: step.to });
        }
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
        if !vote.edits.is_empty() {
            return self.edit_subject(vote, &ticket);
        }
        self.count_vote(vote, &vote.ticket, &ticket)
    }

    /// Records a vote on an instance's ticket, and decides where that is enough.
    fn count_vote(&mut self, vote: &CastVote, id: &TicketId, ticket: &Ticket) -> Step {
        let data = self.write_vote(vote, id);
        let approvals = ticket.votes.iter().filter(|(_, vote)| *vote == Vote::Approve).count() + 1;
        match vote.vote {
            Vote::Reject => self.decide_ticket((vote, id), ticket, ApprovalOutcome::Rejected, data),
            Vote::Approve if approvals >= ticket.quorum as usize || seeded(Bug::QuorumIgnored) => {
                self.decide_ticket((vote, id), ticket, ApprovalOutcome::Approved, data)
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
        // Its end may not be in the log yet: the tick that writes it may be late.
        if ticket.expires_at.is_some_and(|at| at <= self.now) {
            let text = format!("the time of ticket `{}` is over", vote.ticket);
            return Err(reject(RejectionCode::TicketExpired, text, None));
        }
        self.check_voter(vote, ticket)?;
        self.check_vote(vote, ticket)
    }

    /// The instance's ticket is asked again about what an approver made of its subject; their vote
    /// counts for that, unless somebody else has to approve it.
    fn edit_subject(&mut self, vote: &CastVote, ticket: &Ticket) -> Step {
        edits::check(vote, &ticket.fields)?;
        let About::Instance(key) = &ticket.about else { return Ok(()) };
        let id = self.state.id_of(key);
        let subject = edits::replace(self.load(ticket.subject)?.value(), &vote.edits)?;
        let subject = self.payload_of(subject);
        let subject_hash = Digest::of(
            format!("aob.subject.edited.1\n{}\n{}", ticket.subject_hash, subject.digest).as_bytes(),
        );
        let next = TicketId::of_edited(self.state.meta().run, &id, ticket.reissues + 1);
        self.write_edit(vote, &next);
        self.emit(ApprovalRequested {
            instance: Some(id),
            patch: None,
            budget: None,
            ticket: next.clone(),
            message: Arc::clone(&ticket.message),
            form: ticket.form.map(Payload::by_ref),
            subject,
            subject_hash,
            approvers: ticket.approvers.clone(),
            quorum: ticket.quorum,
            escalations: ticket.escalations[ticket.escalated as usize..].to_vec(),
            expires_at: ticket.expires_at,
            replaces: Some(vote.ticket.clone()),
            four_eyes: ticket.four_eyes,
            barred: edits::barred(ticket, &self.request.actor),
            editable: ticket.fields.editable.clone(),
            fixed: ticket.fields.fixed.clone(),
        });
        let Some(asked) = self.state.tickets.get(&next).cloned() else { return Ok(()) };
        if asked.four_eyes {
            return Ok(());
        }
        self.count_vote(vote, &next, &asked)
    }

    /// Records what an approver changes, which ends the ticket that they were shown.
    pub(super) fn write_edit(&mut self, vote: &CastVote, next: &TicketId) {
        let by = self.request.actor.clone();
        let values = vote.edits.iter().map(|(pointer, value)| (pointer.to_string(), value.clone()));
        let edits = self.payload_of(Value::Object(values.collect()));
        let ticket = vote.ticket.clone();
        self.emit(ApprovalEdited { ticket, by: by.clone(), edits, next: next.clone() });
        let (ticket, outcome) = (vote.ticket.clone(), ApprovalOutcome::Cancelled);
        self.emit(ApprovalDecided { ticket, outcome, by });
    }

    pub(super) fn write_vote(&mut self, vote: &CastVote, ticket: &TicketId) -> Option<Payload> {
        let data = vote.data.as_ref().map(|data| self.payload(data));
        self.emit(ApprovalVoted {
            ticket: ticket.clone(),
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
        // To edit is to approve what comes of it, or to leave that to somebody else.
        let approves = vote.vote == Vote::Approve && vote.edits.is_empty();
        if approves && ticket.barred.contains(actor) && !seeded(Bug::FourEyesIgnored) {
            return Err(reject(
                RejectionCode::FourEyes,
                format!("{actor} started the run, proposed this or edited it"),
                Some("somebody else has to approve it; you may reject it"),
            ));
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
        if matches!(ticket.about, About::Budget(_)) && vote.data.is_none() {
            return Ok(()); // What the ticket suggests.
        }
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
        (vote, id): (&CastVote, &TicketId),
        ticket: &Ticket,
        outcome: ApprovalOutcome,
        data: Option<Payload>,
    ) -> Step {
        if let About::Budget(account) = ticket.about {
            return self.decide_budget(vote, ticket, account, outcome, data);
        }
        let by = self.request.actor.clone();
        self.emit(ApprovalDecided { ticket: id.clone(), outcome, by: by.clone() });
        let data = match data {
            Some(data) => Some(Arc::clone(self.load_payload(&data)?.value())),
            None => None,
        };
        let mut output = json!({
            "approved": outcome == ApprovalOutcome::Approved,
            "by": by,
            "reason": vote.reason,
            "data": data,
        });
        if !ticket.fields.is_empty() {
            output["subject"] = (**self.load(ticket.subject)?.value()).clone();
        }
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

fn texts(config: &Value, key: &str) -> Vec<Arc<str>> {
    list(config, key).filter_map(Value::as_str).map(Arc::from).collect()
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
