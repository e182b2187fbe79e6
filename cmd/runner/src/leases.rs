//! Keeps the leases of running attempts alive, many with one request, and stops what has lost its.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{AttemptKey, HeartbeatItem, LeaseStanding};
use async_trait::async_trait;
use futures::future::OptionFuture;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::attempt::{Attempt, StopCause};

/// Leases in one heartbeat.
const ITEMS_MAX: usize = 500;
/// Bytes of log lines in one heartbeat.
const LOG_BYTES_MAX: usize = 256 * 1024;

/// The place that keeps leases did not answer. Trying again may help.
#[derive(Debug, Error)]
#[error("leases are unavailable: {0}")]
pub struct LeasesUnavailable(pub String);

/// Renews leases.
#[async_trait]
pub trait Heartbeats: fmt::Debug + Send + Sync {
    /// Renews leases; answers in the order asked.
    ///
    /// # Errors
    /// If the place that keeps them does not answer; nothing is known to be renewed.
    async fn heartbeat(&self, beats: Vec<Beat>) -> Result<Vec<LeaseStanding>, LeasesUnavailable>;
}

/// A lease to renew.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    /// In whose name it was claimed.
    pub holder: Arc<str>,
    /// Which, and what there is to report.
    pub item: HeartbeatItem,
}

/// Claims leases of jobs that came by topic.
#[async_trait]
pub trait Claims: Heartbeats {
    /// Claims leases for `holder`, each at most once; answers in the order asked. `false`: held by
    /// another, or over.
    ///
    /// # Errors
    /// If the place that keeps them does not answer; any of them may be claimed. Claiming again
    /// under the same name is granted.
    async fn claim(
        &self,
        holder: &str,
        attempts: &[AttemptKey],
    ) -> Result<Vec<bool>, LeasesUnavailable>;
}

/// How long leases hold, and how often they are renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTimes {
    /// From a claim or heartbeat to the end.
    pub lease: Duration,
    /// Between heartbeats.
    pub heartbeat: Duration,
}

impl Default for LeaseTimes {
    fn default() -> Self {
        Self {
            lease: Duration::from_millis(aob_api::jobs::LEASE_MS),
            heartbeat: Duration::from_millis(aob_api::jobs::HEARTBEAT_MS),
        }
    }
}

/// The attempts that run, with their leases.
#[derive(Debug, Default)]
pub struct LeaseKeeper {
    held: Mutex<Registry>,
}

#[derive(Debug, Default)]
struct Registry {
    next_id: u64,
    held: BTreeMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
    attempt: Arc<Attempt>,
    /// `None`: it needs no lease.
    until: Option<Instant>,
}

/// An attempt is held for as long as this lives.
#[derive(Debug)]
pub struct Hold {
    keeper: Arc<LeaseKeeper>,
    id: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.keeper.held.lock().held.remove(&self.id);
    }
}

/// A heartbeat under way: when it left, whom it is for, what came back.
type UnderWay<'a> = Pin<Box<dyn Future<Output = Beaten> + Send + 'a>>;

struct Beaten {
    sent_at: Instant,
    items: Vec<(u64, Arc<Attempt>)>,
    progress: Vec<Option<aob_api::jobs::RawText>>,
    answer: Result<Vec<LeaseStanding>, LeasesUnavailable>,
}

impl LeaseKeeper {
    /// Takes care of an attempt whose lease holds until then; `None`: it needs none.
    pub fn hold(self: &Arc<Self>, attempt: Arc<Attempt>, until: Option<Instant>) -> Hold {
        let mut registry = self.held.lock();
        let id = registry.next_id;
        registry.next_id += 1;
        registry.held.insert(id, Held { attempt, until });
        Hold { keeper: Arc::clone(self), id }
    }

    /// Number of attempts held.
    pub fn len(&self) -> usize {
        self.held.lock().held.len()
    }

    /// True where none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells all attempts to stop.
    pub fn stop_all(&self, cause: StopCause) {
        self.held.lock().held.values().for_each(|held| held.attempt.stop(cause));
    }

