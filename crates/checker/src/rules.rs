//! The invariants that are checked, by id.
//!
//! `I-..` are the system's numbered invariants (those decidable from one run's log); `D-..` are
//! rules of the design that have no number there.

use aob_engine::Timestamp;

use crate::report::{Report, VIOLATIONS_KEPT_MAX, Violation};

/// An invariant: its id and what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Id, stable.
    pub id: &'static str,
    /// What always holds.
    pub states: &'static str,
}

/// Declares the ids as constants and [`RULES`] from one table.
macro_rules! rules {
    ($($name:ident $id:literal $states:literal)+) => {
        $(#[doc = $states] pub(crate) const $name: &str = $id;)+

        /// Every invariant that is checked.
        pub const RULES: &[Rule] = &[$(Rule { id: $id, states: $states }),+];
    };
}

rules! {
    I_01 "I-01" "Seq starts at 1 and has neither gap nor repeat."
    I_04 "I-04" "The first event, and no other, is run_created; after the end come only late results and warnings."
    I_05 "I-05" "A run ends at most once."
    I_06 "I-06" "Time never decreases."
    I_07 "I-07" "Each event names its command, and a command's events stand together: one commit."
    I_13 "I-13" "An attempt has at most one result and an instance at most one success."
    I_14 "I-14" "An instance ends once; when the run ends, every opened instance has ended."
    I_15 "I-15" "A result names the outstanding attempt, and only work that was handed out has one."
    I_16 "I-16" "An instance starts once, in a scope that is open, when its incoming edges allow it."
    I_17 "I-17" "A join takes exactly its taken inputs; a map's items are 0..N-1, each once, its list in item order."
    I_18 "I-18" "When the run completes, every node of every open scope has ended and every edge is decided."
    I_19 "I-19" "Attempts are 1, 2, 3 .. up to the granted number; what is not retryable is not retried, what is, is."
    I_20 "I-20" "The idempotency key is f(run, instance, generation)."
    I_21 "I-21" "Iterations, nesting, instances and deadline keep the limits recorded at creation."
    I_22 "I-22" "A run completes only when nothing is outstanding."
    I_24 "I-24" "Once the run is being stopped nothing starts except compensation."
    I_25 "I-25" "A cancelled run ends cancelled; what was outstanding is asked to stop and then fenced."
    I_26 "I-26" "A run ends after its children."
    I_27 "I-27" "Each revision is what its operations make of the one before, and follows it."
    I_28 "I-28" "A patch is applied as it was planned, against the document that holds."
    I_29 "I-29" "No patch alters what has started or been skipped, a person's repair aside."
    I_30 "I-30" "Every revision is a workflow."
    I_31 "I-31" "The graph has at most as many agents as the run may contain, and they are never forgotten."
    I_32 "I-32" "What the graph may do grows only by what a policy grants or a person approved."
    I_33 "I-33" "No patch leads around an approval that something needs, or makes it ask for less."
    I_34 "I-34" "A patch is proposed once, and applied or rejected once."
    I_37 "I-37" "Nothing that waits for a time happens before it."
    I_39 "I-39" "A ticket is decided once, by the quorum of its votes, one vote per person."
    I_40 "I-40" "Only people decide tickets, and only those who were asked."
    I_41 "I-41" "What was approved is what is applied."
    I_42 "I-42" "What follows a ticket is what was decided."
    I_56 "I-56" "What is charged and set aside is at every moment within the budgets, a call's miscount aside; only people raise them."
    D_01 "D-01" "An edge is decided once per scope, by the instance it leaves, in the scope it is decided in."
    D_02 "D-02" "An edge is taken only when it follows the outcome of its source."
    D_03 "D-03" "An instance that ended while the run goes on has decided all its edges."
    D_04 "D-04" "A loop's iterations are consecutive; each begins at the head after the loop node of the one before."
    D_05 "D-05" "Nothing starts while the run is paused."
    D_06 "D-06" "A signal is consumed once, first in first out per name; at most 1,000 wait."
    D_07 "D-07" "An unhandled failure stops the run, and a run fails only for the failure that stopped it."
    D_08 "D-08" "Compensation undoes what was done, once, last first, after everything else has stopped."
    D_09 "D-09" "At most max_parallel items of a map are open, and it tolerates no more failures than it says."
    D_10 "D-10" "What a person decides about an instance needs a parked instance."
    D_11 "D-11" "A result that counts is not discarded."
    D_12 "D-12" "Only the outstanding attempt is sent again or asked to stop."
    D_13 "D-13" "A lost attempt is repeated only where its effect allows it."
    D_14 "D-14" "A payload reference points to an event that carries the value."
    D_15 "D-15" "A payload is what its digest and length say, and small if inline."
    D_16 "D-16" "An instance does what its node's type does."
    D_17 "D-17" "A decision fits a segment; one that goes on elsewhere stops there."
    D_18 "D-18" "A run returns what its terminal nodes returned."
    D_19 "D-19" "In a run of full fidelity, and in no other, each instance that opens says so first."
}

/// An invariant that no log of one run decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere {
    /// Its id.
    pub id: &'static str,
    /// What would have to be known besides, and what shows it instead.
    pub because: &'static str,
}

