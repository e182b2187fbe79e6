//! Reading runs: their state from snapshot and tail, their events, their payloads.

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_cas::{BlobDigest, Cas, Namespace};
use aob_engine::{
    Blob, Event, INLINE_BYTES_MAX, PayloadRef, RunId, RunState, SNAPSHOT_FORMAT, WorkspaceId, apply,
};
use aob_ir::Digest;
use aob_store::{Head, Segment, Store};
use serde_json::value::RawValue;

use crate::{LoadedRun, ReadError, engine_workspace, store_workspace, stream};

/// Segments read at once.
const PAGE_SEGMENTS: u32 = 16;
/// Payload bytes kept from the tail while a run is loaded.
const LOADED_BLOB_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Reads runs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
    cas: Arc<dyn Cas>,
}

fn failed(error: impl std::fmt::Display) -> ReadError {
    ReadError(error.to_string())
}

impl Reader {
    /// Reads from these.
    pub fn new(store: Arc<dyn Store>, cas: Arc<dyn Cas>) -> Self {
        Self { store, cas }
    }

    /// The state of a run, whatever its workspace; `None`: no such run. For the machinery.
    ///
    /// # Errors
    /// If storage does not answer or holds what cannot be read.
    pub async fn load(&self, run: RunId) -> Result<Option<LoadedRun>, ReadError> {
        let Some(workspace) = self.store.workspace_of(stream(run)).await.map_err(failed)? else {
            return Ok(None);
        };
        self.load_in(engine_workspace(workspace), run).await
    }

    /// The state of a run of this workspace.
    ///
    /// # Errors
    /// As [`Reader::load`].
    pub async fn load_in(
        &self,
        workspace: WorkspaceId,
        run: RunId,
    ) -> Result<Option<LoadedRun>, ReadError> {
        let (mut state, snapshot_ordinal) = self.snapshot(workspace, run).await?;
        // State and head come from the same reads: a head that is asked for afterwards may be
        // ahead of the state. So the segment under the snapshot is read again.
        let mut after = snapshot_ordinal.saturating_sub(1);
        let mut head = Head::EMPTY;
        let mut shelf = Tail::default();
        loop {
            let page = self
                .store
                .segments_after(store_workspace(workspace), stream(run), after, PAGE_SEGMENTS)
                .await
                .map_err(failed)?;
            let last = page.len() < PAGE_SEGMENTS as usize;
            for segment in &page {
                after = segment.ordinal;
                head = Head { ordinal: segment.ordinal, seq: segment.last_seq, hash: segment.hash };
                if segment.ordinal <= snapshot_ordinal {
                    continue;
                }
                for event in parse(run, segment)? {
                    apply(&mut state, &event);
                    shelf.keep(&event);
                }
            }
            if last {
                break;
            }
        }
        if head == Head::EMPTY {
            return Ok(None);
        }
        if seeded(Bug::SnapshotHeadLater) {
            head = self.head(run).await?;
        } else if head.seq != state.seq() {
            let (end, folded) = (head.seq, state.seq());
            return Err(ReadError(format!("run {run} ends at seq {end}, its fold at {folded}")));
        }
        let blobs = shelf.blobs;
        Ok(Some(LoadedRun { workspace, state, head, blobs, snapshot_ordinal }))
    }

    /// The newest readable snapshot, with the segment it stands after.
    async fn snapshot(
        &self,
        workspace: WorkspaceId,
        run: RunId,
    ) -> Result<(RunState, u64), ReadError> {
        let none = (RunState::default(), 0);
        let row = self.store.snapshot(store_workspace(workspace), stream(run)).await;
        let Some(row) = row.map_err(failed)?.filter(|row| row.format == SNAPSHOT_FORMAT) else {
            return Ok(none);
        };
        let Ok(digest) = row.digest.parse::<Digest>() else { return Ok(none) };
        let bytes = self.cas.get(namespace(workspace), blob_digest(digest)).await;
        // A snapshot only saves work: one that is lost or damaged costs a longer fold.
        let state = bytes.ok().and_then(|bytes| RunState::from_snapshot(&bytes).ok());
        Ok(state.map_or(none, |state| (state, row.ordinal)))
    }

    /// Where a run's log ends.
    ///
    /// # Errors
    /// If storage does not answer.
    pub async fn head(&self, run: RunId) -> Result<Head, ReadError> {
        let heads = self.store.heads(&[stream(run)]).await.map_err(failed)?;
        Ok(heads.first().copied().unwrap_or(Head::EMPTY))
    }

    /// The JSON texts of a run's events with `seq > after`, in order: at least one page, at most
    /// `limit`. Each with its seq.
    ///
    /// # Errors
    /// If storage does not answer or holds what cannot be read.
    pub async fn event_texts(
        &self,
        workspace: WorkspaceId,
        run: RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Box<RawValue>)>, ReadError> {
        let mut texts = Vec::new();
        let mut cursor = after;
        while texts.len() < limit {
            let page = self
                .store
                .segments_after_seq(store_workspace(workspace), stream(run), cursor, 1)
                .await
                .map_err(failed)?;
            let Some(segment) = page.first() else { break };
            let events: Vec<Box<RawValue>> =
                serde_json::from_str(&segment.events).map_err(|error| {
                    ReadError(format!("run {run}, segment {}: {error}", segment.ordinal))
                })?;
            let numbered = (segment.first_seq..).zip(events);
            texts.extend(numbered.filter(|(seq, _)| *seq > cursor));
            cursor = segment.last_seq;
        }
        texts.truncate(limit);
        Ok(texts)
    }

