//! What a run has done so far, as far as a patch must not contradict it.

use std::collections::BTreeSet;

use crate::AgentKey;

/// The history of a run, or of nothing ([`Unstarted`]), which the engine answers from its state.
pub trait History {
    /// The sequence number of the last event that the answers rest on.
    fn seq(&self) -> u64;

    /// Whether there is a run: its limits and inputs are then fixed.
    fn is_run(&self) -> bool {
        true
    }

    /// What has become of a node of the graph, over all its instances in every scope.
    /// Bodies of maps and compensating nodes are part of the node that holds them.
    fn node(&self, id: &str) -> NodeHistory;

    /// Whether the edge of this id was decided in any scope, be it that the graph no longer has it.
    fn is_edge_decided(&self, id: &str) -> bool;

    /// Agent nodes ever present, those of sub-workflows and those that were removed included:
    /// the set that [`crate::Proof::agents_ever`] gave last, at first [`crate::agents_of`].
    fn agents_ever(&self) -> &BTreeSet<AgentKey>;

    /// How many agents the run was created with the right to hold ever, those that it moved to
    /// children which are part of its graph included, anything moved beyond that not.
    fn allotment(&self) -> u32;

    /// Patches by agents that were applied so far.
    fn agent_patches(&self) -> u32;
}

/// What has become of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeHistory {
    /// No instance was scheduled, opened or skipped.
    Untouched,
    /// An instance was scheduled or opened.
    Started {
        /// All its started instances are parked, failed or retrying.
        repairable: bool,
    },
    /// An instance was skipped and none was started.
    Skipped,
    /// A map whose items are known, a loop or composite that was entered: with all it contains.
    Expanded,
}

impl NodeHistory {
    /// Whether anything happened to it.
    pub fn is_fixed(self) -> bool {
        self != Self::Untouched
    }
}

/// No run: a workflow that is patched before any run of the result exists.
#[derive(Debug, Clone, Default)]
pub struct Unstarted {
    agents: BTreeSet<AgentKey>,
}

impl History for Unstarted {
    fn seq(&self) -> u64 {
        0
    }

    fn is_run(&self) -> bool {
        false
    }

    fn node(&self, _id: &str) -> NodeHistory {
        NodeHistory::Untouched
    }

    fn is_edge_decided(&self, _id: &str) -> bool {
        false
    }

    fn agents_ever(&self) -> &BTreeSet<AgentKey> {
        &self.agents
    }

    /// The document's own limit is judged where it is compiled.
    fn allotment(&self) -> u32 {
        u32::MAX
    }

    fn agent_patches(&self) -> u32 {
        0
    }
}
