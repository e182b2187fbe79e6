//! What happened: the events of a run's log. Everything else is derived from them.
//!
//! Events carry the consequences of a decision (edges decided, skips with their cause, an
//! attempt's resolved config and deadlines), so folding them needs neither an IR nor a clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_ir::{Digest, EffectClass, Limits, Priority, SecretSlot};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use crate::ids::{Actor, CommandId, InstanceId, RunId, TicketId, Timestamp, WorkspaceId};
use crate::value::Payload;

/// One entry of the log. JSON: `{"seq", "at", "command", "type", "data"}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Position in the run, from 1, without gaps.
    pub seq: u64,
    /// When it was decided, on the database's clock; never earlier than the event before.
    pub at: Timestamp,
    /// The command that caused it.
    pub command: CommandId,
    /// What happened.
    pub kind: EventKind,
}

/// Declares [`EventKind`] from one table: variant, wire name.
macro_rules! event_kinds {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)+) => {
        /// The kinds of events.
        #[derive(Debug, Clone, PartialEq)]
        pub enum EventKind {
            $($(#[$doc])* $variant($variant),)+
        }

        impl EventKind {
            /// Every kind's name on the wire, in the order of this list.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name on the wire (`type`).
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            fn serialize_data<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                match self { $(Self::$variant(data) => map.serialize_entry("data", data),)+ }
            }

            fn from_parts(name: &str, data: &str) -> Result<Self, String> {
                match name {
                    $($name => serde_json::from_str(data).map(Self::$variant).map_err(|e| e.to_string()),)+
                    other => Err(format!("unknown event type `{other}`")),
                }
            }
        }

        $(impl From<$variant> for EventKind {
            fn from(data: $variant) -> Self { Self::$variant(data) }
        })+
    };
}

event_kinds! {
    /// The run exists; always the first event.
    RunCreated => "run_created",
    /// Something that a person should know; changes nothing.
    WarningRaised => "warning_raised",
    /// An attempt was handed out for execution.
    NodeScheduled => "node_scheduled",
    /// The same attempt was sent again because nobody was seen to take it.
    AttemptRedispatched => "attempt_redispatched",
    /// An attempt failed and another will follow.
    RetryScheduled => "retry_scheduled",
    /// A durable timer runs.
    TimerStarted => "timer_started",
    /// A node waits for a signal.
    SignalAwaited => "signal_awaited",
    /// A human is asked.
    ApprovalRequested => "approval_requested",
    /// One approver voted; the quorum is not decided by this alone.
    ApprovalVoted => "approval_voted",
    /// The ticket went to the next in its chain.
    ApprovalEscalated => "approval_escalated",
    /// The ticket is decided, once.
    ApprovalDecided => "approval_decided",
    /// A child run was opened.
    ChildStarted => "child_started",
    /// A map knows its items.
    MapExpanded => "map_expanded",
    /// A loop goes round again.
    LoopIterated => "loop_iterated",
    /// A node waits for something that this server does not serve.
    NodeWaiting => "node_waiting",
    /// Success.
    NodeCompleted => "node_completed",
    /// Failure after retries.
    NodeFailed => "node_failed",
    /// The node will not run.
    NodeSkipped => "node_skipped",
    /// The instance waits for a person.
    NodeParked => "node_parked",
    /// A person let a parked instance go on with more attempts.
    RetryGranted => "retry_granted",
    /// A runner or child was asked to stop.
    NodeCancelling => "node_cancelling",
    /// The instance is over without result.
    NodeCancelled => "node_cancelled",
    /// More edges of a finished instance.
    EdgesDecided => "edges_decided",
    /// A result that no longer counts.
    LateResultDiscarded => "late_result_discarded",
    /// A signal arrived.
    SignalReceived => "signal_received",
    /// Nothing starts from here on.
    RunPaused => "run_paused",
    /// Things start again.
    RunResumed => "run_resumed",
    /// Somebody asked the run to stop.
    CancelRequested => "cancel_requested",
    /// An unhandled failure stops the run.
    RunFailing => "run_failing",
    /// There is more to decide than fits this segment.
    Continued => "continued",
    /// The end: everything is done.
    RunCompleted => "run_completed",
    /// The end: an unhandled failure.
    RunFailed => "run_failed",
    /// The end: cancelled.
    RunCancelled => "run_cancelled",
}