    /// One payload of a run.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn value(
        &self,
        workspace: WorkspaceId,
        run: RunId,
        reference: PayloadRef,
    ) -> Result<Arc<Blob>, ReadError> {
        let mut blobs = self.values(workspace, run, &[reference]).await?;
        blobs
            .pop()
            .ok_or_else(|| ReadError(format!("payload {} is not in the log", reference.digest)))
    }

    /// Payloads of a run, in no particular order.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub async fn values(
        &self,
        workspace: WorkspaceId,
        run: RunId,
        references: &[PayloadRef],
    ) -> Result<Vec<Arc<Blob>>, ReadError> {
        let mut found = Vec::with_capacity(references.len());
        let mut in_log: BTreeMap<u64, Vec<Digest>> = BTreeMap::new();
        for reference in references {
            match reference.seq {
                Some(seq) => in_log.entry(seq).or_default().push(reference.digest),
                None => found.push(self.stored(workspace, reference.digest).await?),
            }
        }
        self.values_in_log(workspace, run, in_log, &mut found).await?;
        Ok(found)
    }

    /// A payload from the CAS.
    ///
    /// # Errors
    /// If it is not there, or damaged.
    pub async fn stored(
        &self,
        workspace: WorkspaceId,
        digest: Digest,
    ) -> Result<Arc<Blob>, ReadError> {
        let bytes =
            self.cas.get(namespace(workspace), blob_digest(digest)).await.map_err(failed)?;
        let text = String::from_utf8(bytes.to_vec()).map_err(failed)?;
        Blob::parse(text).map_err(failed)
    }

    /// Puts payloads into the CAS.
    ///
    /// # Errors
    /// If they are not durable.
    pub async fn put(&self, blobs: Vec<(WorkspaceId, Arc<Blob>)>) -> Result<(), ReadError> {
        let mut by_workspace: BTreeMap<WorkspaceId, Vec<bytes::Bytes>> = BTreeMap::new();
        for (workspace, blob) in blobs {
            let bytes = bytes::Bytes::copy_from_slice(blob.text().as_bytes());
            by_workspace.entry(workspace).or_default().push(bytes);
        }
        for (workspace, bytes) in by_workspace {
            self.cas.put_many(namespace(workspace), bytes).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn values_in_log(
        &self,
        workspace: WorkspaceId,
        run: RunId,
        mut wanted: BTreeMap<u64, Vec<Digest>>,
        found: &mut Vec<Arc<Blob>>,
    ) -> Result<(), ReadError> {
        while let Some((&first, _)) = wanted.first_key_value() {
            let page = self
                .store
                .segments_after_seq(
                    store_workspace(workspace),
                    stream(run),
                    first - 1,
                    PAGE_SEGMENTS,
                )
                .await
                .map_err(failed)?;
            let Some(last) = page.last().map(|segment| segment.last_seq) else {
                return Err(ReadError(format!("run {run} has no event {first}")));
            };
            for segment in &page {
                if wanted.range(segment.first_seq..=segment.last_seq).next().is_none() {
                    continue;
                }
                for event in parse(run, segment)? {
                    let Some(digests) = wanted.remove(&event.seq) else { continue };
                    event.kind.payloads(&mut |payload| {
                        if let Some(blob) = payload.inline()
                            && digests.contains(&payload.digest)
                        {
                            found.push(Arc::clone(blob));
                        }
                    });
                }
            }
            wanted.retain(|seq, _| *seq > last);
        }
        Ok(())
    }
}

/// Payloads from the end of a log that is being loaded.
#[derive(Default)]
struct Tail {
    blobs: Vec<Arc<Blob>>,
    bytes: usize,
}

impl Tail {
    fn keep(&mut self, event: &Event) {
        event.kind.payloads(&mut |payload| {
            if let Some(blob) = payload.inline()
                && self.bytes < LOADED_BLOB_BYTES_MAX
            {
                debug_assert!(blob.text().len() <= INLINE_BYTES_MAX);
                self.bytes += blob.text().len();
                self.blobs.push(Arc::clone(blob));
            }
        });
    }
}

/// The events of a segment.
///
/// # Errors
/// If the text is not a list of events.
pub fn parse(run: RunId, segment: &Segment) -> Result<Vec<Event>, ReadError> {
    serde_json::from_str(&segment.events)
        .map_err(|error| ReadError(format!("run {run}, segment {}: {error}", segment.ordinal)))
}

/// The CAS namespace of a workspace.
pub fn namespace(workspace: WorkspaceId) -> Namespace {
    Namespace(*workspace.0.as_bytes())
}

/// The CAS digest of a payload.
pub fn blob_digest(digest: Digest) -> BlobDigest {
    BlobDigest::from(digest.0)
}
