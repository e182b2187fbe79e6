//! Sealing what was decided into batches, and what their outcomes release.

use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_engine::{Effect, Event, RunId, Timestamp, child_source, effects, owed_for};
use aob_store::{AppendBatch, AppendOutcome, ConflictKind, Head, OutboxKey, StreamAppend};

use super::Core;
use super::slot::{Decided, Slot, Waiting};
use super::types::{Batch, ChildContext, Output, Performance, ResolvedDispatch, SubmitError};
use crate::segment::{Sealed, seal};
use crate::{projection, store_workspace, stream};

/// The batch that is on its way.
#[derive(Debug)]
pub(super) struct InFlight<T> {
    batch: Arc<AppendBatch>,
    streams: Vec<InFlightStream<T>>,
    /// True where the outcome of what is left is unknown and the bytes must be sent again.
    again: bool,
}

/// One stream of it.
#[derive(Debug)]
struct InFlightStream<T> {
    run: RunId,
    decided: Vec<Decided<T>>,
    /// Position in the batch.
    position: usize,
    segments: Vec<SegmentInFlight>,
    snapshot: Option<Vec<u8>>,
    head: Head,
}

#[derive(Debug)]
struct SegmentInFlight {
    ordinal: u64,
    texts: Vec<std::ops::Range<usize>>,
    effects: Vec<Effect>,
    dispatches: Vec<ResolvedDispatch>,
    child: Option<Arc<ChildContext>>,
}

impl<T> Core<T> {
    /// The next append to make, unless one is in flight or nothing waits.
    pub fn next_batch(&mut self, now: Timestamp) -> Option<Batch> {
        if let Some(in_flight) = &mut self.in_flight {
            if !in_flight.again {
                return None;
            }
            in_flight.again = false;
            let append = Arc::clone(&in_flight.batch);
            return Some(Batch { blobs: Vec::new(), append, again: true });
        }
        if self.dirty.is_empty() {
            return None;
        }
        let mut append =
            AppendBatch { streams: Vec::new(), outbox_done: std::mem::take(&mut self.outbox_done) };
        let mut blobs = Vec::new();
        let mut streams = Vec::new();
        while append.streams.len() < self.config.batch_streams_max
            && let Some(run) = self.dirty.pop_front()
        {
            let Some(slot) = self.slots.get_mut(&run) else { continue };
            slot.dirty = false;
            if slot.events.is_empty() {
                continue;
            }
            blobs.extend(slot.new_blobs.drain(..).map(|blob| (slot.workspace, blob)));
            let position = append.streams.len();
            let (stream, in_flight) =
                seal_slot(run, slot, position, now, self.config.snapshot_events);
            append.streams.push(stream);
            streams.push(in_flight);
        }
        let append = Arc::new(append);
        self.in_flight = Some(InFlight { batch: Arc::clone(&append), streams, again: false });
        Some(Batch { blobs, append, again: false })
    }

    /// Outbox rows to delete on their own, because no append carries them.
    pub fn take_acknowledgements(&mut self) -> Vec<OutboxKey> {
        std::mem::take(&mut self.outbox_done)
    }

    pub(super) fn appended(&mut self, now: Timestamp, outcomes: Option<Vec<AppendOutcome>>) {
        let Some(in_flight) = self.in_flight.take() else { return };
        let InFlight { batch, streams, .. } = in_flight;
        let mut outcomes = outcomes.unwrap_or_default().into_iter();
        let mut unknown = Vec::new();
        for stream in streams {
            match outcomes.next().unwrap_or(AppendOutcome::Unknown) {
                AppendOutcome::Unknown if seeded(Bug::AppendPresumed) => {
                    self.committed(now, stream, &batch, false);
                }
                AppendOutcome::Committed { older_outbox } => {
                    self.committed(now, stream, &batch, older_outbox);
                }
                AppendOutcome::Conflict(kind) => self.conflicted(now, stream, kind),
                AppendOutcome::Unknown => unknown.push(stream),
            }
        }
        if !unknown.is_empty() {
            self.send_again(&batch, unknown);
        }
    }

