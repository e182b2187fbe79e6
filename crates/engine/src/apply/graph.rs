//! Edges, joins and loop iterations.

use std::sync::Arc;

use super::Now;
use crate::event::{EdgeDecision, EdgeState, EdgesDecided, LoopIterated};
use crate::ids::InstanceId;
use crate::state::{EdgeEntry, Key, RunState, ScopeKey};
use crate::value::PayloadRef;

/// Records the decided edges of `source`, with what flows along those that lead on.
pub(super) fn edges(
    state: &mut RunState,
    source: &InstanceId,
    decisions: &[EdgeDecision],
    output: Option<PayloadRef>,
) {
    if decisions.is_empty() {
        return;
    }
    let scope = state.intern_scope(&source.scope);
    state.names.reserve(decisions.len() * 2);
    for decision in decisions {
        let kept = scope.len().saturating_sub(decision.leaves as usize);
        let decided_in = ScopeKey::from_slice(&scope[..kept]);
        let mut target_scope = decided_in.clone();
        for entered in &decision.enters {
            target_scope.push((state.names.intern(entered), 1));
        }
        let edge = Key { scope: decided_in, node: state.names.intern(&decision.id) };
        let (to, first) = state.names.intern_new(&decision.to);
        let target = Key { scope: target_scope, node: to };
        let flows = match decision.is {
            EdgeState::Taken | EdgeState::Failed => output,
            EdgeState::Dead => None,
        };
        state.edges.insert(edge, EdgeEntry { is: decision.is, output: flows });
        if !first && state.instances.contains(&target) {
            continue;
        }
        let join = state.joins.entry(target, Default::default);
        match decision.is {
            EdgeState::Taken => join.taken += 1,
            EdgeState::Dead => join.dead += 1,
            EdgeState::Failed => join.failed += 1,
        }
    }
}

pub(super) fn more_edges(state: &mut RunState, data: &EdgesDecided) {
    let Some(key) = state.key(&data.instance) else { return };
    let output = state.instances.get(&key).and_then(|instance| instance.output);
    if let Some(instance) = state.instances.get_mut(&key) {
        instance.more = data.more;
    }
    settle_routing(state, &key, data.more);
    edges(state, &data.instance, &data.edges, output);
}

/// An instance with undecided edges stays open for routing.
pub(super) fn settle_routing(state: &mut RunState, key: &Key, more: bool) {
    if more {
        state.open.entry(key.clone(), || ());
    } else {
        state.open.remove(key);
    }
}

pub(super) fn loop_iterated(state: &mut RunState, data: &LoopIterated, now: Now) {
    let loop_key = state.intern(&data.instance);
    let mut head_scope = loop_key.scope.clone();
    head_scope.push((loop_key.node, data.iteration));
    for inner in &data.inner {
        head_scope.push((state.names.intern(inner), 1));
    }
    let head = Key { scope: head_scope, node: state.names.intern(&data.head) };
    state.joins.entry(head, Default::default).back = Some(Box::new(data.output.reference(now.seq)));
    prune_iterations(state, &loop_key, data.iteration);
    state.loops.insert(loop_key, data.iteration);
}

/// Forgets the iterations before `current` in which nothing is open: references reach only the
/// current one, and no edge of theirs can be decided any more.
fn prune_iterations(state: &mut RunState, loop_key: &Key, current: u32) {
    let mut bound = loop_key.scope.clone();
    bound.push((loop_key.node, 0));
    let depth = bound.len() - 1;
    loop {
        let start = Key { scope: bound.clone(), node: 0 };
        let next = state.instances.range(start..).next().map(|(key, _)| key.scope.clone());
        let Some(scope) = next.filter(|scope| inside(scope, &loop_key.scope, loop_key.node)) else {
            return;
        };
        let iteration = scope[depth].1;
        if iteration >= current {
            return;
        }
        bound[depth].1 = iteration;
        prune_scope(state, &bound);
        bound[depth].1 = iteration + 1;
    }
}

fn inside(scope: &[(u32, u32)], outer: &[(u32, u32)], node: u32) -> bool {
    scope.len() > outer.len() && scope.starts_with(outer) && scope[outer.len()].0 == node
}

/// Forgets what is inside `scope`, unless something in it is open.
pub(super) fn prune_scope(state: &mut RunState, scope: &ScopeKey) {
    let start = Key { scope: scope.clone(), node: 0 };
    let within = |key: &Key| key.scope.starts_with(scope);
    if state.open.range(start.clone()..).next().is_some_and(|(key, ())| within(key))
        || state.joins.range(start.clone()..).next().is_some_and(|(key, _)| within(key))
    {
        return;
    }
    let gone = |table: Vec<&Key>| -> Vec<Key> { table.into_iter().cloned().collect() };
    let keys = state.instances.range(start.clone()..).map(|(key, _)| key);
    for key in gone(keys.take_while(|key| within(key)).collect()) {
        state.instances.remove(&key);
    }
    let keys = state.edges.range(start.clone()..).map(|(key, _)| key);
    for key in gone(keys.take_while(|key| within(key)).collect()) {
        state.edges.remove(&key);
    }
    let keys = state.loops.range(start..).map(|(key, _)| key);
    for key in gone(keys.take_while(|key| within(key)).collect()) {
        state.loops.remove(&key);
    }
}

/// The name of the instance that `<id>.compensate` undoes.
pub(super) fn compensated(node: &Arc<str>) -> Option<Arc<str>> {
    node.strip_suffix(".compensate").map(Arc::from)
}
