//! What a run has done so far, as far as a patch must not contradict it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_bugs::{Bug, seeded};
use aob_ir::{Ir, NodeIr, NodeKind};
use aob_validator::{AgentKey, History, NodeHistory};

use super::surgery::node_of;
use crate::event::PatchOrigin;
use crate::ids::InstanceId;
use crate::state::{Doing, InstanceStatus, NameId, PatchStatus, RunState};

/// The instances of a run by node, with the loops that have gone round: what happened in their
/// earlier iterations may be forgotten.
pub(super) struct Past<'s> {
    state: &'s RunState,
    ir: &'s Ir,
    nodes: BTreeMap<NameId, Instances>,
    /// Loop nodes whose body was sent round again, in any scope.
    rounds: BTreeSet<NameId>,
    agents: Arc<BTreeSet<AgentKey>>,
}

/// What is known of the instances of one node.
#[derive(Debug, Clone, Copy, Default)]
struct Instances {
    /// Skipped, or cancelled before they started.
    passed_over: usize,
    /// Parked, failed, or between attempts.
    stuck: usize,
    /// All others.
    others: usize,
    /// One of them is a map that knows its items.
    expanded: bool,
}

impl<'s> Past<'s> {
    /// The past of a run of this graph.
    pub(super) fn of(
        state: &'s RunState,
        ir: &'s Ir,
        children: &BTreeMap<Arc<str>, Arc<Ir>>,
    ) -> Self {
        let mut nodes: BTreeMap<NameId, Instances> = BTreeMap::new();
        for (key, instance) in state.instances.iter() {
            let counts = nodes.entry(key.node).or_default();
            counts.expanded |= matches!(instance.doing, Doing::Map(_) | Doing::Child(_));
            match instance.status {
                InstanceStatus::Skipped => counts.passed_over += 1,
                InstanceStatus::Cancelled if instance.attempt == 0 => counts.passed_over += 1,
                InstanceStatus::Parked | InstanceStatus::Failed | InstanceStatus::Retrying => {
                    counts.stuck += 1;
                }
                InstanceStatus::Scheduled
                | InstanceStatus::Waiting
                | InstanceStatus::Completed
                | InstanceStatus::Cancelled
                | InstanceStatus::Compensated => counts.others += 1,
            }
        }
        let rounds = state.loops.iter().map(|(key, _)| key.node).collect();
        let agents = match &state.head.agents {
            Some(known) if !seeded(Bug::AgentsForgotten) => Arc::clone(known),
            Some(_) | None => Arc::new(aob_validator::agents_of(ir, children)),
        };
        Self { state, ir, nodes, rounds, agents }
    }

    fn counts(&self, id: &str) -> Option<Instances> {
        self.nodes.get(&self.state.names.get(id)?).copied()
    }

    /// True where a loop around the node has gone round: it has run, or was passed over.
    fn went_round(&self, node: &NodeIr) -> bool {
        node.loops.iter().any(|&ix| {
            let name = &self.ir.node(self.ir.loop_at(ix).node).id;
            self.state.names.get(name).is_some_and(|name| self.rounds.contains(&name))
        })
    }

    /// True for a loop of which something has been entered, and a map or composite that has.
    fn is_expanded(&self, node: &NodeIr) -> bool {
        let entered = |id: &str| self.counts(id).is_some();
        match &node.kind {
            NodeKind::Loop { loop_ix } => {
                let body = &self.ir.loop_at(*loop_ix).body;
                self.went_round(node) || body.iter().any(|&ix| entered(&self.ir.node(ix).id))
            }
            NodeKind::Map(map) => {
                entered(&map.body.id) || self.counts(&node.id).is_some_and(|known| known.expanded)
            }
            NodeKind::Composite { .. } => self.counts(&node.id).is_some_and(|known| known.expanded),
            NodeKind::Function { .. }
            | NodeKind::Http { .. }
            | NodeKind::Agent { .. }
            | NodeKind::Transform(_)
            | NodeKind::Filter { .. }
            | NodeKind::Aggregate { .. }
            | NodeKind::Conditional
            | NodeKind::Parallel
            | NodeKind::Join
            | NodeKind::Hitl { .. }
            | NodeKind::Timer(_)
            | NodeKind::Signal { .. }
            | NodeKind::Handoff
            | NodeKind::Unknown(_) => false,
        }
    }

    /// True where the node, or body of a map, is history.
    pub(super) fn is_fixed(&self, id: &str) -> bool {
        self.counts(id).is_some()
            || node_of(self.ir, id)
                .is_some_and(|node| self.went_round(node) || self.is_expanded(node))
    }

    /// True where every started instance waits for another attempt, or failed.
    pub(super) fn is_repairable(&self, id: &str) -> bool {
        let around = node_of(self.ir, id).is_some_and(|node| self.went_round(node));
        let stuck = self.counts(id).is_some_and(|known| known.stuck > 0 && known.others == 0);
        stuck && !around
    }

    /// The instances of a node, as far as they are remembered.
    pub(super) fn instances(&self, id: &str) -> Vec<InstanceId> {
        let Some(name) = self.state.names.get(id) else { return Vec::new() };
        let own = self.state.instances.iter().filter(|(key, _)| key.node == name);
        own.map(|(key, _)| self.state.id_of(&key)).collect()
    }
}

impl Past<'_> {
    /// The instances of the node that a pointer leads to or into, the first few.
    pub(super) fn instances_at(&self, pointer: &str) -> Vec<InstanceId> {
        const SHOWN: usize = 10;
        let mut parts = pointer.split('/').skip(1);
        let (Some("nodes"), Some(id)) = (parts.next(), parts.next()) else { return Vec::new() };
        let mut instances = self.instances(id);
        instances.truncate(SHOWN);
        instances
    }
}

impl History for Past<'_> {
    fn seq(&self) -> u64 {
        self.state.head.seq
    }

    fn node(&self, id: &str) -> NodeHistory {
        let Some(node) = node_of(self.ir, id) else { return NodeHistory::Untouched };
        let known = self.counts(id);
        if self.is_expanded(node) {
            return NodeHistory::Expanded;
        }
        match known {
            _ if self.went_round(node) => NodeHistory::Started { repairable: false },
            None => NodeHistory::Untouched,
            Some(Instances { stuck: 0, others: 0, .. }) => NodeHistory::Skipped,
            Some(_) => NodeHistory::Started { repairable: self.is_repairable(id) },
        }
    }

    fn is_edge_decided(&self, id: &str) -> bool {
        let row = self
            .state
            .names
            .get(id)
            .is_some_and(|name| self.state.edges.iter().any(|(key, _)| key.node == name));
        let source = self.ir.edges.iter().find(|edge| &*edge.id == id);
        row || source.is_some_and(|edge| self.went_round(self.ir.node(edge.from)))
    }

    fn agents_ever(&self) -> &BTreeSet<AgentKey> {
        &self.agents
    }

    fn allotment(&self) -> u32 {
        match self.state.meta().parent {
            // Its parent moved to it the agents that its document had when it was started.
            Some(_) => u32::try_from(self.agents.len()).unwrap_or(u32::MAX),
            None => self.state.meta().agents,
        }
    }

    fn agent_patches(&self) -> u32 {
        let by_agent = self.state.patches.iter().filter(|(_, patch)| {
            let applied = match patch.status {
                PatchStatus::Applied | PatchStatus::Reverted => true,
                PatchStatus::Waiting | PatchStatus::Rejected => false,
            };
            applied && patch.origin == PatchOrigin::Agent
        });
        u32::try_from(by_agent.count()).unwrap_or(u32::MAX)
    }
}
