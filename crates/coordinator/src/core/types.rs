//! What goes into the core and what comes out.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aob_engine::{
    Actor, Blob, Dispatch, Effect, Fidelity, PayloadRef, Rejection, Request, RunId, RunState,
    RunStatus, Timestamp, WorkspaceId,
};
use aob_ir::{Digest, Ir, Priority};
use aob_store::{AppendBatch, AppendOutcome, Head, IdempotencyKey, IdempotencyRow, OutboxKey};
use thiserror::Error;

/// A command on its way to a run. `T` is what the answer goes to.
#[derive(Debug)]
pub struct Submission<T> {
    /// The run's workspace.
    pub workspace: WorkspaceId,
    /// The run.
    pub run: RunId,
    /// The command.
    pub request: Request,
    /// The API's answer to store with it.
    pub key: Option<IdempotencyKey>,
    /// For a new run: held until it is terminal.
    pub dedup: Option<String>,
    /// For a new run: its workflow.
    pub ir: Option<Arc<Ir>>,
    /// Where the answer goes.
    pub token: T,
}

/// The answer to a submission.
pub type Reply = Result<Committed, SubmitError>;

/// What a command led to. It is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The run.
    pub run: RunId,
    /// Seq of the run's last event as the command left it.
    pub seq: u64,
    /// Status of the run as the command left it.
    pub status: RunStatus,
    /// False where the command changed nothing: a repetition, or nothing was due.
    pub changed: bool,
    /// For a reservation of budget: whether it stands.
    pub reserved: bool,
    /// For a tick with nothing due: when something may be.
    pub next_due: Option<Timestamp>,
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// There is no such run in this workspace.
    #[error("there is no run {0}")]
    NotFound(RunId),
    /// The engine refuses it.
    #[error("{}", .0.message)]
    Rejected(Rejection),
    /// The idempotency key was used before: this was the answer.
    #[error("the idempotency key was used before")]
    Key(IdempotencyRow),
    /// Another run holds the dedup key.
    #[error("run {0} holds the dedup key")]
    Dedup(RunId),
    /// Too much is waiting; try again later.
    #[error("the coordinator is overloaded")]
    Overloaded,
    /// Storage does not answer, or what it holds cannot be read. Whether the command will be
    /// carried out is not known.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
}

/// Something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ReadError(pub String);

/// A run as storage has it.
#[derive(Debug)]
pub struct LoadedRun {
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// The fold of its log.
    pub state: RunState,
    /// Where its log ends.
    pub head: Head,
    /// Payloads that were read on the way.
    pub blobs: Vec<Arc<Blob>>,
    /// Segment of the snapshot that it was loaded from; 0: none.
    pub snapshot_ordinal: u64,
}

/// What the core asked, which the answer names: an answer that comes when the run has moved on to
/// another question is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The run that waits for the answer.
    pub run: RunId,
    /// No other question of this core has it.
    pub(super) number: u64,
}

/// What happened.
#[derive(Debug)]
pub enum Input<T> {
    /// A command arrived.
    Submit(Box<Submission<T>>),
    /// Answer to [`Output::Load`].
    Loaded(Ask, Result<Option<Box<LoadedRun>>, ReadError>),
    /// Answer to [`Output::LoadIr`].
    IrLoaded(Ask, Result<Arc<Ir>, ReadError>),
    /// Answer to [`Output::LoadBlobs`].
    BlobsLoaded(Ask, Result<Vec<Arc<Blob>>, ReadError>),
    /// Answer to [`Output::CheckHead`].
    HeadChecked(Ask, Result<Head, ReadError>),
    /// Answer to [`Output::LookupKeys`], in its order.
    KeysLooked(Ask, Result<Vec<Option<IdempotencyRow>>, ReadError>),
    /// Answer to a [`Batch`]: an outcome per stream, or nothing known.
    Appended(Option<Vec<AppendOutcome>>),
    /// All effects of a [`Performance`] are acknowledged.
    Performed(OutboxKey),
    /// The relay of this process has performed a segment's effects, all older ones before; it
    /// deletes the row itself.
    Relayed(OutboxKey),
}