const fn elsewhere(id: &'static str, because: &'static str) -> Elsewhere {
    Elsewhere { id, because }
}

/// Every numbered invariant that is not in [`RULES`], and why.
pub const ELSEWHERE: &[Elsewhere] = &[
    elsewhere("I-02", "hashes stand beside the events: `verify_chain` of the store"),
    elsewhere("I-03", "needs the losers' rows: conformance suite of the store"),
    elsewhere("I-08", "needs stored snapshots: the simulator's verdict"),
    elsewhere("I-09", "a property of `apply`: tests of the engine, the simulator's verdict"),
    elsewhere("I-10", "a property of `decide`: lints of the pure crates, the simulator's traces"),
    elsewhere("I-11", "needs other versions: the golden logs of the engine's tests"),
    elsewhere("I-12", "needs the same run with another cache: tests of the coordinator"),
    elsewhere("I-23", "says that something happens at last: the simulator, once the faults end"),
    elsewhere("I-35", "what is over a budget leaves no event: tests of the materializer"),
    elsewhere(
        "I-36",
        "compares two runs of a pass, and a run with the one without it: differential tests of the \
         passes. Of one log it can be said that an optimizer's patch grows nothing, which is I-32",
    ),
    elsewhere("I-38", "says that something happens at last: the simulator, once the faults end"),
    elsewhere("I-43", "needs the topic: the simulator's watcher"),
    elsewhere("I-44", "needs the topic and what was applied: the simulator's counts"),
    elsewhere("I-45", "needs what a client saw: tests of fanout"),
    elsewhere("I-46", "needs the topic: the simulator's watcher"),
    elsewhere("I-47", "needs committed offsets: the simulator's bus"),
    elsewhere("I-48", "needs the outbox over time: the simulator, once the faults end"),
    elsewhere("I-49", "needs the caches: the simulator with next to no room in them"),
    elsewhere("I-50", "needs the cache of results, which is not built yet"),
    elsewhere("I-51", "needs everything that another workspace may read: tests of the API"),
    elsewhere("I-52", "needs the runners' keys: tests of the API"),
    elsewhere("I-53", "needs everything that is stored: tests of the stack"),
    elsewhere("I-54", "needs the connections: tests of egress"),
    elsewhere("I-55", "needs the audit, which is not built yet"),
];

/// Signals of one name that may wait (design section 3.2).
pub(crate) const SIGNALS_WAITING_MAX: usize = 1_000;

/// Where a family of checks stands in the log, and where it reports to.
#[derive(Debug)]
pub(crate) struct Cx<'r> {
    /// The event being checked.
    pub(crate) seq: u64,
    /// Its time.
    pub(crate) at: Timestamp,
    /// It rests on a runner's answer.
    pub(crate) by_answer: bool,
    /// Receives what is found.
    pub(crate) report: &'r mut Report,
}

impl Cx<'_> {
    /// Reports a broken invariant.
    pub(crate) fn violation(&mut self, invariant: &'static str, message: String) {
        if self.report.violations.len() < VIOLATIONS_KEPT_MAX {
            self.report.violations.push(Violation { invariant, seq: self.seq, message });
        } else {
            self.report.suppressed += 1;
        }
    }

    /// Reports a broken invariant unless `holds`.
    pub(crate) fn require(
        &mut self,
        holds: bool,
        invariant: &'static str,
        message: impl FnOnce() -> String,
    ) {
        if !holds {
            self.violation(invariant, message());
        }
    }

    /// Requires that the event is not earlier than `due` (I-37).
    pub(crate) fn not_before(&mut self, due: Timestamp, what: impl FnOnce() -> String) {
        let (at, early) = (self.at, self.at < due);
        self.require(!early, I_37, || format!("{} at {at}, before it is due at {due}", what()));
    }

    /// Counts that something was seen.
    pub(crate) fn count(&mut self, counter: &'static str) {
        *self.report.counters.entry(counter).or_default() += 1;
    }
}
