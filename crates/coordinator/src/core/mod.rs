//! The coordinator as a state machine: no I/O, no clock, no task.
//!
//! Contract of the drive loop: after every [`Core::handle`], drain [`Core::next_output`] until it
//! gives `None`, then take a batch with [`Core::next_batch`] and answer it with
//! [`Input::Appended`]. One batch is in flight at a time; what is decided meanwhile, on top of
//! what is not durable yet, goes into the next. Nothing that rests on undurable state comes out.

mod commit;
mod decide;
mod slot;
#[cfg(test)]
mod tests;
mod types;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use aob_engine::{RunId, Timestamp};
use aob_ir::{Digest, Ir};
use aob_store::OutboxKey;
use aob_validator::Rules;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use self::commit::InFlight;
use self::slot::Slot;
pub use self::types::{
    Ask, Batch, Chain, ChildContext, Committed, Input, LoadedRun, Output, Performance, ReadError,
    Reply, ResolvedDispatch, Submission, SubmitError,
};

/// Sizes of a core.
#[derive(Debug, Clone, Copy)]
pub struct CoreConfig {
    /// Runs kept in memory while nothing happens to them.
    pub idle_runs_max: usize,
    /// Streams in one batch at most.
    pub batch_streams_max: usize,
    /// Compiled workflows kept in memory.
    pub irs_max: usize,
    /// Events between snapshots at least (more for large states).
    pub snapshot_events: u64,
}

impl Default for CoreConfig {
    fn default() -> Self {
        Self {
            idle_runs_max: 4_096,
            batch_streams_max: 2_048,
            irs_max: 256,
            snapshot_events: 1_000,
        }
    }
}

/// Runs remembered that the relay has worked for.
const RELAYED_MAX: usize = 4_096;

/// See the module.
#[derive(Debug)]
pub struct Core<T> {
    config: CoreConfig,
    slots: IndexMap<RunId, Box<Slot<T>>, FxBuildHasher>,
    irs: BTreeMap<Digest, Arc<Ir>>,
    /// Runs with decided events that are not sealed, in order.
    dirty: VecDeque<RunId>,
    in_flight: Option<InFlight<T>>,
    outbox_done: Vec<OutboxKey>,
    outputs: VecDeque<Output<T>>,
    rules: Option<Arc<Rules>>,
    /// Runs that are not in memory, with the last segment that the relay has performed.
    relayed: BTreeMap<RunId, u64>,
    uses: u64,
    /// Number of the last question.
    asked: u64,
    /// Idle runs are looked for when more than this many are in memory.
    forget_above: usize,
}

impl<T> Core<T> {
    /// An empty core.
    pub fn new(config: CoreConfig) -> Self {
        Self {
            config,
            slots: IndexMap::default(),
            irs: BTreeMap::new(),
            dirty: VecDeque::new(),
            in_flight: None,
            outbox_done: Vec::new(),
            outputs: VecDeque::new(),
            rules: None,
            relayed: BTreeMap::new(),
            uses: 0,
            asked: 0,
            forget_above: config.idle_runs_max,
        }
    }

    /// The same, with other rules for patches than the default ones.
    #[must_use]
    pub fn with_rules(mut self, rules: Arc<Rules>) -> Self {
        self.rules = Some(rules);
        self
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Timestamp, input: Input<T>) {
        match input {
            Input::Submit(submission) => self.submit(now, *submission),
            Input::Loaded(ask, result) => self.loaded(now, ask, result),
            Input::IrLoaded(ask, result) => self.ir_loaded(now, ask, result),
            Input::BlobsLoaded(ask, result) => self.blobs_loaded(now, ask, result),
            Input::HeadChecked(ask, result) => self.head_checked(now, ask, result),
            Input::KeysLooked(ask, result) => self.keys_looked(now, ask, result),
            Input::Appended(outcomes) => self.appended(now, outcomes),
            Input::Performed(key) => self.performed(key),
            Input::Relayed(key) => self.relayed(key),
        }
    }

    /// The next thing to do.
    pub fn next_output(&mut self) -> Option<Output<T>> {
        self.outputs.pop_front()
    }

    /// True while a batch is in flight.
    pub fn is_appending(&self) -> bool {
        self.in_flight.is_some()
    }

    /// True where outbox rows wait to be deleted and no append will carry them.
    pub fn has_loose_acknowledgements(&self) -> bool {
        !self.outbox_done.is_empty() && self.in_flight.is_none() && self.dirty.is_empty()
    }

    /// Runs in memory.
    pub fn runs(&self) -> usize {
        self.slots.len()
    }

    fn relayed(&mut self, key: OutboxKey) {
        let run = crate::run_of(key.stream);
        if let Some(slot) = self.slots.get_mut(&run) {
            let freed = slot.relayed(key.ordinal).into_iter();
            self.outputs.extend(freed.map(|p| Output::Perform(Box::new(p))));
            return;
        }
        if self.relayed.len() >= RELAYED_MAX {
            // What is forgotten waits for the relay once more.
            self.relayed.clear();
        }
        self.relayed.insert(run, key.ordinal);
    }

    fn submit(&mut self, now: Timestamp, submission: Submission<T>) {
        let run = submission.run;
        let starts = matches!(submission.request.command, aob_engine::Command::Start(_));
        let workspace = submission.workspace;
        let mut load = false;
        let slot = self.slots.entry(run).or_insert_with(|| {
            load = !starts;
            let mut slot = Box::new(Slot::new(workspace));
            slot.blobs.rules.clone_from(&self.rules);
            if let Some(ordinal) = self.relayed.remove(&run) {
                slot.relayed(ordinal);
            }
            slot
        });
        if slot.workspace != workspace {
            let missing = Err(SubmitError::NotFound(run));
            self.outputs.push_back(Output::Reply(submission.token, missing));
            return;
        }
        slot.queue.push_back(submission);
        if load {
            self.load(run);
        }
        self.drive(now, run);
    }

    fn performed(&mut self, key: OutboxKey) {
        self.outbox_done.push(key);
    }

    fn remember_ir(&mut self, ir: &Arc<Ir>) {
        if self.irs.len() >= self.config.irs_max && !self.irs.contains_key(&ir.digest) {
            self.irs.pop_first();
        }
        self.irs.insert(ir.digest, Arc::clone(ir));
    }

    /// Forgets the runs that were used least recently, as far as that loses nothing.
    fn forget_idle(&mut self) {
        if self.slots.len() <= self.forget_above {
            return;
        }
        let idle = self.slots.iter().filter(|(_, slot)| slot.is_idle());
        let mut idle: Vec<(u64, RunId)> = idle.map(|(run, slot)| (slot.used, *run)).collect();
        idle.sort_unstable();
        let excess = self.slots.len().saturating_sub(self.config.idle_runs_max / 2);
        for (_, run) in idle.into_iter().take(excess) {
            self.slots.swap_remove(&run);
        }
        // Busy runs cannot be forgotten; the next look waits until it can be worth it.
        self.forget_above = self.slots.len() + self.config.idle_runs_max / 2;
    }
}
