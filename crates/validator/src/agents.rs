//! Agents ever: the limit over the whole history of a run.
//!
//! An agent node is counted by its path and its configuration: one that is removed still counts,
//! and one that comes back under its old name with another task is another. What counts only once
//! is an operator's repair, because it goes on with the instance that was there.

use std::collections::BTreeSet;
use std::sync::Arc;

use aob_ir::{Digest, Ir, NodeKind, canonical_json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::{Children, World};
use crate::{Code, History, Problem};

/// An agent node that was ever part of a graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgentKey {
    /// Ids of the nodes around it and its own, joined by `/`.
    pub path: Arc<str>,
    /// Digest of its configuration.
    pub config: Digest,
}

/// The agent nodes of a graph: bodies of maps, compensations and sub-workflows included, those of
/// tags as far as `children` has them. This is what the history of a run starts from.
pub fn agents_of(ir: &Ir, children: &Children) -> BTreeSet<AgentKey> {
    present(&World::of(ir, children))
}

pub(crate) fn present(world: &World<'_>) -> BTreeSet<AgentKey> {
    let agents = world.items.iter().filter_map(|item| {
        let NodeKind::Agent { config } = &world.node(item).kind else { return None };
        Some(AgentKey { path: Arc::clone(&item.path), config: digest(config.source()) })
    });
    agents.collect()
}

/// The agents ever, once `result` holds. `repaired`: nodes whose started instances go on with
/// another configuration.
pub(crate) fn ever(
    history: &dyn History,
    base: &World<'_>,
    result: &World<'_>,
    repaired: &BTreeSet<Arc<str>>,
) -> BTreeSet<AgentKey> {
    let before = present(base);
    let mut ever = history.agents_ever().clone();
    ever.extend(before.iter().cloned());
    ever.retain(|key| !(repaired.contains(&key.path) && before.contains(key)));
    ever.extend(present(result));
    ever
}

/// Judges the count against what the run may hold, and against what the document says.
pub(crate) fn check(
    history: &dyn History,
    result: &World<'_>,
    ever: &BTreeSet<AgentKey>,
) -> Option<Problem> {
    let limit = history.allotment().min(if history.is_run() {
        u32::MAX
    } else {
        result.units[0].ir().limits.max_agents
    });
    let count = ever.len();
    if count <= usize::try_from(limit).unwrap_or(usize::MAX) {
        return None;
    }
    let present = present(result);
    let gone = ever.difference(&present).count();
    let message = match gone {
        0 => format!("the graph would hold {count} agents, and may hold {limit}"),
        _ => format!(
            "{count} agents would ever have been part of it, {gone} that are gone included, and {limit} may"
        ),
    };
    let known = history.agents_ever();
    let newest = present.iter().find(|key| !known.contains(*key));
    let pointer = newest.and_then(|key| result.find(&key.path)).map(|item| item.pointer.clone());
    let problem = Problem::error(Code::AgentLimit, pointer.unwrap_or_default(), message)
        .with_hint("give the work to an agent that is there, or to a function or http node")
        .with_example(
            r#"{"id": "score", "type": "function", "config": {"name": "score_customer"}}"#,
        );
    Some(problem)
}

fn digest(config: &Value) -> Digest {
    Digest::of(canonical_json(config).unwrap_or_default().as_bytes())
}
