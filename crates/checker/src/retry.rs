//! Which failures are retried, and when (I-19).

use aob_engine::{Failure, RetryScheduled, Timestamp};
use aob_ir::NodeIr;

/// True if the rules of `node` retry `failure` while attempts are left.
pub(crate) fn is_retried(node: Option<&NodeIr>, failure: &Failure) -> bool {
    let named = node.is_none_or(|node| {
        let codes = &node.retry.retry_on;
        codes.is_empty() || codes.contains(&failure.code)
    });
    failure.retryable && named
}

/// The earliest and the latest time of the attempt after the one that failed: the declared
/// backoff with up to a fifth of jitter, or what the runner asked for, whichever is later.
pub(crate) fn retry_window(
    node: Option<&NodeIr>,
    data: &RetryScheduled,
    failed_at: Timestamp,
) -> (Timestamp, Timestamp) {
    let asked_ms = data.failure.retry_after_ms.unwrap_or(0);
    let Some(retry) = node.map(|node| &node.retry) else {
        return (failed_at.plus_ms(asked_ms), Timestamp(i64::MAX));
    };
    let power = i32::try_from(data.attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let grown = retry.backoff_ms as f64 * retry.backoff_multiplier.max(1.0).powi(power);
    let backoff_ms = grown.min(retry.max_backoff_ms as f64) as u64;
    let jitter_ms = backoff_ms / 5 + 1;
    let earliest_ms = backoff_ms.max(asked_ms);
    let latest_ms = backoff_ms.saturating_add(jitter_ms).max(asked_ms);
    (failed_at.plus_ms(earliest_ms), failed_at.plus_ms(latest_ms))
}