/// See [`EventKind::RunCreated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCreated {
    /// The run itself.
    pub run: RunId,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The document that holds from here on.
    pub digest: Digest,
    /// The tag it was started by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Arc<str>>,
    /// `metadata.name` of the workflow.
    #[serde(default, skip_serializing_if = "str_is_empty")]
    pub name: Arc<str>,
    /// The run's inputs.
    pub inputs: Payload,
    /// The instance of another run that waits for this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
    /// Nesting of child runs; 0 for a run without parent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u32,
    /// Labels for search.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Default priority of the run's jobs.
    #[serde(default)]
    pub priority: Priority,
    /// Bounds.
    pub limits: Limits,
    /// When the run fails with `run_timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// How long a cancelled attempt may take to stop before it is fenced.
    pub cancel_grace_ms: u64,
    /// What the tags of sub-workflows meant when the run was created, transitively.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub children: BTreeMap<Arc<str>, Digest>,
    /// Agents this run may ever contain.
    pub agents: u32,
    /// Who asked.
    pub actor: Actor,
}

/// Names the instance that a child run reports to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentLink {
    /// The parent run.
    pub run: RunId,
    /// The `composite` or map body instance.
    pub instance: InstanceId,
}

/// See [`EventKind::WarningRaised`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WarningRaised {
    /// Stable code, such as `unknown_type`.
    pub code: Arc<str>,
    /// For people.
    pub message: Arc<str>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Arc<str>>,
}

/// Who executes a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobType {
    /// A function built in, or of a pool.
    Function,
    /// An HTTP call.
    Http,
    /// An LLM agent.
    Agent,
}

/// What an attempt executes, with everything resolved except secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Who executes it.
    pub job_type: JobType,
    /// Function name; the node's type for others.
    pub name: Arc<str>,
    /// True: every built-in runner executes it, so it travels on `node.jobs.*`. False: it is
    /// claimed from the leases by a runner of its pool.
    pub builtin: bool,
    /// Resolved configuration. Secrets are null in it and listed in `secrets`.
    pub config: Payload,
    /// Where the runner puts secrets into `config`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretSlot>,
    /// The node's input.
    pub input: Payload,
    /// What it does to the world outside.
    pub effect: EffectClass,
    /// Pool of runners; `default` where none is named.
    pub pool: Arc<str>,
    /// Queue priority.
    pub priority: Priority,
    /// The same for every attempt of the instance.
    pub idempotency_key: Arc<str>,
    /// True: a runner must claim a lease; false: duplicates are harmless and loss shows by
    /// redispatch.
    pub leased: bool,
    /// Milliseconds from the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Fails with `queue_timeout` if not granted by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_deadline: Option<Timestamp>,
    /// Milliseconds without progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout_ms: Option<u64>,
}

/// See [`EventKind::NodeScheduled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeScheduled {
    /// Which instance.
    pub instance: InstanceId,
    /// From 1.
    pub attempt: u32,
    /// Rises only on rollback and when a repair changes the request.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u32,
    /// The last attempt that retries may reach.
    pub attempts_max: u32,
    /// When to send it again if nobody is seen to take it.
    pub redispatch_at: Timestamp,
    /// What to execute.
    pub job: Job,
}

/// See [`EventKind::AttemptRedispatched`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptRedispatched {
    /// Which instance.
    pub instance: InstanceId,
    /// The outstanding attempt.
    pub attempt: u32,
    /// When to send it again.
    pub redispatch_at: Timestamp,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable code: `timeout`, `http_status`, `lease_expired`, `condition_error`, or a function's own.
    pub code: Arc<str>,
    /// For people.
    pub message: Arc<str>,
    /// False: another attempt would fail the same way.
    #[serde(default)]
    pub retryable: bool,
    /// True: nobody knows whether the effect happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    /// The runner asks to wait at least this long before the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// More, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Payload>,
}

/// See [`EventKind::RetryScheduled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetryScheduled {
    /// Which instance.
    pub instance: InstanceId,
    /// The attempt that failed.
    pub attempt: u32,
    /// Why.
    pub failure: Failure,
    /// When the next one starts.
    pub retry_at: Timestamp,
}

/// See [`EventKind::TimerStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimerStarted {
    /// Which instance.
    pub instance: InstanceId,
    /// When it fires.
    pub due: Timestamp,
    /// Its input, which becomes its output.
    pub input: Payload,
}