    /// Renews until `stop`. A lease that could not be renewed in time ends its attempt: by then
    /// somebody else may be running it.
    pub async fn run(
        &self,
        heartbeats: &dyn Heartbeats,
        times: LeaseTimes,
        stop: &CancellationToken,
    ) {
        let mut ticks = interval(times.heartbeat);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut under_way: OptionFuture<UnderWay<'_>> = None.into();
        let mut busy = false;
        loop {
            let expiry = self.next_expiry();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(beaten) = &mut under_way, if busy => {
                    (under_way, busy) = (None.into(), false);
                    if beaten.items.len() == ITEMS_MAX && beaten.answer.is_ok() {
                        ticks.reset_immediately();
                    }
                    self.apply(beaten, times.lease);
                }
                _ = ticks.tick(), if !busy => {
                    if let Some(beat) = self.beat(heartbeats, times) {
                        (under_way, busy) = (Some(beat).into(), true);
                    }
                }
                () = sleep_until(expiry.unwrap_or_else(Instant::now)), if expiry.is_some() => {
                    self.expire();
                }
            }
        }
    }

    fn next_expiry(&self) -> Option<Instant> {
        self.held.lock().held.values().filter_map(|held| held.until).min()
    }

    /// The next heartbeat, for those whose lease runs out first; `None`: there is nothing to renew
    /// that was not renewed just now.
    fn beat<'a>(&self, heartbeats: &'a dyn Heartbeats, times: LeaseTimes) -> Option<UnderWay<'a>> {
        let sent_at = Instant::now();
        let fresh = sent_at + times.lease.saturating_sub(times.heartbeat / 2);
        let mut leased: Vec<(Instant, u64, Arc<Attempt>)> = {
            let registry = self.held.lock();
            let due = registry.held.iter().filter_map(|(id, held)| {
                let until = held.until.filter(|until| *until <= fresh)?;
                Some((until, *id, Arc::clone(&held.attempt)))
            });
            due.collect()
        };
        if leased.is_empty() {
            return None;
        }
        leased.sort_by_key(|(until, id, _)| (*until, *id));
        leased.truncate(ITEMS_MAX);
        let mut log_bytes = LOG_BYTES_MAX;
        let mut request = Vec::with_capacity(leased.len());
        for (_, _, attempt) in &leased {
            let (progress, logs) = attempt.take_report(log_bytes);
            let taken: usize = logs.iter().flat_map(|logs| &logs.lines).map(String::len).sum();
            log_bytes = log_bytes.saturating_sub(taken);
            let holder = Arc::clone(attempt.holder());
            let token = attempt.token().cloned();
            let AttemptKey { run, instance, attempt } = attempt.key().clone();
            let item = HeartbeatItem { run, instance, attempt, token, progress, logs };
            request.push(Beat { holder, item });
        }
        let progress = request.iter().map(|beat| beat.item.progress.clone()).collect();
        let items = leased.into_iter().map(|(_, id, attempt)| (id, attempt)).collect();
        Some(Box::pin(async move {
            let answer = heartbeats.heartbeat(request);
            let answer = timeout(times.heartbeat, answer).await.unwrap_or_else(|_| {
                Err(LeasesUnavailable("no answer before the next heartbeat".to_owned()))
            });
            Beaten { sent_at, items, progress, answer }
        }))
    }

    fn apply(&self, beaten: Beaten, lease: Duration) {
        let Beaten { sent_at, items, progress, answer } = beaten;
        let states = match answer {
            Ok(states) => states,
            Err(error) => {
                tracing::warn!(%error, leases = items.len(), "a heartbeat failed");
                for ((_, attempt), progress) in items.iter().zip(progress) {
                    progress.into_iter().for_each(|progress| attempt.restore_progress(progress));
                }
                return;
            }
        };
        let mut registry = self.held.lock();
        for ((id, attempt), state) in items.iter().zip(states) {
            match state {
                LeaseStanding::Held => {}
                LeaseStanding::Cancelling => attempt.stop(StopCause::Cancelling),
                LeaseStanding::Lost => attempt.stop(StopCause::Lost),
            }
            if let Some(held) = registry.held.get_mut(id) {
                held.until = (state != LeaseStanding::Lost).then_some(sent_at + lease);
            }
        }
    }

    /// Ends the attempts whose leases have run out.
    fn expire(&self) {
        let now = Instant::now();
        for held in self.held.lock().held.values_mut() {
            if held.until.is_some_and(|until| until <= now) {
                tracing::warn!(attempt = %held.attempt.key(), "the lease ran out");
                held.until = None;
                held.attempt.stop(StopCause::Lost);
            }
        }
    }
}

#[cfg(test)]
mod tests;
