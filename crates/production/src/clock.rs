//! The database's clock, as this process estimates it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aob_store::{Clock, Store, StoreError};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

/// How often the estimate is corrected.
const CORRECT_EVERY: Duration = Duration::from_secs(10);

/// An offset to the monotonic clock of this process. What it says never goes back. Clones are the
/// same clock.
#[derive(Debug, Clone)]
pub struct DatabaseClock {
    start: Instant,
    /// The database's time at the start.
    offset_ms: Arc<AtomicI64>,
    said_ms: Arc<AtomicI64>,
}

impl DatabaseClock {
    /// Asks the database what time it is.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn of(store: &dyn Store) -> Result<Self, StoreError> {
        let clock = Self {
            start: Instant::now(),
            offset_ms: Arc::default(),
            said_ms: Arc::new(AtomicI64::new(i64::MIN)),
        };
        clock.correct(store).await?;
        Ok(clock)
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        let now = self.offset_ms.load(Ordering::Relaxed).saturating_add(self.elapsed_ms());
        self.said_ms.fetch_max(now, Ordering::Relaxed).max(now)
    }

    /// As the ports take it.
    pub fn as_port(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.now_ms())
    }

    /// Corrects the estimate until `shutdown`.
    pub async fn follow(self, store: Arc<dyn Store>, shutdown: CancellationToken) {
        let mut ticks = interval(CORRECT_EVERY);
        let following = async {
            loop {
                ticks.tick().await;
                if let Err(error) = self.correct(&*store).await {
                    tracing::debug!(%error, "the clock is not corrected");
                }
            }
        };
        shutdown.run_until_cancelled(following).await;
    }

    /// The answer was given somewhere between question and arrival.
    async fn correct(&self, store: &dyn Store) -> Result<(), StoreError> {
        let asked = self.elapsed_ms();
        let said = store.now_ms().await?;
        let middle = asked.midpoint(self.elapsed_ms());
        self.offset_ms.store(said - middle, Ordering::Relaxed);
        Ok(())
    }

    fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use aob_store::MemStore;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_the_databases_time_and_never_goes_back() {
        let theirs = Arc::new(AtomicI64::new(1_000_000));
        let source = Arc::clone(&theirs);
        let store = MemStore::new(Arc::new(move || source.load(Ordering::Relaxed)));
        let clock = DatabaseClock::of(&store).await.unwrap();
        assert_eq!(clock.now_ms(), 1_000_000);
        tokio::time::advance(Duration::from_millis(50)).await;
        assert_eq!(clock.as_port()(), 1_000_050);
        // The database says that less time has passed.
        theirs.store(1_000_020, Ordering::Relaxed);
        clock.correct(&store).await.unwrap();
        assert_eq!(clock.now_ms(), 1_000_050);
        tokio::time::advance(Duration::from_millis(40)).await;
        assert_eq!(clock.now_ms(), 1_000_060);
    }
}
