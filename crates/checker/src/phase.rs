//! What an open instance is doing, and how it may end.

use std::sync::Arc;

use aob_engine::{
    EdgeDecision, FailureOutcome, InstanceId, NodeCancelled, NodeCompleted, NodeFailed,
    NodeSkipped, RunId, SkipCause, TicketId, Timestamp,
};
use aob_ir::EffectClass;

/// What an open instance is doing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Phase {
    /// An attempt is out.
    Attempt { redispatch_at: Timestamp, queue_deadline: Option<Timestamp> },
    /// The next attempt waits for its time.
    Retrying { retry_at: Timestamp },
    /// A person granted more attempts; the next one follows.
    Granted,
    /// A `timer` runs.
    Timer { due: Timestamp },
    /// It waits for a signal.
    Signal { name: Arc<str>, expires_at: Option<Timestamp> },
    /// It waits for people.
    Approval { ticket: TicketId },
    /// It waits for a child run.
    Child { child: RunId, expires_at: Option<Timestamp> },
    /// It waits for its items.
    Map { expires_at: Option<Timestamp> },
    /// It waits for something that is not served.
    Waiting { expires_at: Option<Timestamp> },
    /// It waits for a person's decision about itself.
    Parked,
}

impl Phase {
    /// For messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Attempt { .. } => "running an attempt",
            Self::Retrying { .. } => "waiting to retry",
            Self::Granted => "granted another attempt",
            Self::Timer { .. } => "waiting for its timer",
            Self::Signal { .. } => "waiting for a signal",
            Self::Approval { .. } => "waiting for an approval",
            Self::Child { .. } => "waiting for a child run",
            Self::Map { .. } => "waiting for its items",
            Self::Waiting { .. } => "waiting for what is not served",
            Self::Parked => "parked",
        }
    }

    /// When the wait ends with `timeout`, if it does.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Signal { expires_at, .. }
            | Self::Child { expires_at, .. }
            | Self::Map { expires_at }
            | Self::Waiting { expires_at } => *expires_at,
            Self::Attempt { .. }
            | Self::Retrying { .. }
            | Self::Granted
            | Self::Timer { .. }
            | Self::Approval { .. }
            | Self::Parked => None,
        }
    }
}

/// An instance that is not over.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    /// What it is doing.
    pub(crate) phase: Phase,
    /// The outstanding or last attempt; 0 before the first.
    pub(crate) attempt: u32,
    /// The last attempt that retries may reach.
    pub(crate) attempts_max: u32,
    /// See `NodeScheduled`.
    pub(crate) generation: u32,
    /// The effect of its attempts, once it has one.
    pub(crate) effect: Option<EffectClass>,
    /// Its attempt holds a lease, whose loss the log does not show.
    pub(crate) leased: bool,
    /// Its node was repaired: the next attempt may ask for something else.
    pub(crate) repaired: bool,
    /// It was asked to stop; when it is fenced.
    pub(crate) stopping: Option<Option<Timestamp>>,
}

impl Open {
    /// An instance that has just begun.
    pub(crate) fn new(phase: Phase) -> Self {
        Self {
            phase,
            attempt: 0,
            attempts_max: 0,
            generation: 0,
            effect: None,
            leased: false,
            repaired: false,
            stopping: None,
        }
    }
}

/// The event that ends an instance.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ending<'e> {
    /// Success.
    Completed(&'e NodeCompleted),
    /// Failure.
    Failed(&'e NodeFailed),
    /// It did not run.
    Skipped(&'e NodeSkipped),
    /// Over without result.
    Cancelled(&'e NodeCancelled),
}

/// An outcome, as far as edges tell outcomes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Success.
    Completed,
    /// An error.
    Failed,
    /// A timeout or an expiry.
    TimedOut,
    /// An approver said no.
    Rejected,
    /// Skipped with its success edges evaluated.
    PassedOver,
    /// Skipped because nothing led to it.
    DeadPath,
    /// Cancelled.
    Cancelled,
}

impl<'e> Ending<'e> {
    /// Which instance ends.
    pub(crate) fn instance(self) -> &'e InstanceId {
        match self {
            Self::Completed(e) => &e.instance,
            Self::Failed(e) => &e.instance,
            Self::Skipped(e) => &e.instance,
            Self::Cancelled(e) => &e.instance,
        }
    }

    /// The attempt that it names.
    pub(crate) fn attempt(self) -> u32 {
        match self {
            Self::Completed(e) => e.attempt,
            Self::Failed(e) => e.attempt,
            Self::Cancelled(e) => e.attempt,
            Self::Skipped(e) => e.attempt,
        }
    }

    /// Its edges.
    pub(crate) fn edges(self) -> &'e [EdgeDecision] {
        match self {
            Self::Completed(e) => &e.edges,
            Self::Failed(e) => &e.edges,
            Self::Skipped(e) => &e.edges,
            Self::Cancelled(e) => &e.edges,
        }
    }

    /// True if more edges follow.
    pub(crate) fn more(self) -> bool {
        match self {
            Self::Completed(e) => e.more,
            Self::Failed(e) => e.more,
            Self::Skipped(e) => e.more,
            Self::Cancelled(e) => e.more,
        }
    }

    /// The outcome that its edges follow.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::Completed(_) => Outcome::Completed,
            Self::Failed(e) => match e.outcome {
                FailureOutcome::Failed => Outcome::Failed,
                FailureOutcome::TimedOut => Outcome::TimedOut,
                FailureOutcome::Rejected => Outcome::Rejected,
            },
            Self::Skipped(e) => match e.cause {
                SkipCause::DeadPath => Outcome::DeadPath,
                SkipCause::UnknownType | SkipCause::OnError | SkipCause::ByHand => {
                    Outcome::PassedOver
                }
            },
            Self::Cancelled(_) => Outcome::Cancelled,
        }
    }

    /// For messages.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Completed(_) => "completes",
            Self::Failed(_) => "fails",
            Self::Skipped(_) => "is skipped",
            Self::Cancelled(_) => "is cancelled",
        }
    }
}
