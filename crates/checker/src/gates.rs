//! Approvals stay in front of what needs them (I-33).
//!
//! What needs an approval depends on the policy of the workspace, which is not in the log. So this
//! is judged of what needs one under every policy: what something outside executes and cannot
//! simply be repeated, and what is not known from here (sub-workflows, handoffs, unknown types).
//! A node is *behind* an approval where no way leads to it once the edges are gone that only the
//! approval takes. What is inside sub-workflows is judged with the node that runs them.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_engine::PatchId;
use aob_ir::{EdgeIr, EdgeOn, EffectClass, Ir, NodeIr, NodeIx, NodeKind, OnError, Tolerate};
use serde_json::Value;

use crate::graph::body_of;
use crate::rules::{Cx, I_33};

/// Judges the change from one graph to the next.
pub(crate) fn check(before: &Ir, after: &Ir, patch: &PatchId, cx: &mut Cx<'_>) {
    let needy = needy(after);
    // Large, and only looked into where an approval is needed.
    let documents = LazyCell::new(|| [document(before), document(after)]);
    for gate in before.nodes.iter().filter(|node| is_gate(node)) {
        let behind = behind(before, &gate.id);
        let guarded: Vec<&Arc<str>> =
            behind.iter().filter(|(id, _)| needy.contains_key(*id)).map(|(id, _)| id).collect();
        if guarded.is_empty() {
            continue;
        }
        cx.count("gate_checked");
        let still = self::behind(after, &gate.id);
        for id in guarded.iter().filter(|id| !still.contains_key(**id)) {
            cx.violation(
                I_33,
                format!("patch `{patch}` lets `{id}` run without the approval `{}`", gate.id),
            );
        }
        let same = after.node_ix(&gate.id).map(|ix| &after.nodes[ix as usize]);
        let Some(same) = same else { continue };
        let [was, is] = &*documents;
        let spec = |of: &Value, node: &NodeIr| of.pointer(&node.pointer).cloned();
        let specs = [spec(was, gate), spec(is, same)].map(Option::unwrap_or_default);
        cx.require(asks_no_less(&specs), I_33, || {
            format!("patch `{patch}` changes the approval `{}`, which is needed", gate.id)
        });
        let kept = other_ways(after, same);
        cx.require(other_ways(before, gate).is_subset(&kept), I_33, || {
            format!("patch `{patch}` changes what follows where `{}` does not approve", gate.id)
        });
    }
}

/// An approval that nothing passes without: `on_error: skip` would take success edges.
fn is_gate(node: &NodeIr) -> bool {
    matches!(node.kind, NodeKind::Hitl { .. }) && node.on_error != OnError::Skip
}

/// True for an edge that only the approval takes; a join that tolerates failures lets others pass.
fn is_approving(ir: &Ir, edge: &EdgeIr) -> bool {
    let strict = ir
        .nodes
        .get(edge.to as usize)
        .is_some_and(|to| matches!(to.join.tolerate, Tolerate::Count(0) | Tolerate::Percent(0)));
    strict && matches!(edge.on, EdgeOn::Success | EdgeOn::Approved)
}

/// What of a graph needs an approval and has it from this node alone, by id with its graph node.
fn behind(ir: &Ir, gate: &str) -> BTreeMap<Arc<str>, NodeIx> {
    let passed_over = |edge: &EdgeIr| {
        let from = ir.nodes.get(edge.from as usize);
        from.is_some_and(|from| *from.id == *gate && is_gate(from)) && is_approving(ir, edge)
    };
    let mut reached: BTreeSet<NodeIx> = ir.entries.iter().copied().collect();
    let mut todo: Vec<NodeIx> = ir.entries.clone();
    while let Some(ix) = todo.pop() {
        let Some(node) = ir.nodes.get(ix as usize) else { continue };
        let edges = node.outgoing.iter().filter_map(|edge| ir.edges.get(*edge as usize));
        for edge in edges.filter(|edge| !passed_over(edge)) {
            if reached.insert(edge.to) {
                todo.push(edge.to);
            }
        }
    }
    let mut needy = needy(ir);
    needy.retain(|_, ix| !reached.contains(ix));
    needy
}

/// What needs an approval under every policy: nodes, bodies of maps, and compensations.
fn needy(ir: &Ir) -> BTreeMap<Arc<str>, NodeIx> {
    let mut found = BTreeMap::new();
    for (ix, node) in (0..).zip(&ir.nodes) {
        let mut level = Some(node);
        while let Some(current) = level {
            if needs(current) {
                found.insert(Arc::clone(&current.id), ix);
            }
            if current.compensate.as_deref().is_some_and(needs) {
                found.insert(format!("{}.compensate", current.id).into(), ix);
            }
            level = body_of(current);
        }
    }
    found
}

fn needs(node: &NodeIr) -> bool {
    match &node.kind {
        NodeKind::Composite { .. } | NodeKind::Handoff | NodeKind::Unknown(_) => true,
        NodeKind::Function { builtin: false, .. }
        | NodeKind::Http { .. }
        | NodeKind::Agent { .. } => match node.effect {
            EffectClass::Irreversible | EffectClass::Compensable => true,
            EffectClass::None | EffectClass::Idempotent => false,
        },
        NodeKind::Function { builtin: true, .. }
        | NodeKind::Transform(_)
        | NodeKind::Filter { .. }
        | NodeKind::Aggregate { .. }
        | NodeKind::Conditional
        | NodeKind::Parallel
        | NodeKind::Join
        | NodeKind::Map(_)
        | NodeKind::Loop { .. }
        | NodeKind::Hitl { .. }
        | NodeKind::Timer(_)
        | NodeKind::Signal { .. } => false,
    }
}

/// True where an approval is as it was, but for a quorum that is higher.
fn asks_no_less([was, is]: &[Value; 2]) -> bool {
    let quorum = |spec: &Value| spec.pointer("/config/quorum").and_then(Value::as_u64).unwrap_or(1);
    let rest = |spec: &Value| {
        let mut rest = spec.clone();
        if let Some(config) = rest.get_mut("config").and_then(Value::as_object_mut) {
            config.remove("quorum");
        }
        rest
    };
    quorum(is) >= quorum(was) && rest(is) == rest(was)
}

fn document(ir: &Ir) -> Value {
    serde_json::from_str(&ir.canonical).unwrap_or_default()
}

/// Edges out of an approval that are taken without it: id, target, outcome, condition.
fn other_ways(ir: &Ir, gate: &NodeIr) -> BTreeSet<(Arc<str>, Arc<str>, EdgeOn, String)> {
    let edges = gate.outgoing.iter().filter_map(|edge| ir.edges.get(*edge as usize));
    let others = edges.filter(|edge| !is_approving(ir, edge));
    let shown = others.filter_map(|edge| {
        let to = ir.nodes.get(edge.to as usize)?;
        let condition = edge.condition.as_ref().map_or("", |condition| condition.source());
        Some((Arc::clone(&edge.id), Arc::clone(&to.id), edge.on, condition.to_owned()))
    });
    shown.collect()
}