    /// Keeps the streams whose outcome is unknown, to append the identical bytes again.
    fn send_again(&mut self, batch: &AppendBatch, unknown: Vec<InFlightStream<T>>) {
        let mut append = AppendBatch::default();
        let mut streams = Vec::with_capacity(unknown.len());
        for mut stream in unknown {
            append.streams.push(batch.streams[stream.position].clone());
            stream.position = append.streams.len() - 1;
            streams.push(stream);
        }
        // The rows may be deleted already; deleting them twice does no harm.
        append.outbox_done.clone_from(&batch.outbox_done);
        self.in_flight = Some(InFlight { batch: Arc::new(append), streams, again: true });
    }

    fn committed(
        &mut self,
        now: Timestamp,
        stream: InFlightStream<T>,
        batch: &Arc<AppendBatch>,
        older_outbox: bool,
    ) {
        let InFlightStream { run, decided, position, segments, snapshot, head } = stream;
        for decided in decided {
            self.outputs.push_back(Output::Reply(decided.submission.token, decided.answer));
        }
        let Some(slot) = self.slots.get_mut(&run) else { return };
        slot.in_flight = false;
        let workspace = slot.workspace;
        let first = segments.first().map_or(head.ordinal, |segment| segment.ordinal);
        let chain = slot.link(first, head.ordinal, older_outbox);
        let performances = segments.into_iter().enumerate().map(|(index, segment)| Performance {
            run,
            workspace,
            key: OutboxKey { stream: crate::stream(run), ordinal: segment.ordinal },
            chain: chain.clone().unwrap_or_default(),
            effects: segment.effects,
            dispatches: segment.dispatches,
            child: segment.child,
            batch: Arc::clone(batch),
            place: (position, index),
            texts: segment.texts,
        });
        match &chain {
            Some(_) => {
                self.outputs.extend(performances.map(|p| Output::Perform(Box::new(p))));
            }
            None => slot.leave(performances),
        }
        if let Some(bytes) = snapshot {
            self.outputs.push_back(Output::Snapshot(run, workspace, head.ordinal, bytes));
        }
        let Some(slot) = self.slots.get_mut(&run) else { return };
        if slot.waiting == Waiting::Durable && slot.is_durable() {
            slot.waiting = Waiting::Nothing;
        }
        if slot.is_idle() && slot.state.is_terminal() && slot.left.is_empty() {
            self.slots.swap_remove(&run);
        } else {
            self.drive(now, run);
        }
    }

    fn conflicted(&mut self, now: Timestamp, stream: InFlightStream<T>, kind: ConflictKind) {
        let InFlightStream { run, mut decided, .. } = stream;
        let refusal = match kind {
            ConflictKind::Head => None,
            ConflictKind::Key(row) => Some(SubmitError::Key(row)),
            ConflictKind::Dedup(holder) => Some(SubmitError::Dedup(crate::run_of(holder))),
        };
        if let Some(refusal) = refusal {
            // The first command that asks for a key; what followed it is moot or will find out by
            // itself.
            let asks = |decided: &Decided<T>| {
                decided.key().is_some() || decided.submission.dedup.is_some()
            };
            let first = decided.remove(decided.iter().position(asks).unwrap_or(0));
            self.outputs.push_back(Output::Reply(first.submission.token, Err(refusal)));
        }
        let Some(slot) = self.slots.get_mut(&run) else { return };
        slot.reset(decided);
        if slot.queue.is_empty() {
            slot.waiting = Waiting::Nothing;
            self.slots.swap_remove(&run);
            return;
        }
        self.load(run);
        self.drive(now, run);
    }
}

