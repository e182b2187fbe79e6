//! Approvals stay in front of what needs them.
//!
//! *A gate* is a `hitl` node that nothing passes without an approval: `on_error: skip` is none.
//! A node is *behind* a gate where every way to it leads along an edge that only the approval
//! takes (`approved` or `success`, into a join that tolerates no failures). A node of a
//! sub-workflow is also behind what the node that runs it is behind.
//!
//! *What needs its gates*: what something outside executes (functions that are not built in,
//! `http`, agents, sub-workflows, handoffs, types not known here; bodies of maps and compensations
//! of these kinds count for their node), and is behind them in the base. A policy can narrow that
//! to effects `irreversible` and `compensable` ([`crate::Gated`]).
//!
//! No patch, whoever proposes it,
//! * leaves such a node in the graph and not behind each of its gates (*bypassed*);
//! * gives to a node that is not behind such a gate a power that the base uses only behind gates
//!   (*bypassed*: otherwise a copy would do);
//! * changes a gate that something still needs, but for a higher `quorum`; or takes away or changes
//!   one of its edges that is not approving: what happens on rejection and expiry (*weakened*);
//! * takes away a condition that stands between a gate and what needs it (*weakened*).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aob_ir::{EffectClass, Ir, NodeKind};
use serde_json::Value;

use crate::dominance::{Dominance, Label, Vertex, is_approving};
use crate::graph_diff::{EdgeChange, edges};
use crate::power::powers_of;
use crate::world::{Item, World};
use crate::{Code, Gated, Power, Problem};

/// The gates of a world.
#[derive(Debug)]
pub(crate) struct Gates<'w, 'a> {
    world: &'w World<'a>,
    /// By unit.
    trees: Vec<Dominance>,
}

/// A vertex of a unit.
type Place = (usize, Vertex);

impl<'w, 'a> Gates<'w, 'a> {
    pub(crate) fn of(world: &'w World<'a>) -> Self {
        let trees = world.units.iter().map(|unit| Dominance::of(unit.ir())).collect();
        Self { world, trees }
    }

    fn label(&self, (unit, vertex): Place) -> Option<&Label> {
        self.trees[unit].label(vertex)
    }

    fn place(&self, item: &Item) -> Place {
        (item.unit, item.owner as Vertex)
    }

    /// Ports and guards that every way to a place leads through, innermost first, out through the
    /// nodes that run the sub-workflows around.
    fn above(&self, place: Place) -> impl Iterator<Item = Place> + '_ {
        let around = std::iter::successors(Some(place), |(unit, _)| {
            let host = self.world.units[*unit].host?;
            Some(self.place(&self.world.items[host]))
        });
        let own = |(unit, vertex): Place| {
            self.trees[unit].above(vertex).map(move |vertex| (unit, vertex))
        };
        around.flat_map(own).filter(|place| self.label(*place).is_some())
    }

    /// Paths of the gates that an item is behind, innermost first.
    pub(crate) fn before(&self, item: &Item) -> Vec<String> {
        let above = self.above(self.place(item));
        above.filter_map(|place| self.gate_path(place)).collect()
    }

    /// The path of the gate whose port stands at a place.
    fn gate_path(&self, place: Place) -> Option<String> {
        match self.label(place)? {
            Label::Port(id) => Some(format!("{}{id}", self.world.units[place.0].path)),
            Label::Guard { .. } => None,
        }
    }

    /// Ports, and the guards below ports: what protects.
    fn protectors(&self, place: Place) -> Vec<Place> {
        let mut found: Vec<Place> = self.above(place).collect();
        let is_port = |place: &Place| matches!(self.label(*place), Some(Label::Port(_)));
        let last = found.iter().rposition(is_port).map_or(0, |last| last + 1);
        found.truncate(last);
        found
    }

    /// Whether every way to `place` leads through what `label` stands for in the unit of `path`.
    fn protects(&self, path: &str, label: &Label, place: Place) -> bool {
        let Some(unit) = self.world.find_unit(path) else { return false };
        let Some(vertex) = self.trees[unit].find(label) else { return false };
        let mut at = place;
        while at.0 != unit {
            let Some(host) = self.world.units[at.0].host else { return false };
            at = self.place(&self.world.items[host]);
        }
        self.trees[unit].dominates(vertex, at.1)
    }

    /// The place in this world of a port or guard in another.
    fn same(&self, other: &Gates<'_, '_>, (unit, vertex): Place) -> Option<Place> {
        let unit_here = self.world.find_unit(&other.world.units[unit].path)?;
        let label = other.trees[unit].label(vertex)?;
        Some((unit_here, self.trees[unit_here].find(label)?))
    }

    /// Guards that stand before an item of `other`, and no longer before the same one here.
    pub(crate) fn lost_guards(&self, other: &Gates<'_, '_>, was: &Item, is: &Item) -> bool {
        let mut guards = other
            .above(other.place(was))
            .filter(|place| matches!(other.label(*place), Some(Label::Guard { .. })));
        guards.any(|(unit, vertex)| {
            let path = &other.world.units[unit].path;
            let label = other.trees[unit].label(vertex);
            label.is_none_or(|label| !self.protects(path, label, self.place(is)))
        })
    }
}

