//! Common subexpressions: two nodes that compute the same from the same at the same time become one.
//!
//! Preconditions, for the pair:
//! * *what they do*: the same type and configuration to the letter; `transform`, `filter` or
//!   `aggregate`, which only compute, or an `http` or `function` node whose effect is `none`. Of the
//!   latter two answers may differ; one answer for both is what the run could have got all along,
//!   because nothing orders the two;
//! * *when*: they are reached alike (same sources, outcomes and conditions), stand in the same loops
//!   and start no loop, so one runs where the other does, with the same input;
//! * *failures*: each fails the run, without routes, checks or compensation; the same retries,
//!   timeouts, pool and priority;
//! * *joins*: both wait for all live edges, and no join that takes the first of several comes after.
//!
//! Where nothing names the second node, it goes and its edges start at the first; for that its
//! targets must not see which node they come from. Otherwise a job becomes a `transform` that passes
//! the first one's output on, under the name that others know. Agents and built-in functions are left
//! alone: what two agents answer are two answers, and a `sleep` is there for its time.

use crate::facts::{Kind, Node};
use crate::graph::Graph;
use crate::rewrite::{Metric, Patch, Per, Rewrite, Saving};
use serde_json::{Map, Value, json};

pub(crate) fn apply(graph: &Graph<'_>) -> Option<Rewrite> {
    for (first_ix, first) in graph.nodes().filter(|(ix, node)| is_shareable(graph, *ix, node)) {
        let later = graph.nodes().skip(first_ix + 1);
        for (ix, node) in later.filter(|(ix, node)| is_shareable(graph, *ix, node)) {
            if node.kind == first.kind && are_same(graph, first, node) {
                let found = merge(graph, first_ix, ix).or_else(|| alias(graph, first_ix, ix));
                if found.is_some() {
                    return found;
                }
            }
        }
    }
    None
}

fn is_shareable(graph: &Graph<'_>, ix: usize, node: &Node) -> bool {
    let pure = match node.kind {
        Kind::Transform | Kind::Filter | Kind::Aggregate => true,
        Kind::Http | Kind::Function => node.harmless && !node.builtin,
        Kind::Conditional | Kind::Map | Kind::Loop | Kind::Hitl | Kind::Other => false,
    };
    pure && node.plain && node.plain_join && !node.races && !graph.is_head(ix)
}

fn is_job(node: &Node) -> bool {
    matches!(node.kind, Kind::Http | Kind::Function)
}

/// The two differ in nothing but their ids.
fn are_same(graph: &Graph<'_>, a: &Node, b: &Node) -> bool {
    let body = |node: &Node| -> Option<Map<String, Value>> {
        let mut body = graph.source(&node.id)?.clone();
        body.remove("id");
        Some(body)
    };
    a.settings == b.settings && graph.reached_alike(a, b) && body(a) == body(b)
}

/// The second goes.
fn merge(graph: &Graph<'_>, first_ix: usize, ix: usize) -> Option<Rewrite> {
    let (first, node) = (graph.node(first_ix), graph.node(ix));
    let is_free = !node.terminal && !first.terminal && graph.readers(&node.id).is_empty();
    let moves = graph.outgoing(node).all(|edge| {
        let target = graph.node(edge.to);
        edge.drawn
            && edge.on == "success"
            && !graph.joined(first_ix, edge.to)
            && (target.incoming.len() == 1 || !target.reads_input)
    });
    if !is_free || !moves {
        return None;
    }
    let mut patch = Patch::of(graph);
    for edge in graph.incoming(node) {
        patch.remove_edge(&edge.id);
    }
    for edge in graph.outgoing(node) {
        patch.remove_edge(&edge.id);
        let target = &graph.node(edge.to).id;
        patch.add_edge_like(&first.id, target, graph.edge_source(&edge.id)?);
    }
    patch.remove_node(&node.id);
    let metric = if is_job(node) { Metric::Jobs } else { Metric::Instances };
    let reason = format!("`{}` computes what `{}` computes, from the same", node.id, first.id);
    let nodes = vec![first.id.clone(), node.id.clone()];
    let saving = Saving { metric, amount: 1, per: Per::Run };
    Some(patch.into_rewrite("common-subexpressions/merge", reason, nodes, saving))
}

/// The second passes on what the first gave.
fn alias(graph: &Graph<'_>, first_ix: usize, ix: usize) -> Option<Rewrite> {
    let (first, node) = (graph.node(first_ix), graph.node(ix));
    // The first gets an edge out: it may not have been part of the run's output.
    if !is_job(node) || first.terminal || !graph.allows("transform") {
        return None;
    }
    let mut patch = Patch::of(graph);
    for edge in graph.incoming(node) {
        patch.remove_edge(&edge.id);
    }
    // By name, not `$input`: other passes may put more edges in front of it.
    patch.replace_node(&node.id, passes_on(&node.id, &format!("$nodes.{}", first.id)));
    patch.add_edge(&first.id, &node.id);
    let reason = format!(
        "`{}` asks for what `{}` asks for at the same time; it passes that answer on",
        node.id, first.id
    );
    let nodes = vec![first.id.clone(), node.id.clone()];
    let saving = Saving { metric: Metric::Jobs, amount: 1, per: Per::Run };
    Some(patch.into_rewrite("common-subexpressions/alias", reason, nodes, saving))
}

/// A node that gives what a reference reads.
pub(crate) fn passes_on(id: &str, reference: &str) -> Map<String, Value> {
    let mut node = Map::new();
    node.insert("id".to_owned(), id.into());
    node.insert("type".to_owned(), "transform".into());
    node.insert("config".to_owned(), json!({"template": reference}));
    node
}
