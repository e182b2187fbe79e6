//! One run in the core: its state as decided so far, and what waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_engine::{Blob, Blobs, Event, RunState, WorkspaceId};
use aob_ir::{Digest, Ir};
use aob_store::{Head, IdempotencyKey};
use aob_validator::Rules;

use super::types::{Chain, Committed, Performance, Submission, SubmitError};

/// Bytes of payload text that a run keeps at hand.
const SLOT_BLOB_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Performances of a run that wait for the relay; more are left to it.
const LEFT_MAX: usize = 64;

/// What a run waits for before its next command can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiting {
    Nothing,
    Load,
    Ir,
    Blobs,
    Head,
    Keys,
    /// For the outcome of what was decided before.
    Durable,
}

/// A command that was decided, with the answer that waits for durability.
#[derive(Debug)]
pub(super) struct Decided<T> {
    pub(super) submission: Submission<T>,
    pub(super) answer: Result<Committed, SubmitError>,
}

impl<T> Decided<T> {
    /// The answer to store with what it changed.
    pub(super) fn key(&self) -> Option<&IdempotencyKey> {
        let changed = self.answer.as_ref().is_ok_and(|committed| committed.changed);
        self.submission.key.as_ref().filter(|_| changed)
    }
}

/// One run.
#[derive(Debug)]
pub(super) struct Slot<T> {
    pub(super) workspace: WorkspaceId,
    /// The state as decided, ahead of what is durable.
    pub(super) state: RunState,
    pub(super) ir: Option<Arc<Ir>>,
    pub(super) blobs: BlobShelf,
    /// The head after everything that was sealed.
    pub(super) sealed: Head,
    pub(super) waiting: Waiting,
    /// Number of the question whose answer it waits for.
    pub(super) asked: u64,
    pub(super) queue: VecDeque<Submission<T>>,
    /// How many of the first of the queue have looked up their idempotency keys at this head.
    pub(super) keys_looked: usize,
    /// How many of them are looking theirs up.
    pub(super) looking: usize,
    /// The answers that the first of the queue get if the head is still the same. Everything they
    /// rest on is durable.
    pub(super) at_head: Vec<Result<Committed, SubmitError>>,
    /// Payloads that the next to be decided asked for.
    pub(super) wanted: Vec<aob_engine::PayloadRef>,
    /// Documents that the next to be decided asked for.
    pub(super) wanted_documents: Vec<Digest>,
    /// Decided and not sealed.
    pub(super) events: Vec<Event>,
    pub(super) decided: Vec<Decided<T>>,
    pub(super) new_blobs: Vec<Arc<Blob>>,
    /// Documents that what is decided makes hold, by digest.
    pub(super) new_documents: Vec<(String, String)>,
    /// True while it stands in the list of runs to seal.
    pub(super) dirty: bool,
    pub(super) in_flight: bool,
    /// The chain of performances that is under way, with the last segment in it.
    pub(super) chain: Option<(u64, Chain)>,
    /// Performances that must not overtake older effects, which the relay is about to perform.
    pub(super) left: Vec<Performance>,
    /// Seq at the last snapshot.
    pub(super) snapshot_seq: u64,
    /// When it was last used, in the order of use.
    pub(super) used: u64,
}

