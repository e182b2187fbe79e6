//! What the world is owed: after an append, and again after a restart.

use std::sync::Arc;

use aob_ir::{Budget, Digest};

use crate::event::{ApprovalOutcome, Approver, Event, EventKind, Failure, Job, ParentLink, Spent};
use crate::ids::{Actor, InstanceId, RunId, TicketId, Timestamp};
use crate::state::{ChildState, Doing, InstanceStatus, Phase, RunState};
use crate::value::{Payload, PayloadRef};

/// Something to do outside, after the events that ask for it are durable. At least once: each
/// names what its receiver dedupes by.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Hand the attempt to runners. Deduped by (run, instance, attempt).
    Dispatch(Box<Dispatch>),
    /// Ask the attempt's runner to stop.
    CancelAttempt(CancelAttempt),
    /// Create the child run. Deduped by its id.
    StartChild(Box<StartChild>),
    /// Ask the child to stop; one that has not started is written as created-and-cancelled.
    /// Deduped by its state.
    CancelChild(Box<StartChild>),
    /// Tell the parent how this run ended. Deduped by the parent's instance.
    DeliverToParent(Box<DeliverToParent>),
    /// Send `Continue` to this run.
    Continue {
        /// Seq of the event that left something: what was continued already is not again.
        after: u64,
    },
    /// Tell those who asked to be told what became of a ticket. Deduped by (ticket, seq).
    Notify(Box<Notify>),
    /// Publish the events of the segment on `workflow.events`. Deduped by (run, seq).
    Publish(Publish),
}

/// See [`Effect::Dispatch`].
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    /// Which instance.
    pub instance: InstanceId,
    /// Which attempt.
    pub attempt: u32,
    /// Seq of the event that scheduled it.
    pub seq: u64,
    /// What to execute; payloads may be references that the shell resolves.
    pub job: Job,
}

/// See [`Effect::CancelAttempt`].
#[derive(Debug, Clone, PartialEq)]
pub struct CancelAttempt {
    /// Which instance.
    pub instance: InstanceId,
    /// Which attempt.
    pub attempt: u32,
}

/// See [`Effect::StartChild`].
#[derive(Debug, Clone, PartialEq)]
pub struct StartChild {
    /// The waiting instance.
    pub instance: InstanceId,
    /// The child's id.
    pub child: RunId,
    /// What it is started from; `None` where the event that asks does not repeat it and the
    /// shell reads it from the parent's state.
    pub from: Option<ChildSource>,
}

/// What a child run is started from.
#[derive(Debug, Clone, PartialEq)]
pub struct ChildSource {
    /// Its workflow.
    pub digest: Digest,
    /// The tag it came from.
    pub tag: Option<Arc<str>>,
    /// Its inputs.
    pub inputs: Payload,
    /// What it may spend.
    pub budget: Option<Budget>,
}

/// See [`Effect::DeliverToParent`].
#[derive(Debug, Clone, PartialEq)]
pub struct DeliverToParent {
    /// Who waits.
    pub parent: ParentLink,
    /// How this run ended.
    pub end: ChildEnd,
    /// What it spent, where its parent gave it a budget.
    pub spent: Option<Spent>,
}

/// How a run ended, for its parent.
#[derive(Debug, Clone, PartialEq)]
pub enum ChildEnd {
    /// Completed with this output, to be read from this run.
    Completed(PayloadRef),
    /// Failed.
    Failed(Failure),
    /// Cancelled.
    Cancelled,
}

/// See [`Effect::Notify`].
#[derive(Debug, Clone, PartialEq)]
pub struct Notify {
    /// The ticket.
    pub ticket: TicketId,
    /// Seq of the event.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What became of it.
    pub news: TicketNews,
}

/// What became of a ticket.
#[derive(Debug, Clone, PartialEq)]
pub enum TicketNews {
    /// It was opened.
    Opened {
        /// When it expires.
        expires_at: Option<Timestamp>,
    },
    /// It went to the next in its chain.
    Escalated {
        /// Who may decide from here on, too.
        to: Approver,
    },
    /// It was decided.
    Decided {
        /// How.
        outcome: ApprovalOutcome,
        /// Who cast the deciding vote.
        by: Actor,
    },
}

/// See [`Effect::Publish`].
#[derive(Debug, Clone, PartialEq)]
pub struct Publish {
    /// First event.
    pub first_seq: u64,
    /// Last event.
    pub last_seq: u64,
}

/// What an append of `events` owes the world, in order.
pub fn effects(events: &[Event]) -> Vec<Effect> {
    let mut owed: Vec<Effect> = events.iter().filter_map(effect_of).collect();
    if let (Some(first), Some(last)) = (events.first(), events.last()) {
        owed.push(Effect::Publish(Publish { first_seq: first.seq, last_seq: last.seq }));
    }
    owed
}

