//! Sequential to parallel: of two requests in a row, where the second neither reads the first nor
//! depends on its effect, both start at once.
//!
//! `P -> a -> b -> C` becomes `P -> a -> C` and `P -> b -> C`: the second gets the edges that lead to
//! the first, and the first gets edges to all that waits for the second, so everything behind them
//! starts when both are done, as before. The first may be several that start together; so all of a
//! chain come to start at once, one rewrite after the other.
//!
//! Preconditions:
//! * *effects*: all are `http` nodes whose effect is `none`. What writes keeps its place, and so does
//!   what reads after a write; functions are given their input, and waits are there for their time;
//! * *data*: the second reads neither what it waits for nor its input; what waits for the second does
//!   not see its input, which would now hold more outputs;
//! * *failures*: each fails the run, without routes, checks or compensation. If the first fails, the
//!   second may have been sent in vain, which does nothing outside; nothing behind them has started;
//! * *conditions*: the edges between them and all edges out of the second are plain. The edges into the
//!   first may have conditions, which are copied; but not come from a conditional, which takes one
//!   edge only, nor stand for keys of nodes. Of several, all are reached alike, so they start together
//!   or not at all;
//! * *joins and loops*: all of them wait for all live edges, stand in the same loops and start none, and
//!   no join that takes the first of several comes after;
//! * *results*: the second is not terminal, or the first would become a part of the run's output;
//! * *approvals*: whatever decided whether the first starts decides the same for all;
//! * *gain*: something that waits for the second now starts earlier, because it waits for nothing else
//!   that is as many jobs away. Without it the meaning would be the same and the claim untrue.

use std::collections::BTreeSet;

use crate::facts::{Edge, Kind, Node};
use crate::graph::Graph;
use crate::rewrite::{Metric, Patch, Per, Rewrite, Saving};

pub(crate) fn apply(graph: &Graph<'_>) -> Option<Rewrite> {
    // From the start: what was put side by side is what the next one waits for.
    let starts = starts(graph);
    let mut order: Vec<usize> = (0..starts.len()).collect();
    order.sort_by_key(|&ix| starts[ix]);
    order.into_iter().find_map(|second| part(graph, second, &starts))
}

/// For each node, how many jobs at least wait for each other before it starts.
fn starts(graph: &Graph<'_>) -> Vec<u64> {
    let mut missing: Vec<usize> = graph.nodes().map(|(_, node)| node.incoming.len()).collect();
    let mut starts = vec![0; missing.len()];
    let mut ready: Vec<usize> = (0..missing.len()).filter(|&ix| missing[ix] == 0).collect();
    while let Some(ix) = ready.pop() {
        let end = starts[ix] + jobs(graph.node(ix));
        for edge in graph.outgoing(graph.node(ix)) {
            starts[edge.to] = end.max(starts[edge.to]);
            missing[edge.to] -= 1;
            if missing[edge.to] == 0 {
                ready.push(edge.to);
            }
        }
    }
    starts
}

/// How many jobs a node stands for, if it is no more than one: what only computes stands for none.
fn jobs(node: &Node) -> u64 {
    match node.kind {
        Kind::Transform | Kind::Filter | Kind::Aggregate | Kind::Conditional | Kind::Loop => 0,
        Kind::Function | Kind::Http | Kind::Map | Kind::Hitl | Kind::Other => 1,
    }
}

fn part(graph: &Graph<'_>, ix: usize, starts: &[u64]) -> Option<Rewrite> {
    let second = graph.node(ix);
    let firsts: BTreeSet<usize> = graph.incoming(second).map(|edge| edge.from).collect();
    let first = graph.node(*firsts.first()?);
    let members: Vec<&Node> = firsts.iter().map(|&ix| graph.node(ix)).collect();
    let stand_well = graph.incoming(second).all(Edge::is_plain)
        && first.loops == second.loops
        && is_free(graph, ix)
        && firsts.iter().all(|&ix| is_free(graph, ix))
        && members.iter().all(|member| graph.reached_alike(first, member));
    let independent =
        !second.reads_input && members.iter().all(|member| !second.reads.contains(&member.id));
    if !stand_well || !independent || second.terminal {
        return None;
    }
    let before = graph
        .incoming(first)
        .all(|edge| graph.is_copyable(edge) && graph.node(edge.from).loops == first.loops);
    let after = graph.outgoing(second).all(|out| {
        let target = graph.node(out.to);
        let mut joined = members.iter().flat_map(|member| graph.outgoing(member));
        out.is_plain()
            && joined.all(|edge| edge.to != out.to || edge.is_plain())
            && target.loops == second.loops
            && target.plain_join
            && !target.reads_input
            && !graph.is_head(out.to)
    });
    if !before || !after || !gains(graph, ix, starts) {
        return None;
    }
    rewrite(graph, second, &firsts)
}

/// Something that waits for `second` waits for nothing else so long.
fn gains(graph: &Graph<'_>, second: usize, starts: &[u64]) -> bool {
    graph.outgoing(graph.node(second)).any(|out| {
        let others = graph.incoming(graph.node(out.to)).filter(|edge| edge.from != out.from);
        let mut ends = others.map(|edge| starts[edge.from] + jobs(graph.node(edge.from)));
        ends.all(|end| end <= starts[second])
    })
}

fn rewrite(graph: &Graph<'_>, second: &Node, firsts: &BTreeSet<usize>) -> Option<Rewrite> {
    let mut patch = Patch::of(graph);
    for edge in graph.incoming(second) {
        patch.remove_edge(&edge.id);
    }
    for into in graph.incoming(graph.node(*firsts.first()?)) {
        let source = &graph.node(into.from).id;
        patch.add_edge_like(source, &second.id, graph.edge_source(&into.id)?);
    }
    for &first in firsts {
        for out in graph.outgoing(second).filter(|out| !graph.joined(first, out.to)) {
            patch.add_edge(&graph.node(first).id, &graph.node(out.to).id);
        }
    }
    let ids: Vec<&str> = firsts.iter().map(|&ix| graph.node(ix).id.as_str()).collect();
    let reason = format!(
        "`{}` needs nothing of `{}`: all of them only read, and can be asked at once",
        second.id,
        ids.join("`, `")
    );
    let nodes = ids.into_iter().chain([second.id.as_str()]).map(str::to_owned).collect();
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