/// Judges the change from `base` to `result`.
pub(crate) fn check(base: &Gates<'_, '_>, result: &Gates<'_, '_>, gated: Gated) -> Vec<Problem> {
    let mut judge = Judge {
        base,
        result,
        gated,
        seen: BTreeSet::new(),
        needed: BTreeSet::new(),
        problems: BTreeMap::new(),
    };
    judge.nodes();
    judge.gates();
    judge.powers();
    judge.problems.into_values().collect()
}

struct Judge<'g, 'w, 'a> {
    base: &'g Gates<'w, 'a>,
    result: &'g Gates<'w, 'a>,
    gated: Gated,
    /// Protectors whose own protection was judged.
    seen: BTreeSet<Place>,
    /// Gates of the base that something needs which is still there.
    needed: BTreeSet<String>,
    /// One per place and kind.
    problems: BTreeMap<(String, String), Problem>,
}

impl Judge<'_, '_, '_> {
    fn report(&mut self, problem: Problem, about: &str) {
        let key = (problem.pointer.clone(), format!("{}{about}", problem.code));
        self.problems.entry(key).or_insert(problem);
    }

    /// What needs gates is still behind them.
    fn nodes(&mut self) {
        for item in &self.base.world.items {
            if !needs(self.base.world, item, self.gated) {
                continue;
            }
            let place = self.base.place(item);
            let protectors = self.base.protectors(place);
            let Some(after) = self.result.world.find(&item.path) else { continue };
            if protectors.is_empty() {
                continue;
            }
            let gates = protectors.iter().filter_map(|place| self.base.gate_path(*place));
            self.needed.extend(gates);
            // What protects a protector protects what is behind it: each step is judged once.
            let mut below = self.result.place(after);
            for protector in protectors {
                if !self.protected(item, below, protector) {
                    continue; // What it has lost does not protect it by what is further out.
                }
                if !self.seen.insert(protector) {
                    break;
                }
                below = self.result.same(self.base, protector).unwrap_or(below);
            }
        }
    }

    /// Whether every way to a place of the result still leads through a protector of the base.
    fn protected(&mut self, item: &Item, below: Place, protector: Place) -> bool {
        let Some(label) = self.base.label(protector) else { return true };
        let path = &self.base.world.units[protector.0].path;
        if self.result.protects(path, label, below) {
            return true;
        }
        let id = &item.path;
        match label.clone() {
            Label::Port(gate) => {
                let message = format!("`{id}` could run without the approval `{path}{gate}`");
                let problem = Problem::error(Code::GateBypassed, &item.pointer, message)
                    .with_hint(format!(
                        "keep every way to it behind an `approved` edge of `{path}{gate}`"
                    ))
                    .with_example(format!(
                        r#"{{"from": "{gate}", "to": "{}", "on": "approved"}}"#,
                        id.rsplit('/').next().unwrap_or_default()
                    ));
                self.report(problem, &gate);
            }
            Label::Guard { from, condition, .. } => {
                let message = format!(
                    "`{id}` could run where `{condition}` after `{path}{from}` does not hold"
                );
                let problem = Problem::error(Code::GateWeakened, &item.pointer, message).with_hint(
                    "conditions between an approval and what it approves stay as they are",
                );
                self.report(problem, &condition);
            }
        }
        false
    }

    /// Gates that are needed ask for no less.
    fn gates(&mut self) {
        for path in std::mem::take(&mut self.needed) {
            let (Some(was), Some(is)) =
                (self.base.world.find(&path), self.result.world.find(&path))
            else {
                continue; // What is behind it is reported.
            };
            let (before, after) = (self.base.world.spec(was), self.result.world.spec(is));
            for key in weakened(before, after) {
                let pointer = format!("{}/{key}", is.pointer);
                let message = format!(
                    "the approval `{path}` stands before something that needs it: its `{key}` cannot change"
                );
                let problem = Problem::error(Code::GateWeakened, pointer, message)
                    .with_hint("a higher `config.quorum` is the only change; or add another approval behind it");
                self.report(problem, &path);
            }
            let ways =
                |world: &World<'_>, item: &Item| other_ways(world.units[item.unit].ir(), item);
            let kept = ways(self.result.world, is);
            for edge in ways(self.base.world, was).iter().filter(|edge| !kept.contains(edge)) {
                let message = format!(
                    "`{}` says what follows when `{path}` is not approved: it cannot change",
                    edge.id
                );
                let pointer =
                    format!("{}/edges/{}", self.result.world.units[is.unit].pointer, edge.id);
                let problem = Problem::error(Code::GateWeakened, pointer, message)
                    .with_hint("add nodes behind its target instead");
                self.report(problem, &edge.id);
            }
        }
    }

    /// What was only done behind gates is only done behind them.
    fn powers(&mut self) {
        let mut behind: BTreeMap<Power, Option<BTreeSet<String>>> = BTreeMap::new();
        for item in &self.base.world.items {
            let gates: BTreeSet<String> = self.base.before(item).into_iter().collect();
            let gates =
                (!gates.is_empty() && needs(self.base.world, item, self.gated)).then_some(gates);
            for power in powers_of(self.base.world, item) {
                let known = behind.entry(power).or_insert_with(|| Some(BTreeSet::new()));
                match (&mut *known, &gates) {
                    (Some(known), Some(gates)) => known.extend(gates.iter().cloned()),
                    _ => *known = None,
                }
            }
        }
        for item in &self.result.world.items {
            let powers = powers_of(self.result.world, item);
            let mut only_behind = powers
                .iter()
                .filter(|power| power.kind().is_outward())
                .filter_map(|power| Some((power, behind.get(power)?.as_ref()?)))
                .peekable();
            if only_behind.peek().is_none() {
                continue;
            }
            let gates = self.result.before(item);
            let free = only_behind.find(|(_, wanted)| !gates.iter().any(|g| wanted.contains(g)));
            if let Some((power, wanted)) = free {
                let gate = wanted.iter().next().map(String::as_str).unwrap_or_default();
                let message = format!(
                    "`{}` would use {power} without the approval `{gate}`, behind which alone it was used",
                    item.path
                );
                let problem = Problem::error(Code::GateBypassed, &item.pointer, message)
                    .with_hint(format!("put it behind an `approved` edge of `{gate}`"));
                self.report(problem, gate);
            }
        }
    }
}

