//! What is known of one instance.

use std::sync::Arc;

use aob_ir::{Budget, Digest, EffectClass, Fields, Priority, SecretSlot};
use serde::{Deserialize, Serialize};

use super::names::NameId;
use crate::event::{
    Approver, EdgeState, Escalation, Failure, FailureOutcome, Job, JobType, ParkReason, SkipCause,
    Vote,
};
use crate::ids::{Actor, RunId, TicketId, Timestamp};
use crate::value::{Payload, PayloadRef};

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceStatus {
    /// An attempt was handed out; whether it runs, its lease says.
    Scheduled,
    /// It waits for time, a signal, a person, a child, or its body.
    Waiting,
    /// The next attempt waits for its backoff.
    Retrying,
    /// A person must decide.
    Parked,
    /// Success.
    Completed,
    /// Failure after retries.
    Failed,
    /// It did not run.
    Skipped,
    /// Over without result.
    Cancelled,
    /// Completed, then undone.
    Compensated,
}

impl InstanceStatus {
    /// True where nothing more happens to the instance (compensation aside).
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Scheduled | Self::Waiting | Self::Retrying | Self::Parked => false,
            Self::Completed
            | Self::Failed
            | Self::Skipped
            | Self::Cancelled
            | Self::Compensated => true,
        }
    }
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Instance {
    pub(crate) status: InstanceStatus,
    /// The outstanding or last attempt; 0 for instances that have none.
    pub(crate) attempt: u32,
    pub(crate) attempts_max: u32,
    pub(crate) generation: u32,
    /// Time of the event that opened it.
    pub(crate) opened_at: Timestamp,
    /// Time since when it is in its status; undoing what it did leaves it at its end.
    pub(crate) since: Timestamp,
    /// When its runner started it, if known.
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) output: Option<PayloadRef>,
    pub(crate) failure: Option<Box<FailureNote>>,
    pub(crate) outcome: Option<FailureOutcome>,
    pub(crate) skip: Option<SkipCause>,
    pub(crate) doing: Doing,
    /// True while more of its edges must be decided.
    pub(crate) more: bool,
    /// The highest attempt whose late result is in the log.
    pub(crate) late: u32,
    /// Attempts whose runner's answer is in the log, whatever became of it: bit n - 1 for attempt
    /// n, the highest bit for all beyond.
    pub(crate) heard: u64,
    /// A person repaired its node: the next attempt is made from the document that holds.
    pub(crate) repaired: bool,
}

impl Instance {
    /// When it ended.
    pub(crate) fn finished_at(&self) -> Option<Timestamp> {
        self.status.is_terminal().then_some(self.since)
    }

    /// The bit of an attempt in [`Instance::heard`].
    pub(crate) fn heard_bit(attempt: u32) -> u64 {
        1 << attempt.saturating_sub(1).min(63)
    }
}

/// A failure as state keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FailureNote {
    pub(crate) code: Arc<str>,
    pub(crate) message: Arc<str>,
    pub(crate) retryable: bool,
    pub(crate) lost: bool,
}

impl FailureNote {
    pub(crate) fn of(failure: &Failure) -> Box<Self> {
        Box::new(Self {
            code: Arc::clone(&failure.code),
            message: Arc::clone(&failure.message),
            retryable: failure.retryable,
            lost: failure.lost,
        })
    }

    pub(crate) fn to_failure(&self) -> Failure {
        Failure {
            code: Arc::clone(&self.code),
            message: Arc::clone(&self.message),
            retryable: self.retryable,
            lost: self.lost,
            retry_after_ms: None,
            details: None,
        }
    }
}

/// What an open instance does, and what remains of interest of a finished one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Doing {
    Nothing,
    Job(Arc<JobState>),
    /// Between attempts.
    Backoff {
        retry_at: Timestamp,
        job: Arc<JobState>,
    },
    Timer {
        due: Timestamp,
        input: Box<PayloadRef>,
    },
    Signal {
        name: Arc<str>,
        webhook: bool,
        expires_at: Option<Timestamp>,
    },
    Approval {
        ticket: TicketId,
    },
    Child(Box<ChildState>),
    Map(Box<MapState>),
    /// Served by nothing on this server.
    Unserved {
        reason: Arc<str>,
        expires_at: Option<Timestamp>,
    },
    Parked {
        reason: ParkReason,
        job: Option<Arc<JobState>>,
    },
}

/// The child run that an instance waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChildState {
    pub(crate) child: RunId,
    pub(crate) digest: Digest,
    pub(crate) tag: Option<Arc<str>>,
    pub(crate) inputs: PayloadRef,
    /// What it was given of this run's budget.
    pub(crate) budget: Option<Box<Budget>>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) cancelling: bool,
}

