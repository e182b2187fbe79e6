//! What a storm proposes: changes that leave everything else as it was, changes of any kind, and
//! changes that must never be made.

use std::sync::Arc;

use aob_ir::{EdgeIr, EdgeOn, Ir, JoinMode, NodeIr, NodeKind, OnError, Tolerate};
use serde_json::{Value, json};

use super::wild::wild;
use crate::generator::Dice;

/// What the ids of nodes begin with that a storm adds.
pub(crate) const STORM: &str = "zz";

/// What a change means to whoever judges the run. Its name is the patch's description, by which it
/// is recognised in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Adds nodes, and leaves the rest of the graph as it was, but for values that flow along other
    /// ways: the oracle knows what must still come of it.
    Faithful,
    /// Anything: may be refused or applied, and the checker alone knows what must hold.
    Wild,
    /// Must be refused, wherever the run stands.
    Hostile,
}

impl Manner {
    /// The description of such a patch.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Faithful => "faithful",
            Self::Wild => "wild",
            Self::Hostile => "hostile",
        }
    }

    /// The manner of a patch that is described so.
    pub(crate) fn named(name: &str) -> Self {
        let known = [Self::Faithful, Self::Wild, Self::Hostile];
        known.into_iter().find(|manner| manner.name() == name).unwrap_or(Self::Wild)
    }
}

/// What somebody looks at who is about to change a graph.
#[derive(Debug)]
pub(crate) struct View {
    /// The graph.
    pub(crate) ir: Arc<Ir>,
    /// A node that was handed out.
    pub(crate) started: Option<Arc<str>>,
    /// Ids of added nodes end with this.
    pub(crate) suffix: String,
    /// Nothing is added at the ends, so that what the run returns stays the same.
    pub(crate) keeps_ends: bool,
}

impl View {
    /// Id of the `n`th node that the change adds.
    pub(super) fn fresh(&self, n: usize) -> String {
        let letter = char::from(b'a' + u8::try_from(n % 26).unwrap_or(0));
        format!("{STORM}{letter}{}", self.suffix)
    }

    /// A change in this manner.
    pub(crate) fn change(&self, dice: &mut Dice, manner: Manner) -> Value {
        match manner {
            Manner::Faithful => self.faithful(dice),
            Manner::Wild => wild(self, dice),
            Manner::Hostile => self.hostile(dice),
        }
    }

    fn faithful(&self, dice: &mut Dice) -> Value {
        let id = self.fresh(0);
        let inserted = self.insert(dice, &id);
        if self.keeps_ends {
            return inserted.unwrap_or_else(|| json!([test_of(&self.ir)]));
        }
        match dice.within(0..=9) {
            0..=1 => self.leaf(dice, &transform(&id)),
            2 => json!([{"op": "add", "path": "/nodes/-", "value": transform(&id)}]),
            3..=5 => inserted.unwrap_or_else(|| self.leaf(dice, &transform(&id))),
            6..=7 => self.leaf(dice, &webhook(&id)),
            8 => self.taken_out(dice).unwrap_or_else(|| self.leaf(dice, &agent(&id))),
            _ => self.leaf(dice, &agent(&id)),
        }
    }

    /// A node that a storm added, and that nothing follows, goes.
    fn taken_out(&self, dice: &mut Dice) -> Option<Value> {
        let is_leaf = |node: &&NodeIr| node.id.starts_with(STORM) && node.outgoing.is_empty();
        let leaves: Vec<&NodeIr> = self.ir.nodes.iter().filter(is_leaf).collect();
        let agents = leaves.iter().filter(|node| matches!(node.kind, NodeKind::Agent { .. }));
        let agents: Vec<&NodeIr> = agents.copied().collect();
        let node = one_of(dice, &agents).or(one_of(dice, &leaves)).copied()?;
        Some(without(&self.ir, node).into())
    }

    /// A node behind another, anywhere outside of loops; sometimes not at the end of its list.
    fn leaf(&self, dice: &mut Dice, node: &Value) -> Value {
        let plain =
            |node: &&NodeIr| node.loops.is_empty() && !matches!(node.kind, NodeKind::Conditional);
        let outside: Vec<&NodeIr> = self.ir.nodes.iter().filter(plain).collect();
        let place = if dice.percent(30) { "/nodes/0" } else { "/nodes/-" };
        let add = json!({"op": "add", "path": place, "value": node});
        let Some(from) = one_of(dice, &outside) else { return json!([add]) };
        let edge = json!({"from": from.id, "to": node["id"]});
        json!([add, {"op": "add", "path": "/edges/-", "value": edge}])
    }

    /// A node that passes on what it gets, in the middle of an edge whose target does the same
    /// whatever it gets.
    fn insert(&self, dice: &mut Dice, id: &str) -> Option<Value> {
        let between: Vec<&EdgeIr> =
            self.ir.edges.iter().filter(|edge| is_plain(&self.ir, edge)).collect();
        let edge = one_of(dice, &between)?;
        let (from, to) = (&self.ir.node(edge.from).id, &self.ir.node(edge.to).id);
        Some(json!([
            {"op": "add", "path": "/nodes/-", "value": {"id": id, "type": "parallel"}},
            {"op": "remove", "path": format!("/edges/{}", edge.id)},
            {"op": "add", "path": "/edges/-", "value": {"from": from, "to": id}},
            {"op": "add", "path": "/edges/-", "value": {"from": id, "to": to}},
        ]))
    }

