//! What an approval of a patch names.

use aob_ir::{Digest, Ir, canonical_json};
use aob_materializer::Patch;
use serde_json::{Map, Value, json};

use crate::graph_diff::specs;
use crate::{GraphDiff, Growth, Problem};

/// Says what the hash is of, and in which form.
const DOMAIN: &str = "aob.patch-subject.1";

/// The hash over the operations, what they result in (specs of what is new or changed, in words
/// what is gone), the capability diff and the reasons for an approval. Nothing else of the graph is
/// in it, so it outlives a rebase over patches of other parts.
pub(crate) fn hash(
    patch: &Patch,
    result: (&Ir, &Value),
    diff: &GraphDiff,
    growth: &Growth,
    reasons: &[Problem],
) -> Digest {
    let nodes = specs(result);
    let changed = diff.nodes_added.iter().chain(&diff.nodes_changed);
    let specs: Map<String, Value> = changed
        .filter_map(|node| Some((node.id.to_string(), (*nodes.get(&node.id)?).clone())))
        .collect();
    let sections: Map<String, Value> = diff
        .sections
        .iter()
        .map(|key| (key.clone(), result.1.get(key).cloned().unwrap_or(Value::Null)))
        .collect();
    let reasons = reasons.iter().map(|r| json!([r.code, r.pointer, r.message]));
    let growth = growth.items.iter().map(|grown| json!([grown.power, grown.node, grown.granted]));
    let subject = json!({
        "domain": DOMAIN,
        "operations": patch,
        "nodes": specs,
        "nodes_removed": diff.nodes_removed,
        "edges": [diff.edges_added, diff.edges_changed],
        "edges_removed": diff.edges_removed,
        "sections": sections,
        "growth": growth.collect::<Vec<_>>(),
        "reasons": reasons.collect::<Vec<_>>(),
    });
    Digest::of(canonical_json(&subject).unwrap_or_else(|_| subject.to_string()).as_bytes())
}
