//! Effects that nobody can take back are seen by somebody first.
//!
//! *Grave* is what has effect `irreversible` or `compensable`, a request by a method that changes
//! something, and a type that is not known here.
//!
//! * A patch by an agent needs an approval where it adds or changes something grave, changes what
//!   such a node sends (through whatever it reads), or lets it run where it did not before (a
//!   condition before it is gone, or reads something that the patch changes). An approval of the
//!   base that was not asked for yet will do instead, if nothing that changes is behind it: then who
//!   decides it has what changed before their eyes.
//! * An effect that is declared lower than the base had it, or (by an agent) than its method has
//!   it, would have lost attempts repeated. A compensation that is gone leaves nothing to undo by.
//!   Both need an approval from an agent, and are refused from the optimizer.

use std::collections::{BTreeMap, BTreeSet};

use aob_ir::{EffectClass, NodeIx, NodeKind, OnFailure};

use crate::dominance::topological;
use crate::flow::{Flow, Sources};
use crate::gates::Gates;
use crate::graph_diff::{EdgeChange, edges};
use crate::world::{Item, World};
use crate::{Author, Code, Problem, Severity};

/// Judges the change from `base` to `result`. `is_open`: the gate of this path is one of the base
/// that was not asked for yet.
pub(crate) fn check(
    author: &Author,
    (base, before): (&World<'_>, &Gates<'_, '_>),
    (result, after): (&World<'_>, &Gates<'_, '_>),
    is_open: &dyn Fn(&str) -> bool,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let of_agent = matches!(author, Author::Agent { .. });
    if of_agent {
        problems.extend(unreviewed((base, before), (result, after), is_open));
    }
    for item in &result.items {
        let was = base.find(&item.path);
        if was.is_some_and(|was| base.spec(was) == result.spec(item)) {
            continue;
        }
        problems.extend(lowered(of_agent, base, was, result, item));
        if let Some(was) = was
            && base.node(was).compensate.is_some()
            && result.node(item).compensate.is_none()
        {
            let message = format!("`{}` could no longer be undone", item.path);
            problems.push(Problem::approval(Code::CompensationRemoved, &item.pointer, message));
        }
    }
    let policy = |world: &World<'_>| world.units[0].ir().on_failure;
    if policy(base) == OnFailure::Compensate && policy(result) == OnFailure::Stop {
        let message = "a failure would no longer undo what was done";
        let pointer = "/policies/on_failure";
        problems.push(Problem::approval(Code::CompensationRemoved, pointer, message));
    }
    for problem in &mut problems {
        problem.severity = match author {
            Author::Person => Severity::Warning,
            Author::Agent { .. } => Severity::Approval,
            Author::Optimizer => Severity::Error,
        };
    }
    problems
}

/// What grave things an agent's patch brings about.
fn unreviewed(
    (base, before): (&World<'_>, &Gates<'_, '_>),
    (result, after): (&World<'_>, &Gates<'_, '_>),
    is_open: &dyn Fn(&str) -> bool,
) -> Vec<Problem> {
    let changed: BTreeSet<&str> = result
        .items
        .iter()
        .filter(|item| is_changed(base, result, item))
        .map(|item| &*item.path)
        .collect();
    let is_in = |item: &Item| changed.contains(&*item.path);
    let behind: BTreeSet<String> = result
        .items
        .iter()
        .filter(|item| is_in(item))
        .flat_map(|item| after.before(item))
        .collect();
    let incoming = (incoming(base), incoming(result));
    let is_rewired = |unit: usize, node: NodeIx| {
        let unit = &result.units[unit];
        let path = format!("{}{}", unit.path, unit.ir().node(node).id);
        incoming.0.get(&path) != incoming.1.get(&path)
    };
    let sources = Sources::Nodes { changed: &is_in, rewired: &is_rewired };
    let flow = Flow::of(result, &sources);
    let steered = steered(result, &flow);
    let mut problems = Vec::new();
    for item in result.items.iter().filter(|item| is_grave(result, item)) {
        let lost = || base.find(&item.path).is_some_and(|was| after.lost_guards(before, was, item));
        let what = if is_in(item) {
            "does something that cannot simply be repeated or taken back"
        } else if flow.reaches(item) {
            "would send something else than before"
        } else if steered.contains(&(item.unit, item.owner)) || lost() {
            "could run where it did not before"
        } else {
            continue;
        };
        let gates = after.before(item);
        if gates.iter().any(|gate| is_open(gate) && !behind.contains(gate)) {
            continue;
        }
        let message = format!("by the patch of an agent, `{}` {what}", item.path);
        let problem = Problem::approval(Code::UnreviewedEffect, &item.pointer, message)
            .with_hint("leave what it does, what it reads and when it runs as they are, or wait for the approval of this patch");
        problems.push(problem);
    }
    problems
}

/// Whether an item is new, other than it was, elsewhere than it was, or repeated more often.
fn is_changed(base: &World<'_>, result: &World<'_>, item: &Item) -> bool {
    let Some(was) = base.find(&item.path) else { return true };
    let owner = |world: &World<'_>, item: &Item| {
        let first = world.owned(item.unit, item.owner).first().copied();
        first.map(|ix| world.spec(&world.items[ix]).clone())
    };
    was.is_graph_node() != item.is_graph_node()
        || base.spec(was) != result.spec(item)
        || owner(base, was) != owner(result, item)
        || item.repeats > was.repeats
        || item.is_mapped && !was.is_mapped
}

/// Edges into each node, by path.
fn incoming(world: &World<'_>) -> BTreeMap<String, Vec<EdgeChange>> {
    let mut found: BTreeMap<String, Vec<EdgeChange>> = BTreeMap::new();
    for unit in &world.units {
        for edge in edges(unit.ir()).into_values() {
            found.entry(format!("{}{}", unit.path, edge.to)).or_default().push(edge);
        }
    }
    found
}

/// Nodes that run or not by a condition which reads what `flow` follows.
fn steered(world: &World<'_>, flow: &Flow<'_, '_, '_>) -> BTreeSet<(usize, NodeIx)> {
    let mut found = BTreeSet::new();
    for (index, unit) in world.units.iter().enumerate() {
        let ir = unit.ir();
        let host = unit.host.map(|host| &world.items[host]);
        let is_inside = host.is_some_and(|host| found.contains(&(host.unit, host.owner)));
        for node in topological(ir) {
            let mut incoming = ir.node(node).incoming.iter().map(|ix| ir.edge(*ix));
            let is_steered = incoming
                .any(|edge| flow.decides(index, edge) || found.contains(&(index, edge.from)));
            if is_inside || is_steered {
                found.insert((index, node));
            }
        }
    }
    found
}

/// An effect that is less than it was, or than it can be.
fn lowered(
    of_agent: bool,
    base: &World<'_>,
    was: Option<&Item>,
    result: &World<'_>,
    item: &Item,
) -> Option<Problem> {
    let now = result.node(item).effect;
    let before = was.map(|was| base.node(was).effect);
    let least = before.into_iter().chain(of_agent.then(|| by_method(result, item))).max()?;
    if now >= least {
        return None;
    }
    let message = format!(
        "`{}` would be repeated like something harmless: its effect is {}",
        item.path,
        name(least)
    );
    let problem =
        Problem::approval(Code::EffectLowered, format!("{}/effect", item.pointer), message)
            .with_hint("leave `effect` out, or declare what the node really does")
            .with_example(format!(r#""effect": "{}""#, name(least)));
    Some(problem)
}

/// Whether something cannot simply be repeated, whatever it declares.
fn is_grave(world: &World<'_>, item: &Item) -> bool {
    let node = world.node(item);
    let declared = node.effect.max(by_method(world, item));
    declared >= EffectClass::Compensable
        || by_method(world, item) > EffectClass::None
        || matches!(node.kind, NodeKind::Unknown(_) | NodeKind::Handoff)
}

/// The effect that a request has by its method; of everything else none.
fn by_method(world: &World<'_>, item: &Item) -> EffectClass {
    let NodeKind::Http { config } = &world.node(item).kind else { return EffectClass::None };
    match config.source().get("method").map(|method| method.as_str().unwrap_or_default()) {
        None | Some("GET" | "HEAD" | "OPTIONS") => EffectClass::None,
        Some("PUT" | "DELETE") => EffectClass::Idempotent,
        Some(_) => EffectClass::Irreversible,
    }
}

fn name(effect: EffectClass) -> &'static str {
    match effect {
        EffectClass::None => "none",
        EffectClass::Idempotent => "idempotent",
        EffectClass::Compensable => "compensable",
        EffectClass::Irreversible => "irreversible",
    }
}
