//! What another graph means to a run that is under way: which decided edges are taken back, which
//! finished instances have edges to decide, which waiting instances a repair concerns.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_ir::{Digest, EdgeIr, Ir, LoopIr, NodeIr, NodeKind};
use aob_validator::Documents;
use serde_json::Value;

use super::past::Past;
use crate::event::{EdgeState, PatchProblem, RepairedInstance, RepairedNode, WithdrawnEdge};
use crate::ids::InstanceId;
use crate::state::{InstanceStatus, Key, NameId, RunState};

/// Keys of a started node that a repair may change.
const REPAIRABLE: [&str; 3] = ["config", "retry", "timeout_ms"];

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Surgery {
    pub(super) withdrawn: Vec<WithdrawnEdge>,
    pub(super) routes: Vec<InstanceId>,
    pub(super) repaired: Vec<RepairedNode>,
    /// Why the change cannot be made although each graph is sound.
    pub(super) problems: Vec<PatchProblem>,
}

/// The change from `old` to `new` in a run.
pub(super) fn surgery(
    state: &RunState,
    past: &Past<'_>,
    (old, new): (&Ir, &Ir),
    documents: &Documents,
) -> Surgery {
    let (before, after) = (Edges::of(old), Edges::of(new));
    let mut surgery = Surgery::default();
    let gone: Vec<&EdgeIr> = before.not_in(&after).collect();
    if !gone.is_empty() {
        withdraw(state, old, &gone, &mut surgery);
    }
    let added: Vec<&EdgeIr> = after.not_in(&before).collect();
    if !added.is_empty() {
        surgery.routes = routes(state, new, &added);
    }
    repairs(past, (state, old, new), documents, &mut surgery);
    surgery
}

/// The edges of a graph by what they are; two are the same where nothing about them differs.
struct Edges<'i> {
    ir: &'i Ir,
    by_id: BTreeMap<&'i str, &'i EdgeIr>,
}

impl<'i> Edges<'i> {
    fn of(ir: &'i Ir) -> Self {
        Self { ir, by_id: ir.edges.iter().map(|edge| (&*edge.id, edge)).collect() }
    }

    fn not_in<'s>(&'s self, other: &'s Edges<'_>) -> impl Iterator<Item = &'i EdgeIr> + 's {
        self.ir.edges.iter().filter(move |edge| {
            let same = |known: &&EdgeIr| same_edge((self.ir, edge), (other.ir, known));
            !other.by_id.get(&*edge.id).is_some_and(same)
        })
    }
}

fn same_edge((ir, edge): (&Ir, &EdgeIr), (other_ir, other): (&Ir, &EdgeIr)) -> bool {
    let guard = |edge: &EdgeIr| edge.condition.as_ref().map(|guard| guard.source().to_owned());
    let end = |ir: &Ir, node| {
        let node = ir.node(node);
        (Arc::clone(&node.id), loops_around(ir, node))
    };
    edge.on == other.on
        && guard(edge) == guard(other)
        && end(ir, edge.from) == end(other_ir, other.from)
        && end(ir, edge.to) == end(other_ir, other.to)
}

/// Names of the loops around a node, outermost first.
fn loops_around(ir: &Ir, node: &NodeIr) -> Vec<Arc<str>> {
    let name = |the_loop: &LoopIr| Arc::clone(&ir.node(the_loop.node).id);
    node.loops.iter().map(|&ix| name(ir.loop_at(ix))).collect()
}

/// Takes back what removed edges brought to their targets, in every scope.
fn withdraw(state: &RunState, old: &Ir, gone: &[&EdgeIr], surgery: &mut Surgery) {
    let by_name: BTreeMap<NameId, &EdgeIr> =
        gone.iter().filter_map(|edge| Some((state.names.get(&edge.id)?, *edge))).collect();
    let rows = state.edges.iter().filter_map(|(key, entry)| {
        let edge = by_name.get(&key.node).copied()?;
        Some((key, entry, edge))
    });
    for (key, entry, edge) in rows {
        let entered = loops_around(old, old.node(edge.to));
        let scope = state.scope_of(&key.scope);
        let mut target = InstanceId { node: Arc::clone(&old.node(edge.to).id), scope };
        for name in entered.into_iter().skip(edge.common_loops as usize) {
            target.scope = target.scope.child(name, 1);
        }
        if state.instance(&target).is_some() {
            surgery.problems.push(started(&edge.id, target));
        } else if handles_failure(state, old, (edge, &key, entry.is), &by_name) {
            surgery.problems.push(handles(state, old, edge, &key));
        } else {
            let (id, scope) = (Arc::clone(&edge.id), state.scope_of(&key.scope));
            surgery.withdrawn.push(WithdrawnEdge { id, scope, to: target });
        }
    }
}

