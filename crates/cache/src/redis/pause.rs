//! How long a server that does not answer is left alone.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Holds for a while after a failure. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Pause {
    length: Duration,
    until: Arc<Mutex<Option<Instant>>>,
}

impl Pause {
    pub(super) fn new(length: Duration) -> Self {
        Self { length, until: Arc::default() }
    }

    /// True while the server is left alone. Of those who ask afterwards one is told to try; the
    /// others are held until it has found out.
    pub(super) fn holds(&self) -> bool {
        let mut until = self.until.lock();
        let Some(end) = *until else { return false };
        let now = Instant::now();
        if now < end {
            return true;
        }
        *until = Some(now + self.length);
        false
    }

    pub(super) fn begin(&self) {
        *self.until.lock() = Some(Instant::now() + self.length);
    }

    /// The server answers.
    pub(super) fn end(&self) {
        let mut until = self.until.lock();
        if until.is_some() {
            *until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_caller_tries_when_the_time_is_over() {
        let pause = Pause::new(Duration::from_secs(1));
        assert!(!pause.holds());
        pause.begin();
        assert!(pause.holds());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!pause.holds(), "somebody has to try");
        assert!(pause.clone().holds(), "one is enough");
        pause.end();
        assert!(!pause.holds());
    }
}