/// See [`EventKind::SignalAwaited`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalAwaited {
    /// Which instance.
    pub instance: InstanceId,
    /// Name of the signal.
    pub name: Arc<str>,
    /// True: a signed URL delivers it too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub webhook: bool,
    /// When waiting ends with `timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Who may decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    /// Anybody with this role.
    Role(Arc<str>),
    /// This person.
    User(Arc<str>),
}

/// One step of an escalation chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub to: Approver,
}

/// See [`EventKind::ApprovalRequested`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalRequested {
    /// Which instance.
    pub instance: InstanceId,
    /// The ticket.
    pub ticket: TicketId,
    /// Question for the approver.
    pub message: Arc<str>,
    /// JSON Schema of the data that an approver gives along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Payload>,
    /// What is being approved: the node's input.
    pub subject: Payload,
    /// `sha256` over the request (node spec, message, form) and the subject; a decision names it.
    pub subject_hash: Digest,
    /// Who may decide; empty: anybody in the workspace with the permission.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<Approver>,
    /// Approving votes needed.
    pub quorum: u32,
    /// Chain of escalations, in time order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalations: Vec<Escalation>,
    /// When the ticket expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vote {
    /// Yes.
    Approve,
    /// No.
    Reject,
}

/// See [`EventKind::ApprovalVoted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalVoted {
    /// The ticket.
    pub ticket: TicketId,
    /// Who.
    pub by: Actor,
    /// Yes or no.
    pub vote: Vote,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
    /// Answer to the form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Payload>,
}

/// See [`EventKind::ApprovalEscalated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalEscalated {
    /// The ticket.
    pub ticket: TicketId,
    /// Who may decide from here on, too.
    pub to: Approver,
}

/// How a ticket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalOutcome {
    /// The quorum approved.
    Approved,
    /// Rejected.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// The run ended or was cancelled first.
    Cancelled,
}

/// See [`EventKind::ApprovalDecided`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApprovalDecided {
    /// The ticket.
    pub ticket: TicketId,
    /// How it ended.
    pub outcome: ApprovalOutcome,
    /// Who cast the deciding vote.
    pub by: Actor,
}

/// See [`EventKind::ChildStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChildStarted {
    /// The waiting instance.
    pub instance: InstanceId,
    /// The child run.
    pub child: RunId,
    /// Its workflow.
    pub digest: Digest,
    /// The tag it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Arc<str>>,
    /// Its inputs.
    pub inputs: Payload,
    /// When waiting ends with `timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// See [`EventKind::MapExpanded`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapExpanded {
    /// The map.
    pub instance: InstanceId,
    /// The list.
    pub items: Payload,
    /// Its length.
    pub count: u32,
    /// Body instances at once.
    pub max_parallel: u32,
    /// Failures that do not fail the map.
    pub tolerated: u32,
    /// Node id of the body.
    pub body: Arc<str>,
    /// When waiting ends with `timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// See [`EventKind::LoopIterated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoopIterated {
    /// The loop node, in the scope around the loop.
    pub instance: InstanceId,
    /// The iteration that opens.
    pub iteration: u32,
    /// The node that it opens with.
    pub head: Arc<str>,
    /// What flows along the back edge: the loop node's output.
    pub output: Payload,
    /// Loops nested in this one that the head opens too, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inner: Vec<Arc<str>>,
}

/// See [`EventKind::NodeWaiting`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeWaiting {
    /// Which instance.
    pub instance: InstanceId,
    /// Stable code, such as `handoff_not_served`.
    pub reason: Arc<str>,
    /// When waiting ends with `timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// What became of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeState {
    /// It leads on.
    Taken,
    /// It does not.
    Dead,
    /// It does not, because its source failed, was rejected or timed out.
    Failed,
}

/// One edge, decided once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeDecision {
    /// Edge id.
    pub id: Arc<str>,
    /// Target node.
    pub to: Arc<str>,
    /// What became of it.
    pub is: EdgeState,
    /// How many steps of the source's scope the edge leaves behind.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub leaves: u32,
    /// Loops that the edge enters, outermost first: the target opens their iteration 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enters: Vec<Arc<str>>,
}

