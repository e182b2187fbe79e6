//! Cacheable marking: functions whose results may be kept get a `cache` policy.
//!
//! Stays silent where the host says that cache policies are not served; then a document with one is
//! refused.
//!
//! Preconditions:
//! * *effects*: the document itself says `effect: none` of a `function` node; the default of functions
//!   is `idempotent`, and says nothing about what they read. Requests and agents are left alone: their
//!   answers change, and only their authors know how soon;
//! * *what it reads*: neither `$run` nor secrets nor `$iteration`, nor does it stand in a loop, which asks
//!   again because it hopes for another answer;
//! * *failures*: results are kept, failures are not, so routes and retries do not matter; but what has
//!   checks or a compensation is left alone, since a kept result was checked in another run;
//! * it says nothing about caching itself, and is not built in.

use serde_json::json;

use crate::facts::{Kind, Node};
use crate::graph::Graph;
use crate::rewrite::{Metric, Patch, Per, Rewrite, Saving};

pub(crate) fn apply(graph: &Graph<'_>) -> Option<Rewrite> {
    if !graph.facts.supports_cache {
        return None;
    }
    let marked: Vec<&Node> = graph
        .nodes()
        .filter(|(ix, node)| !graph.is_head(*ix) && is_cacheable(graph, node))
        .map(|(_, node)| node)
        .collect();
    if marked.is_empty() {
        return None;
    }
    let mut patch = Patch::of(graph);
    for node in &marked {
        patch.set_key(&node.id, "cache", json!({"policy": "read_through"}));
    }
    let nodes: Vec<String> = marked.iter().map(|node| node.id.clone()).collect();
    let reason =
        format!("the same arguments give the same result, and nothing else: {}", nodes.join(", "));
    let saving = Saving { metric: Metric::Jobs, amount: nodes.len() as u64, per: Per::Hit };
    Some(patch.into_rewrite("cacheable-marking/functions", reason, nodes, saving))
}

fn is_cacheable(graph: &Graph<'_>, node: &Node) -> bool {
    let silent = graph.source(&node.id).is_some_and(|source| !source.contains_key("cache"));
    node.kind == Kind::Function
        && node.declared_harmless
        && !node.builtin
        && node.plain
        && node.loops.is_empty()
        && !node.reads_run
        && !node.reads_secrets
        && !node.reads_iteration
        && silent
}
