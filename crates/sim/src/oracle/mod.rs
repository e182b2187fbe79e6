//! An independent interpreter of the graph semantics: what a run must have come to.
//!
//! It shares no code with the engine and reads the generator's model, not the compiled form. Given
//! a [`Scenario`] and the *facts* that only the world decides (which attempts were lost), it
//! predicts exactly this:
//!
//! * how the run may end, and for which instances' failures;
//! * every instance that there may be, in every scope, with the outcomes that it may have, whether
//!   it must be there in a completed run, and its output where that does not depend on a race;
//! * how often each loop runs;
//! * the same of every child run;
//! * whose effects must have reached the world at least once, whose may have, and what must have
//!   been undone.
//!
//! It does not predict times, orders, attempt numbers, tickets or texts of errors; those are for
//! the checker. Where nodes race (`any`, `k_of_n` and `quorum` joins, losers, tolerated failures,
//! an unhandled failure against everything else) the sets hold every outcome that is possible, and
//! perhaps some that are not. In a run that was stopped, everything else may be cancelled or absent.

mod arrival;
#[cfg(test)]
mod drive;
mod follow;
mod judge;
#[cfg(test)]
mod lookup;
mod nested;
mod observed;
mod prediction;
#[cfg(test)]
mod react;
mod steps;
#[cfg(test)]
mod tests;
mod value;
mod walk;

use std::collections::BTreeMap;

use aob_engine::{Event, EventKind};

pub use judge::{Circumstances, judge};
pub use observed::{Observed, Seen};
pub use prediction::{Allowed, Outcome, Prediction, Status};

use crate::generator::Scenario;
use value::Val;
use walk::Walk;

/// What the world decided while a run went on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Attempts that were lost, with the code under which: (path of the run, instance, attempt).
    pub lost: BTreeMap<(String, String, u32), String>,
}

impl Facts {
    /// Takes from an event of the run at `path` what it tells about the world.
    fn learn(&mut self, path: &str, event: &Event) {
        let lost = if let EventKind::RetryScheduled(e) = &event.kind {
            Some((&e.instance, e.attempt, Some(&e.failure)))
        } else if let EventKind::NodeFailed(e) = &event.kind {
            Some((&e.instance, e.attempt, Some(&e.failure)))
        } else if let EventKind::NodeParked(e) = &event.kind {
            Some((&e.instance, e.attempt, e.failure.as_ref()))
        } else if let EventKind::NodeSkipped(e) = &event.kind {
            Some((&e.instance, e.attempt, e.failure.as_ref()))
        } else {
            None
        };
        let Some((instance, attempt, Some(failure))) = lost else { return };
        // A runner that gives up an attempt of harmless effect knows that it may be repeated.
        if failure.lost || matches!(&*failure.code, "timeout" | "idle_timeout") {
            let key = (path.to_owned(), instance.to_string(), attempt);
            self.lost.insert(key, failure.code.to_string());
        }
    }
}

/// Predicts the run of `scenario`, given `facts`.
pub fn predict(scenario: &Scenario, facts: &Facts) -> Prediction {
    let inputs = Val::Known(scenario.inputs.clone());
    Walk::new(&scenario.flow, &scenario.plan, facts, String::new(), inputs).run()
}