/// What one event owes besides its publication. A redispatch owes the same attempt again, which
/// its event does not repeat: the shell takes it from [`owed_for`].
fn effect_of(event: &Event) -> Option<Effect> {
    if let EventKind::NodeScheduled(data) = &event.kind {
        return Some(Effect::Dispatch(Box::new(Dispatch {
            instance: data.instance.clone(),
            attempt: data.attempt,
            seq: event.seq,
            job: placed(&data.job, event.seq),
        })));
    }
    if let EventKind::NodeCancelling(data) = &event.kind {
        let instance = data.instance.clone();
        return Some(match data.child {
            Some(child) => {
                Effect::CancelChild(Box::new(StartChild { instance, child, from: None }))
            }
            None => Effect::CancelAttempt(CancelAttempt { instance, attempt: data.attempt }),
        });
    }
    if let EventKind::ChildStarted(data) = &event.kind {
        let (digest, tag, inputs) = (data.digest, data.tag.clone(), data.inputs.clone());
        return Some(Effect::StartChild(Box::new(StartChild {
            instance: data.instance.clone(),
            child: data.child,
            from: Some(ChildSource { digest, tag, inputs, budget: data.budget }),
        })));
    }
    if let EventKind::RunCompleted(data) = &event.kind {
        let end = ChildEnd::Completed(data.output.reference(event.seq));
        return deliver(data.parent.as_ref(), end, data.spent);
    }
    if let EventKind::RunFailed(data) = &event.kind {
        let end = ChildEnd::Failed(data.failure.clone());
        return deliver(data.parent.as_ref(), end, data.spent);
    }
    if let EventKind::RunCancelled(data) = &event.kind {
        return deliver(data.parent.as_ref(), ChildEnd::Cancelled, data.spent);
    }
    if matches!(event.kind, EventKind::Continued(_)) {
        return Some(Effect::Continue { after: event.seq });
    }
    notify(event).map(|notify| Effect::Notify(Box::new(notify)))
}

/// What there is to tell of a ticket.
fn notify(event: &Event) -> Option<Notify> {
    let (ticket, news) = if let EventKind::ApprovalRequested(data) = &event.kind {
        (&data.ticket, TicketNews::Opened { expires_at: data.expires_at })
    } else if let EventKind::ApprovalEscalated(data) = &event.kind {
        (&data.ticket, TicketNews::Escalated { to: data.to.clone() })
    } else if let EventKind::ApprovalDecided(data) = &event.kind {
        (&data.ticket, TicketNews::Decided { outcome: data.outcome, by: data.by.clone() })
    } else {
        return None;
    };
    Some(Notify { ticket: ticket.clone(), seq: event.seq, at: event.at, news })
}

/// Everything that is still owed for what is open, from the state alone: for restarts and
/// redispatch. Publication is the outbox's business.
pub fn owed(state: &RunState) -> Vec<Effect> {
    let mut owed = Vec::new();
    for (key, ()) in state.open.iter() {
        let Some(instance) = state.instances.get(key) else { continue };
        let id = || state.id_of(key);
        match &instance.doing {
            Doing::Job(job) if instance.status == InstanceStatus::Scheduled => {
                owed.push(match job.fence_at {
                    Some(_) => Effect::CancelAttempt(CancelAttempt {
                        instance: id(),
                        attempt: instance.attempt,
                    }),
                    None => Effect::Dispatch(Box::new(Dispatch {
                        instance: id(),
                        attempt: instance.attempt,
                        seq: job.scheduled_seq,
                        job: job.to_job(),
                    })),
                });
            }
            Doing::Child(wait) => {
                let from = Some(source_of(wait));
                let start = StartChild { instance: id(), child: wait.child, from };
                owed.push(if wait.cancelling {
                    Effect::CancelChild(Box::new(start))
                } else {
                    Effect::StartChild(Box::new(start))
                });
            }
            Doing::Job(_)
            | Doing::Nothing
            | Doing::Backoff { .. }
            | Doing::Timer { .. }
            | Doing::Signal { .. }
            | Doing::Approval { .. }
            | Doing::Map(_)
            | Doing::Unserved { .. }
            | Doing::Parked { .. } => {}
        }
    }
    if state.head.continued {
        owed.push(Effect::Continue { after: state.head.seq });
    }
    let end = match state.head.phase {
        Phase::Completed => state.head.output.map(ChildEnd::Completed),
        Phase::Failed => state.stopping_failure().map(|(_, failure)| ChildEnd::Failed(failure)),
        Phase::Cancelled => Some(ChildEnd::Cancelled),
        Phase::Absent | Phase::Active | Phase::Cancelling | Phase::Failing => None,
    };
    owed.extend(end.and_then(|end| deliver(state.parent(), end, state.spent())));
    owed
}

/// What is owed for one open instance again: the redispatch of its attempt.
pub fn owed_for(state: &RunState, instance: &InstanceId) -> Option<Effect> {
    let key = state.key(instance)?;
    let row = state.instances.get(&key)?;
    let Doing::Job(job) = &row.doing else { return None };
    let scheduled = row.status == InstanceStatus::Scheduled && job.fence_at.is_none();
    scheduled.then(|| {
        Effect::Dispatch(Box::new(Dispatch {
            instance: instance.clone(),
            attempt: row.attempt,
            seq: job.scheduled_seq,
            job: job.to_job(),
        }))
    })
}

/// What the child of an open instance is started from.
pub fn child_source(state: &RunState, instance: &InstanceId) -> Option<ChildSource> {
    let Doing::Child(wait) = &state.instance(instance)?.doing else { return None };
    Some(source_of(wait))
}

fn source_of(wait: &ChildState) -> ChildSource {
    let inputs = Payload::by_ref(wait.inputs);
    let budget = wait.budget.as_deref().copied();
    ChildSource { digest: wait.digest, tag: wait.tag.clone(), inputs, budget }
}

/// The job with payloads that stay readable outside their event.
fn placed(job: &Job, seq: u64) -> Job {
    let mut job = job.clone();
    for payload in [&mut job.config, &mut job.input] {
        if payload.inline().is_none() {
            *payload = Payload::by_ref(payload.reference(seq));
        }
    }
    job
}

fn deliver(parent: Option<&ParentLink>, end: ChildEnd, spent: Option<Spent>) -> Option<Effect> {
    let parent = parent?.clone();
    Some(Effect::DeliverToParent(Box::new(DeliverToParent { parent, end, spent })))
}