/// See [`EventKind::NodeCompleted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeCompleted {
    /// Which instance.
    pub instance: InstanceId,
    /// The attempt whose result counts; 0 where the node was decided inline.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// What it returned.
    pub output: Payload,
    /// When its runner started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Tokens, money, bytes: as the runner reports them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Arc<RawValueEq>>,
    /// The signal that it consumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<Arc<str>>,
    /// Who said so, where it was completed by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// Its input, kept for compensation; present exactly where `compensate` is declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_input: Option<Payload>,
    /// Its outgoing edges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<EdgeDecision>,
    /// True: [`EdgesDecided`] follows with the rest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// How an instance failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureOutcome {
    /// An error.
    Failed,
    /// A timeout or an expiry.
    TimedOut,
    /// An approver said no.
    Rejected,
}

/// Who takes care of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandledBy {
    /// An edge (`failure`, `timeout`, `rejected`, `always`).
    Edge,
    /// The tolerance of the map or join around it.
    Tolerance,
    /// The map around it, which fails in its turn.
    Map,
    /// Nobody: the run fails.
    Nobody,
}

/// See [`EventKind::NodeFailed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeFailed {
    /// Which instance.
    pub instance: InstanceId,
    /// The last attempt; 0 where the node was decided inline.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// How.
    pub outcome: FailureOutcome,
    /// Why.
    pub failure: Failure,
    /// Who takes care of it.
    pub handled_by: HandledBy,
    /// What flows along the edges taken: `{error}`.
    pub output: Payload,
    /// Its outgoing edges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<EdgeDecision>,
    /// True: [`EdgesDecided`] follows with the rest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Why a node will not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipCause {
    /// No incoming edge can be taken any more.
    DeadPath,
    /// This server does not know the type.
    UnknownType,
    /// `on_error: skip`.
    OnError,
    /// A person skipped it.
    ByHand,
}

/// See [`EventKind::NodeSkipped`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeSkipped {
    /// Which instance.
    pub instance: InstanceId,
    /// Why.
    pub cause: SkipCause,
    /// What flows along the edges taken; absent on a dead path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Payload>,
    /// The failure that was skipped over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Who, where it was done by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    /// Its outgoing edges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<EdgeDecision>,
    /// True: [`EdgesDecided`] follows with the rest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Why an instance waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkReason {
    /// Nobody knows whether its effect happened.
    OutcomeUnknown,
    /// `on_error: park`.
    OnError,
    /// This server does not know the type (`on_unknown: park`).
    UnknownType,
    /// A compensation failed.
    CompensationFailed,
}

/// See [`EventKind::NodeParked`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeParked {
    /// Which instance.
    pub instance: InstanceId,
    /// The last attempt.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// Why.
    pub reason: ParkReason,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// See [`EventKind::RetryGranted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetryGranted {
    /// Which instance.
    pub instance: InstanceId,
    /// The last attempt that retries may reach now.
    pub attempts_max: u32,
    /// Who.
    pub by: Actor,
}

/// See [`EventKind::NodeCancelling`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeCancelling {
    /// Which instance.
    pub instance: InstanceId,
    /// The outstanding attempt; 0 for a child run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// The child run that was asked to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<RunId>,
    /// When its answer stops mattering; absent for a child run, which always answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence_at: Option<Timestamp>,
}

/// Why an instance was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelCause {
    /// It had not started when the run was stopped.
    RunStopped,
    /// The runner or child said that it stopped.
    Acknowledged,
    /// The grace period ended without an answer.
    Fenced,
    /// It lost a join with `cancel_losers`, or its map failed.
    Loser,
}

/// See [`EventKind::NodeCancelled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeCancelled {
    /// Which instance.
    pub instance: InstanceId,
    /// The attempt that was outstanding; 0 for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
    /// Why.
    pub cause: CancelCause,
    /// Present where a fenced attempt counts as possibly done and must be compensated: its input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo_input: Option<Payload>,
    /// Its outgoing edges, all dead; only where the run goes on (a loser).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<EdgeDecision>,
    /// True: [`EdgesDecided`] follows with the rest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// See [`EventKind::EdgesDecided`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EdgesDecided {
    /// The source.
    pub instance: InstanceId,
    /// More of its edges (or, where a loop ended, the routes out of its body).
    pub edges: Vec<EdgeDecision>,
    /// True: another one follows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// See [`EventKind::LateResultDiscarded`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LateResultDiscarded {
    /// Which instance.
    pub instance: InstanceId,
    /// The attempt that the result named.
    pub attempt: u32,
    /// True for a success.
    pub succeeded: bool,
}

