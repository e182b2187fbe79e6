//! The one task that appends: everything that waits goes into one statement.
//!
//! ```text
//! callers --(slots)--> queue --> [ one statement, one commit ] --> replies
//! ```
//!
//! There is no timer: a group is what gathered while the previous commit was in flight. The connection
//! is opened with the first append and again after it died; whoever waited for an answer that did not
//! come is told that the outcome is unknown. A group that the database refuses is taken apart, so that
//! only the batch at fault fails.

use std::sync::Arc;
use std::time::Duration;

use aob_points::{Point, reach};
use sqlx::Row;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::super::error::Failure;
use super::super::pool::connect;
use super::{Link, Names, TRIES};
use crate::{AppendBatch, AppendOutcome, StoreError, StoreResult};

/// What a batch occupies of the queue, at least.
const SLOT_BYTES: usize = 16 << 10;

/// Batches wait for a slot where more than this much is queued or in flight (64 MiB).
const SLOTS: usize = 4096;

/// A group takes no further batch once it holds this much.
const GROUP_BYTES: usize = 4 << 20;

/// What a stream writes besides its events, about.
const ROW_BYTES: usize = 512;

/// Names the advisory locks by which connections hold their numbers.
const LOCKS: i32 = 0x0061_6f62;

/// The lowest number that no living connection has.
const NUMBER: &str = "select n::smallint from generate_series(1, 1024) n
    where pg_try_advisory_lock($1, n) limit 1";

const REGISTER: &str = "insert into committers (committer) values ($1) on conflict do nothing";

/// What the planner must not know better: lengths of arrays are unknown when the plan is made, and
/// every base table is reached by its key. Acknowledged means synced.
const SETTINGS: [(&str, &str); 6] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
    ("synchronous_commit", "on"),
];

struct Job {
    batch: Arc<AppendBatch>,
    bytes: usize,
    reply: oneshot::Sender<StoreResult<Vec<AppendOutcome>>>,
    _slots: OwnedSemaphorePermit,
}

impl Job {
    fn answer(self, outcomes: StoreResult<Vec<AppendOutcome>>) {
        // A caller that has gone away does not want it.
        drop(self.reply.send(outcomes));
    }
}

/// The sending end of the queue. Dropping it finishes what is queued and closes the connection.
#[derive(Debug)]
pub(in super::super) struct Committer {
    queue: mpsc::Sender<Job>,
    slots: Arc<Semaphore>,
}

impl Committer {
    /// Starts the task where this is called; `patience` is how long one commit may take.
    pub(in super::super) fn start(options: PgConnectOptions, patience: Duration) -> Self {
        let (queue, jobs) = mpsc::channel(SLOTS);
        let options = options.options(SETTINGS);
        tokio::spawn(Server { options, patience, link: None }.serve(jobs));
        Self { queue, slots: Arc::new(Semaphore::new(SLOTS)) }
    }

    /// Appends a batch within the next group.
    pub(in super::super) async fn append(
        &self,
        batch: Arc<AppendBatch>,
    ) -> StoreResult<Vec<AppendOutcome>> {
        let bytes: usize = batch.streams.iter().map(|append| append.weight(ROW_BYTES)).sum();
        let streams = batch.streams.len();
        let wanted = u32::try_from((bytes / SLOT_BYTES).clamp(1, SLOTS)).unwrap_or(u32::MAX);
        let slots = Arc::clone(&self.slots).acquire_many_owned(wanted).await;
        let _slots = slots.map_err(|_| stopped())?;
        let (reply, answer) = oneshot::channel();
        // Never full: each job in the queue holds at least one slot.
        self.queue.try_send(Job { batch, bytes, reply, _slots }).map_err(|_| stopped())?;
        answer.await.unwrap_or_else(|_| Ok(vec![AppendOutcome::Unknown; streams]))
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable(String::from("the committer has stopped"))
}

struct Server {
    options: PgConnectOptions,
    patience: Duration,
    link: Option<Link>,
}

impl Server {
    async fn serve(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut waiting = Vec::new();
        loop {
            if waiting.is_empty() {
                let Some(first) = jobs.recv().await else { return };
                waiting.push(first);
            }
            gather(&mut jobs, &mut waiting);
            let later = waiting.split_off(together(&waiting));
            let group = std::mem::replace(&mut waiting, later);
            self.commit_group(group).await;
        }
    }

