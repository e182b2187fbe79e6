//! What is asked of a run, and what `decide` answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_ir::{Budget, Digest, Ir, Limits, Priority};

use crate::event::{
    Amounts, BudgetOf, Event, Failure, Fidelity, ParentLink, PatchOrigin, PatchProblem, RawValueEq,
    Spent, Vote,
};
use crate::ids::{Actor, CommandId, InstanceId, PatchId, RunId, TicketId, Timestamp, WorkspaceId};
use crate::value::{Blob, PayloadRef};

/// A command with its name and its author.
#[derive(Debug, Clone)]
pub struct Request {
    /// Causes at most one commit; the same id again is a repetition.
    pub id: CommandId,
    /// Who asks.
    pub actor: Actor,
    /// What.
    pub command: Command,
}

/// What can be asked.
#[derive(Debug, Clone)]
pub enum Command {
    /// Create the run.
    Start(Box<StartRun>),
    /// A runner's answer to an attempt.
    Result(AttemptResult),
    /// A decision on a ticket.
    Vote(CastVote),
    /// Deliver a signal.
    Signal {
        /// Name of the signal.
        name: Arc<str>,
        /// Its own id: the same id again is a repetition.
        signal: Arc<str>,
        /// What it carries.
        payload: Arc<Blob>,
    },
    /// Stop the run.
    Cancel {
        /// Why.
        reason: Option<Arc<str>>,
    },
    /// Start nothing more.
    Pause {
        /// Why.
        reason: Option<Arc<str>>,
    },
    /// Start things again.
    Resume,
    /// Grant a parked instance `max_attempts` more.
    Retry {
        /// Which instance.
        instance: InstanceId,
    },
    /// Pass over a parked instance: success edges, output null.
    Skip {
        /// Which instance.
        instance: InstanceId,
    },
    /// Let a parked instance fail.
    Fail {
        /// Which instance.
        instance: InstanceId,
        /// Why.
        message: Arc<str>,
    },
    /// Say what a parked instance returned.
    Succeed {
        /// Which instance.
        instance: InstanceId,
        /// What it returned.
        output: Arc<Blob>,
    },
    /// A child run ended.
    ChildResult {
        /// The instance that waits.
        instance: InstanceId,
        /// The child run.
        child: RunId,
        /// How it ended.
        outcome: ChildOutcome,
        /// What it spent; `None` where that is not known: all that it was given.
        spent: Option<Spent>,
    },
    /// Set budget aside for a call of a model.
    ReserveBudget(ReserveBudget),
    /// Say what the call used.
    SettleBudget(SettleBudget),
    /// Allow more.
    RaiseBudget(RaiseBudget),
    /// Time passed; carries the leases of the run as the store has them.
    Tick {
        /// Every lease row of the run.
        leases: Vec<LeaseView>,
    },
    /// Go on where the last segment stopped.
    Continue {
        /// Seq of the `continued` event that ended it. Nothing changes where the log has more.
        after: u64,
    },
    /// Change the graph.
    Patch(Box<ProposePatch>),
    /// Take an applied patch back.
    RevertPatch(Box<RevertPatch>),
    /// Give up a patch that waits for its approval.
    WithdrawPatch {
        /// Which.
        patch: PatchId,
        /// Why.
        reason: Option<Arc<str>>,
    },
}

/// A runner is about to call a model.
#[derive(Debug, Clone)]
pub struct ReserveBudget {
    /// Which instance.
    pub instance: InstanceId,
    /// Which attempt; must be the outstanding one.
    pub attempt: u32,
    /// Name of the reservation, unique within the attempt; the same again is a repetition.
    pub reservation: Arc<str>,
    /// At most what the call will use.
    pub amounts: Amounts,
}

/// A runner has called a model.
#[derive(Debug, Clone)]
pub struct SettleBudget {
    /// Which instance.
    pub instance: InstanceId,
    /// Which attempt; must be the outstanding one.
    pub attempt: u32,
    /// Name of the reservation.
    pub reservation: Arc<str>,
    /// What the call used.
    pub used: Amounts,
}

/// A person allows more.
#[derive(Debug, Clone)]
pub struct RaiseBudget {
    /// Whose budget.
    pub of: BudgetOf,
    /// By how much; only what the budget bounds.
    pub amounts: Amounts,
}

