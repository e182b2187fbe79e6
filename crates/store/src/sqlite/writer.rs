//! The one thread that writes: everything that waits goes into one transaction.
//!
//! ```text
//! callers --(slots)--> queue --> [ BEGIN; job; job; ...; COMMIT ] --> replies
//! ```
//!
//! There is no timer: a group is what gathered while the previous commit was in flight. A reply
//! leaves after the commit. A statement that fails rolls the group back, and its jobs run again, each
//! in a transaction of its own, so that only the one at fault fails.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::error::{Failure, WriteError};
use super::session::Session;
use crate::StoreError;

/// What a job occupies of the queue, at least.
const SLOT_BYTES: usize = 16 << 10;

/// Jobs wait for a slot where more than this much is queued or in flight (64 MiB).
const SLOTS: usize = 4096;

/// A group takes no further job once it holds this much: larger ones commit no more per second, and
/// keep the first of them waiting.
const GROUP_BYTES: usize = 8 << 20;

/// Without work for this long, the write-ahead log is copied into the database.
const IDLE: Duration = Duration::from_millis(200);

/// Work for the writer. It may run twice, if another job of its group fails.
trait Job: Send {
    fn bytes(&self) -> usize;
    fn run(&mut self, session: &mut Session<'_>) -> Result<(), Failure>;
    fn finish(self: Box<Self>, failed: Option<WriteError>);
}

struct Task<W, T> {
    work: W,
    bytes: usize,
    result: Option<T>,
    /// The work goes back with the answer: what it owns is freed by its caller, not by the writer.
    reply: oneshot::Sender<(Result<T, WriteError>, W)>,
    _slots: OwnedSemaphorePermit,
}

impl<W, T> Job for Task<W, T>
where
    W: FnMut(&mut Session<'_>) -> Result<T, Failure> + Send,
    T: Send,
{
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn run(&mut self, session: &mut Session<'_>) -> Result<(), Failure> {
        self.result = Some((self.work)(session)?);
        Ok(())
    }

    fn finish(self: Box<Self>, failed: Option<WriteError>) {
        let result = match (failed, self.result) {
            (None, Some(value)) => Ok(value),
            (Some(error), _) => Err(error),
            (None, None) => Err(gone()),
        };
        // A caller that has gone away does not want the answer.
        drop(self.reply.send((result, self.work)));
    }
}

fn gone() -> WriteError {
    WriteError::Unknown(String::from("the writer stopped before it answered"))
}

/// The sending end of the writer's queue. Dropping it finishes what is queued and ends the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<Sender<Box<dyn Job>>>,
    slots: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, jobs) = bounded(SLOTS);
        let thread = std::thread::Builder::new()
            .name(String::from("store-writer"))
            .spawn(move || serve(&connection, &jobs))?;
        let slots = Arc::new(Semaphore::new(SLOTS));
        Ok(Self { queue: Some(queue), slots, thread: Some(thread) })
    }

    /// Runs `work` within the next group; `bytes` is about what it writes. It is written exactly
    /// if the answer is `Ok`, unless the error is [`WriteError::Unknown`].
    pub(super) async fn write<T, W>(&self, bytes: usize, work: W) -> Result<T, WriteError>
    where
        T: Send + 'static,
        W: FnMut(&mut Session<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let closed = || WriteError::Refused(unavailable("the writer has stopped"));
        let wanted = (bytes / SLOT_BYTES).clamp(1, SLOTS);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let slots = Arc::clone(&self.slots).acquire_many_owned(wanted).await;
        let slots = slots.map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        let task = Task { work, bytes, result: None, reply, _slots: slots };
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        // Never full: each job in the queue holds at least one slot.
        queue.try_send(Box::new(task)).map_err(|_| closed())?;
        let (result, work) = answer.await.map_err(|_| gone())?;
        drop(work);
        result
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so; its callers were told that they do not know.
            drop(thread.join());
        }
    }
}

fn unavailable(problem: &str) -> StoreError {
    StoreError::Unavailable(problem.to_owned())
}

