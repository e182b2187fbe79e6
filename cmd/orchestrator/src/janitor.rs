//! Forgetting what need not be remembered.

use std::sync::Arc;
use std::time::Duration;

use aob_store::{Clock, Store};
use tokio_util::sync::CancellationToken;

/// How often.
const PERIOD: Duration = Duration::from_secs(600);

/// Deletes idempotency keys past their time, until `shutdown`.
pub(crate) async fn run(store: Arc<dyn Store>, clock: Clock, shutdown: CancellationToken) {
    let mut period = tokio::time::interval(PERIOD);
    period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = period.tick() => {}
            () = shutdown.cancelled() => return,
        }
        match store.idempotency_expire(clock()).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "idempotency keys are past their time"),
            Err(error) => tracing::warn!(%error, "idempotency keys stay"),
        }
    }
}