/// A patch that somebody proposes.
#[derive(Debug, Clone)]
pub struct ProposePatch {
    /// Its id; the same id again is a repetition.
    pub patch: PatchId,
    /// Whose it is. An actor that is an agent or a runner makes it an agent's, whatever stands here.
    pub origin: PatchOrigin,
    /// On whose behalf it is proposed, where that is an instance of the run: it is judged as a patch
    /// of that agent, whoever sends it.
    pub instance: Option<InstanceId>,
    /// The document that it was made against; `None`: the one that holds.
    pub base: Option<Digest>,
    /// JSON Patch operations.
    pub operations: Arc<Blob>,
    /// What it is for.
    pub description: Arc<str>,
    /// What the tags of sub-workflows that it names mean, transitively. What the run has resolved
    /// already stays as it is.
    pub children: BTreeMap<Arc<str>, Digest>,
}

/// A patch that somebody wants to take back.
#[derive(Debug, Clone)]
pub struct RevertPatch {
    /// Id of the patch that takes back; the same id again is a repetition.
    pub patch: PatchId,
    /// The patch to take back.
    pub reverts: PatchId,
    /// Why.
    pub description: Arc<str>,
}

/// A patch that the answer of an attempt carries.
#[derive(Debug, Clone)]
pub struct ResultPatch {
    /// The document that it was made against; `None`: the one that holds.
    pub base: Option<Digest>,
    /// JSON Patch operations.
    pub operations: Arc<Blob>,
    /// What it is for.
    pub description: Arc<str>,
}

/// Everything a run is created from.
#[derive(Debug, Clone)]
pub struct StartRun {
    /// The new run.
    pub run: RunId,
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// The tag it is started by.
    pub tag: Option<Arc<str>>,
    /// Inputs.
    pub inputs: Arc<Blob>,
    /// The waiting instance of another run.
    pub parent: Option<ParentLink>,
    /// Nesting of child runs.
    pub depth: u32,
    /// Labels.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Priority; `None`: medium.
    pub priority: Option<Priority>,
    /// How much the log tells.
    pub fidelity: Fidelity,
    /// Limits that replace the document's.
    pub limits: Option<Limits>,
    /// What it may spend. Of a run without parent its caps replace the document's, one by one; a child
    /// run gets the tighter of both.
    pub budget: Option<Budget>,
    /// Milliseconds between cancel and fence.
    pub cancel_grace_ms: u64,
    /// Resolved tags of sub-workflows, transitively.
    pub children: BTreeMap<Arc<str>, Digest>,
    /// True: the run is written as created-and-cancelled at once (its parent was cancelled before
    /// this child started).
    pub cancelled: bool,
}

/// A runner's answer.
#[derive(Debug, Clone)]
pub struct AttemptResult {
    /// Which instance.
    pub instance: InstanceId,
    /// Which attempt; counts only if it is the outstanding one.
    pub attempt: u32,
    /// What came out.
    pub outcome: AttemptOutcome,
    /// When the runner started.
    pub started_at: Option<Timestamp>,
    /// Tokens, money, bytes.
    pub usage: Option<Arc<RawValueEq>>,
    /// Changes of the graph, applied in order before the result is recorded. They count only with a
    /// success that counts; one that is refused is recorded as rejected, and the result stands.
    pub patches: Vec<ResultPatch>,
}

/// What came out of an attempt.
#[derive(Debug, Clone)]
pub enum AttemptOutcome {
    /// Success.
    Completed {
        /// What it returned.
        output: Arc<Blob>,
    },
    /// Failure.
    Failed(Failure),
    /// The runner stopped because it was asked to.
    Cancelled,
}

/// How a child run ended.
#[derive(Debug, Clone)]
pub enum ChildOutcome {
    /// With an output.
    Completed {
        /// What it returned.
        output: Arc<Blob>,
    },
    /// With a failure.
    Failed(Failure),
    /// Cancelled.
    Cancelled,
}

/// A decision on a ticket.
#[derive(Debug, Clone)]
pub struct CastVote {
    /// Which ticket.
    pub ticket: TicketId,
    /// Yes or no.
    pub vote: Vote,
    /// Why.
    pub reason: Option<Arc<str>>,
    /// Answer to the form.
    pub data: Option<Arc<Blob>>,
    /// What the approver changes before approving: new values by the JSON pointers of the fields that
    /// they replace.
    pub edits: BTreeMap<Arc<str>, serde_json::Value>,
    /// Hash of what the approver was shown; `None`: not checked.
    pub subject_hash: Option<Digest>,
    /// Roles of the actor.
    pub roles: Vec<Arc<str>>,
}

/// A lease row as the sweeper read it. Rows of attempts without a lease row are absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseView {
    /// Which instance.
    pub instance: InstanceId,
    /// Which attempt.
    pub attempt: u32,
    /// When it was granted; `None`: nobody holds it.
    pub granted_at: Option<Timestamp>,
    /// Until when it is held.
    pub until: Option<Timestamp>,
    /// When its holder last reported progress.
    pub progress_at: Option<Timestamp>,
}

