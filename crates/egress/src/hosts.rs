//! What is known of each host: how many requests are under way, and whether it answers at all.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::EgressError;
use crate::client::Workspace;

/// Requests under way to one host and port, per workspace.
pub(crate) const MAX_CONCURRENT: usize = 16;

/// So many failures in a row open the circuit.
const FAILURES_TO_OPEN: u32 = 20;

/// So long a host is left alone, then one request may try.
const OPEN_FOR: Duration = Duration::from_secs(5);

/// Hosts remembered. Of those forgotten the count starts again.
const MAX_HOSTS: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");

/// A host as one workspace sees it: what one tenant does must not stop another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct HostKey {
    pub(crate) workspace: Workspace,
    pub(crate) host: String,
    pub(crate) port: u16,
}

#[derive(Debug)]
pub(crate) struct Hosts {
    known: Mutex<LruCache<HostKey, Arc<Host>>>,
}

#[derive(Debug)]
struct Host {
    slots: Arc<Semaphore>,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    failures: u32,
    open_until: Option<Instant>,
}

impl Hosts {
    pub(crate) fn new() -> Self {
        Self { known: Mutex::new(LruCache::new(MAX_HOSTS)) }
    }

    /// Waits for a slot, unless the host is left alone.
    pub(crate) async fn enter(&self, key: HostKey) -> Result<Slot, EgressError> {
        let host = Arc::clone(self.known.lock().get_or_insert(key, || {
            let slots = Arc::new(Semaphore::new(MAX_CONCURRENT));
            Arc::new(Host { slots, health: Mutex::default() })
        }));
        let slots = Arc::clone(&host.slots);
        // Nobody closes it, but a closed one would mean that there is no slot to be had.
        let permit =
            slots.acquire_owned().await.map_err(|_| EgressError::Timeout { sent: false })?;
        host.health.lock().admit(Instant::now())?;
        Ok(Slot { host, _permit: permit })
    }
}

impl Health {
    fn admit(&mut self, now: Instant) -> Result<(), EgressError> {
        match self.open_until {
            Some(until) if now < until => {
                let retry_after = until.duration_since(now).as_millis();
                let retry_after_ms = u64::try_from(retry_after).unwrap_or(u64::MAX).max(1);
                Err(EgressError::CircuitOpen { retry_after_ms })
            }
            Some(_) => {
                // This one tries; the others wait for how it ends.
                self.open_until = Some(now + OPEN_FOR);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn report(&mut self, reachable: bool, now: Instant) {
        if reachable {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_TO_OPEN {
            self.open_until = Some(now + OPEN_FOR);
        }
    }
}

/// The right to one request; given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    host: Arc<Host>,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// Tells how the request went. What the host said does not count, only whether it answers.
    pub(crate) fn report<T>(&self, result: &Result<T, EgressError>) {
        let reachable = match result {
            Ok(_) | Err(EgressError::TooLarge { .. } | EgressError::BadResponse { .. }) => true,
            Err(EgressError::Connect { .. } | EgressError::Lost { .. }) => false,
            Err(EgressError::Timeout { sent: false }) => false,
            // A slow answer says as much about the caller's patience as about the host.
            Err(EgressError::Timeout { sent: true }) => return,
            Err(
                EgressError::Refused(_)
                | EgressError::CircuitOpen { .. }
                | EgressError::Redirect { .. },
            ) => return,
        };
        self.host.health.lock().report(reachable, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;
    use crate::error::ConnectStage;

    fn key(workspace: u8, port: u16) -> HostKey {
        HostKey { workspace: [workspace; 16], host: "h".into(), port }
    }

    fn failed() -> Result<(), EgressError> {
        Err(EgressError::connect(ConnectStage::Tcp, "refused"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_has_sixteen_slots_per_workspace() {
        let hosts = Hosts::new();
        let mut slots = Vec::new();
        for _ in 0..MAX_CONCURRENT {
            slots.push(hosts.enter(key(1, 1)).await.unwrap());
        }
        let tick = Duration::from_millis(1);
        assert!(timeout(tick, hosts.enter(key(1, 1))).await.is_err());
        for other in [key(2, 1), key(1, 2)] {
            assert!(timeout(tick, hosts.enter(other)).await.unwrap().is_ok());
        }
        slots.pop();
        assert!(timeout(tick, hosts.enter(key(1, 1))).await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_unreachable_host_is_left_alone_and_tried_again() {
        let hosts = Hosts::new();
        for _ in 0..FAILURES_TO_OPEN {
            hosts.enter(key(1, 1)).await.unwrap().report(&failed());
        }
        let open = hosts.enter(key(1, 1)).await;
        assert!(matches!(open, Err(EgressError::CircuitOpen { retry_after_ms: 5_000 })));
        assert!(hosts.enter(key(2, 1)).await.is_ok(), "another workspace has its own count");

        advance(OPEN_FOR).await;
        let probe = hosts.enter(key(1, 1)).await.unwrap();
        assert!(hosts.enter(key(1, 1)).await.is_err(), "one tries, not all");
        probe.report(&failed());
        assert!(hosts.enter(key(1, 1)).await.is_err());

        advance(OPEN_FOR).await;
        hosts.enter(key(1, 1)).await.unwrap().report(&Ok(()));
        for _ in 0..FAILURES_TO_OPEN - 1 {
            hosts.enter(key(1, 1)).await.unwrap().report(&failed());
        }
        assert!(hosts.enter(key(1, 1)).await.is_ok(), "the count starts again");
    }

    #[tokio::test(start_paused = true)]
    async fn only_silence_counts_as_a_failure() {
        let hosts = Hosts::new();
        for _ in 0..3 * FAILURES_TO_OPEN {
            for error in [
                EgressError::Timeout { sent: true },
                EgressError::bad_response("odd"),
                EgressError::Refused(crate::Refusal::Downgrade),
            ] {
                hosts.enter(key(1, 1)).await.unwrap().report::<()>(&Err(error));
            }
        }
        for _ in 0..FAILURES_TO_OPEN {
            let timeout = EgressError::Timeout { sent: false };
            hosts.enter(key(1, 1)).await.unwrap().report::<()>(&Err(timeout));
        }
        assert!(hosts.enter(key(1, 1)).await.is_err());
    }
}