fn serve(connection: &Connection, jobs: &Receiver<Box<dyn Job>>) {
    let mut session = Session::new(connection);
    let mut group = Vec::new();
    let mut settled = true;
    loop {
        let first = if settled {
            jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            jobs.recv_timeout(IDLE)
        };
        match first {
            Ok(job) => group.push(job),
            Err(RecvTimeoutError::Timeout) => {
                settled = true;
                session.checkpoint();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return session.close(),
        }
        gather(jobs, &mut group);
        commit_group(&mut session, &mut group);
        settled = false;
    }
}

/// Takes what is waiting, up to the bound of a group.
fn gather(jobs: &Receiver<Box<dyn Job>>, group: &mut Vec<Box<dyn Job>>) {
    let mut bytes: usize = group.iter().map(|job| job.bytes()).sum();
    while bytes < GROUP_BYTES {
        let Ok(job) = jobs.try_recv() else { return };
        bytes = bytes.saturating_add(job.bytes().max(SLOT_BYTES));
        group.push(job);
    }
}

fn commit_group(session: &mut Session<'_>, group: &mut Vec<Box<dyn Job>>) {
    if let Err(failure) = session.begin() {
        let problem = StoreError::from(failure).to_string();
        for job in group.drain(..) {
            job.finish(Some(WriteError::Refused(unavailable(&problem))));
        }
        return;
    }
    if group.iter_mut().try_for_each(|job| job.run(session)).is_ok() {
        let outcome = session.commit().map_err(|failure| StoreError::from(failure).to_string());
        for job in group.drain(..) {
            job.finish(outcome.as_ref().err().cloned().map(WriteError::Unknown));
        }
        return;
    }
    session.rollback();
    for job in group.drain(..) {
        commit_alone(session, job);
    }
}

/// One job, one transaction: what fails here fails for itself.
fn commit_alone(session: &mut Session<'_>, mut job: Box<dyn Job>) {
    let failed = match session.begin().and_then(|()| job.run(session)) {
        Err(failure) => {
            session.rollback();
            tracing::warn!(?failure, "a write failed and was rolled back");
            Some(WriteError::Refused(failure.into()))
        }
        Ok(()) => match session.commit() {
            Ok(()) => None,
            Err(failure) => Some(WriteError::Unknown(StoreError::from(failure).to_string())),
        },
    };
    job.finish(failed);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A writer whose first job holds it until the returned sender is dropped: what is sent
    /// meanwhile is one group.
    fn held() -> (tempfile::TempDir, Writer, mpsc::Sender<()>, mpsc::Receiver<()>) {
        let directory = tempfile::tempdir().unwrap();
        let connection = Connection::open(directory.path().join("w.db")).unwrap();
        let tables = "pragma journal_mode = wal;
            create table parent (id integer primary key);
            create table row (
                id integer primary key check (id < 100),
                parent integer references parent deferrable initially deferred
            );";
        connection.execute_batch(tables).unwrap();
        let (hold, held) = mpsc::channel::<()>();
        let (entered, inside) = mpsc::channel();
        let writer = Writer::start(connection).unwrap();
        let wait = move |_: &mut Session<'_>| {
            entered.send(()).unwrap();
            assert!(held.recv().is_err());
            Ok(())
        };
        queue(&writer, wait);
        (directory, writer, hold, inside)
    }

    /// Sends a job whose answer nobody waits for.
    fn queue(
        writer: &Writer,
        work: impl FnMut(&mut Session<'_>) -> Result<(), Failure> + Send + 'static,
    ) {
        let queued = std::pin::pin!(writer.write(0, work));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(queued.poll(&mut context).is_pending());
    }

    fn insert(
        writer: &Writer,
        id: i64,
        parent: Option<i64>,
    ) -> impl Future<Output = Result<usize, WriteError>> {
        writer.write(0, move |session| {
            let mut statement = session.statement("insert into row values (?1, ?2)")?;
            Ok(statement.execute((id, parent))?)
        })
    }

    fn rows(directory: &tempfile::TempDir) -> Vec<i64> {
        let connection = Connection::open(directory.path().join("w.db")).unwrap();
        let mut statement = connection.prepare("select id from row order by id").unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// Commits in the write-ahead log: frames whose header states a size of the database.
    fn commits(directory: &tempfile::TempDir) -> usize {
        let log = std::fs::read(directory.path().join("w.db-wal")).unwrap();
        let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
        let frame = 24 + usize::try_from(word(8)).unwrap();
        (32..log.len()).step_by(frame).filter(|at| word(at + 4) != 0).count()
    }

    /// Queues all three before the writer goes on, so that they are one group.
    async fn together<T>(
        (hold, inside): (mpsc::Sender<()>, mpsc::Receiver<()>),
        jobs: [impl Future<Output = T>; 3],
    ) -> [T; 3] {
        inside.recv().unwrap();
        let [one, two, three] = jobs;
        let release = async { drop(hold) };
        let (one, two, three, ()) = tokio::join!(biased; one, two, three, release);
        [one, two, three]
    }

    #[tokio::test]
    async fn a_failing_statement_fails_its_own_job_only() {
        let (directory, writer, hold, inside) = held();
        let jobs = [1, 500, 2].map(|id| insert(&writer, id, None));
        let answers = together((hold, inside), jobs).await;
        assert!(matches!(answers, [Ok(1), Err(WriteError::Refused(_)), Ok(1)]), "{answers:?}");
        assert_eq!(rows(&directory), [1, 2]);
    }

    #[tokio::test]
    async fn a_failing_commit_leaves_all_of_its_group_unknown() {
        let (directory, writer, hold, inside) = held();
        let jobs = [(1, None), (2, Some(7)), (3, None)];
        let jobs = jobs.map(|(id, parent)| insert(&writer, id, parent));
        let answers = together((hold, inside), jobs).await;
        for answer in &answers {
            assert!(matches!(answer, Err(WriteError::Unknown(_))), "{answer:?}");
        }
        assert!(rows(&directory).is_empty());
        assert!(matches!(insert(&writer, 4, None).await, Ok(1)), "the next group is not disturbed");
        assert_eq!(rows(&directory), [4]);
    }

    #[tokio::test]
    async fn what_waits_together_commits_once() {
        let (directory, writer, hold, inside) = held();
        let jobs = [1, 2, 3].map(|id| insert(&writer, id, None));
        let before = commits(&directory);
        let answers = together((hold, inside), jobs).await;
        assert!(matches!(answers, [Ok(1), Ok(1), Ok(1)]), "{answers:?}");
        assert_eq!(commits(&directory), before + 1);
        assert_eq!(rows(&directory), [1, 2, 3]);
    }

    #[tokio::test]
    async fn what_was_queued_is_written_before_the_writer_stops() {
        let (directory, writer, hold, inside) = held();
        inside.recv().unwrap();
        queue(&writer, |session| {
            session.statement("insert into row values (1, null)")?.execute([])?;
            Ok(())
        });
        drop(hold);
        drop(writer);
        assert_eq!(rows(&directory), [1]);
    }
}
