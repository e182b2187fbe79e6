//! What an executor is: a job, ready to run, in; an outcome out.

use std::borrow::Cow;
use std::fmt;

use aob_api::jobs::{FailureMessage, JobMessage, RawText};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::attempt::Attempt;
use crate::redact::Redactor;

/// A job with its values loaded and its secrets in place.
pub struct ReadyJob<'a> {
    /// The message it came with. Its `config` has no secrets.
    pub message: &'a JobMessage,
    /// The configuration with secrets: never to be logged.
    pub config: Box<RawValue>,
    /// The node's input.
    pub input: Box<RawValue>,
    /// Takes the secrets out of what the job says while it runs. Its outcome is cleaned by whoever
    /// asked for it.
    pub redactor: Redactor,
}

impl fmt::Debug for ReadyJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyJob").field("key", &self.message.key()).finish_non_exhaustive()
    }
}

impl ReadyJob<'_> {
    /// A function's arguments: `args` of its configuration, or the node's input where it has none.
    pub fn args(&self) -> &RawValue {
        self.own_args().unwrap_or(&self.input)
    }

    /// `args` of a function's configuration; `None` where absent or null.
    pub fn own_args(&self) -> Option<&RawValue> {
        #[derive(Deserialize)]
        struct Config<'a> {
            #[serde(borrow, default)]
            args: Option<&'a RawValue>,
        }
        serde_json::from_str::<Config<'_>>(self.config.get()).ok().and_then(|config| config.args)
    }
}

/// What came out.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Success, with what it returned.
    Completed(Box<RawValue>),
    /// Failure.
    Failed(FailureMessage),
    /// It stopped because it was asked to, and nothing happened outside.
    Cancelled,
    /// It was stopped in the middle: nobody knows what it did.
    Interrupted,
}

impl Outcome {
    /// Success with `value`.
    pub fn completed(value: &serde_json::Value) -> Self {
        Self::Completed(RawText::of(value).0)
    }
}

impl From<FailureMessage> for Outcome {
    fn from(failure: FailureMessage) -> Self {
        Self::Failed(failure)
    }
}

/// Executes jobs. It watches `attempt.cancel_token()` and stops soon after; its future may be
/// dropped at any await, and then leaves nothing running.
#[async_trait]
pub trait Executor: fmt::Debug + Send + Sync {
    /// Executes one attempt.
    async fn execute(&self, job: &ReadyJob<'_>, attempt: &Attempt) -> Outcome;
}

/// `{n} ms` or `{n} s`, as people write it.
pub(crate) fn duration_text(ms: u64) -> Cow<'static, str> {
    if ms >= 1_000 && ms.is_multiple_of(1_000) {
        format!("{} s", ms / 1_000).into()
    } else {
        format!("{ms} ms").into()
    }
}
