//! The long-poll runner: leases jobs of its pool from a server, executes them, hands results in.

use std::sync::Arc;
use std::time::Duration;

use aob_api::jobs::{
    FailureMessage, JobMessage, LEASE_LIMIT_MAX, LEASE_WAIT_MS_MAX, LeaseRequest, LeaseResponse,
    OutcomeMessage, ResultMessage, ResultRequest,
};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{ApiError, ApiLeases, RunnerApi};
use crate::attempt::Attempt;
use crate::backoff::Backoff;
use crate::drain::drain;
use crate::leases::{LeaseKeeper, LeaseTimes};
use crate::worker::Worker;

/// Bytes of log lines that go along with a result.
const LAST_LOG_BYTES_MAX: usize = 256 * 1024;

/// What a long-poll runner is.
#[derive(Debug, Clone)]
pub struct PollConfig {
    /// Its name, unique among those alive.
    pub runner: Arc<str>,
    /// Its pool.
    pub pool: Arc<str>,
    /// The functions it serves.
    pub names: Vec<Arc<str>>,
    /// Jobs at once.
    pub concurrency: u32,
    /// How long a poll waits for jobs.
    pub wait: Duration,
    /// How long running jobs may go on after a shutdown was asked for.
    pub drain: Duration,
    /// How long a job may take to stop when told to.
    pub stop_grace: Duration,
}

impl PollConfig {
    /// A runner of these functions with the default limits: 16 jobs at once, polls of 20 s, 30 s to
    /// drain, 10 s to stop.
    pub fn new(runner: &str, pool: &str, names: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self {
            runner: runner.into(),
            pool: pool.into(),
            names: names.into_iter().collect(),
            concurrency: 16,
            wait: Duration::from_secs(20),
            drain: Duration::from_secs(30),
            stop_grace: Duration::from_secs(10),
        }
    }
}

/// Why a runner gave up.
#[derive(Debug, Error)]
pub enum PollError {
    /// The server will not have it.
    #[error("this runner cannot work for the server")]
    Turned(#[source] ApiError),
}

/// A long-poll runner.
#[derive(Debug)]
pub struct Poller {
    config: PollConfig,
    api: Arc<dyn RunnerApi>,
    worker: Worker,
    keeper: Arc<LeaseKeeper>,
    /// Cancelled when [`Poller::run`] is dropped: what it had spawned ends with it.
    gone: CancellationToken,
}

impl Poller {
    /// A runner that works for the server behind `api`.
    pub fn new(config: PollConfig, api: Arc<dyn RunnerApi>, worker: Worker) -> Self {
        Self { config, api, worker, keeper: Arc::default(), gone: CancellationToken::new() }
    }

    /// Works until `shutdown`, then drains: running jobs may finish for a while, then they are
    /// stopped and answered so. Dropping the future ends everything at once, as a crash would.
    ///
    /// # Errors
    /// If the server refuses it; it drains before it returns.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), PollError> {
        let _gone = self.gone.clone().drop_guard();
        let heartbeats = ApiLeases(Arc::clone(&self.api));
        let stop_beating = CancellationToken::new();
        let keeper = Arc::clone(&self.keeper);
        let beat = keeper.run(&heartbeats, LeaseTimes::default(), &stop_beating);
        let work = async {
            let jobs = TaskTracker::new();
            let polled = self.poll(&jobs, &shutdown).await;
            drain(&jobs, &self.keeper, self.config.drain, self.config.stop_grace).await;
            jobs.wait().await;
            stop_beating.cancel();
            polled
        };
        let ((), polled) = tokio::join!(beat, work);
        polled
    }

    async fn poll(
        &self,
        jobs: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Result<(), PollError> {
        let slots = Arc::new(Semaphore::new(self.config.concurrency.max(1) as usize));
        let mut backoff = Backoff::new(&self.config.runner);
        let mut failures = 0_u32;
        loop {
            let Some(free) = self.free_slots(&slots, shutdown).await else { return Ok(()) };
            let leased = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                leased = self.lease(free.num_permits()) => leased,
            };
            match leased {
                Ok(response) => {
                    if failures > 0 {
                        tracing::info!(failures, "the server is back");
                    }
                    failures = 0;
                    backoff.reset();
                    self.start(response, free, jobs);
                }
                Err(ApiError::Unavailable { problem, retry_after_ms }) => {
                    drop(free);
                    failures = failures.saturating_add(1);
                    let asked = Duration::from_millis(retry_after_ms.unwrap_or(0));
                    let wait = backoff.next_wait().max(asked.min(Duration::from_secs(60)));
                    tracing::warn!(problem, wait_ms = wait.as_millis(), "no jobs can be leased");
                    tokio::select! {
                        biased;
                        () = shutdown.cancelled() => return Ok(()),
                        () = tokio::time::sleep(wait) => {}
                    }
                }
                Err(error @ (ApiError::Unauthorized(_) | ApiError::Refused { .. })) => {
                    return Err(PollError::Turned(error));
                }
            }
        }
    }

