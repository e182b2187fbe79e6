//! What was acknowledged, and what was under way: the side of the clients.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use serde_json::Value;

use crate::documents::Kind;

/// A run whose start was acknowledged.
#[derive(Debug, Clone)]
pub struct Started {
    /// Whose it is.
    pub run: String,
    /// What it does.
    pub kind: Kind,
    /// Its `Idempotency-Key`, also a label of the run.
    pub key: String,
    /// The answer to its signal or approval was acknowledged.
    pub told: bool,
    /// It was seen in its final state.
    pub over: bool,
}

/// A signal or decision that was acknowledged.
#[derive(Debug, Clone)]
pub struct Told {
    /// Whose it is.
    pub run: String,
    /// The signal's key, or the ticket.
    pub what: String,
    /// The payload, or the outcome.
    pub value: Value,
}

/// A result whose hand-in was acknowledged.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Whose it is.
    pub run: String,
    /// Of which instance.
    pub instance: String,
    /// Of which attempt.
    pub attempt: u64,
    /// What was handed in.
    pub output: Value,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Runs whose start was acknowledged, by id.
    pub runs: Mutex<BTreeMap<String, Started>>,
    /// Signals that were acknowledged.
    pub signals: Mutex<Vec<Told>>,
    /// Decisions that were acknowledged.
    pub decisions: Mutex<Vec<Told>>,
    /// Patches that were acknowledged: each applied.
    pub patches: Mutex<Vec<Told>>,
    /// Results that were acknowledged.
    pub results: Mutex<Vec<Answered>>,
    /// What went wrong, for the end.
    pub faults: Mutex<Vec<String>>,
    /// Requests that have no answer yet.
    pub requests: AtomicUsize,
    /// Jobs that the test's own runner holds.
    pub jobs: AtomicUsize,
    /// Requests that were sent more than once.
    pub repeated: AtomicUsize,
    gate: Mutex<Gate>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Gate {
    open: bool,
    ended: bool,
    inside: usize,
}

impl Ledger {
    /// Notes what went wrong.
    pub fn fault(&self, fault: String) {
        self.faults.lock().expect("no panics").push(fault);
    }

    /// Waits until load is wanted; false at the end.
    pub fn enter(&self) -> bool {
        let mut gate = self.gate.lock().expect("no panics");
        while !gate.open && !gate.ended {
            gate = self.moved.wait(gate).expect("no panics");
        }
        gate.inside += usize::from(!gate.ended);
        !gate.ended
    }

    /// What was entered for is done.
    pub fn leave(&self) {
        self.gate.lock().expect("no panics").inside -= 1;
        self.moved.notify_all();
    }

    /// Opens or closes the gate to new load.
    pub fn load(&self, open: bool) {
        self.gate.lock().expect("no panics").open = open;
        self.moved.notify_all();
    }

    /// Waits until nobody is inside any more.
    pub fn quiet(&self) {
        let mut gate = self.gate.lock().expect("no panics");
        while gate.inside > 0 {
            gate = self.moved.wait(gate).expect("no panics");
        }
    }

    /// Nothing is sent any more.
    pub fn end(&self) {
        self.gate.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).ended = true;
        self.moved.notify_all();
    }

    /// Whether nothing is sent any more.
    pub fn ended(&self) -> bool {
        self.gate.lock().expect("no panics").ended
    }

    /// Every run whose start was acknowledged.
    pub fn all_runs(&self) -> Vec<Started> {
        self.runs.lock().expect("no panics").values().cloned().collect()
    }

    /// Runs that were not seen over yet.
    pub fn open_runs(&self) -> Vec<Started> {
        let runs = self.runs.lock().expect("no panics");
        runs.values().filter(|run| !run.over).cloned().collect()
    }

    /// Whether it was seen in its final state.
    pub(crate) fn is_over(&self, run: &str) -> bool {
        self.runs.lock().expect("no panics").get(run).is_some_and(|run| run.over)
    }

    pub(crate) fn started(&self, run: Started) {
        self.runs.lock().expect("no panics").insert(run.run.clone(), run);
    }

    pub(crate) fn signalled(&self, told: Told) {
        self.signals.lock().expect("no panics").push(told);
    }

    pub(crate) fn decided(&self, told: Told) {
        self.decisions.lock().expect("no panics").push(told);
    }

    pub(crate) fn patched(&self, told: Told) {
        let mut patches = self.patches.lock().expect("no panics");
        // A repeated request has the answer of the first.
        if !patches.iter().any(|known| known.what == told.what) {
            patches.push(told);
        }
    }

    pub(crate) fn over(&self, run: &str) {
        self.change(run, |run| run.over = true);
    }

    pub(crate) fn told(&self, run: &str) {
        self.change(run, |run| run.told = true);
    }

    fn change(&self, run: &str, change: impl FnOnce(&mut Started)) {
        if let Some(run) = self.runs.lock().expect("no panics").get_mut(run) {
            change(run);
        }
    }

    /// Requests without an answer, and jobs of the test's own runner.
    pub fn in_flight(&self) -> (usize, usize) {
        (self.requests.load(Ordering::SeqCst), self.jobs.load(Ordering::SeqCst))
    }
}
