//! Agents ever: the limit over the whole history of a run.
//!
//! An agent node is counted by its path and its configuration: one that is removed still counts,
//! and one that comes back under its old name with another task is another. What goes on counts
//! once: an agent that has not started and is there all the while, whatever becomes of its task,
//! and one that is repaired.
//!
//! A document by itself has no history: what a patch of a workflow finds and what it leaves is
//! counted, by path alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use aob_ir::{Digest, Ir, NodeKind, canonical_json};
use aob_materializer::{Operation, Patch};
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
        let NodeKind::Agent { config, .. } = &world.node(item).kind else { return None };
        Some(AgentKey { path: Arc::clone(&item.path), config: digest(config.source()) })
    });
    agents.collect()
}

/// What a patch does not make another agent of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Same<'a> {
    /// Every agent that is at its path before and after.
    Path,
    /// Every such agent that no operation takes away in between.
    Kept(&'a Patch),
}

/// The agents ever, once `result` holds. `repaired`: nodes whose started instances go on with
/// another configuration.
pub(crate) fn ever(
    history: &dyn History,
    (base, result): (&World<'_>, &World<'_>),
    repaired: &BTreeSet<Arc<str>>,
    same: Same<'_>,
) -> BTreeSet<AgentKey> {
    let (before, after) = (present(base), present(result));
    let goes_on = |key: &AgentKey| {
        repaired.contains(&key.path)
            || after.iter().any(|other| other.path == key.path) && is_same(base, key, same)
    };
    let changed = before.difference(&after).filter(|key| goes_on(key));
    let changed: BTreeSet<AgentKey> = changed.cloned().collect();
    let mut ever = history.agents_ever().clone();
    ever.extend(before);
    ever.retain(|key| !changed.contains(key));
    ever.extend(after);
    ever
}

fn is_same(base: &World<'_>, key: &AgentKey, same: Same<'_>) -> bool {
    let Same::Kept(patch) = same else { return true };
    let Some(item) = base.find(&key.path) else { return false };
    let place: Vec<String> = item.pointer.split('/').skip(1).map(unescaped).collect();
    !patch.operations.iter().any(|operation| takes_away(operation, &place))
}

/// Whether an operation may take away the agent at `place`, be it that a later one brings back
/// something under its name. Where that is not certain, it may.
fn takes_away(operation: &Operation, place: &[String]) -> bool {
    let path = operation.path().tokens();
    let names = |path: &[String]| path.last().is_some_and(|last| last == "id" || last == "type");
    let renames = || names(path);
    match operation {
        Operation::Test { .. } => false,
        Operation::Remove { .. } | Operation::Copy { .. } => renames() || leads_to(path, place),
        Operation::Move { from, .. } => {
            let taken = from.tokens();
            names(taken) || leads_to(taken, place) || renames() || leads_to(path, place)
        }
        // At an index, it makes room.
        Operation::Add { .. } if path.last().is_some_and(|last| is_index(last)) => false,
        Operation::Add { value, .. } | Operation::Replace { value, .. } => {
            renames() || leads_to(path, place) && !is_agent_at(value, path, place)
        }
    }
}

/// Whether a path is that of `place` or of something around it. An index may be that of any item.
fn leads_to(path: &[String], place: &[String]) -> bool {
    let same = |(token, other): (&String, &String)| token == other || is_index(token);
    path.len() <= place.len() && path.iter().zip(place).all(same)
}

fn is_index(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether what is put at `path` is an agent of the same name.
fn is_agent_at(value: &Value, path: &[String], place: &[String]) -> bool {
    path == place && value["type"] == "agent" && place.last().is_some_and(|id| value["id"] == **id)
}

fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
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
