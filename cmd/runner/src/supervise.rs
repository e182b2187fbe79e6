//! Holds an executor to its limits: attempt timeout, idle timeout, and being told to stop.

use std::pin::pin;
use std::time::Duration;

use aob_api::jobs::FailureMessage;
use aob_ir::EffectClass;
use tokio::time::{Instant, sleep_until};

use crate::attempt::{Attempt, StopCause};
use crate::execute::{Executor, Outcome, ReadyJob, duration_text};

/// Far enough away to mean never.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Why an attempt was ended before its executor answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Timeout,
    Idle,
    Stopped(StopCause),
}

/// Runs a job to its outcome. `None`: the lease is lost, and nobody may answer.
///
/// Whoever is told to stop gets `grace` to do so; then its future is dropped. An answer given
/// within the grace counts where it says more than that it stopped.
pub(crate) async fn supervise(
    executor: &dyn Executor,
    job: &ReadyJob<'_>,
    attempt: &Attempt,
    grace: Duration,
) -> Option<Outcome> {
    let mut work = pin!(executor.execute(job, attempt));
    let mut stops = attempt.stops();
    let mut end: Option<End> = attempt.stop_cause().map(End::Stopped);
    let mut ended_at = attempt.granted();
    let timeout = job.message.timeout_ms.map_or(NEVER, Duration::from_millis).min(NEVER);
    let idle = job.message.idle_timeout_ms.map_or(NEVER, Duration::from_millis).min(NEVER);
    loop {
        if end == Some(End::Stopped(StopCause::Lost)) {
            return None;
        }
        let idle_at = attempt.last_progress() + idle;
        let ended = tokio::select! {
            biased;
            outcome = &mut work => return answer(job, attempt, end, Some(outcome)),
            Ok(()) = stops.changed() => {
                let cause = *stops.borrow_and_update();
                end.or(cause.map(End::Stopped)).map(|end| strongest(end, cause))
            }
            () = sleep_until(attempt.granted() + timeout), if end.is_none() => Some(End::Timeout),
            () = sleep_until(idle_at), if end.is_none() => {
                (attempt.last_progress() + idle <= Instant::now()).then_some(End::Idle)
            }
            () = sleep_until(ended_at + grace), if end.is_some() => {
                return answer(job, attempt, end, None);
            }
        };
        if end.is_none() && ended.is_some() {
            ended_at = Instant::now();
            attempt.cancel_token().cancel();
        }
        end = ended;
    }
}

/// Losing the lease outweighs whatever ended the attempt before.
fn strongest(end: End, cause: Option<StopCause>) -> End {
    if cause == Some(StopCause::Lost) { End::Stopped(StopCause::Lost) } else { end }
}

/// What the attempt answers, given why it ended and what its executor said, if anything.
fn answer(
    job: &ReadyJob<'_>,
    attempt: &Attempt,
    end: Option<End>,
    outcome: Option<Outcome>,
) -> Option<Outcome> {
    let cause = attempt.stop_cause();
    if cause == Some(StopCause::Lost) {
        return None;
    }
    // The executor may have seen the stop before this task did.
    let end = end.or(cause.map(End::Stopped));
    let cancelled = matches!(end, None | Some(End::Stopped(StopCause::Cancelling)));
    let effect = job.message.effect;
    Some(match (outcome, end) {
        (Some(outcome @ (Outcome::Completed(_) | Outcome::Failed(_))), _) => outcome,
        (Some(Outcome::Cancelled), _) if cancelled => Outcome::Cancelled,
        (Some(Outcome::Interrupted), _) if cancelled => match effect {
            EffectClass::None | EffectClass::Idempotent => Outcome::Cancelled,
            EffectClass::Compensable | EffectClass::Irreversible => {
                let message = "it was cancelled while it ran";
                FailureMessage::uncertain(effect, "interrupted", message).into()
            }
        },
        // Nothing happened outside, so it can be done again whatever its effect is.
        (Some(Outcome::Cancelled), end) => unanswered(job, EffectClass::None, end).into(),
        (Some(Outcome::Interrupted) | None, end) => unanswered(job, effect, end).into(),
    })
}

/// The failure of an attempt that was ended without an answer.
fn unanswered(job: &ReadyJob<'_>, effect: EffectClass, end: Option<End>) -> FailureMessage {
    let limit = |ms: Option<u64>| duration_text(ms.unwrap_or_default());
    match end {
        Some(End::Timeout) => {
            let message = format!("no result within {}", limit(job.message.timeout_ms));
            FailureMessage::uncertain(effect, "timeout", message)
        }
        Some(End::Idle) => {
            let message = format!("no progress for {}", limit(job.message.idle_timeout_ms));
            FailureMessage::uncertain(effect, "idle_timeout", message)
        }
        Some(End::Stopped(StopCause::Shutdown)) => {
            FailureMessage::uncertain(effect, "runner_stopped", "its runner was shut down")
        }
        Some(End::Stopped(StopCause::Cancelling | StopCause::Lost)) | None => {
            FailureMessage::uncertain(effect, "cancel_unanswered", "it did not stop when asked to")
        }
    }
}

#[cfg(test)]
mod tests;