impl<T> Slot<T> {
    pub(super) fn new(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            state: RunState::default(),
            ir: None,
            blobs: BlobShelf::default(),
            sealed: Head::EMPTY,
            waiting: Waiting::Nothing,
            asked: 0,
            queue: VecDeque::new(),
            keys_looked: 0,
            looking: 0,
            at_head: Vec::new(),
            wanted: Vec::new(),
            wanted_documents: Vec::new(),
            events: Vec::new(),
            decided: Vec::new(),
            new_blobs: Vec::new(),
            new_documents: Vec::new(),
            dirty: false,
            in_flight: false,
            chain: None,
            left: Vec::new(),
            snapshot_seq: 0,
            used: 0,
        }
    }

    /// True where forgetting it loses nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.decided.is_empty()
            && self.events.is_empty()
            && !self.in_flight
            && self.waiting == Waiting::Nothing
    }

    /// The chain that the effects of these segments belong to; `None`: the relay performs them,
    /// after older ones that this process does not hold. `older`: some are still owed.
    pub(super) fn link(&mut self, first: u64, last: u64, older: bool) -> Option<Chain> {
        let known = self.chain.take();
        if !older {
            self.left.clear(); // Performed by the relay.
        }
        let chain = if older && !seeded(Bug::OutOfOrder) {
            known.filter(|(end, chain)| *end + 1 == first && !chain.is_broken())?.1
        } else {
            Chain::default()
        };
        self.chain = Some((last, chain.clone()));
        Some(chain)
    }

    /// Keeps performances until the relay has performed what is older; too many are all its own.
    pub(super) fn leave(&mut self, performances: impl Iterator<Item = Performance>) {
        self.left.extend(performances);
        if self.left.len() > LEFT_MAX {
            self.left.clear();
        }
    }

    /// The relay has performed everything up to this segment: gives what waited for that. What
    /// follows may be performed here, although the row may still be there when it is appended.
    pub(super) fn relayed(&mut self, ordinal: u64) -> Vec<Performance> {
        let stands =
            |(end, chain): &(u64, Chain)| *end > ordinal || *end == ordinal && !chain.is_broken();
        if self.chain.as_ref().is_some_and(stands) {
            return Vec::new();
        }
        let chain = Chain::default();
        self.left.retain(|performance| performance.key.ordinal > ordinal);
        // What follows a segment of another process waits for that one too.
        let next = |(left, next): &(&Performance, u64)| left.key.ordinal == *next;
        let count = self.left.iter().zip(ordinal + 1..).take_while(next).count();
        let mut freed: Vec<Performance> = self.left.drain(..count).collect();
        freed.iter_mut().for_each(|performance| performance.chain = chain.clone());
        let end = freed.last().map_or(ordinal, |last| last.key.ordinal);
        self.chain = Some((end, chain));
        freed
    }

    /// What was found out about the queue counts no longer.
    pub(super) fn forget_looks(&mut self) {
        self.keys_looked = 0;
        self.looking = 0;
        self.at_head.clear();
    }

    /// Drops what was decided on a head that is not the head: every command goes back to the
    /// queue, in order, and the state must be loaded.
    pub(super) fn reset(&mut self, in_flight: Vec<Decided<T>>) {
        if seeded(Bug::ForkAfterLostBatch) {
            self.in_flight = false;
            self.waiting = Waiting::Load;
            return;
        }
        let decided = in_flight.into_iter().chain(self.decided.drain(..));
        let mut queue: VecDeque<Submission<T>> = decided.map(|d| d.submission).collect();
        queue.append(&mut self.queue);
        self.queue = queue;
        self.state = RunState::default();
        self.sealed = Head::EMPTY;
        self.events.clear();
        self.new_blobs.clear();
        self.new_documents.clear();
        self.forget_looks();
        self.in_flight = false;
        self.waiting = Waiting::Load;
    }
}

/// Payloads at hand, the oldest forgotten first.
#[derive(Debug, Default)]
pub(super) struct BlobShelf {
    blobs: BTreeMap<Digest, Arc<Blob>>,
    order: VecDeque<Digest>,
    bytes: usize,
    /// What patches are judged by; `None`: the default rules.
    pub(super) rules: Option<Arc<Rules>>,
}

impl BlobShelf {
    pub(super) fn put(&mut self, blob: &Arc<Blob>) {
        if self.blobs.insert(blob.digest(), Arc::clone(blob)).is_some() {
            return;
        }
        self.order.push_back(blob.digest());
        self.bytes += blob.text().len();
        while self.bytes > SLOT_BLOB_BYTES_MAX && self.order.len() > 1 {
            let Some(oldest) = self.order.pop_front() else { return };
            if let Some(gone) = self.blobs.remove(&oldest) {
                self.bytes -= gone.text().len();
            }
        }
    }

    /// Puts payloads that a decision asked for; they stay at least until it is made.
    pub(super) fn put_all(&mut self, blobs: Vec<Arc<Blob>>) {
        for blob in blobs {
            if self.blobs.insert(blob.digest(), Arc::clone(&blob)).is_none() {
                self.order.push_back(blob.digest());
                self.bytes += blob.text().len();
            }
        }
    }
}

impl Blobs for BlobShelf {
    fn get(&self, digest: &Digest) -> Option<Arc<Blob>> {
        self.blobs.get(digest).cloned()
    }