/// True where the edge, or the join behind it, is all that takes care of a failure that happened.
fn handles_failure(
    state: &RunState,
    old: &Ir,
    (edge, decided, is): (&EdgeIr, &Key, EdgeState),
    gone: &BTreeMap<NameId, &EdgeIr>,
) -> bool {
    let source = old.node(edge.from);
    let Some(node) = state.names.get(&source.id) else { return false };
    let failed = state.instances.iter().any(|(key, instance)| {
        key.node == node
            && key.scope.starts_with(&decided.scope)
            && instance.status == InstanceStatus::Failed
    });
    let tolerant = super::super::pump::tolerated(old.node(edge.to).join.tolerate, 100) > 0;
    let carries = match is {
        EdgeState::Taken => true,
        EdgeState::Failed => tolerant,
        EdgeState::Dead => false,
    };
    let another = source.outgoing.iter().map(|&ix| old.edge(ix)).any(|other| {
        let Some(name) = state.names.get(&other.id) else { return false };
        let key = Key { scope: decided.scope.clone(), node: name };
        let taken = state.edges.get(&key).is_some_and(|entry| entry.is == EdgeState::Taken);
        taken && !gone.contains_key(&name)
    });
    failed && carries && !another
}

fn started(edge: &str, target: InstanceId) -> PatchProblem {
    PatchProblem {
        code: "history_fixed".into(),
        pointer: format!("/edges/{edge}").into(),
        message: format!("edge `{edge}` has led to `{target}`, which is history").into(),
        hint: Some("leave the edges into nodes that have started as they are".into()),
        example: None,
        instances: vec![target],
    }
}

fn handles(state: &RunState, old: &Ir, edge: &EdgeIr, decided: &Key) -> PatchProblem {
    let scope = state.scope_of(&decided.scope);
    let source = InstanceId { node: Arc::clone(&old.node(edge.from).id), scope };
    PatchProblem {
        code: "history_fixed".into(),
        pointer: format!("/edges/{}", edge.id).into(),
        message: format!(
            "edge `{}` takes care of the failure of `{source}`; without it nobody does",
            edge.id
        )
        .into(),
        hint: Some("keep the edge, or add another that follows the failure first".into()),
        example: None,
        instances: vec![source],
    }
}

/// Finished instances that have one of these new edges to decide.
fn routes(state: &RunState, new: &Ir, added: &[&EdgeIr]) -> Vec<InstanceId> {
    let mut sources: BTreeSet<NameId> = BTreeSet::new();
    for edge in added {
        let source = new.node(edge.from);
        let leaves = loops_around(new, source).into_iter().skip(edge.common_loops as usize);
        let names = leaves.chain([Arc::clone(&source.id)]);
        sources.extend(names.filter_map(|name| state.names.get(&name)));
    }
    let loop_names: BTreeSet<NameId> = new
        .loops
        .iter()
        .filter_map(|the_loop| state.names.get(&new.node(the_loop.node).id))
        .collect();
    let finished = state.instances.iter().filter(|(key, instance)| {
        instance.status.is_terminal()
            && sources.contains(&key.node)
            && !(loop_names.contains(&key.node) && went_round(state, key))
    });
    finished.map(|(key, _)| state.id_of(&key)).collect()
}

/// True for a loop node that has sent its body round again: its edges wait for the last iteration.
fn went_round(state: &RunState, key: &Key) -> bool {
    let Some(((node, iteration), outer)) = key.scope.split_last() else { return false };
    let the_loop = Key { scope: outer.into(), node: *node };
    *node == key.node && state.loops.get(&the_loop).is_some_and(|current| current > iteration)
}

