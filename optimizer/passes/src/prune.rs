//! Dead-path pruning: edges whose condition is false for ever, and nodes that only they lead to.
//!
//! Dead are: edges whose condition is constant and false; in a conditional, the success edges behind
//! one whose condition is constant and true; every edge out of a dead node. A node is dead where it
//! has incoming edges and all of them are dead.
//!
//! Preconditions:
//! * *results*: no node that stays loses its last outgoing edge (it would become part of the run's
//!   output), and the run's output keeps its form (one terminal node stays one, several stay
//!   several);
//! * *references*: nothing that stays reads a node that goes, not even with a default; and what reads
//!   a node that stays still comes after it, or the reference would no longer be one;
//! * *joins*: a node that stays and loses an incoming edge waits for all live edges; `quorum`
//!   counts dead edges too, and tolerances count shares;
//! * *approvals*: no `hitl` node goes;
//! * *loops*: a loop goes as a whole or stays as a whole;
//! * edges that keys of nodes stand for go only with their nodes.
//!
//! Effects, failure routes, retries and timeouts of dead nodes do not matter: they never start.

use crate::facts::{Edge, Kind, Node};
use crate::graph::Graph;
use crate::rewrite::{Metric, Patch, Per, Rewrite, Saving};

pub(crate) fn apply(graph: &Graph<'_>) -> Option<Rewrite> {
    let dead = Dead::find(graph);
    let edges: Vec<&Edge> = dead
        .edges
        .iter()
        .zip(&graph.facts.edges)
        .filter(|(is_dead, edge)| **is_dead && !dead.nodes[edge.from])
        .map(|(_, edge)| edge)
        .collect();
    if edges.is_empty() || !dead.may_go(graph) {
        return None;
    }
    let mut patch = Patch::of(graph);
    for (edge, _) in graph.facts.edges.iter().zip(&dead.edges).filter(|(e, dead)| **dead && e.drawn)
    {
        patch.remove_edge(&edge.id);
    }
    let gone: Vec<String> =
        graph.nodes().filter(|(ix, _)| dead.nodes[*ix]).map(|(_, node)| node.id.clone()).collect();
    for id in &gone {
        patch.remove_node(id);
    }
    let saving = if gone.is_empty() {
        Saving { metric: Metric::Edges, amount: edges.len() as u64, per: Per::Run }
    } else {
        Saving { metric: Metric::Instances, amount: gone.len() as u64, per: Per::Run }
    };
    let names: Vec<&str> = edges.iter().map(|edge| edge.id.as_str()).collect();
    let reason = format!("never taken, whatever the run: {}", names.join(", "));
    Some(patch.into_rewrite("dead-path-pruning/constant", reason, gone, saving))
}

/// What never happens.
struct Dead {
    edges: Vec<bool>,
    nodes: Vec<bool>,
}

impl Dead {
    fn find(graph: &Graph<'_>) -> Self {
        let mut dead = Self {
            edges: graph.facts.edges.iter().map(|e| e.drawn && e.always == Some(false)).collect(),
            nodes: vec![false; graph.facts.nodes.len()],
        };
        for (_, node) in graph.nodes().filter(|(_, node)| node.kind == Kind::Conditional) {
            dead.mark_shadowed(graph, node);
        }
        dead.spread(graph);
        dead
    }

    /// A conditional tries guarded edges in order and *else* last; nothing gets past one that
    /// always holds.
    fn mark_shadowed(&mut self, graph: &Graph<'_>, node: &Node) {
        let tried = |guarded: bool| {
            let edges = node.outgoing.iter().copied();
            edges.filter(move |&ix| graph.edge(ix).condition.is_some() == guarded)
        };
        let mut shadowed = false;
        for ix in tried(true).chain(tried(false)) {
            let edge = graph.edge(ix);
            if edge.on == "success" {
                self.edges[ix] |= shadowed && edge.drawn;
                shadowed |= edge.always == Some(true);
            }
        }
    }

    fn spread(&mut self, graph: &Graph<'_>) {
        let mut changed = true;
        while changed {
            changed = false;
            for (ix, node) in graph.nodes() {
                let is_dead =
                    !node.incoming.is_empty() && node.incoming.iter().all(|&edge| self.edges[edge]);
                if is_dead && !self.nodes[ix] {
                    self.nodes[ix] = true;
                    changed = true;
                    for &edge in &node.outgoing {
                        self.edges[edge] = true;
                    }
                }
            }
        }
    }

    fn may_go(&self, graph: &Graph<'_>) -> bool {
        let stays = |ix: usize| !self.nodes[ix];
        let terminals = |all: bool| {
            graph.nodes().filter(|(ix, node)| node.terminal && (all || stays(*ix))).count()
        };
        let (before, after) = (terminals(true), terminals(false));
        let keeps_output = after > 0 && (before == 1) == (after == 1);
        let nodes_agree = graph.nodes().all(|(ix, node)| {
            if !stays(ix) {
                return node.kind != Kind::Hitl
                    && graph.readers(&node.id).into_iter().all(|reader| !stays(reader));
            }
            let keeps_edge = node.terminal || node.outgoing.iter().any(|&edge| !self.edges[edge]);
            let loses = node.incoming.iter().any(|&edge| self.edges[edge]);
            keeps_edge && (!loses || node.plain_join)
        });
        let loops_agree = graph.facts.loops.iter().all(|one| {
            let gone = one.body.iter().filter(|&&ix| !stays(ix)).count();
            let ends_gone = !stays(one.node) || !stays(one.head);
            !ends_gone || gone == one.body.len()
        });
        let drawn = graph.facts.edges.iter().zip(&self.edges);
        let edges_agree =
            drawn.filter(|(_, dead)| **dead).all(|(edge, _)| edge.drawn || !stays(edge.from));
        keeps_output && nodes_agree && loops_agree && edges_agree && self.reads_agree(graph)
    }

    /// What reads a node and came after it still does.
    fn reads_agree(&self, graph: &Graph<'_>) -> bool {
        graph.nodes().filter(|(ix, _)| !self.nodes[*ix]).all(|(ix, node)| {
            let readers = graph.readers(&node.id);
            if readers.is_empty() {
                return true;
            }
            let before = behind(graph, ix, |_| true);
            let after = behind(graph, ix, |edge| !self.edges[edge]);
            readers.into_iter().all(|ix| self.nodes[ix] || !before[ix] || after[ix])
        })
    }
}

/// For each node, whether such edges lead to it from this one, which counts too.
fn behind(graph: &Graph<'_>, from: usize, leads: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut behind = vec![false; graph.facts.nodes.len()];
    let mut stack = vec![from];
    while let Some(ix) = stack.pop() {
        if !std::mem::replace(&mut behind[ix], true) {
            let outgoing = graph.node(ix).outgoing.iter();
            stack.extend(outgoing.filter(|&&edge| leads(edge)).map(|&edge| graph.edge(edge).to));
        }
    }
    behind
}
