//! A job and its result.

use std::sync::Arc;

use aob_engine::{
    Blob, Dispatch, Failure, INLINE_BYTES_MAX, InstanceId, JobType, Payload, RunId, Timestamp,
    WorkspaceId,
};
use aob_ir::{Digest, EffectClass, Priority, SecretSlot};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PayloadMessage, RawText, Unresolved, number};

/// One attempt to execute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Job)]
pub struct JobMessage {
    /// The tenant.
    #[schema(value_type = String, format = "uuid")]
    pub workspace: WorkspaceId,
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// Which instance: `fetch`, `crawl[3]/fetch`.
    #[schema(value_type = String)]
    pub instance: InstanceId,
    /// From 1; also the fence: a result counts only for the outstanding attempt.
    pub attempt: u32,
    /// Who executes it.
    #[schema(value_type = String, example = "function")]
    pub job_type: JobType,
    /// Function name; `http` or `agent` for those types.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// Resolved configuration; null where secrets go.
    pub config: PayloadMessage,
    /// Where the runner puts secrets into the configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub secrets: Vec<SecretSlot>,
    /// The node's input.
    pub input: PayloadMessage,
    /// What it does to the world outside.
    #[schema(value_type = String, example = "idempotent")]
    pub effect: EffectClass,
    /// Pool of runners.
    #[schema(value_type = String)]
    pub pool: Arc<str>,
    /// Queue priority.
    #[serde(default)]
    #[schema(value_type = String, example = "medium")]
    pub priority: Priority,
    /// The same for every attempt of the instance.
    #[schema(value_type = String)]
    pub idempotency_key: Arc<str>,
    /// True: a lease must be held while it runs.
    #[serde(default)]
    pub leased: bool,
    /// True: a budget bounds it, so its runner reserves before each call of a model and settles
    /// after it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub metered: bool,
    /// Milliseconds from the grant.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option")]
    pub timeout_ms: Option<u64>,
    /// Milliseconds without progress.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option")]
    pub idle_timeout_ms: Option<u64>,
    /// Not to be started after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub queue_deadline: Option<Timestamp>,
    /// Shows that its bearer was given this attempt: heartbeats and results carry it, and what else
    /// is sent on behalf of the attempt, in the header `Aob-Job-Token`. Worth nothing without the API key that it was leased with, and nothing
    /// once the attempt is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub token: Option<Arc<str>>,
}

impl JobMessage {
    /// The message for an attempt of `run`.
    ///
    /// # Errors
    /// If one of the payloads points to an event of the run: load it first.
    pub fn new(
        workspace: WorkspaceId,
        run: RunId,
        dispatch: &Dispatch,
    ) -> Result<Self, Unresolved> {
        let job = &dispatch.job;
        Ok(Self {
            workspace,
            run,
            instance: dispatch.instance.clone(),
            attempt: dispatch.attempt,
            job_type: job.job_type,
            name: Arc::clone(&job.name),
            config: PayloadMessage::try_from(&job.config)?,
            secrets: job.secrets.clone(),
            input: PayloadMessage::try_from(&job.input)?,
            effect: job.effect,
            pool: Arc::clone(&job.pool),
            priority: job.priority,
            idempotency_key: Arc::clone(&job.idempotency_key),
            leased: job.leased,
            metered: job.metered,
            timeout_ms: job.timeout_ms,
            idle_timeout_ms: job.idle_timeout_ms,
            queue_deadline: job.queue_deadline,
            token: None,
        })
    }

    /// The attempt that this job is.
    pub fn key(&self) -> AttemptKey {
        AttemptKey { run: self.run, instance: self.instance.clone(), attempt: self.attempt }
    }

    /// The answer to this job.
    pub fn answer(&self, runner: Arc<str>, outcome: OutcomeMessage) -> ResultMessage {
        ResultMessage {
            workspace: self.workspace,
            run: self.run,
            instance: self.instance.clone(),
            attempt: self.attempt,
            runner,
            outcome,
            started_at: None,
            usage: None,
            patches: Vec::new(),
        }
    }
}