    fn rules(&self) -> Option<&Rules> {
        self.rules.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot<()> {
        Slot::new(WorkspaceId(uuid::Uuid::from_u128(1)))
    }

    #[test]
    fn a_chain_goes_on_while_every_older_effect_is_its_own() {
        let mut slot = slot();
        assert!(slot.link(1, 1, false).is_some(), "nothing is owed");
        assert!(slot.link(2, 4, true).is_some(), "segment 1 is its own");
        assert!(slot.link(5, 5, true).is_some());
    }

    #[test]
    fn what_another_process_owes_is_not_overtaken() {
        let mut slot = slot();
        assert!(slot.link(1, 1, false).is_some());
        assert!(slot.link(3, 3, true).is_none(), "segment 2 is another's");
        assert!(slot.link(4, 4, true).is_none(), "and segment 3 is the relay's");
        assert!(slot.link(5, 5, false).is_some(), "all of that is performed");
    }

    /// What the slot gives for the relay's report, by ordinal.
    fn freed(slot: &mut Slot<()>, ordinal: u64) -> Vec<u64> {
        slot.relayed(ordinal).iter().map(|performance| performance.key.ordinal).collect()
    }

    fn leave(slot: &mut Slot<()>, ordinals: impl IntoIterator<Item = u64>) {
        let (workspace, run) = (slot.workspace, aob_engine::RunId(uuid::Uuid::from_u128(2)));
        slot.leave(ordinals.into_iter().map(|ordinal| {
            let mut left = Performance::of_dispatches(workspace, run, Vec::new());
            left.key.ordinal = ordinal;
            left
        }));
    }

    #[test]
    fn what_the_relay_has_performed_holds_nobody_up() {
        let mut slot = slot();
        assert!(slot.link(3, 4, true).is_none(), "segments 1 and 2 are another's");
        leave(&mut slot, [3, 4]);
        assert_eq!(freed(&mut slot, 1), [0; 0], "segment 2 is still owed");
        assert_eq!(freed(&mut slot, 2), [3, 4]);
        let own = slot.link(5, 5, true).expect("everything older is its own");
        assert_eq!(freed(&mut slot, 2), [0; 0]);
        own.break_off();
        assert!(slot.link(6, 6, true).is_none(), "segment 5 waits for the relay");
        leave(&mut slot, [6]);
        assert!(slot.link(7, 7, true).is_none(), "and segment 6 for segment 5");
        leave(&mut slot, [7]);
        assert_eq!(freed(&mut slot, 5), [6, 7]);
        assert!(!slot.link(8, 8, true).unwrap().is_broken());
    }

    #[test]
    fn what_the_relay_was_first_to_perform_is_not_repeated() {
        let mut slot = slot();
        assert!(slot.link(2, 2, true).is_none());
        leave(&mut slot, [2]);
        assert!(slot.link(3, 3, true).is_none());
        leave(&mut slot, [3]);
        assert_eq!(freed(&mut slot, 2), [3]);
        assert!(slot.link(4, 4, true).is_some());
        // Whoever deleted the rows had performed them.
        let mut slot = self::slot();
        assert!(slot.link(2, 2, true).is_none());
        leave(&mut slot, [2]);
        assert!(slot.link(3, 3, false).is_some());
        assert!(slot.left.is_empty());
        // Between them stands what another process appended.
        let mut slot = self::slot();
        assert!(slot.link(2, 2, true).is_none());
        leave(&mut slot, [2, 4, 5]);
        assert_eq!(freed(&mut slot, 1), [2]);
        assert_eq!(freed(&mut slot, 3), [4, 5]);
        // What is too much is the relay's.
        let mut slot = self::slot();
        assert!(slot.link(5, 5, true).is_none());
        leave(&mut slot, 5..=5 + LEFT_MAX as u64);
        assert!(slot.left.is_empty());
    }

    #[test]
    fn what_could_not_be_performed_is_not_overtaken() {
        let mut slot = slot();
        let first = slot.link(1, 1, false).unwrap();
        let second = slot.link(2, 2, true).unwrap();
        first.break_off();
        assert!(second.is_broken(), "it rests on the first");
        assert!(slot.link(3, 3, true).is_none());
        assert!(!slot.link(4, 4, false).unwrap().is_broken(), "a new chain");
    }
}
