//! Sequential to parallel: of two requests in a row, where the second neither reads the first nor
//! depends on its effect, both start at once.
//!
//! `P -> a -> b -> C` becomes `P -> a -> C` and `P -> b -> C`: the second gets the edges that lead to
//! the first, and the first gets edges to all that waits for the second, so everything behind them
//! starts when both are done, as before.
//!
//! Preconditions:
//! * *effects*: both are `http` nodes whose effect is `none`. What writes keeps its place, and so does
//!   what reads after a write; functions are given their input, and waits are there for their time;
//! * *data*: the second reads neither the first nor its input; what waits for the second does not see
//!   its input, which would now hold both outputs;
//! * *failures*: each fails the run, without routes, checks or compensation. If the first fails, the
//!   second may have been sent in vain, which does nothing outside; nothing behind them has started;
//! * *conditions*: the edge between them and all edges out of the second are plain. The edges into the
//!   first may have conditions, which are copied; but not come from a conditional, which takes one
//!   edge only, nor stand for keys of nodes;
//! * *joins and loops*: all of them wait for all live edges, stand in the same loops and start none, and
//!   no join that takes the first of several comes after;
//! * *results*: the second is not terminal, or the first would become a part of the run's output;
//! * *approvals*: whatever decided whether the first starts decides the same for both.

use crate::facts::{Kind, Node};
use crate::graph::Graph;
use crate::rewrite::{Metric, Patch, Per, Rewrite, Saving};

pub(crate) fn apply(graph: &Graph<'_>) -> Option<Rewrite> {
    // From the end, so that a chain of any length falls apart pair by pair.
    let mut edges: Vec<usize> = (0..graph.facts.edges.len()).collect();
    edges.reverse();
    edges.into_iter().find_map(|edge| part(graph, edge))
}

fn part(graph: &Graph<'_>, between: usize) -> Option<Rewrite> {
    let edge = graph.edge(between);
    let (first, second) = (graph.node(edge.from), graph.node(edge.to));
    let [_] = second.incoming.as_slice() else { return None };
    let stand_well = edge.is_plain()
        && first.loops == second.loops
        && [edge.from, edge.to].into_iter().all(|ix| is_free(graph, ix));
    let independent = !second.reads_input && !second.reads.contains(&first.id);
    if !stand_well || !independent || second.terminal {
        return None;
    }
    let before = graph
        .incoming(first)
        .all(|edge| graph.is_copyable(edge) && graph.node(edge.from).loops == first.loops);
    let after = graph.outgoing(second).all(|out| {
        let target = graph.node(out.to);
        let joined = graph.outgoing(first).find(|edge| edge.to == out.to);
        out.is_plain()
            && joined.is_none_or(|edge| edge.is_plain())
            && target.loops == second.loops
            && target.plain_join
            && !target.reads_input
            && !graph.is_head(out.to)
    });
    if !before || !after {
        return None;
    }
    let mut patch = Patch::of(graph);
    patch.remove_edge(&edge.id);
    for into in graph.incoming(first) {
        let source = &graph.node(into.from).id;
        patch.add_edge_like(source, &second.id, graph.edge_source(&into.id)?);
    }
    for out in graph.outgoing(second).filter(|out| !graph.joined(edge.from, out.to)) {
        patch.add_edge(&first.id, &graph.node(out.to).id);
    }
    let reason = format!(
        "`{}` needs nothing of `{}`: both only read, and can be asked at once",
        second.id, first.id
    );
    let nodes = vec![first.id.clone(), second.id.clone()];
    let saving = Saving { metric: Metric::Steps, amount: 1, per: Per::Run };
    Some(patch.into_rewrite("sequential-to-parallel/pair", reason, nodes, saving))
}

fn is_free(graph: &Graph<'_>, ix: usize) -> bool {
    let node: &Node = graph.node(ix);
    node.kind == Kind::Http
        && node.harmless
        && node.plain
        && node.plain_join
        && !node.races
        && !graph.is_head(ix)
}
