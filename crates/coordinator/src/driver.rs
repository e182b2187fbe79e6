//! One task per shard: drives the core over the real ports.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aob_engine::{Blob, RunId, Timestamp, WorkspaceId};
use aob_points::{Point, Struck, reach};
use aob_store::{AppendOutcome, Clock, IdempotencyKey, Store};
use futures::StreamExt;
use futures::future::try_join_all;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::handle::Token;
use crate::performer::Held;
use crate::reader::{Reader, namespace};
use crate::wake::WakeHint;
use crate::workflows::Workflows;
use crate::{
    Ask, Batch, Core, Input, Output, Performance, ReadError, Submission, store_workspace, stream,
};

/// Performances that may wait before new commands do.
const PENDING_PERFORMANCES_MAX: usize = 4_096;
/// Commands taken in at once.
const INTAKE_MAX: usize = 1_024;
/// Outbox rows are deleted on their own if no append carries them for this long.
const LOOSE_ACKNOWLEDGEMENTS: Duration = Duration::from_millis(100);
/// First and longest wait before the same append is sent again.
const APPEND_AGAIN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(2));

/// What a shard works with.
pub(crate) struct Shard {
    pub(crate) core: Core<Token>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) reader: Reader,
    pub(crate) cas: Arc<dyn aob_cas::Cas>,
    pub(crate) workflows: Arc<Workflows>,
    pub(crate) clock: Clock,
    pub(crate) external: mpsc::Receiver<Box<Submission<Token>>>,
    pub(crate) internal: mpsc::Receiver<Input<Token>>,
    pub(crate) performances: mpsc::Sender<Box<Performance>>,
    pub(crate) held: Arc<Held>,
    pub(crate) wake: Arc<WakeHint>,
}

type Reading = Pin<Box<dyn Future<Output = Input<Token>> + Send>>;
type Appending = Pin<Box<dyn Future<Output = Option<Vec<AppendOutcome>>> + Send>>;

