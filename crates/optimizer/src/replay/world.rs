//! What stands around a replayed run, and what is seen of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_engine::{
    Actor, ApprovalRequested, Command, Event, Failure, InstanceId, Job, RunId, RunStatus,
    Timestamp, Vote,
};
use aob_ir::{Digest, EffectClass};
use serde_json::Value;
use thiserror::Error;

/// What a replay starts from.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Id of the run: idempotency keys and `$run` come out as they were.
    pub run: RunId,
    /// When it was created.
    pub at: Timestamp,
    /// The tag it was started by.
    pub tag: Option<Arc<str>>,
    /// Inputs.
    pub inputs: Value,
    /// Labels.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Nesting.
    pub depth: u32,
    /// What tags of sub-workflows meant.
    pub children: BTreeMap<Arc<str>, Digest>,
}

/// An attempt of a job.
#[derive(Debug, Clone, Copy)]
pub struct JobView<'a> {
    /// Which instance.
    pub instance: &'a InstanceId,
    /// Which attempt.
    pub attempt: u32,
    /// The job.
    pub job: &'a Job,
    /// Its configuration.
    pub config: &'a Value,
    /// The node's input.
    pub input: &'a Value,
}

/// What becomes of something.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It gives this.
    Completed(Value),
    /// It fails.
    Failed(Failure),
    /// Nobody knows: the replay ends here.
    Unknown,
}

/// A vote on a ticket.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Who.
    pub by: Actor,
    /// Roles of the person.
    pub roles: Vec<Arc<str>>,
    /// Yes or no.
    pub vote: Vote,
    /// Why.
    pub reason: Option<Arc<str>>,
    /// Answer to the form.
    pub data: Option<Value>,
}

/// Everything that a run asks for.
pub trait World {
    /// What an attempt gives.
    fn attempt(&mut self, job: &JobView<'_>) -> Fate;

    /// How long an attempt takes, in virtual milliseconds below a minute.
    fn takes_ms(&mut self, _job: &JobView<'_>) -> u64 {
        1_000
    }

    /// What a child run gives; `None`: it is performed too, where its document stands in the
    /// parent's.
    fn child(&mut self, instance: &InstanceId, inputs: &Value) -> Option<Fate>;

    /// The votes on a ticket.
    fn votes(&mut self, ticket: &ApprovalRequested) -> Vec<Answer>;

    /// What a signal carries, where one comes for a waiting instance.
    fn signal(&mut self, instance: &InstanceId, name: &str) -> Option<Value>;

    /// What a person does about a parked instance.
    fn parked(&mut self, instance: &InstanceId) -> Option<Command>;
}

/// One attempt that was made in a replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Performed {
    /// Which instance.
    pub instance: InstanceId,
    /// Which attempt.
    pub attempt: u32,
    /// What it does outside.
    pub effect: EffectClass,
    /// The same key is the same effect.
    pub idempotency_key: Arc<str>,
    /// Name of the function, or the type.
    pub name: Arc<str>,
    /// Its configuration.
    pub config: Value,
    /// What it gave; `None`: it failed.
    pub output: Option<Value>,
}

/// What a replay took. Nodes of child runs that are performed count too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Attempts of jobs that were handed out.
    pub jobs: u64,
    /// Instances that ended: completed, skipped, failed or cancelled.
    pub instances: u64,
    /// Edges that were decided.
    pub edges: u64,
    /// Virtual milliseconds from start to end.
    pub elapsed_ms: u64,
}

/// How a replay ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The run's status: terminal, or what it waits in.
    pub status: RunStatus,
    /// Its output, where it completed.
    pub output: Option<Value>,
    /// Code and message of the failure, where it failed.
    pub error: Option<(Arc<str>, Arc<str>)>,
    /// Attempts, in the order in which they were handed out.
    pub performed: Vec<Performed>,
    /// What it took.
    pub counts: Counts,
    /// Everything that happened, without that of child runs.
    pub log: Vec<Event>,
}

/// Why a replay came to no end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplayError {
    /// The world does not know what something gives.
    #[error("nothing is recorded of `{instance}`: {what}")]
    Unknown {
        /// The instance.
        instance: String,
        /// What is missing.
        what: String,
    },
    /// A payload is not at hand.
    #[error("the payload {0} is not at hand")]
    Payload(Digest),
    /// The run refuses what it is told.
    #[error("the run refuses a command: {0}")]
    Refused(String),
    /// The child's document is not part of its parent's.
    #[error("the child run of `{0}` is neither recorded nor given inline")]
    Child(String),
    /// It does not end.
    #[error("the replay runs away")]
    RunsAway,
}
