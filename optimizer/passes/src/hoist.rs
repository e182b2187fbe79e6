//! Loop invariants: what gives the same in every turn of a loop is computed once, before it.
//!
//! Preconditions:
//! * *what moves*: a `transform`, `filter` or `aggregate` that reads neither its input nor
//!   `$iteration` nor any node of the loop's body, so that every turn gives the same. Jobs never
//!   move: asking again is what most loops are for;
//! * *when*: it runs in every turn: from the loop's head to it leads a single row of plain edges, between
//!   nodes whose failure fails the run. And nothing in the body that runs before it in a turn reads it,
//!   since in the first turn that found nothing yet;
//! * *failures*: it fails the run, without routes, checks or compensation. It now fails before the
//!   body starts, so it either cannot fail, or nothing in the body does anything outside or waits
//!   for anybody;
//! * *edges*: one plain edge into it and one out of it, within the body, and neither the node behind it
//!   nor the loop's head, whose predecessors change, sees its input. The head has at most one edge
//!   into it, waits for all, and starts no other loop;
//! * *joins*: no join that takes the first of several comes after.

use crate::facts::{Kind, Loop, Node};
use crate::graph::Graph;
use crate::rewrite::{Metric, Patch, Per, Rewrite, Saving};

pub(crate) fn apply(graph: &Graph<'_>) -> Option<Rewrite> {
    graph.nodes().find_map(|(ix, node)| hoist(graph, ix, node))
}

fn hoist(graph: &Graph<'_>, ix: usize, node: &Node) -> Option<Rewrite> {
    let inner = &graph.facts.loops[*node.loops.last()?];
    let ([before], [after]) = (node.incoming.as_slice(), node.outgoing.as_slice()) else {
        return None;
    };
    let (before, after) = (graph.edge(*before), graph.edge(*after));
    let head = graph.node(inner.head);
    let is_free = is_invariant(graph, inner, node)
        && node.plain
        && node.plain_join
        && !node.races
        && !graph.is_head(ix)
        && runs_with_head(graph, inner, ix)
        && (node.total || is_calm(graph, inner));
    let reads_in_time = graph
        .readers(&node.id)
        .into_iter()
        .all(|reader| !inner.body.contains(&reader) || graph.dominates(ix, reader));
    let (source, target) = (graph.node(before.from), graph.node(after.to));
    let fits = before.is_plain()
        && after.is_plain()
        && source.kind != Kind::Conditional
        && source.loops == node.loops
        && target.loops == node.loops
        && target.plain_join
        && !target.reads_input
        && !graph.joined(before.from, after.to);
    if !is_free || !reads_in_time || !fits || !takes_in(graph, inner, head) {
        return None;
    }
    let mut patch = Patch::of(graph);
    patch.remove_edge(&before.id);
    patch.remove_edge(&after.id);
    patch.add_edge(&source.id, &target.id);
    if let [into] = *head.incoming.as_slice() {
        patch.redirect_edge(&graph.edge(into).id, &node.id);
    }
    patch.add_edge(&node.id, &head.id);
    let ends = &graph.node(inner.node).id;
    let reason =
        format!("`{}` gives the same in every turn of the loop that ends at `{ends}`", node.id);
    let saving = Saving { metric: Metric::Instances, amount: 1, per: Per::Turn };
    let nodes = vec![node.id.clone(), ends.clone()];
    Some(patch.into_rewrite("loop-invariants/hoist", reason, nodes, saving))
}

fn is_invariant(graph: &Graph<'_>, inner: &Loop, node: &Node) -> bool {
    let of_body = |id: &String| inner.body.iter().any(|&ix| graph.node(ix).id == *id);
    matches!(node.kind, Kind::Transform | Kind::Filter | Kind::Aggregate)
        && !node.reads_input
        && !node.reads_iteration
        && !node.reads.iter().any(of_body)
}

/// Whenever the head runs, so does the node: nothing on the way chooses, or is led elsewhere.
fn runs_with_head(graph: &Graph<'_>, inner: &Loop, ix: usize) -> bool {
    let mut at = ix;
    while at != inner.head {
        let [edge] = *graph.node(at).incoming.as_slice() else { return false };
        let edge = graph.edge(edge);
        let source = graph.node(edge.from);
        if !edge.is_plain() || source.kind == Kind::Conditional || !source.plain {
            return false;
        }
        at = edge.from;
    }
    true
}

/// Nothing in the body does anything outside, or asks anybody.
fn is_calm(graph: &Graph<'_>, inner: &Loop) -> bool {
    inner.body.iter().all(|&ix| match graph.node(ix).kind {
        Kind::Transform | Kind::Filter | Kind::Aggregate | Kind::Conditional | Kind::Loop => true,
        Kind::Http | Kind::Function => graph.node(ix).harmless,
        Kind::Map | Kind::Hitl | Kind::Other => false,
    })
}

/// The head can have the node before it.
fn takes_in(graph: &Graph<'_>, inner: &Loop, head: &Node) -> bool {
    let starts = graph.facts.loops.iter().filter(|one| one.head == inner.head).count();
    let ways_in: Vec<_> = graph.incoming(head).collect();
    let fits = match ways_in.as_slice() {
        [] => true,
        [edge] => edge.drawn,
        _ => false,
    };
    starts == 1 && fits && head.plain_join && !head.reads_input
}