    /// All free slots, at least one; `None`: shut down meanwhile.
    async fn free_slots(
        &self,
        slots: &Arc<Semaphore>,
        shutdown: &CancellationToken,
    ) -> Option<OwnedSemaphorePermit> {
        let first = tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            first = Arc::clone(slots).acquire_owned() => first,
        };
        // The semaphore is never closed.
        let mut free = first.ok()?;
        let limit = LEASE_LIMIT_MAX as usize;
        while free.num_permits() < limit
            && let Ok(more) = Arc::clone(slots).try_acquire_owned()
        {
            free.merge(more);
        }
        Some(free)
    }

    async fn lease(&self, limit: usize) -> Result<LeaseResponse, ApiError> {
        let wait_ms = u64::try_from(self.config.wait.as_millis()).unwrap_or(LEASE_WAIT_MS_MAX);
        let request = LeaseRequest {
            runner: Arc::clone(&self.config.runner),
            pool: Arc::clone(&self.config.pool),
            names: self.config.names.clone(),
            limit: u32::try_from(limit).unwrap_or(LEASE_LIMIT_MAX),
            wait_ms: wait_ms.min(LEASE_WAIT_MS_MAX),
        };
        self.api.lease(request).await
    }

    fn start(&self, response: LeaseResponse, mut free: OwnedSemaphorePermit, jobs: &TaskTracker) {
        let until = Instant::now() + Duration::from_millis(response.lease_ms);
        for job in response.jobs {
            let Some(slot) = free.split(1) else {
                // More than was asked for: their leases run out, and others get them.
                tracing::warn!("the server sent more jobs than there are slots");
                return;
            };
            let attempt =
                Attempt::leased_now(job.key(), Arc::clone(&self.config.runner), job.token.clone());
            let hold = self.keeper.hold(Arc::clone(&attempt), Some(until));
            let (worker, api) = (self.worker.clone(), Arc::clone(&self.api));
            let gone = self.gone.clone();
            jobs.spawn(gone.run_until_cancelled_owned(async move {
                if let Some(result) = worker.work(&job, &attempt).await {
                    deliver(&*api, &job, result, &attempt).await;
                }
                drop((hold, slot));
            }));
        }
    }
}

/// Hands a result in, for as long as anybody wants it.
async fn deliver(api: &dyn RunnerApi, job: &JobMessage, result: ResultMessage, attempt: &Attempt) {
    let (_, logs) = attempt.take_report(LAST_LOG_BYTES_MAX);
    let mut request = ResultRequest { result, logs, token: job.token.clone() };
    let mut backoff = Backoff::new(attempt.key());
    let mut refused = false;
    loop {
        let answer = tokio::select! {
            biased;
            () = attempt.lost() => return,
            answer = api.result(request.clone()) => answer,
        };
        let wait = match answer {
            Ok(answer) => {
                tracing::debug!(attempt = %attempt.key(), answer.accepted, "handed in");
                return;
            }
            Err(ApiError::Refused { status, problem }) if !refused => {
                tracing::error!(attempt = %attempt.key(), status, problem, "the result is refused");
                refused = true;
                let failure = FailureMessage::permanent("result_refused", problem);
                let runner = Arc::clone(&request.result.runner);
                let outcome = OutcomeMessage::Failed { failure };
                let result = job.answer(runner, outcome);
                request = ResultRequest { result, logs: None, token: job.token.clone() };
                Duration::ZERO
            }
            Err(error @ ApiError::Refused { .. }) => {
                tracing::error!(attempt = %attempt.key(), %error, "nothing can be handed in");
                return;
            }
            Err(error @ (ApiError::Unavailable { .. } | ApiError::Unauthorized(_))) => {
                tracing::warn!(attempt = %attempt.key(), %error, "the result could not be handed in");
                backoff.next_wait()
            }
        };
        tokio::select! {
            biased;
            () = attempt.lost() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

#[cfg(test)]
mod tests;
