//! What was acknowledged, and what was under way: the side of the clients.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use serde_json::Value;

use super::documents::Kind;

/// A run whose start was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Started {
    pub(crate) run: String,
    pub(crate) kind: Kind,
    /// Its `Idempotency-Key`, also a label of the run.
    pub(crate) key: String,
    /// The answer to its signal or approval was acknowledged.
    pub(crate) told: bool,
    /// It was seen in its final state.
    pub(crate) over: bool,
}

/// A signal or decision that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) run: String,
    /// The signal's key, or the ticket.
    pub(crate) what: String,
    /// The payload, or the outcome.
    pub(crate) value: Value,
}

/// A result whose hand-in was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) run: String,
    pub(crate) instance: String,
    pub(crate) attempt: u64,
    pub(crate) output: Value,
}

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) runs: Mutex<BTreeMap<String, Started>>,
    pub(crate) signals: Mutex<Vec<Told>>,
    pub(crate) decisions: Mutex<Vec<Told>>,
    pub(crate) results: Mutex<Vec<Answered>>,
    /// What went wrong, for the end.
    pub(crate) faults: Mutex<Vec<String>>,
    /// Requests that have no answer yet.
    pub(crate) requests: AtomicUsize,
    /// Jobs that the test's own runner holds.
    pub(crate) jobs: AtomicUsize,
    /// Requests that were sent more than once.
    pub(crate) repeated: AtomicUsize,
    gate: Mutex<Gate>,
    moved: Condvar,
}

#[derive(Default)]
struct Gate {
    open: bool,
    ended: bool,
    inside: usize,
}

impl Ledger {
    pub(crate) fn fault(&self, fault: String) {
        self.faults.lock().expect("no panics").push(fault);
    }

    /// Waits until load is wanted; false at the end.
    pub(crate) fn enter(&self) -> bool {
        let mut gate = self.gate.lock().expect("no panics");
        while !gate.open && !gate.ended {
            gate = self.moved.wait(gate).expect("no panics");
        }
        gate.inside += usize::from(!gate.ended);
        !gate.ended
    }

    /// What was entered for is done.
    pub(crate) fn leave(&self) {
        self.gate.lock().expect("no panics").inside -= 1;
        self.moved.notify_all();
    }

    /// Opens or closes the gate to new load.
    pub(crate) fn load(&self, open: bool) {
        self.gate.lock().expect("no panics").open = open;
        self.moved.notify_all();
    }

    /// Waits until nobody is inside any more.
    pub(crate) fn quiet(&self) {
        let mut gate = self.gate.lock().expect("no panics");
        while gate.inside > 0 {
            gate = self.moved.wait(gate).expect("no panics");
        }
    }

    pub(crate) fn end(&self) {
        self.gate.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).ended = true;
        self.moved.notify_all();
    }

    pub(crate) fn ended(&self) -> bool {
        self.gate.lock().expect("no panics").ended
    }

    /// Every run whose start was acknowledged.
    pub(crate) fn all_runs(&self) -> Vec<Started> {
        self.runs.lock().expect("no panics").values().cloned().collect()
    }

    /// Runs that were not seen over yet.
    pub(crate) fn open_runs(&self) -> Vec<Started> {
        self.all_runs().into_iter().filter(|run| !run.over).collect()
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

    pub(crate) fn in_flight(&self) -> (usize, usize) {
        (self.requests.load(Ordering::SeqCst), self.jobs.load(Ordering::SeqCst))
    }
}
