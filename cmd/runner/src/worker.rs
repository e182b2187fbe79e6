//! From a job message to a result message: values loaded, secrets put in, limits held, secrets
//! taken out, long values stored.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{
    FailureMessage, JobMessage, OutcomeMessage, PayloadMessage, ResultMessage, ResultPatchMessage,
};
use aob_engine::{INLINE_BYTES_MAX, JobType};
use aob_ir::{SecretPart, SecretSlot};
use aob_points::{Point, pass, reach};
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

use crate::attempt::{Attempt, StopCause, cut};
use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::execute::{Executor, Outcome, ReadyJob};
use crate::payloads::{self, PayloadError, Payloads};
use crate::redact::Redactor;
use crate::secrets::{FillError, Secrets, fill};
use crate::supervise::supervise;

/// Bytes of a failure's code.
const CODE_BYTES_MAX: usize = 128;
/// Bytes of a failure's message.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// What a worker needs.
#[derive(Debug, Clone)]
pub struct WorkerDeps {
    /// Executes the jobs.
    pub executor: Arc<dyn Executor>,
    /// Long values.
    pub payloads: Arc<dyn Payloads>,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Stamps results.
    pub clock: Arc<dyn Clock>,
}

/// Executes job messages under a runner's name.
#[derive(Debug, Clone)]
pub struct Worker {
    runner: Arc<str>,
    deps: WorkerDeps,
    stop_grace: Duration,
}

impl Worker {
    /// A worker that answers as `runner` and gives an attempt `stop_grace` to stop when told to.
    pub fn new(runner: Arc<str>, deps: WorkerDeps, stop_grace: Duration) -> Self {
        Self { runner, deps, stop_grace }
    }

    /// The result of a job; `None` where its lease was lost and nobody may answer.
    pub async fn work(&self, job: &JobMessage, attempt: &Attempt) -> Option<ResultMessage> {
        let started_at = self.deps.clock.now();
        let outcome = tokio::select! {
            biased;
            outcome = self.outcome(job, attempt) => outcome,
            () = attempt.lost() => None,
        };
        let outcome = outcome?;
        let patches = match outcome {
            OutcomeMessage::Completed { .. } => self.patches(job, attempt).await?,
            OutcomeMessage::Failed { .. } | OutcomeMessage::Cancelled {} => Vec::new(),
        };
        let message = job.answer(Arc::clone(&self.runner), outcome);
        Some(ResultMessage { started_at: Some(started_at), patches, ..message })
    }

    async fn outcome(&self, job: &JobMessage, attempt: &Attempt) -> Option<OutcomeMessage> {
        let ready = match self.ready(job, attempt).await? {
            Ok(ready) => ready,
            Err(failure) => return Some(OutcomeMessage::Failed { failure }),
        };
        if let Err(struck) = reach(Point::ExecuteBefore).await {
            let failure = FailureMessage::transient("not_executed", struck.to_string());
            return Some(OutcomeMessage::Failed { failure });
        }
        let outcome = supervise(&*self.deps.executor, &ready, attempt, self.stop_grace).await?;
        pass(Point::ExecuteAfter).await;
        Some(match outcome {
            Outcome::Completed(output) => {
                let stored = self.store(job, ready.redactor.json(output), attempt).await?;
                OutcomeMessage::Completed { output: stored }
            }
            Outcome::Failed(failure) => {
                OutcomeMessage::Failed { failure: bounded(ready.redactor.failure(failure)) }
            }
            Outcome::Cancelled | Outcome::Interrupted => OutcomeMessage::Cancelled {},
        })
    }

    /// What the attempt proposed, long operations stored.
    async fn patches(
        &self,
        job: &JobMessage,
        attempt: &Attempt,
    ) -> Option<Vec<ResultPatchMessage>> {
        let mut patches = attempt.take_patches();
        for patch in &mut patches {
            if let PayloadMessage::Inline(text) = &patch.operations {
                patch.operations = self.store(job, text.clone(), attempt).await?;
            }
        }
        Some(patches)
    }

