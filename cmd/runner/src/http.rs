//! `http` jobs: one request or a batch through the egress client, and what the answers mean.

mod classify;
mod expect;
mod port;
mod reply;
mod request;
mod retry_after;

use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::FailureMessage;
use aob_ir::EffectClass;
use futures::future::join_all;

use self::request::{Request, Requests};
use crate::attempt::Attempt;
use crate::clock::Clock;
use crate::execute::{Outcome, ReadyJob};

pub use port::{HttpPort, OutgoingRequest, OutgoingResponse, SendError};

/// Response bytes that an `http` node may receive where it sets no `max_bytes`.
pub const RESPONSE_BYTES_DEFAULT: u64 = 8 * 1024 * 1024;
/// The most that `max_bytes` can allow.
pub const RESPONSE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How long a request may take where neither node nor document says.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(300);

/// Executes `http` jobs.
#[derive(Debug)]
pub struct HttpExecutor {
    port: Arc<dyn HttpPort>,
    clock: Arc<dyn Clock>,
}

impl HttpExecutor {
    /// Sends through `port`. The clock is for `Retry-After` dates.
    pub fn new(port: Arc<dyn HttpPort>, clock: Arc<dyn Clock>) -> Self {
        Self { port, clock }
    }

    /// Sends the request, or all of a batch at once, and judges the answers.
    ///
    /// A cancelled attempt is dropped at once where repeating the request is harmless. Otherwise
    /// the answer is awaited, because it says whether the effect happened.
    pub async fn execute(&self, job: &ReadyJob<'_>, attempt: &Attempt) -> Outcome {
        let requests = match request::build(job, remaining(job, attempt)) {
            Ok(requests) => requests,
            Err(failure) => return failure.into(),
        };
        if attempt.cancel_token().is_cancelled() {
            return Outcome::Cancelled;
        }
        let effect = job.message.effect;
        let answered = self.answer(effect, requests);
        match effect {
            EffectClass::Compensable | EffectClass::Irreversible => answered.await,
            EffectClass::None | EffectClass::Idempotent => tokio::select! {
                biased;
                outcome = answered => outcome,
                () = attempt.cancel_token().cancelled() => Outcome::Cancelled,
            },
        }
    }

    async fn answer(&self, effect: EffectClass, requests: Requests) -> Outcome {
        match requests {
            Requests::One(request) => match self.send(effect, *request).await {
                Ok(response) => Outcome::Completed(reply::output(&response)),
                Err(failure) => failure.into(),
            },
            Requests::Batch(parts) => {
                let sent = parts.into_iter().map(|(id, request)| async move {
                    let answer = self.send(effect, request).await;
                    (id, answer)
                });
                batch_outcome(join_all(sent).await)
            }
        }
    }

    /// Sends one request; a status outside `expect` is a failure.
    async fn send(
        &self,
        effect: EffectClass,
        request: Request,
    ) -> Result<OutgoingResponse, FailureMessage> {
        let Request { outgoing, expect, summary } = request;
        match self.port.send(outgoing).await {
            Ok(response) if expect.accepts(response.status) => Ok(response),
            Ok(response) => Err(classify::status(effect, &summary, &response, self.clock.now())),
            Err(error) => Err(classify::error(effect, &summary, error)),
        }
    }
}

/// A batch succeeds where all of its requests do. Of several failures the first that no other
/// attempt can help decides, since it would fail the run alone too; else the one that asks to wait
/// longest.
fn batch_outcome(answers: Vec<(String, Result<OutgoingResponse, FailureMessage>)>) -> Outcome {
    let mut responses = Vec::with_capacity(answers.len());
    let mut worst: Option<FailureMessage> = None;
    for (id, answer) in answers {
        match answer {
            Ok(response) => responses.push((id, response)),
            Err(failure) => {
                let failure = FailureMessage {
                    message: format!("{id}: {}", failure.message).into(),
                    ..failure
                };
                let is_worse = worst.as_ref().is_none_or(|worst| {
                    let rank = |f: &FailureMessage| (!f.retryable, f.retry_after_ms);
                    worst.retryable && rank(&failure) > rank(worst)
                });
                if is_worse {
                    worst = Some(failure);
                }
            }
        }
    }
    match worst {
        Some(failure) => failure.into(),
        None => Outcome::Completed(reply::outputs(responses)),
    }
}

/// What is left of the attempt's timeout.
fn remaining(job: &ReadyJob<'_>, attempt: &Attempt) -> Duration {
    let whole = job.message.timeout_ms.map_or(TIMEOUT_DEFAULT, Duration::from_millis);
    whole.saturating_sub(attempt.granted().elapsed())
}

fn invalid(message: impl Into<Arc<str>>) -> FailureMessage {
    FailureMessage::permanent("invalid_config", message)
}

#[cfg(test)]
mod tests;