/// See [`EventKind::SignalReceived`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalReceived {
    /// Name of the signal.
    pub name: Arc<str>,
    /// Its own id, for deduplication.
    pub signal: Arc<str>,
    /// What it carries.
    pub payload: Payload,
    /// Who sent it.
    pub actor: Actor,
}

/// See [`EventKind::RunPaused`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPaused {
    /// Who.
    pub actor: Actor,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
}

/// See [`EventKind::RunResumed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResumed {
    /// Who.
    pub actor: Actor,
}

/// See [`EventKind::CancelRequested`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelRequested {
    /// Who.
    pub actor: Actor,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
}

/// See [`EventKind::RunFailing`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFailing {
    /// The instance whose failure nobody handles; absent for the run's own deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<InstanceId>,
    /// Why.
    pub failure: Failure,
}

/// See [`EventKind::Continued`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Continued {}

/// See [`EventKind::RunCompleted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCompleted {
    /// The run's output.
    pub output: Payload,
    /// Who waits for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
}

/// See [`EventKind::RunFailed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFailed {
    /// The instance that failed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<InstanceId>,
    /// Why.
    pub failure: Failure,
    /// Who waits for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
}

/// See [`EventKind::RunCancelled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCancelled {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
    /// Who waits for this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ParentLink>,
}

impl EventKind {
    /// Calls `see` for every payload of the event.
    pub fn payloads(&self, see: &mut dyn FnMut(&Payload)) {
        match self {
            Self::RunCreated(data) => see(&data.inputs),
            Self::NodeScheduled(data) => {
                see(&data.job.config);
                see(&data.job.input);
            }
            Self::TimerStarted(data) => see(&data.input),
            Self::ApprovalRequested(data) => {
                see(&data.subject);
                data.form.iter().for_each(see);
            }
            Self::ApprovalVoted(data) => data.data.iter().for_each(see),
            Self::ChildStarted(data) => see(&data.inputs),
            Self::MapExpanded(data) => see(&data.items),
            Self::LoopIterated(data) => see(&data.output),
            Self::NodeCompleted(data) => {
                see(&data.output);
                data.undo_input.iter().for_each(see);
            }
            Self::NodeFailed(data) => see(&data.output),
            Self::NodeSkipped(data) => data.output.iter().for_each(see),
            Self::NodeCancelled(data) => data.undo_input.iter().for_each(see),
            Self::SignalReceived(data) => see(&data.payload),
            Self::RunCompleted(data) => see(&data.output),
            Self::WarningRaised(_)
            | Self::AttemptRedispatched(_)
            | Self::RetryScheduled(_)
            | Self::SignalAwaited(_)
            | Self::ApprovalEscalated(_)
            | Self::ApprovalDecided(_)
            | Self::NodeWaiting(_)
            | Self::NodeParked(_)
            | Self::RetryGranted(_)
            | Self::NodeCancelling(_)
            | Self::EdgesDecided(_)
            | Self::LateResultDiscarded(_)
            | Self::RunPaused(_)
            | Self::RunResumed(_)
            | Self::CancelRequested(_)
            | Self::RunFailing(_)
            | Self::Continued(_)
            | Self::RunFailed(_)
            | Self::RunCancelled(_) => {}
        }
    }
}

/// A JSON text that compares by its text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawValueEq(pub Box<RawValue>);

impl PartialEq for RawValueEq {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("at", &self.at)?;
        map.serialize_entry("command", &self.command)?;
        map.serialize_entry("type", self.kind.name())?;
        self.kind.serialize_data(&mut map)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wire<'a> {
            seq: u64,
            at: Timestamp,
            command: CommandId,
            #[serde(rename = "type", borrow)]
            name: std::borrow::Cow<'a, str>,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let wire = Wire::deserialize(deserializer)?;
        let kind = EventKind::from_parts(&wire.name, wire.data.get()).map_err(de::Error::custom)?;
        Ok(Self { seq: wire.seq, at: wire.at, command: wire.command, kind })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn str_is_empty(text: &Arc<str>) -> bool {
    text.is_empty()
}
