//! `check`: the invariants of a run that can be decided from its log, as a pure function.
//!
//! Tests, the simulator and `aob run verify` judge logs by it. It shares nothing with the engine
//! but the types of events: what is true after an event it works out with its own bookkeeping, so
//! that a mistake in the engine's fold does not hide itself. Nothing panics on a log that is wrong.
//!
//! [`RULES`] lists what is checked, [`ELSEWHERE`] what cannot be. Where the design leaves room, these readings hold:
//!
//! * **Scopes.** Iteration 1 of a loop exists as soon as the scope around the loop does; skips run
//!   through a body that is never entered. So a completed run has exactly one ended instance of
//!   every node in every scope that was opened, and one decision of every edge (I-18).
//! * **Edges** are decided with the end of their source. A run that is being stopped owes none.
//! * **Joins.** `k_of_n` and `quorum` count taken edges only; a failure that a join tolerates is one
//!   of the inputs of the node, and lets an `all` join start even where nothing else was taken.
//! * **Limits.** `max_instances` counts every instance that arrives, skipped ones too, and binds what
//!   begins; compensation is never lost for it.
//! * **Loops.** The loop node has an instance per iteration. Going back, it completes without
//!   deciding an edge, and `loop_iterated` follows.
//! * **Pause** forbids what begins: attempts, waits, iterations, expansions and inline nodes. What
//!   has been handed out may end, and its edges are decided. Stopping the run ends the pause.
//! * **Votes.** Every vote is an `approval_voted`, the deciding one too; one rejection decides. Roles
//!   are not in the log, so only lists of named people are checked.
//! * **Patches.** From `patch_applied` on, the graph is the one that its operations give. What has
//!   happened keeps its place there by name, and must be the same there; edges that a patch adds to
//!   finished instances are decided after it, and a guard that cannot be evaluated then does not hold.
//! * **Approvals** that a patch may not lead around are those before what needs one whatever the
//!   policy, which is not in the log: what is outside and cannot simply be repeated.
//! * **Guards** are not evaluated again, since they may read values that are not in the log: an edge
//!   is checked against the outcome of its source.
#![warn(missing_docs)]

mod approvals;
mod attempts;
mod budgets;
mod checker;
mod closing;
mod edges;
mod ends;
mod frames;
mod gates;
mod graph;
mod kinds;
mod maps;
mod openings;
mod outputs;
mod patches;
mod payloads;
mod phase;
mod report;
mod retry;
mod rewrite;
mod rules;
mod run;
mod shape;
mod signals;
mod state;
#[cfg(test)]
mod tests;
mod undo;

use std::sync::Arc;

use aob_engine::Event;
use aob_ir::{Digest, Ir};

pub use checker::Checker;
pub use report::{Report, VIOLATIONS_KEPT_MAX, Violation};
pub use rules::{ELSEWHERE, Elsewhere, RULES, Rule};

/// Checks a whole log, or the beginning of one.
///
/// `workflows` gives the compiled workflow of a digest; see [`Checker::new`].
pub fn check(events: &[Event], workflows: &dyn Fn(&Digest) -> Option<Arc<Ir>>) -> Report {
    let mut checker = Checker::new(workflows);
    for event in events {
        checker.push(event);
    }
    checker.finish()
}
