//! The clock that a store is given by whoever composes it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::TimeMs;

/// Reads the time. An embedded database's clock is its process's, which the composer hands in.
pub type Clock = Arc<dyn Fn() -> TimeMs + Send + Sync>;

/// A clock that stands still until it is told otherwise. Clones share the time.
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows `now_ms`.
    pub fn at(now_ms: TimeMs) -> Self {
        Self(Arc::new(AtomicI64::new(now_ms)))
    }

    /// What it shows.
    pub fn now_ms(&self) -> TimeMs {
        self.0.load(Ordering::SeqCst)
    }

    /// Sets it, backwards too.
    pub fn set(&self, now_ms: TimeMs) {
        self.0.store(now_ms, Ordering::SeqCst);
    }

    /// Moves it by `by_ms`, which may be negative.
    pub fn advance(&self, by_ms: TimeMs) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// The reading end, for a store.
    pub fn clock(&self) -> Clock {
        let shared = self.clone();
        Arc::new(move || shared.now_ms())
    }
}
