//! Random workflows with a world around them, each a pure function of a seed.
//!
//! Graphs are series-parallel with edges across, 1 to 60 nodes, of every type, with guards, failure
//! routes, joins of all modes, maps, loops and child runs nested in one another. What functions
//! return, who votes how and which signals arrive is scripted by a [`Plan`].

mod build;
mod dice;
mod document;
mod model;
mod nodes;
mod plan;
mod shapes;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use dice::Dice;
pub use model::{
    Body, Edge, Effect, Flow, Guard, ItemTest, Items, Ix, Join, Kind, Mode, Node, On, OnError,
    Retry, Transform,
};
pub use nodes::LONG_MS;
pub use plan::{
    ANSWER_WITHIN_MS, Ask, AttemptEnd, AttemptPlan, PLANNED_MESSAGE, ParkedDecision, Plan, Planned,
    PlannedVote, When,
};

use build::Builder;

/// What may be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Number of nodes, about; drawn where absent.
    pub size: Option<usize>,
    /// Attempts may fail, approvers reject, references lead nowhere.
    pub failures: bool,
    /// The run may be cancelled and paused.
    pub commands: bool,
    /// Handoffs have no timeout: runs that reach one wait for ever.
    pub unserved: bool,
    /// Begins with a map over more items than a segment of the log holds events.
    pub wide: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { size: None, failures: true, commands: true, unserved: false, wide: false }
    }
}

/// A workflow, its inputs, and the world around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The seed that it is a function of.
    pub seed: u64,
    /// The workflow.
    pub flow: Flow,
    /// The run's inputs: `{"k", "items"}`.
    pub inputs: Value,
    /// The world.
    pub plan: Plan,
}

impl Scenario {
    /// The scenario of `seed`.
    pub fn generate(seed: u64, options: Options) -> Self {
        let mut builder = Builder::root(seed, options);
        let size = options.size.unwrap_or_else(|| size(&mut builder.dice));
        let inputs = builder.inputs();
        let flow = builder.flow(size);
        let plan = Plan::new(seed, options.failures, options.commands);
        Self { seed, flow, inputs, plan }
    }

    /// The workflow as a document.
    pub fn document(&self) -> Value {
        self.flow.to_document()
    }
}

/// How many nodes: few very small graphs, most of a size that people draw, some large.
fn size(dice: &mut Dice) -> usize {
    match dice.within(0..=99) {
        0..=9 => dice.count(1..=4),
        10..=74 => dice.count(10..=28),
        _ => dice.count(28..=44),
    }
}