/// What must be done.
#[derive(Debug)]
pub enum Output<T> {
    /// Read a run.
    Load(Ask),
    /// Read a compiled workflow.
    LoadIr(Ask, WorkspaceId, Digest),
    /// Read payloads.
    LoadBlobs(Ask, WorkspaceId, Vec<PayloadRef>),
    /// Read documents, as blobs of their canonical text; answered as payloads are.
    LoadDocuments(Ask, WorkspaceId, Vec<Digest>),
    /// Read where a run's log ends.
    CheckHead(Ask),
    /// Read the stored answers to API commands.
    LookupKeys(Ask, WorkspaceId, Vec<IdempotencyKey>),
    /// Answer.
    Reply(T, Reply),
    /// Perform a segment's effects, in order, after those given out before.
    Perform(Box<Performance>),
    /// Store a snapshot of the state after this segment.
    Snapshot(RunId, WorkspaceId, u64, Vec<u8>),
}

/// One append to make.
#[derive(Debug)]
pub struct Batch {
    /// Payloads that must be durable in the CAS before.
    pub blobs: Vec<(WorkspaceId, Arc<Blob>)>,
    /// The append.
    pub append: Arc<AppendBatch>,
    /// True where these bytes were sent before and the outcome is not known.
    pub again: bool,
}

/// Performances of one stream that rest on one another: every older effect that is still owed is
/// one of them. Once one could not be performed, those after it must not overtake it.
#[derive(Debug, Clone, Default)]
pub struct Chain(Arc<AtomicBool>);

impl Chain {
    /// What is left of the chain waits for the relay, which performs it in order.
    pub fn break_off(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// True where one of the chain could not be performed.
    pub fn is_broken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// What a durable segment owes the world.
#[derive(Debug)]
pub struct Performance {
    /// The run.
    pub run: RunId,
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// The outbox row that stands for all of it.
    pub key: OutboxKey,
    /// What it rests on.
    pub chain: Chain,
    /// Effects, in order; dispatches apart.
    pub effects: Vec<Effect>,
    /// Attempts to hand out.
    pub dispatches: Vec<ResolvedDispatch>,
    /// What child runs inherit; present where a child is started or cancelled.
    pub child: Option<Arc<ChildContext>>,
    /// The appended batch, which holds the events' text.
    pub batch: Arc<AppendBatch>,
    /// Position of the stream in the batch, and of the segment in the stream.
    pub place: (usize, usize),
    /// Where each event's text stands in the segment.
    pub texts: Vec<Range<usize>>,
}

impl Performance {
    /// Attempts to hand out again, with nothing to acknowledge.
    pub fn of_dispatches(
        workspace: WorkspaceId,
        run: RunId,
        dispatches: Vec<ResolvedDispatch>,
    ) -> Self {
        Self {
            run,
            workspace,
            key: OutboxKey { stream: crate::stream(run), ordinal: 0 },
            chain: Chain::default(),
            effects: Vec::new(),
            dispatches,
            child: None,
            batch: Arc::new(AppendBatch::default()),
            place: (0, 0),
            texts: Vec::new(),
        }
    }

    /// The JSON texts of the segment's events, in order.
    pub fn event_texts(&self) -> impl Iterator<Item = &str> {
        let segment =
            self.batch.streams.get(self.place.0).and_then(|s| s.segments.get(self.place.1));
        let text = segment.map_or("", |segment| segment.events.as_str());
        self.texts.iter().filter_map(move |range| text.get(range.clone()))
    }
}

impl ChildContext {
    /// What the children of this run inherit.
    pub fn of(state: &RunState) -> Self {
        Self {
            depth: state.depth(),
            labels: state.labels(),
            priority: state.priority(),
            fidelity: state.fidelity(),
            cancel_grace_ms: state.cancel_grace_ms(),
            children: state.children(),
            started_by: state.started_by(),
        }
    }
}

/// An attempt to hand out, with those of its payloads that are at hand.
#[derive(Debug, Clone)]
pub struct ResolvedDispatch {
    /// The attempt.
    pub dispatch: Dispatch,
    /// Its config, if at hand.
    pub config: Option<Arc<Blob>>,
    /// Its input, if at hand.
    pub input: Option<Arc<Blob>>,
}

/// What child runs inherit from their parent.
#[derive(Debug, Clone)]
pub struct ChildContext {
    /// Nesting of the parent.
    pub depth: u32,
    /// Labels.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// Priority.
    pub priority: Priority,
    /// How much the log tells.
    pub fidelity: Fidelity,
    /// Milliseconds between cancel and fence.
    pub cancel_grace_ms: u64,
    /// Meaning of sub-workflow tags.
    pub children: BTreeMap<Arc<str>, Digest>,
    /// Who asked for the topmost run.
    pub started_by: Actor,
}
