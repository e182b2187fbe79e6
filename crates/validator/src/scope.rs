//! What only people change.
//!
//! An agent's patch changes `nodes` and `edges` and no other part of the document; it changes and
//! removes no approval and no agent, itself included, wherever they stand. The optimizer's changes
//! no other part either, and no approval.

use aob_ir::NodeKind;

use crate::world::{Item, World};
use crate::{Author, Code, GraphDiff, Problem};

/// Judges the change from `base` to `result` by its author.
pub(crate) fn check(
    author: &Author,
    diff: &GraphDiff,
    base: &World<'_>,
    result: &World<'_>,
) -> Vec<Problem> {
    let of_agent = match author {
        Author::Person => return Vec::new(),
        Author::Agent { .. } => true,
        Author::Optimizer => false,
    };
    let who = if of_agent { "an agent" } else { "the optimizer" };
    let mut problems = Vec::new();
    for section in &diff.sections {
        let message = format!("{who} cannot change `{section}`");
        let problem = Problem::error(Code::AgentScope, format!("/{section}"), message)
            .with_hint("add, replace and remove below `/nodes` and `/edges` only")
            .with_example(r#"{"op": "add", "path": "/nodes/check", "value": {"id": "check", "type": "transform", "config": {"template": "$input"}}}"#);
        problems.push(problem);
    }
    for item in &base.items {
        let Some(what) = kept(base, item, of_agent) else { continue };
        let after = result.find(&item.path);
        if after.is_some_and(|after| result.spec(after) == base.spec(item)) {
            continue;
        }
        let verb = if after.is_some() { "change" } else { "remove" };
        let message = format!("{who} cannot {verb} the {what} `{}`", item.path);
        let problem = Problem::error(Code::AgentScope, &item.pointer, message)
            .with_hint(format!("leave it as it is; ask a person to {verb} it"));
        problems.push(problem);
    }
    problems
}

/// What is not to be changed, in words.
fn kept(world: &World<'_>, item: &Item, of_agent: bool) -> Option<&'static str> {
    match &world.node(item).kind {
        NodeKind::Hitl { .. } => Some("approval"),
        NodeKind::Agent { .. } if of_agent => Some("agent"),
        NodeKind::Agent { .. }
        | NodeKind::Function { .. }
        | NodeKind::Http { .. }
        | NodeKind::Transform(_)
        | NodeKind::Filter { .. }
        | NodeKind::Aggregate { .. }
        | NodeKind::Conditional
        | NodeKind::Parallel
        | NodeKind::Join
        | NodeKind::Map(_)
        | NodeKind::Loop { .. }
        | NodeKind::Composite { .. }
        | NodeKind::Timer(_)
        | NodeKind::Signal { .. }
        | NodeKind::Handoff
        | NodeKind::Unknown(_) => None,
    }
}