/// Names an attempt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct AttemptKey {
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// The instance.
    #[schema(value_type = String)]
    pub instance: InstanceId,
    /// The attempt.
    pub attempt: u32,
}

impl std::fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}#{}", self.run, self.instance, self.attempt)
    }
}

/// What came out of an attempt. Counts only while that attempt is outstanding, so repeating it is
/// harmless.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Result)]
pub struct ResultMessage {
    /// The tenant.
    #[schema(value_type = String, format = "uuid")]
    pub workspace: WorkspaceId,
    /// The run.
    #[schema(value_type = String, format = "uuid")]
    pub run: RunId,
    /// Which instance.
    #[schema(value_type = String)]
    pub instance: InstanceId,
    /// Which attempt.
    pub attempt: u32,
    /// Who executed it.
    #[schema(value_type = String)]
    pub runner: Arc<str>,
    /// What came out.
    pub outcome: OutcomeMessage,
    /// When the runner started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// Tokens, money, bytes; any JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub usage: Option<RawText>,
    /// Changes of the run's graph, applied in order before the result is recorded: at most 16, and
    /// only with a success that counts. One that is refused is on record as rejected, and the
    /// result stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<ResultPatchMessage>,
}

/// A change of the run's graph that a result carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ResultPatch)]
pub struct ResultPatchMessage {
    /// JSON Patch operations.
    pub operations: PayloadMessage,
    /// Digest of the document that it was made against; absent: the one that holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub base: Option<Digest>,
    /// What it is for.
    #[serde(default)]
    #[schema(value_type = String)]
    pub description: Arc<str>,
}

impl ResultMessage {
    /// The attempt that this is the result of.
    pub fn key(&self) -> AttemptKey {
        AttemptKey { run: self.run, instance: self.instance.clone(), attempt: self.attempt }
    }
}

/// Exactly one of `{"completed": {"output"}}`, `{"failed": {"failure"}}`, `{"cancelled": {}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Outcome)]
pub enum OutcomeMessage {
    /// Success.
    Completed {
        /// What it returned.
        output: PayloadMessage,
    },
    /// Failure.
    Failed {
        /// Why.
        failure: FailureMessage,
    },
    /// It stopped because it was asked to.
    Cancelled {},
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Failure)]
pub struct FailureMessage {
    /// Stable code: `timeout`, `http_status`, ..., or the function's own.
    #[schema(value_type = String)]
    pub code: Arc<str>,
    /// For people.
    #[schema(value_type = String)]
    pub message: Arc<str>,
    /// False: another attempt would fail the same way.
    #[serde(default)]
    pub retryable: bool,
    /// True: nobody knows whether the effect happened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    /// Wait at least this long before the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option")]
    pub retry_after_ms: Option<u64>,
    /// More, as JSON, at most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<RawText>,
}

impl FailureMessage {
    /// A failure that another attempt would only repeat.
    pub fn permanent(code: &str, message: impl Into<Arc<str>>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            retryable: false,
            lost: false,
            retry_after_ms: None,
            details: None,
        }
    }

    /// A failure that another attempt may not meet.
    pub fn transient(code: &str, message: impl Into<Arc<str>>) -> Self {
        Self { retryable: true, ..Self::permanent(code, message) }
    }

    /// A failure that leaves open whether the effect happened: retryable where repeating is
    /// harmless, otherwise lost.
    pub fn uncertain(effect: EffectClass, code: &str, message: impl Into<Arc<str>>) -> Self {
        match effect {
            EffectClass::None | EffectClass::Idempotent => Self::transient(code, message),
            EffectClass::Compensable | EffectClass::Irreversible => {
                Self { lost: true, ..Self::permanent(code, message) }
            }
        }
    }
}

impl From<FailureMessage> for Failure {
    fn from(message: FailureMessage) -> Self {
        Self {
            code: message.code,
            message: message.message,
            retryable: message.retryable,
            lost: message.lost,
            retry_after_ms: message.retry_after_ms,
            details: message
                .details
                .filter(|details| details.0.get().len() <= INLINE_BYTES_MAX)
                .map(|details| Payload::new(&Blob::new(details.0))),
        }
    }
}