    /// What must be refused, wherever the run stands.
    fn hostile(&self, dice: &mut Dice) -> Value {
        let node =
            one_of(dice, &self.ir.nodes).map_or("nobody".into(), |node| Arc::clone(&node.id));
        match dice.within(0..=6) {
            0 => json!([{"op": "add", "path": "/limits", "value": {"max_agents": 500}}]),
            1 => json!([{"op": "add", "path": "/edges/-", "value": {"from": node, "to": "nowhere"}}]),
            2 => self.many_agents(),
            3 => self.started.as_ref().map_or_else(|| json!([test_of(&self.ir)]), |id| {
                json!([{"op": "replace", "path": format!("/nodes/{id}"), "value": transform(id)}])
            }),
            4 => self.around_a_gate(dice).unwrap_or_else(|| self.many_agents()),
            5 => self.weaker_gate(dice).unwrap_or_else(|| self.many_agents()),
            _ => json!([{"op": "test", "path": "/metadata/name", "value": "nobody"}]),
        }
    }

    /// One more agent than a run may have by default.
    fn many_agents(&self) -> Value {
        let add = |n| json!({"op": "add", "path": "/nodes/-", "value": agent(&self.fresh(n))});
        (0..6).map(add).collect()
    }

    /// Gates with an edge to something that nothing but their approval lets happen.
    fn gated(&self) -> Vec<(&NodeIr, &EdgeIr)> {
        let outward = |node: &NodeIr| {
            let own = matches!(&node.kind, NodeKind::Function { builtin: false, .. });
            own || matches!(node.kind, NodeKind::Http { .. })
        };
        let gates = self.ir.edges.iter().filter(|edge| {
            let (from, to) = (self.ir.node(edge.from), self.ir.node(edge.to));
            matches!(from.kind, NodeKind::Hitl { .. })
                && from.on_error != OnError::Skip
                && edge.on == EdgeOn::Success
                && edge.condition.is_none()
                && to.incoming.len() == 1
                && to.join.tolerate == Tolerate::Count(0)
                && outward(to)
        });
        gates.map(|edge| (self.ir.node(edge.from), edge)).collect()
    }

    /// A way around an approval.
    fn around_a_gate(&self, dice: &mut Dice) -> Option<Value> {
        let gated = self.gated();
        let (gate, edge) = one_of(dice, &gated)?;
        let to = &self.ir.node(edge.to).id;
        let before = gate.incoming.first().map(|ix| self.ir.node(self.ir.edge(*ix).from));
        let mut operations = vec![json!({"op": "remove", "path": format!("/edges/{}", edge.id)})];
        if let Some(before) = before {
            let around = json!({"from": before.id, "to": to});
            operations.push(json!({"op": "add", "path": "/edges/-", "value": around}));
        }
        Some(operations.into())
    }

    /// An approval that anybody gives.
    fn weaker_gate(&self, dice: &mut Dice) -> Option<Value> {
        let gated = self.gated();
        let (gate, _) = one_of(dice, &gated)?;
        let path = format!("/nodes/{}/config", gate.id);
        Some(json!([{"op": "replace", "path": path, "value": {"message": "anybody"}}]))
    }
}

/// A node and its edges go.
pub(super) fn without(ir: &Ir, node: &NodeIr) -> Vec<Value> {
    let edges = node.incoming.iter().chain(&node.outgoing).map(|ix| ir.edge(*ix));
    let edges = edges.map(|edge| json!({"op": "remove", "path": format!("/edges/{}", edge.id)}));
    edges.chain([json!({"op": "remove", "path": format!("/nodes/{}", node.id)})]).collect()
}

/// One of several, if there are any.
pub(super) fn one_of<'v, T>(dice: &mut Dice, all: &'v [T]) -> Option<&'v T> {
    if all.is_empty() { None } else { all.get(dice.count(0..=all.len() - 1)) }
}

fn is_plain(ir: &Ir, edge: &EdgeIr) -> bool {
    let (from, to) = (ir.node(edge.from), ir.node(edge.to));
    from.loops.is_empty()
        && to.loops.is_empty()
        && to.join.mode == JoinMode::All
        && !to.join.cancel_losers
        && to.join.tolerate == Tolerate::Count(0)
        && !matches!(from.kind, NodeKind::Conditional | NodeKind::Loop { .. })
        && edge.on == EdgeOn::Success
        && edge.condition.is_none()
        && is_indifferent(to)
}

/// True for a node that does the same whatever it gets.
fn is_indifferent(node: &NodeIr) -> bool {
    let works = matches!(
        node.kind,
        NodeKind::Function { .. } | NodeKind::Http { .. } | NodeKind::Hitl { .. }
    );
    works && node.checks.pre.is_empty()
}

/// An operation that changes nothing, and fails on another workflow.
fn test_of(ir: &Ir) -> Value {
    let document: Value = serde_json::from_str(&ir.canonical).unwrap_or_default();
    json!({"op": "test", "path": "/metadata/name", "value": format!("not {}", document["metadata"]["name"])})
}

pub(super) fn transform(id: &str) -> Value {
    json!({"id": id, "type": "transform", "config": {"template": {"storm": id}}})
}

/// Grows what the graph may do, and ends by itself.
fn webhook(id: &str) -> Value {
    let config = json!({"name": id, "webhook": true});
    json!({"id": id, "type": "signal", "timeout_ms": 1_000, "on_error": "skip", "config": config})
}

/// Nothing serves it, so it is passed over.
pub(super) fn agent(id: &str) -> Value {
    let config = json!({"task": id});
    json!({
        "id": id, "type": "agent", "queue_timeout_ms": 1_000, "on_error": "skip",
        "retry": {"max_attempts": 1}, "config": config,
    })
}
