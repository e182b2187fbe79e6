//! `http` jobs: one request through the egress client, and what its answer means.

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

    /// Sends the request and judges the answer.
    ///
    /// A cancelled attempt is dropped at once where repeating the request is harmless. Otherwise
    /// the answer is awaited, because it says whether the effect happened.
    pub async fn execute(&self, job: &ReadyJob<'_>, attempt: &Attempt) -> Outcome {
        let request = match request::build(job, remaining(job, attempt)) {
            Ok(request) => request,
            Err(failure) => return failure.into(),
        };
        if attempt.cancel_token().is_cancelled() {
            return Outcome::Cancelled;
        }
        let effect = job.message.effect;
        let summary = request.summary;
        let sent = self.port.send(request.outgoing);
        let answer = match effect {
            EffectClass::Compensable | EffectClass::Irreversible => sent.await,
            EffectClass::None | EffectClass::Idempotent => tokio::select! {
                biased;
                answer = sent => answer,
                () = attempt.cancel_token().cancelled() => return Outcome::Cancelled,
            },
        };
        match answer {
            Ok(response) if request.expect.accepts(response.status) => {
                Outcome::Completed(reply::output(&response))
            }
            Ok(response) => classify::status(effect, &summary, &response, self.clock.now()).into(),
            Err(error) => classify::error(effect, &summary, error).into(),
        }
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
