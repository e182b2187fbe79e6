//! Timers: finds runs in which something may be due, and sends them a tick.

use std::sync::Arc;
use std::time::Duration;

use aob_bugs::{Bug, seeded};
use aob_engine::{Actor, Command, CommandId, LeaseView, Request, RunId, Timestamp, WorkspaceId};
use aob_points::{Point, reach};
use aob_store::{Clock, LeaseState, Store, Wakeup, WakeupMove};
use futures::StreamExt;
use futures::stream;
use tokio_util::sync::CancellationToken;

use crate::wake::WakeHint;
use crate::{
    Handle, Reply, Submission, SubmitError, engine_workspace, run_of, stream as stream_of,
};

/// Wake-ups taken at once.
const SWEEP_MAX: u32 = 512;
/// Runs ticked at the same time.
pub(crate) const TICKS_AT_ONCE: usize = 64;

/// Sends ticks.
#[derive(Clone)]
pub(crate) struct Sweeper {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) handle: Handle,
    pub(crate) clock: Clock,
    pub(crate) wake: Arc<WakeHint>,
    /// See [`crate::Config::process`].
    pub(crate) process: Arc<str>,
    /// The table is looked at this often even if nothing was offered: other processes set timers
    /// too.
    pub(crate) at_least: Duration,
}

impl Sweeper {
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        loop {
            let hinted = self.wake.take();
            let full = self.sweep().await;
            if full {
                if shutdown.is_cancelled() {
                    return;
                }
                continue;
            }
            let wait = self.wait_until(hinted).await;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = self.wake.offered() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// How long nothing is due.
    async fn wait_until(&self, hinted: i64) -> Duration {
        let stored = self.store.wakeups_next().await.ok().flatten().unwrap_or(i64::MAX);
        let now = (self.clock)();
        let next = if hinted > now { stored.min(hinted) } else { stored };
        let wait_ms = u64::try_from(next.saturating_sub(now)).unwrap_or(0).max(1);
        Duration::from_millis(wait_ms).min(self.at_least)
    }

    /// Ticks what is due; true where there may be more.
    async fn sweep(&self) -> bool {
        let due = match self.store.wakeups_due((self.clock)(), SWEEP_MAX).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "timers cannot be read");
                return false;
            }
        };
        if !due.is_empty() && reach(Point::TimersDue).await.is_err() {
            return false;
        }
        let full = due.len() == SWEEP_MAX as usize;
        let moves = stream::iter(due).map(|wakeup| self.tick(wakeup));
        let moves: Vec<_> =
            moves.buffer_unordered(TICKS_AT_ONCE).filter_map(async |m| m).collect().await;
        if reach(Point::TimersTicked).await.is_err() {
            return false;
        }
        let progress = !moves.is_empty();
        if progress && let Err(error) = self.store.wakeups_move(&moves).await {
            tracing::warn!(%error, "timers cannot be moved");
        }
        full && progress
    }

    /// Ticks one run; gives where its wake-up moves to. After a tick that changed something it
    /// stays where the append left it: that may have found it early enough by another clock.
    async fn tick(&self, wakeup: Wakeup) -> Option<WakeupMove> {
        let run = run_of(wakeup.stream);
        let id = format!("tick:{}:{}:{}", wakeup.ordinal, (self.clock)(), self.process);
        let workspace = engine_workspace(wakeup.workspace);
        let (at_seq, to) = match tick(&*self.store, &self.handle, (workspace, run), id).await {
            Ok(outcome) if outcome.changed => return None,
            Ok(outcome) => {
                let next = outcome.next_due.filter(|_| !seeded(Bug::LostWakeup));
                (Some(outcome.seq), next.map(|due| due.0))
            }
            Err(SubmitError::NotFound(_)) => (None, None),
            Err(error) => {
                tracing::warn!(%error, run = %RunId(wakeup.stream.0), "tick failed; it will be repeated");
                (None, Some((self.clock)() + 1_000))
            }
        };
        Some(WakeupMove { read: wakeup, at_seq, to })
    }
}

/// Sends a tick to a run, with its leases as they are.
pub(crate) async fn tick(
    store: &dyn Store,
    handle: &Handle,
    (workspace, run): (WorkspaceId, RunId),
    id: String,
) -> Reply {
    let leases = store.leases_of(stream_of(run)).await;
    let leases = leases.map_err(|error| SubmitError::Unavailable(error.to_string()))?;
    let command = Command::Tick { leases: leases.iter().filter_map(view).collect() };
    let request = Request { id: CommandId(id.into()), actor: Actor::system(), command };
    let submission =
        Submission { workspace, run, request, key: None, dedup: None, ir: None, token: () };
    handle.submit_internal(submission).await
}

fn view(lease: &LeaseState) -> Option<LeaseView> {
    let time = |ms: i64| Timestamp(ms);
    Some(LeaseView {
        instance: lease.row.key.instance.parse().ok()?,
        attempt: lease.row.key.attempt,
        granted_at: lease.granted_ms.map(time),
        until: lease.until_ms.map(time),
        progress_at: lease.progress_ms.map(time),
    })
}
