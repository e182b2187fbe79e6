//! The bus driver: consumes `node.jobs.*`, claims where a lease is needed, executes, and answers on
//! `node.results`.
//!
//! ```text
//! Intake ─ unleased ─────────────────────────────► job task ─► publish_all ─► settle offset
//!        └ leased ─► claim task ─► settle offset ─► job task ─► publish_all
//! ```
//! A message without lease is settled when its result is published: until then it is delivered
//! again if this process dies. One with a lease is settled when the lease is claimed: from there
//! the lease's expiry stands for it, and a job that runs for an hour holds nothing back. Slots are
//! the one bound: a message is taken only where a slot is free, and its slot is free again when
//! its result is out.

mod intake;
mod offsets;
mod publish;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aob_api::jobs::{AttemptKey, JobMessage};
use aob_bus::{Bus, Message, SubscribeError, dead_letter};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::attempt::Attempt;
use crate::backoff::Backoff;
use crate::clock::Clock;
use crate::drain::drain;
use crate::leases::{Claims, LeaseKeeper, LeaseTimes};
use crate::worker::Worker;
use intake::{Intake, Ticket, settle};
use publish::{Finished, WAITING_MAX, bury, publish_all};

/// Messages taken at once.
const BATCH_MAX: usize = 64;
/// How long the last results may take to be published.
const LAST_RESULTS: Duration = Duration::from_secs(5);

/// What a bus driver is.
#[derive(Debug, Clone)]
pub struct DriverConfig {
    /// The runner's name. No other process has it or has had it: leases are held in it, and who
    /// claims in a name that holds a lease already is granted it again.
    pub runner: Arc<str>,
    /// The consumer group that all runners of the installation share.
    pub group: String,
    /// Jobs at once.
    pub concurrency: usize,
    /// Leases.
    pub leases: LeaseTimes,
    /// How long running jobs may go on after a shutdown was asked for.
    pub drain: Duration,
    /// How long a job may take to stop when told to.
    pub stop_grace: Duration,
}

impl DriverConfig {
    /// A runner of this name with the default limits: 512 jobs at once, 30 s to drain, 10 s to
    /// stop.
    pub fn new(runner: &str) -> Self {
        Self {
            runner: runner.into(),
            group: "runners".to_owned(),
            concurrency: 512,
            leases: LeaseTimes::default(),
            drain: Duration::from_secs(30),
            stop_grace: Duration::from_secs(10),
        }
    }
}

/// What a bus driver needs.
#[derive(Debug, Clone)]
pub struct DriverDeps {
    /// Jobs and results.
    pub bus: Arc<dyn Bus>,
    /// Leases.
    pub claims: Arc<dyn Claims>,
    /// Queue deadlines.
    pub clock: Arc<dyn Clock>,
    /// Executes.
    pub worker: Worker,
}

/// A job on its way to a slot of its own.
struct Taken {
    job: JobMessage,
    ticket: Option<Ticket>,
    slot: OwnedSemaphorePermit,
}

/// The bus driver.
#[derive(Debug, Clone)]
pub struct Driver {
    config: DriverConfig,
    deps: DriverDeps,
    keeper: Arc<LeaseKeeper>,
    jobs: TaskTracker,
    claims: Arc<AtomicU64>,
    /// Cancelled when [`Driver::run`] is dropped: what it had spawned ends with it.
    gone: CancellationToken,
}

/// A driver that has joined the group of runners.
#[derive(Debug)]
pub struct JoinedDriver {
    driver: Driver,
    intake: Intake,
}

impl JoinedDriver {
    /// Works until `shutdown`, then drains: running jobs may finish for a while, then they are
    /// stopped and answered so. Dropping the future ends everything at once, as a crash would.
    pub async fn run(self, shutdown: CancellationToken) {
        self.driver.work(self.intake, shutdown).await;
    }
}

impl Driver {
    /// A driver; it starts with [`Driver::run`].
    pub fn new(config: DriverConfig, deps: DriverDeps) -> Self {
        Self {
            config,
            deps,
            keeper: Arc::default(),
            jobs: TaskTracker::new(),
            claims: Arc::default(),
            gone: CancellationToken::new(),
        }
    }

