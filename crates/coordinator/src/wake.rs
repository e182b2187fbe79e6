//! When the sweeper should look next, as far as this process knows.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

/// The earliest due time offered since the last look.
#[derive(Debug)]
pub(crate) struct WakeHint {
    due_ms: AtomicI64,
    notify: Notify,
}

impl WakeHint {
    pub(crate) fn new() -> Self {
        Self { due_ms: AtomicI64::new(i64::MAX), notify: Notify::new() }
    }

    /// Says that something may be due at this time.
    pub(crate) fn offer(&self, due_ms: i64) {
        if self.due_ms.fetch_min(due_ms, Ordering::AcqRel) > due_ms {
            self.notify.notify_one();
        }
    }

    /// Takes the earliest time offered; `i64::MAX`: none.
    pub(crate) fn take(&self) -> i64 {
        self.due_ms.swap(i64::MAX, Ordering::AcqRel)
    }

    /// Waits until an earlier time is offered.
    pub(crate) async fn offered(&self) {
        self.notify.notified().await;
    }
}
