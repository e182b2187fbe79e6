//! Events about instances: what they wait for, how they end, which edges that decides.

use std::sync::Arc;

use aob_ir::{Budget, Digest, EffectClass, Priority, SecretSlot};
use serde::{Deserialize, Serialize};

use super::{BudgetOf, RawValueEq, is_zero};
use crate::ids::{Actor, InstanceId, RunId, Timestamp};
use crate::value::Payload;

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
    /// A budget bounds it: its runner reserves before each call of a model, and settles after it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub metered: bool,
}

/// See [`EventKind::NodeStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeStarted {
    /// Which instance.
    pub instance: InstanceId,
    /// What flows into it.
    pub input: Payload,
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
    /// What it may spend on models: set aside from what this run has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
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
    /// The last attempt; 0 where there was none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempt: u32,
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
    /// A budget has no room for its next call.
    BudgetExhausted,
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
    /// The budget that is exhausted: the instance goes on when it is raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetOf>,
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