    /// Joins the group of runners: what is published from here on waits for this one. Before the
    /// first runner has joined, a topic keeps only its last messages.
    ///
    /// # Errors
    /// If the topics do not exist or the bus cannot be reached.
    pub async fn join(self) -> Result<JoinedDriver, SubscribeError> {
        let intake = Intake::join(&*self.deps.bus, &self.config.group).await?;
        Ok(JoinedDriver { driver: self, intake })
    }

    /// Joins the group and works: see [`JoinedDriver::run`].
    ///
    /// # Errors
    /// If the topics do not exist or the bus cannot be reached at the start.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), SubscribeError> {
        self.join().await?.run(shutdown).await;
        Ok(())
    }

    async fn work(self, mut intake: Intake, shutdown: CancellationToken) {
        let _gone = self.gone.clone().drop_guard();
        let (results, finished) = mpsc::channel(WAITING_MAX);
        let (stop_beating, give_up) = (CancellationToken::new(), CancellationToken::new());
        let publishing = publish_all(Arc::clone(&self.deps.bus), finished, give_up.clone());
        let beating = self.keeper.run(&*self.deps.claims, self.config.leases, &stop_beating);
        let working = async {
            self.take_jobs(&mut intake, &results, &shutdown).await;
            drop(results);
            drain(&self.jobs, &self.keeper, self.config.drain, self.config.stop_grace).await;
            let last_results = timeout(LAST_RESULTS, self.jobs.wait());
            if last_results.await.is_err() {
                tracing::warn!("the last results cannot be published");
            }
            give_up.cancel();
            self.jobs.wait().await;
            stop_beating.cancel();
        };
        tokio::join!(beating, working, publishing);
    }

    async fn take_jobs(
        &self,
        intake: &mut Intake,
        results: &mpsc::Sender<Finished>,
        shutdown: &CancellationToken,
    ) {
        let slots = Arc::new(Semaphore::new(self.config.concurrency.max(1)));
        let mut backoff = Backoff::new(&self.config.runner);
        loop {
            let taken = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                taken = take(intake, &slots) => taken,
            };
            match taken {
                Some(Ok((messages, free))) => {
                    backoff.reset();
                    self.start_batch(messages, free, results, shutdown).await;
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "no jobs can be received");
                    sleep(backoff.next_wait()).await;
                }
                None => return,
            }
        }
    }

    async fn start_batch(
        &self,
        messages: Vec<(Message, Ticket)>,
        mut free: OwnedSemaphorePermit,
        results: &mpsc::Sender<Finished>,
        shutdown: &CancellationToken,
    ) {
        let (mut leased, mut pointless, mut dead) = (Vec::new(), Vec::new(), Vec::new());
        for (message, ticket) in messages {
            let job = match self.read(&message) {
                Ok(Some(job)) => job,
                Ok(None) => {
                    pointless.push(ticket);
                    continue;
                }
                Err(error) => {
                    dead.push((dead_letter(&message, &error.to_string()), ticket));
                    continue;
                }
            };
            // As many slots were taken as messages were asked for.
            let Some(slot) = free.split(1) else { continue };
            let taken = Taken { job, ticket: Some(ticket), slot };
            if taken.job.leased {
                leased.push(taken);
            } else {
                self.start(taken, &self.config.runner, None, results.clone());
            }
        }
        drop(free);
        if !pointless.is_empty() {
            settle(pointless).await;
        }
        if !dead.is_empty() {
            self.spawn(bury(Arc::clone(&self.deps.bus), dead));
        }
        if !leased.is_empty() {
            let claiming = self.clone().claim_and_start(leased, results.clone(), shutdown.clone());
            self.spawn(claiming);
        }
    }

    /// The job of a message; `None` where it comes too late to be started: its run notices by
    /// itself.
    fn read(&self, message: &Message) -> Result<Option<JobMessage>, serde_json::Error> {
        let job = serde_json::from_slice::<JobMessage>(&message.payload).inspect_err(|error| {
            let Message { topic, partition, offset, .. } = message;
            tracing::error!(%topic, partition, offset, %error, "this is not a job");
        })?;
        let late = job.queue_deadline.is_some_and(|at| at < self.deps.clock.now());
        if late {
            tracing::debug!(attempt = %job.key(), "its queue timeout has passed");
        }
        Ok((!late).then_some(job))
    }

    /// Claims leases, all with one request, and starts what was granted. What was not is another
    /// runner's, or over, or has been executed here.
    async fn claim_and_start(
        self,
        mut leased: Vec<Taken>,
        results: mpsc::Sender<Finished>,
        shutdown: CancellationToken,
    ) {
        // A name of its own for each claim: a message that comes twice is granted once, although
        // the lease outlives the job until the result has been applied.
        let claim = self.claims.fetch_add(1, Ordering::Relaxed);
        let holder: Arc<str> = format!("{}#{claim}", self.config.runner).into();
        let tickets: Vec<Ticket> =
            leased.iter_mut().filter_map(|taken| taken.ticket.take()).collect();
        let leased: BTreeMap<AttemptKey, Taken> =
            leased.into_iter().map(|taken| (taken.job.key(), taken)).collect();
        let keys: Vec<AttemptKey> = leased.keys().cloned().collect();
        let Some((until, granted)) = self.claim(&holder, &keys, &shutdown).await else { return };
        settle(tickets).await;
        for (taken, granted) in leased.into_values().zip(granted) {
            if granted {
                self.start(taken, &holder, Some(until), results.clone());
            }
        }
    }

    /// Claims until the store answers, or the runner shuts down (`None`).
    async fn claim(
        &self,
        holder: &str,
        keys: &[AttemptKey],
        shutdown: &CancellationToken,
    ) -> Option<(Instant, Vec<bool>)> {
        let mut backoff = Backoff::new(&holder);
        loop {
            let until = Instant::now() + self.config.leases.lease;
            let claiming = self.deps.claims.claim(holder, keys);
            match timeout(self.config.leases.heartbeat, claiming).await {
                Ok(Ok(granted)) => return Some((until, granted)),
                Ok(Err(error)) => tracing::warn!(%error, "leases cannot be claimed"),
                Err(_) => tracing::warn!(jobs = keys.len(), "leases are not claimed in time"),
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                () = sleep(backoff.next_wait()) => {}
            }
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.jobs.spawn(self.gone.clone().run_until_cancelled_owned(task));
    }

    fn start(
        &self,
        taken: Taken,
        holder: &Arc<str>,
        until: Option<Instant>,
        results: mpsc::Sender<Finished>,
    ) {
        let Taken { job, ticket, slot } = taken;
        let attempt = Attempt::granted_now(job.key(), Arc::clone(holder));
        let hold = self.keeper.hold(Arc::clone(&attempt), until);
        let worker = self.deps.worker.clone();
        self.spawn(async move {
            let Some(result) = worker.work(&job, &attempt).await else { return };
            match serde_json::to_vec(&result) {
                Ok(payload) => {
                    let (key, payload) = (*job.run.0.as_bytes(), Bytes::from(payload));
                    let finished = Finished { key, payload, ticket, hold, slot };
                    if results.send(finished).await.is_err() {
                        tracing::warn!(attempt = %attempt.key(), "its result comes too late");
                    }
                }
                Err(error) => {
                    tracing::error!(attempt = %attempt.key(), %error, "its result has no JSON form");
                }
            }
        });
    }
}

/// What was received, with a slot for each message.
type Received = Result<(Vec<(Message, Ticket)>, OwnedSemaphorePermit), aob_bus::Unavailable>;

/// Waits for a free slot, then for messages to fill the free slots; `None`: never any more.
async fn take(intake: &mut Intake, slots: &Arc<Semaphore>) -> Option<Received> {
    // The semaphore is never closed.
    let mut free = Arc::clone(slots).acquire_owned().await.ok()?;
    while free.num_permits() < BATCH_MAX
        && let Ok(more) = Arc::clone(slots).try_acquire_owned()
    {
        free.merge(more);
    }
    let received = intake.next(free.num_permits()).await;
    Some(received.map(|messages| (messages, free)))
}

#[cfg(test)]
mod tests;
