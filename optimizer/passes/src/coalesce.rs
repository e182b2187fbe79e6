//! HTTP coalescing: requests to one origin that start together and are waited for together become
//! one job, a batch.
//!
//! Each of the nodes stays, under its id, as a `transform` that gives its part of the batch's
//! output: so references, inputs, conditions and the run's output read what they read before.
//!
//! Preconditions, for all of the requests:
//! * *effects*: `GET`, `HEAD` or `OPTIONS`, written as such, effect `none`, without a body; to one
//!   origin that no reference can change;
//! * *order*: they are reached alike (same sources, outcomes and conditions), and lead to the same
//!   nodes along plain edges, so nothing starts between the first answer and the last;
//! * *failures*: each fails the run, without routes, checks or compensation, and so does the batch when
//!   one of its requests fails. Retries, timeouts, pool and priority are the same: an attempt of the
//!   batch is an attempt of each, and is repeated for all;
//! * *secrets*: all of them use secrets or none does, because those that do follow no redirects;
//! * *joins and loops*: they wait for all live edges, stand in the same loops and start none, and no join
//!   that takes the first of several comes after;
//! * a batch holds at most 16 requests.

use serde_json::{Map, Value, json};

use crate::cse::passes_on;
use crate::facts::{Kind, Node};
use crate::graph::Graph;
use crate::rewrite::{Metric, Patch, Per, Rewrite, Saving};

/// Requests of a batch at most.
const PARTS_MAX: usize = 16;
/// Keys of a request that a batch has too.
const PART_KEYS: [&str; 7] = ["url", "method", "headers", "query", "auth", "expect", "max_bytes"];

pub(crate) fn apply(graph: &Graph<'_>) -> Option<Rewrite> {
    if !graph.allows("transform") {
        return None;
    }
    let free: Vec<usize> =
        graph.nodes().filter(|(ix, node)| is_free(graph, *ix, node)).map(|(ix, _)| ix).collect();
    free.iter().enumerate().find_map(|(position, &first)| {
        let like = |ix: &&usize| goes_with(graph, graph.node(first), graph.node(**ix));
        let group: Vec<&Node> = std::iter::once(&first)
            .chain(free[position + 1..].iter().filter(like))
            .take(PARTS_MAX)
            .map(|&ix| graph.node(ix))
            .collect();
        (group.len() > 1).then(|| batch(graph, &group)).flatten()
    })
}

fn is_free(graph: &Graph<'_>, ix: usize, node: &Node) -> bool {
    let reads_only = |config: &Map<String, Value>| {
        let method = config.get("method").map(|method| method.as_str().unwrap_or_default());
        matches!(method, None | Some("GET" | "HEAD" | "OPTIONS"))
            && config.keys().all(|key| PART_KEYS.contains(&key.as_str()))
    };
    node.kind == Kind::Http
        && node.harmless
        && node.origin.is_some()
        && node.plain
        && node.plain_join
        && !node.races
        && !graph.is_head(ix)
        && graph.outgoing(node).all(crate::facts::Edge::is_plain)
        && graph.config(node).is_some_and(reads_only)
}

fn goes_with(graph: &Graph<'_>, a: &Node, b: &Node) -> bool {
    let targets = |node: &Node| {
        let mut targets: Vec<usize> =
            node.outgoing.iter().map(|&edge| graph.edge(edge).to).collect();
        targets.sort_unstable();
        targets
    };
    a.origin == b.origin
        && a.settings == b.settings
        && a.reads_secrets == b.reads_secrets
        && graph.reached_alike(a, b)
        && targets(a) == targets(b)
}

fn batch(graph: &Graph<'_>, group: &[&Node]) -> Option<Rewrite> {
    let first = group.first()?;
    let parts: Option<Vec<Value>> = group
        .iter()
        .map(|node| {
            let mut part = graph.config(node)?.clone();
            part.insert("id".to_owned(), node.id.as_str().into());
            Some(Value::Object(part))
        })
        .collect();
    let id = fresh_id(graph, &first.id)?;
    // Retries, timeouts, pool and priority as the first spells them.
    let mut node = graph.source(&first.id)?.clone();
    node.insert("id".to_owned(), id.as_str().into());
    node.insert("config".to_owned(), json!({"batch": parts?}));
    let mut patch = Patch::of(graph);
    patch.add_node(node);
    for edge in graph.incoming(first) {
        patch.add_edge_like(&graph.node(edge.from).id, &id, graph.edge_source(&edge.id)?);
    }
    for member in group {
        for edge in graph.incoming(member) {
            patch.remove_edge(&edge.id);
        }
        patch.replace_node(&member.id, passes_on(&member.id, &format!("$input.{}", member.id)));
        patch.add_edge(&id, &member.id);
    }
    let nodes: Vec<String> = group.iter().map(|node| node.id.clone()).collect();
    let origin = first.origin.as_deref().unwrap_or_default();
    let reason = format!(
        "{} start together, are waited for together, and all read from {origin}",
        nodes.join(", ")
    );
    let saving = Saving { metric: Metric::Jobs, amount: group.len() as u64 - 1, per: Per::Run };
    Some(patch.into_rewrite("http-coalescing/siblings", reason, nodes, saving))
}

/// An id that no node has.
fn fresh_id(graph: &Graph<'_>, of: &str) -> Option<String> {
    const ID_CHARS_MAX: usize = 120;
    let stem: String = of.chars().take(ID_CHARS_MAX).collect();
    let ids = (0..100_u32)
        .map(|n| if n == 0 { format!("{stem}-batch") } else { format!("{stem}-batch{n}") });
    ids.into_iter().find(|id| !graph.facts.ids.contains(id))
}