/// The job of an instance, by reference. Shared with the journal of a decision: a change makes a
/// copy only where the decision may still be taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobState {
    pub(crate) job_type: JobType,
    pub(crate) name: Arc<str>,
    pub(crate) builtin: bool,
    pub(crate) config: PayloadRef,
    pub(crate) secrets: Vec<SecretSlot>,
    pub(crate) input: PayloadRef,
    pub(crate) effect: EffectClass,
    pub(crate) pool: Arc<str>,
    pub(crate) priority: Priority,
    pub(crate) idempotency_key: Arc<str>,
    pub(crate) leased: bool,
    pub(crate) metered: bool,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) queue_deadline: Option<Timestamp>,
    pub(crate) idle_timeout_ms: Option<u64>,
    /// Seq of the event that scheduled the attempt.
    pub(crate) scheduled_seq: u64,
    pub(crate) scheduled_at: Timestamp,
    pub(crate) redispatch_at: Timestamp,
    pub(crate) redispatches: u32,
    /// When a cancelled attempt is fenced.
    pub(crate) fence_at: Option<Timestamp>,
}

impl JobState {
    pub(crate) fn new(job: &Job, seq: u64, at: Timestamp, redispatch_at: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            job_type: job.job_type,
            name: Arc::clone(&job.name),
            builtin: job.builtin,
            config: job.config.reference(seq),
            secrets: job.secrets.clone(),
            input: job.input.reference(seq),
            effect: job.effect,
            pool: Arc::clone(&job.pool),
            priority: job.priority,
            idempotency_key: Arc::clone(&job.idempotency_key),
            leased: job.leased,
            metered: job.metered,
            timeout_ms: job.timeout_ms,
            queue_deadline: job.queue_deadline,
            idle_timeout_ms: job.idle_timeout_ms,
            scheduled_seq: seq,
            scheduled_at: at,
            redispatch_at,
            redispatches: 0,
            fence_at: None,
        })
    }

    /// The job as an event or effect names it, payloads by reference.
    pub(crate) fn to_job(&self) -> Job {
        Job {
            job_type: self.job_type,
            name: Arc::clone(&self.name),
            builtin: self.builtin,
            config: Payload::by_ref(self.config),
            secrets: self.secrets.clone(),
            input: Payload::by_ref(self.input),
            effect: self.effect,
            pool: Arc::clone(&self.pool),
            priority: self.priority,
            idempotency_key: Arc::clone(&self.idempotency_key),
            leased: self.leased,
            timeout_ms: self.timeout_ms,
            queue_deadline: self.queue_deadline,
            idle_timeout_ms: self.idle_timeout_ms,
            metered: self.metered,
        }
    }
}

/// How far a map is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MapState {
    pub(crate) items: PayloadRef,
    pub(crate) count: u32,
    pub(crate) max_parallel: u32,
    pub(crate) tolerated: u32,
    pub(crate) body: NameId,
    /// The next index to open.
    pub(crate) next: u32,
    pub(crate) open: u32,
    pub(crate) completed: u32,
    pub(crate) failed: u32,
    pub(crate) expires_at: Option<Timestamp>,
}

impl MapState {
    /// Body instances that are over.
    pub(crate) fn done(&self) -> u32 {
        self.next - self.open
    }

    pub(crate) fn wants_more(&self) -> bool {
        self.next < self.count && self.open < self.max_parallel && self.failed <= self.tolerated
    }
}

/// One decided edge with what flows along it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct EdgeEntry {
    pub(crate) is: EdgeState,
    pub(crate) output: Option<PayloadRef>,
}

/// The incoming edges, so far, of a target that has not started.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct JoinEntry {
    pub(crate) taken: u32,
    pub(crate) dead: u32,
    pub(crate) failed: u32,
    /// The back edge of a loop opened it: it starts whatever the other edges say.
    pub(crate) back: Option<Box<PayloadRef>>,
}

impl JoinEntry {
    /// True where no edge has reached the target.
    pub(crate) fn is_untouched(&self) -> bool {
        self.taken == 0 && self.dead == 0 && self.failed == 0 && self.back.is_none()
    }
}

/// What a ticket is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum About {
    Instance(super::Key),
    Patch(super::PatchNo),
    Budget(super::AccountKey),
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    pub(crate) about: About,
    pub(crate) created_at: Timestamp,
    pub(crate) message: Arc<str>,
    pub(crate) form: Option<PayloadRef>,
    pub(crate) subject: PayloadRef,
    pub(crate) subject_hash: Digest,
    pub(crate) approvers: Vec<Approver>,
    pub(crate) quorum: u32,
    pub(crate) escalations: Vec<Escalation>,
    /// How many escalations happened.
    pub(crate) escalated: u32,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) votes: Vec<(Actor, Vote)>,
    pub(crate) decided: bool,
    /// Tickets in whose place this one is asked, one after the other.
    pub(crate) reissues: u32,
    /// The ticket that is asked in its place.
    pub(crate) replaced_by: Option<TicketId>,
    pub(crate) four_eyes: bool,
    pub(crate) barred: Vec<Actor>,
    /// What may be edited before approving.
    pub(crate) fields: Fields,
}

/// A completed instance that can be undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Undo {
    pub(crate) key: super::Key,
    pub(crate) input: PayloadRef,
    /// `None`: fenced, possibly done.
    pub(crate) output: Option<PayloadRef>,
}