/// Seals what a slot has decided.
fn seal_slot<T>(
    run: RunId,
    slot: &mut Slot<T>,
    position: usize,
    now: Timestamp,
    snapshot_events: u64,
) -> (StreamAppend, InFlightStream<T>) {
    let events = std::mem::take(&mut slot.events);
    let mut decided = std::mem::take(&mut slot.decided);
    let sealed = seal(stream(run), &mut slot.sealed, &events);
    let documents = std::mem::take(&mut slot.new_documents);
    let rows = projection::rows(run, &slot.state, &events, (&sealed, &documents), now);
    let dedup = decided.iter_mut().find_map(|decided| decided.submission.dedup.clone());
    let keys = decided.iter().filter_map(|decided| decided.key().cloned()).collect();
    let child = Arc::new(ChildContext::of(&slot.state));
    let mut rest = events.as_slice();
    let mut segments = Vec::with_capacity(sealed.len());
    let mut rows_of_log = Vec::with_capacity(sealed.len());
    for Sealed { segment, texts } in sealed {
        let (own, left) = rest.split_at(texts.len());
        rest = left;
        segments.push(owe(slot, own, segment.ordinal, texts, &child));
        rows_of_log.push(segment);
    }
    let snapshot = snapshot(slot, snapshot_events);
    slot.in_flight = true;
    let append = StreamAppend {
        stream: stream(run),
        workspace: store_workspace(slot.workspace),
        segments: rows_of_log,
        keys,
        dedup,
        rows,
    };
    let head = slot.sealed;
    (append, InFlightStream { run, decided, position, segments, snapshot, head })
}

/// A snapshot where enough has happened since the last one: the larger the state, the rarer.
fn snapshot<T>(slot: &mut Slot<T>, snapshot_events: u64) -> Option<Vec<u8>> {
    let since = slot.state.seq().saturating_sub(slot.snapshot_seq);
    if slot.state.is_terminal() || since < snapshot_events.max(slot.state.weight() as u64) {
        return None;
    }
    slot.snapshot_seq = slot.state.seq();
    Some(slot.state.to_snapshot())
}

/// What a segment owes, with the payloads that are at hand.
fn owe<T>(
    slot: &Slot<T>,
    events: &[Event],
    ordinal: u64,
    texts: Vec<std::ops::Range<usize>>,
    child: &Arc<ChildContext>,
) -> SegmentInFlight {
    let mut others = Vec::new();
    let mut dispatches = Vec::new();
    let mut with_child = false;
    for event in events {
        if let aob_engine::EventKind::AttemptRedispatched(again) = &event.kind
            && let Some(Effect::Dispatch(dispatch)) = owed_for(&slot.state, &again.instance)
            && !seeded(Bug::RedispatchMissing)
        {
            dispatches.push(resolve(slot, *dispatch));
        }
    }
    for effect in effects(events) {
        match effect {
            Effect::Dispatch(dispatch) => dispatches.push(resolve(slot, *dispatch)),
            Effect::StartChild(start) => {
                with_child = true;
                others.push(Effect::StartChild(start));
            }
            Effect::CancelChild(mut cancel) => {
                with_child = true;
                cancel.from = cancel.from.or_else(|| child_source(&slot.state, &cancel.instance));
                others.push(Effect::CancelChild(cancel));
            }
            other @ (Effect::CancelAttempt(_)
            | Effect::DeliverToParent(_)
            | Effect::Continue { .. }
            | Effect::Notify(_)
            | Effect::Publish(_)) => others.push(other),
        }
    }
    let child = with_child.then(|| Arc::clone(child));
    SegmentInFlight { ordinal, texts, effects: others, dispatches, child }
}

fn resolve<T>(slot: &Slot<T>, dispatch: aob_engine::Dispatch) -> ResolvedDispatch {
    use aob_engine::{Blobs as _, Payload};
    let at_hand = |payload: &Payload| match payload.inline() {
        Some(blob) => Some(Arc::clone(blob)),
        None => slot.blobs.get(&payload.digest),
    };
    let config = at_hand(&dispatch.job.config);
    let input = at_hand(&dispatch.job.input);
    ResolvedDispatch { dispatch, config, input }
}