    async fn commit_group(&mut self, group: Vec<Job>) {
        let batches: Vec<&AppendBatch> = group.iter().map(|job| &*job.batch).collect();
        match self.commit(&batches).await {
            Ok(mut outcomes) => {
                for job in group {
                    let rest = outcomes.split_off(job.batch.streams.len());
                    job.answer(Ok(std::mem::replace(&mut outcomes, rest)));
                }
            }
            Err(Failure::Race(_) | Failure::Refused(_)) if group.len() > 1 => {
                for job in group {
                    let alone = self.commit(&[&job.batch]).await;
                    job.answer(alone.map_err(StoreError::from));
                }
            }
            Err(failure) => {
                let problem = StoreError::from(failure).to_string();
                for job in group {
                    job.answer(Err(StoreError::Unavailable(problem.clone())));
                }
            }
        }
    }

    /// One outcome per stream. A failure means that nothing was written.
    async fn commit(&mut self, batches: &[&AppendBatch]) -> Result<Vec<AppendOutcome>, Failure> {
        let streams = batches.iter().map(|batch| batch.streams.len()).sum();
        let mut tries = 1;
        loop {
            let mut link = match self.link.take() {
                Some(link) => link,
                None => open(&self.options, self.patience).await?,
            };
            let done = tokio::time::timeout(self.patience, pass(&mut link, batches)).await;
            match done.unwrap_or_else(|_| Err(Failure::Link(String::from("no answer in time")))) {
                Err(Failure::Link(problem)) => {
                    tracing::warn!(problem, "the link died during a commit");
                    return Ok(vec![AppendOutcome::Unknown; streams]);
                }
                Err(Failure::Race(problem)) if tries < TRIES => {
                    tracing::debug!(problem, "an append is tried again");
                    self.link = Some(link);
                    tries += 1;
                }
                done => {
                    self.link = Some(link);
                    return done;
                }
            }
        }
    }
}

/// Commits them on this connection.
async fn pass(link: &mut Link, batches: &[&AppendBatch]) -> Result<Vec<AppendOutcome>, Failure> {
    let lost = |struck: aob_points::Struck| Failure::Link(struck.to_string());
    reach(Point::CommitBefore).await.map_err(lost)?;
    let outcomes = link.append(batches).await?;
    reach(Point::CommitAfter).await.map_err(lost)?;
    Ok(outcomes)
}

/// Takes what is waiting, up to the bound of a group.
fn gather(jobs: &mut mpsc::Receiver<Job>, waiting: &mut Vec<Job>) {
    let mut bytes: usize = waiting.iter().map(|job| job.bytes).sum();
    while bytes < GROUP_BYTES {
        let Ok(job) = jobs.try_recv() else { return };
        bytes = bytes.saturating_add(job.bytes.max(SLOT_BYTES));
        waiting.push(job);
    }
}

/// How many of these go into one statement: those before the first that shares a name with them.
fn together(waiting: &[Job]) -> usize {
    let mut names = Names::default();
    waiting.iter().take_while(|job| names.join(&job.batch)).count()
}

async fn open(options: &PgConnectOptions, patience: Duration) -> Result<Link, Failure> {
    let mut connection = connect(options, patience).await?;
    let row = sqlx::query(NUMBER).bind(LOCKS).fetch_one(&mut connection).await?;
    let committer: i16 = row.try_get(0)?;
    sqlx::query(REGISTER).bind(committer).execute(&mut connection).await?;
    Ok(Link { connection, committer })
}