/// Whether something needs the gates that it is behind.
pub(crate) fn needs(world: &World<'_>, item: &Item, gated: Gated) -> bool {
    let node = world.node(item);
    let is_undoable = matches!(node.effect, EffectClass::None | EffectClass::Idempotent);
    let is_opaque = match &node.kind {
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
        | NodeKind::Signal { .. } => return false,
        NodeKind::Function { builtin: false, .. }
        | NodeKind::Http { .. }
        | NodeKind::Agent { .. } => false,
        NodeKind::Composite { .. } | NodeKind::Handoff | NodeKind::Unknown(_) => true,
    };
    match gated {
        Gated::Outward => true,
        Gated::Irreversible => is_opaque || !is_undoable,
    }
}

/// Keys of a gate that changed for the worse.
fn weakened(was: &Value, is: &Value) -> Vec<String> {
    let quorum = |gate: &Value| gate.pointer("/config/quorum").cloned().unwrap_or(Value::from(1));
    let without = |gate: &Value| {
        let mut gate = gate.clone();
        if let Some(config) = gate.get_mut("config").and_then(Value::as_object_mut) {
            config.remove("quorum");
        }
        gate
    };
    let mut keys = Vec::new();
    let (was_quorum, is_quorum) = (quorum(was), quorum(is));
    let is_higher = match (was_quorum.as_u64(), is_quorum.as_u64()) {
        (Some(was), Some(is)) => is >= was,
        _ => was_quorum == is_quorum,
    };
    if !is_higher {
        keys.push("config/quorum".to_owned());
    }
    let (was, is) = (without(was), without(is));
    let empty = Value::Object(serde_json::Map::new());
    for key in crate::graph_diff::changed_keys(&was, &is) {
        if key != "config" {
            keys.push(key);
            continue;
        }
        let config = |gate: &Value| gate.get("config").unwrap_or(&empty).clone();
        let inner = crate::graph_diff::changed_keys(&config(&was), &config(&is));
        keys.extend(inner.into_iter().map(|key| format!("config/{key}")));
    }
    keys
}

/// Edges of a gate that are taken without an approval.
fn other_ways(ir: &Ir, gate: &Item) -> Vec<EdgeChange> {
    let all = edges(ir);
    let outgoing = ir.node(gate.owner).outgoing.iter().map(|ix| ir.edge(*ix));
    let others = outgoing.filter(|edge| !is_approving(ir, edge));
    others.filter_map(|edge| all.get(&Arc::clone(&edge.id)).cloned()).collect()
}