    /// The job with everything in place, or why it cannot be executed.
    async fn ready<'a>(
        &self,
        job: &'a JobMessage,
        attempt: &Attempt,
    ) -> Option<Result<ReadyJob<'a>, FailureMessage>> {
        let config = match self.load(job, &job.config, attempt).await? {
            Ok(config) => config,
            Err(failure) => return Some(Err(failure)),
        };
        let input = match self.load(job, &job.input, attempt).await? {
            Ok(input) => input,
            Err(failure) => return Some(Err(failure)),
        };
        let filled = self.fill(job, config).await;
        Some(filled.map(|(config, redactor)| ReadyJob { message: job, config, input, redactor }))
    }

    async fn load(
        &self,
        job: &JobMessage,
        message: &PayloadMessage,
        attempt: &Attempt,
    ) -> Option<Result<Box<RawValue>, FailureMessage>> {
        if let PayloadMessage::Inline(text) = message {
            return Some(Ok(text.clone()));
        }
        let payloads = &*self.deps.payloads;
        let loaded = persist(attempt, || payloads::load(payloads, job.workspace, message)).await?;
        Some(loaded.map_err(|error| FailureMessage::permanent("value_missing", error.to_string())))
    }

    /// Stores what was computed, for as long as anybody listens: the effect has happened, so
    /// giving up would lose it.
    async fn store(
        &self,
        job: &JobMessage,
        output: Box<RawValue>,
        attempt: &Attempt,
    ) -> Option<PayloadMessage> {
        let output = match PayloadMessage::inline(output) {
            Ok(message) => return Some(message),
            Err(output) => output,
        };
        let payloads = &*self.deps.payloads;
        let put = || payloads::store(payloads, job.workspace, output.clone());
        persist(attempt, put).await?.ok()
    }

    async fn fill(
        &self,
        job: &JobMessage,
        config: Box<RawValue>,
    ) -> Result<(Box<RawValue>, Redactor), FailureMessage> {
        let named = named_auth_secrets(job, &config);
        if job.secrets.is_empty() && named.is_empty() {
            return Ok((config, Redactor::default()));
        }
        let mut slots = job.secrets.clone();
        slots.extend(named);
        let unusable = |message: String| FailureMessage::permanent("invalid_config", message);
        let mut value: Value =
            serde_json::from_str(config.get()).map_err(|error| unusable(error.to_string()))?;
        let host = host_of(job, &value);
        let secrets = &*self.deps.secrets;
        let redactor = fill(secrets, job.workspace, host.as_deref(), &slots, &mut value).await;
        let redactor = redactor.map_err(|error| {
            let message = error.to_string();
            match error {
                FillError::Missing { .. } => FailureMessage::permanent("secret_missing", message),
                FillError::Refused { .. } => FailureMessage::permanent("secret_refused", message),
                FillError::NoSuchSlot { .. } => unusable(message),
                FillError::Unavailable(_) => {
                    FailureMessage::transient("secrets_unavailable", message)
                }
            }
        })?;
        let config = aob_api::jobs::RawText::of(&value).0;
        Ok((config, redactor))
    }
}

/// The failure, short enough for a message and for the log.
fn bounded(failure: FailureMessage) -> FailureMessage {
    let short = |text: Arc<str>, bytes_max: usize| match text.len() <= bytes_max {
        true => text,
        false => cut(&text, bytes_max).into(),
    };
    FailureMessage {
        code: short(failure.code, CODE_BYTES_MAX),
        message: short(failure.message, MESSAGE_BYTES_MAX),
        details: failure.details.filter(|details| details.0.get().len() <= INLINE_BYTES_MAX),
        ..failure
    }
}

/// `auth.secret` may name a secret without `$secrets.`: the slots that stand for it, of the one
/// request or of each in a batch.
fn named_auth_secrets(job: &JobMessage, config: &RawValue) -> Vec<SecretSlot> {
    // Most configurations have no `auth`: they are not parsed for it.
    if job.job_type != JobType::Http || !config.get().contains("\"auth\"") {
        return Vec::new();
    }
    let Ok(value) = serde_json::from_str::<Value>(config.get()) else { return Vec::new() };
    let parts = value.get("batch").and_then(Value::as_array).map_or(0, Vec::len);
    let pointers = (0..parts).map(|part| format!("/batch/{part}/auth/secret"));
    let pointers = std::iter::once("/auth/secret".to_owned()).chain(pointers);
    let slot = |pointer: String| {
        let name = value.pointer(&pointer)?.as_str()?;
        let is_filled = job.secrets.iter().any(|slot| *slot.pointer == *pointer);
        let parts = vec![SecretPart::Secret(name.into())];
        (!is_filled).then(|| SecretSlot { pointer: pointer.into(), parts })
    };
    pointers.filter_map(slot).collect()
}

/// The host that an `http` job talks to, which for a batch must be the same of all its requests.
/// Where the URL itself holds a secret, it is not known before the secret is in place, and no
/// secret that is bound to hosts goes there.
fn host_of(job: &JobMessage, config: &Value) -> Option<String> {
    if job.job_type != JobType::Http {
        return None;
    }
    let host = |request: &Value| {
        let url = Url::parse(request.get("url")?.as_str()?).ok()?;
        url.host_str().map(str::to_owned)
    };
    let Some(parts) = config.get("batch").and_then(Value::as_array) else { return host(config) };
    let first = host(parts.first()?)?;
    parts.iter().all(|part| host(part).as_deref() == Some(&first)).then_some(first)
}

/// Repeats `call` while it is unavailable, until the runner shuts down (`None`).
async fn persist<T, F>(
    attempt: &Attempt,
    mut call: impl FnMut() -> F,
) -> Option<Result<T, PayloadError>>
where
    F: Future<Output = Result<T, PayloadError>>,
{
    let mut backoff = Backoff::new(attempt.key());
    loop {
        match call().await {
            Err(PayloadError::Unavailable(problem)) => {
                tracing::warn!(attempt = %attempt.key(), problem, "values are unavailable");
            }
            answer => return Some(answer),
        }
        tokio::time::sleep(backoff.next_wait()).await;
        if attempt.stop_cause() == Some(StopCause::Shutdown) {
            return None;
        }
    }
}