/// Started nodes whose spec differs: only a repair may do that.
fn repairs(
    past: &Past<'_>,
    (state, old, new): (&RunState, &Ir, &Ir),
    documents: &Documents,
    surgery: &mut Surgery,
) {
    let (before, after) = (Specs::of(old, &documents.before), Specs::of(new, &documents.after));
    for (id, spec) in &before.0 {
        let other = after.0.get(id);
        if other == Some(spec) || !past.is_fixed(id) {
            continue;
        }
        let Some(other) = other else {
            surgery.problems.push(fixed(id, "is gone", past.instances(id)));
            continue;
        };
        if !past.is_repairable(id) || !differs_only_in(spec, other, &REPAIRABLE) {
            surgery.problems.push(fixed(id, "is changed", past.instances(id)));
            continue;
        }
        let repaired = RepairedNode {
            node: Arc::clone(id),
            before: spec_digest(spec),
            after: spec_digest(other),
            instances: waiting(state, old, new, id),
        };
        surgery.repaired.push(repaired);
    }
}

fn fixed(id: &str, what: &str, mut instances: Vec<InstanceId>) -> PatchProblem {
    const SHOWN: usize = 10;
    let count = instances.len();
    instances.truncate(SHOWN);
    let ran: Vec<String> = instances.iter().map(|id| format!("`{id}`")).collect();
    let more = if count > SHOWN { format!(" and {} more", count - SHOWN) } else { String::new() };
    PatchProblem {
        code: "history_fixed".into(),
        pointer: format!("/nodes/{id}").into(),
        message: format!("node `{id}` {what}, and has run already: {}{more}", ran.join(", "))
            .into(),
        hint: Some(
            "change what has not started; to run it again in another way, fork the run".into(),
        ),
        example: None,
        instances,
    }
}

fn spec_digest(spec: &Value) -> Digest {
    Digest::of(aob_ir::canonical_json(spec).unwrap_or_default().as_bytes())
}

fn differs_only_in(one: &Value, other: &Value, keys: &[&str]) -> bool {
    let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else { return false };
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    names.into_iter().all(|key| keys.contains(&&**key) || one.get(key) == other.get(key))
}

/// Instances of a repaired node that wait for another attempt, with the attempts they may have now.
fn waiting(state: &RunState, old: &Ir, new: &Ir, id: &Arc<str>) -> Vec<RepairedInstance> {
    let (Some(name), Some(before), Some(after)) =
        (state.names.get(id), node_of(old, id), node_of(new, id))
    else {
        return Vec::new();
    };
    let waits = state.open.iter().filter_map(|(key, ())| {
        let instance = state.instances.get(key).filter(|_| key.node == name)?;
        match instance.status {
            InstanceStatus::Parked | InstanceStatus::Retrying => {}
            InstanceStatus::Scheduled
            | InstanceStatus::Waiting
            | InstanceStatus::Completed
            | InstanceStatus::Failed
            | InstanceStatus::Skipped
            | InstanceStatus::Cancelled
            | InstanceStatus::Compensated => return None,
        }
        // What a person granted stands, and so does the attempt that is due already.
        let granted = instance.attempts_max != before.retry.max_attempts;
        let due = instance.status == InstanceStatus::Retrying;
        let attempts_max = match granted {
            true => instance.attempts_max,
            false => after.retry.max_attempts.max(instance.attempt + u32::from(due)),
        };
        Some(RepairedInstance { instance: state.id_of(key), attempts_max })
    });
    waits.collect()
}

/// A node of the graph, or the body of a map.
pub(super) fn node_of<'i>(ir: &'i Ir, id: &str) -> Option<&'i NodeIr> {
    if let Some(ix) = ir.node_ix(id) {
        return Some(ir.node(ix));
    }
    let NodeKind::Map(map) = &ir.node(ir.map_of_body(id)?).kind else { return None };
    Some(&map.body)
}

/// Specs of nodes by id, those of map bodies apart from their maps.
struct Specs<'d>(BTreeMap<Arc<str>, Cow<'d, Value>>);

impl<'d> Specs<'d> {
    fn of(ir: &Ir, document: &'d Value) -> Self {
        let listed = document.get("nodes").and_then(Value::as_array);
        let mut specs = BTreeMap::new();
        // The compiled nodes stand in the order of the document.
        for (node, spec) in ir.nodes.iter().zip(listed.into_iter().flatten()) {
            let mut spec = Cow::Borrowed(spec);
            if let NodeKind::Map(map) = &node.kind
                && let Some(body) = spec.to_mut().pointer_mut("/config/node")
            {
                specs.insert(Arc::clone(&map.body.id), Cow::Owned(body.take()));
            }
            specs.insert(Arc::clone(&node.id), spec);
        }
        Self(specs)
    }
}