/// What `decide` answers.
#[derive(Debug)]
pub enum Decision {
    /// Append these. The blobs that are not inline must be durable in the CAS before.
    Append {
        /// In order.
        events: Vec<Event>,
        /// Payloads that go into the CAS.
        blobs: Vec<Arc<Blob>>,
        /// The graph that holds after them, where they change it.
        ir: Option<Arc<Ir>>,
    },
    /// Nothing to append: a repetition, a late word, a tick with nothing due. Final only at the head.
    NoChange(NoChange),
    /// Refused. Final only at the head.
    Rejected(Rejection),
    /// Load these payloads and ask again.
    Need(Vec<PayloadRef>),
    /// Load these documents (as blobs of their canonical text) and ask again.
    NeedDocuments(Vec<Digest>),
}

/// Why nothing changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoChange {
    /// The command was applied before.
    Repeated,
    /// It names something that is over.
    Stale,
    /// Nothing is due before this time (`None`: nothing will ever be).
    NotDue {
        /// When.
        next: Option<Timestamp>,
    },
}

/// Why a command is refused. The code is the public contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// What kind.
    pub code: RejectionCode,
    /// For people: what was wrong.
    pub message: String,
    /// For people: what to do.
    pub hint: Option<String>,
    /// Of a patch: everything that is wrong with it.
    pub problems: Vec<PatchProblem>,
    /// Of a patch that conflicts with later ones: both sides, as JSON.
    pub conflict: Option<Arc<serde_json::Value>>,
}

/// Kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RejectionCode {
    /// The run is over.
    RunTerminal,
    /// The run is being cancelled.
    RunCancelling,
    /// The run is not paused.
    NotPaused,
    /// There is no such instance.
    UnknownInstance,
    /// The instance is not parked.
    NotParked,
    /// The instance parked before it had an attempt: trying again would give the same.
    NotRetryable,
    /// The output given by hand does not do for what follows.
    InvalidOutput,
    /// There is no such ticket.
    UnknownTicket,
    /// The ticket is decided.
    AlreadyDecided,
    /// The actor may not decide this ticket, or has voted.
    NotAnApprover,
    /// The actor started the run, proposed the patch or edited it: somebody else has to approve.
    FourEyes,
    /// The ticket's time is over.
    TicketExpired,
    /// The edits touch what may not be edited, or give more than was proposed.
    EditRefused,
    /// The answer does not fit the form.
    InvalidForm,
    /// The ticket was shown in another state.
    SubjectChanged,
    /// 1,000 signals of this name wait already.
    SignalBufferFull,
    /// Inputs do not fit the workflow's schema.
    InvalidInputs,
    /// A limit of the run or of the server.
    LimitExceeded,
    /// The run has moved on, and the patch touches what later ones changed.
    PatchConflict,
    /// The patch is decided already.
    PatchDecided,
    /// The patch breaks a rule.
    PatchRefused,
    /// The patch was made against a document that this run never had.
    UnknownBase,
    /// There is no such patch.
    UnknownPatch,
    /// The attempt is over, or asked to stop.
    AttemptOver,
    /// What is left of a budget is set aside for calls that are under way: ask again.
    BudgetBusy,
    /// The name of a reservation is used for another, or for none.
    InvalidReservation,
    /// There is no such budget.
    UnknownBudget,
}

impl RejectionCode {
    /// The name in the log, where a refusal is recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RunTerminal => "run_terminal",
            Self::RunCancelling => "run_cancelling",
            Self::NotPaused => "not_paused",
            Self::UnknownInstance => "unknown_instance",
            Self::NotParked => "not_parked",
            Self::NotRetryable => "not_retryable",
            Self::InvalidOutput => "invalid_output",
            Self::UnknownTicket => "unknown_ticket",
            Self::AlreadyDecided => "already_decided",
            Self::NotAnApprover => "not_an_approver",
            Self::FourEyes => "four_eyes",
            Self::TicketExpired => "ticket_expired",
            Self::EditRefused => "edit_refused",
            Self::InvalidForm => "invalid_form",
            Self::SubjectChanged => "subject_changed",
            Self::SignalBufferFull => "signal_buffer_full",
            Self::InvalidInputs => "invalid_inputs",
            Self::LimitExceeded => "limit_exceeded",
            Self::PatchConflict => "patch_conflict",
            Self::PatchDecided => "patch_decided",
            Self::PatchRefused => "patch_refused",
            Self::UnknownBase => "unknown_base",
            Self::UnknownPatch => "unknown_patch",
            Self::AttemptOver => "attempt_over",
            Self::BudgetBusy => "budget_busy",
            Self::InvalidReservation => "invalid_reservation",
            Self::UnknownBudget => "unknown_budget",
        }
    }
}