impl Shard {
    /// Runs until `shutdown`, then until what was taken in is durable.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut readings: FuturesUnordered<Reading> = FuturesUnordered::new();
        let mut appending: Option<Appending> = None;
        let mut pending: VecDeque<Box<Performance>> = VecDeque::new();
        let mut intake = Vec::with_capacity(INTAKE_MAX);
        let mut inputs = Vec::with_capacity(INTAKE_MAX);
        let mut flush_at: Option<Instant> = None;
        let performances = self.performances.clone();
        let mut failures = 0;
        loop {
            self.drain(&mut readings, &mut pending);
            if appending.is_none()
                && let Some(batch) = self.core.next_batch(self.now())
            {
                appending = Some(self.append(batch, failures));
            }
            flush_at = match (self.core.has_loose_acknowledgements(), flush_at) {
                (true, None) => Some(Instant::now() + LOOSE_ACKNOWLEDGEMENTS),
                (true, at) => at,
                (false, _) => None,
            };
            let stopping = shutdown.is_cancelled();
            if stopping && appending.is_none() && readings.is_empty() && pending.is_empty() {
                return;
            }
            tokio::select! {
                biased;
                outcomes = async { appending.as_mut().expect("guarded").await }, if appending.is_some() => {
                    appending = None;
                    failures = if outcomes.is_some() { 0 } else { failures + 1 };
                    self.feed([Input::Appended(outcomes)]);
                }
                permit = performances.reserve(), if !pending.is_empty() => {
                    match (permit, pending.pop_front()) {
                        (Ok(permit), Some(performance)) => permit.send(performance),
                        (Err(_), _) | (_, None) => pending.clear(),
                    }
                }
                Some(input) = readings.next(), if !readings.is_empty() => self.feed([input]),
                count = self.internal.recv_many(&mut inputs, INTAKE_MAX) => {
                    if count == 0 && stopping { return; }
                    self.feed(inputs.drain(..));
                }
                count = self.external.recv_many(&mut intake, INTAKE_MAX),
                    if !stopping && pending.len() < PENDING_PERFORMANCES_MAX =>
                {
                    if count == 0 { return; }
                    self.feed(intake.drain(..).map(Input::Submit));
                }
                () = sleep_until(flush_at.unwrap_or_else(Instant::now)), if flush_at.is_some() => {
                    flush_at = None;
                    self.flush_acknowledgements().await;
                }
                () = shutdown.cancelled(), if !stopping => {}
            }
        }
    }

    /// Tells the core what happened.
    fn feed(&mut self, inputs: impl IntoIterator<Item = Input<Token>>) {
        let now = self.now();
        inputs.into_iter().for_each(|input| self.core.handle(now, input));
    }

    fn now(&self) -> Timestamp {
        Timestamp((self.clock)())
    }

    /// Does everything the core asks for.
    fn drain(
        &mut self,
        readings: &mut FuturesUnordered<Reading>,
        pending: &mut VecDeque<Box<Performance>>,
    ) {
        while let Some(output) = self.core.next_output() {
            match output {
                Output::Reply(token, reply) => token.answer(reply),
                Output::Perform(performance) => {
                    self.held.add(performance.key);
                    self.offer_wake(&performance);
                    pending.push_back(performance);
                }
                Output::Load(ask) => readings.push(self.load(ask)),
                Output::LoadIr(ask, workspace, digest) => {
                    let workflows = Arc::clone(&self.workflows);
                    readings.push(Box::pin(async move {
                        let ir = workflows.ir(workspace, digest).await;
                        Input::IrLoaded(ask, ir.map_err(|error| ReadError(error.to_string())))
                    }));
                }
                Output::LoadBlobs(ask, workspace, refs) => {
                    let reader = self.reader.clone();
                    readings.push(Box::pin(async move {
                        Input::BlobsLoaded(ask, reader.values(workspace, ask.run, &refs).await)
                    }));
                }
                Output::LoadDocuments(ask, workspace, digests) => {
                    let workflows = Arc::clone(&self.workflows);
                    readings.push(Box::pin(async move {
                        let documents = workflows.documents(workspace, &digests).await;
                        let documents = documents.map_err(|error| ReadError(error.to_string()));
                        Input::BlobsLoaded(ask, documents)
                    }));
                }
                Output::CheckHead(ask) => {
                    let reader = self.reader.clone();
                    readings.push(Box::pin(async move {
                        Input::HeadChecked(ask, reader.head(ask.run).await)
                    }));
                }
                Output::LookupKeys(ask, workspace, keys) => {
                    let store = Arc::clone(&self.store);
                    readings.push(Box::pin(async move {
                        let workspace = store_workspace(workspace);
                        let look = keys.iter().map(|IdempotencyKey { endpoint, key, .. }| {
                            store.idempotency(workspace, endpoint, key)
                        });
                        let rows = try_join_all(look).await;
                        Input::KeysLooked(ask, rows.map_err(|error| ReadError(error.to_string())))
                    }));
                }
                Output::Snapshot(run, workspace, ordinal, bytes) => {
                    self.snapshot(run, workspace, ordinal, bytes);
                }
            }
        }
    }

    fn load(&self, ask: Ask) -> Reading {
        let reader = self.reader.clone();
        Box::pin(async move {
            let struck = |struck: Struck| ReadError(struck.to_string());
            let loading = async {
                reach(Point::LoadBefore).await.map_err(struck)?;
                let loaded = reader.load(ask.run).await?;
                reach(Point::LoadAfter).await.map_err(struck)?;
                Ok(loaded.map(Box::new))
            };
            Input::Loaded(ask, loading.await)
        })
    }

    /// Timers that a durable append set are known here first.
    fn offer_wake(&self, performance: &Performance) {
        let stream = performance.batch.streams.get(performance.place.0);
        if let Some(due) = stream.and_then(|stream| stream.rows.wakeup_due) {
            self.wake.offer(due);
        }
    }

    fn append(&self, batch: Batch, failures: u32) -> Appending {
        let store = Arc::clone(&self.store);
        let reader = self.reader.clone();
        Box::pin(async move {
            let Batch { mut blobs, append, again } = batch;
            if again {
                let wait = APPEND_AGAIN.0.saturating_mul(1 << failures.min(8)).min(APPEND_AGAIN.1);
                tokio::time::sleep(wait).await;
            }
            while !blobs.is_empty() {
                match put(&reader, blobs.clone()).await {
                    Ok(()) => blobs.clear(),
                    Err(error) => {
                        tracing::warn!(%error, "payloads are not durable yet; trying again");
                        tokio::time::sleep(APPEND_AGAIN.1).await;
                    }
                }
            }
            if reach(Point::AppendBefore).await.is_err() {
                return None;
            }
            let outcomes = match store.append(append).await {
                Ok(outcomes) => outcomes,
                Err(error) => {
                    tracing::warn!(%error, "the outcome of an append is unknown; sending it again");
                    return None;
                }
            };
            reach(Point::AppendAfter).await.ok().map(|()| outcomes)
        })
    }

    /// Snapshots save later work and are never waited for.
    fn snapshot(&self, run: RunId, workspace: WorkspaceId, ordinal: u64, bytes: Vec<u8>) {
        let (store, cas) = (Arc::clone(&self.store), Arc::clone(&self.cas));
        tokio::spawn(async move {
            let Ok(digest) = cas.put(namespace(workspace), bytes.into()).await else { return };
            let row = aob_store::SnapshotRow {
                stream: stream(run),
                ordinal,
                format: aob_engine::SNAPSHOT_FORMAT,
                digest: format!("sha256:{}", digest.to_hex()),
            };
            if let Err(error) = store.snapshot_put(store_workspace(workspace), &row).await {
                tracing::debug!(%error, %run, "snapshot not recorded");
            }
        });
    }

    async fn flush_acknowledgements(&mut self) {
        if self.core.has_loose_acknowledgements() {
            let keys = self.core.take_acknowledgements();
            if let Err(error) = self.store.outbox_delete(&keys).await {
                tracing::warn!(%error, "outbox rows stay; their effects will be repeated");
            }
        }
    }
}

/// Makes payloads durable.
async fn put(reader: &Reader, blobs: Vec<(WorkspaceId, Arc<Blob>)>) -> Result<(), ReadError> {
    let struck = |struck: Struck| ReadError(struck.to_string());
    reach(Point::PayloadsBefore).await.map_err(struck)?;
    reader.put(blobs).await?;
    reach(Point::PayloadsAfter).await.map_err(struck)
}
