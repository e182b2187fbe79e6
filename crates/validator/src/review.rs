//! Effects that nobody can take back are seen by somebody first.
//!
//! * An agent's patch that adds or changes something with effect `irreversible` or `compensable`,
//!   or of a type that is not known here, needs an approval, unless it is behind an approval of the
//!   base that was not asked for yet: who decides that one sees what it will do.
//! * An effect that is declared lower than the base had it, or (by an agent) than its method has
//!   it, would have lost attempts repeated. A compensation that is gone leaves nothing to undo by.
//!   Both need an approval from an agent, and are refused from the optimizer.

use aob_ir::{EffectClass, NodeKind, OnFailure};

use crate::world::{Item, World};
use crate::{Author, Code, Problem, Severity};

/// Judges the change from `base` to `result`.
pub(crate) fn check(
    author: &Author,
    base: &World<'_>,
    result: &World<'_>,
    is_reviewed: &dyn Fn(&Item) -> bool,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let of_agent = matches!(author, Author::Agent { .. });
    for item in &result.items {
        let was = base.find(&item.path);
        if was.is_some_and(|was| base.spec(was) == result.spec(item)) {
            continue;
        }
        if of_agent && is_grave(result, item) && !is_reviewed(item) {
            let message = format!(
                "an agent has `{}` do something that cannot simply be repeated or taken back",
                item.path
            );
            let problem = Problem::approval(Code::UnreviewedEffect, &item.pointer, message)
                .with_hint("put it behind an approval of the workflow, or wait for the approval of this patch");
            problems.push(problem);
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
