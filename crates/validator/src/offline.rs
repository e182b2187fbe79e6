//! Layer 1: what can be said of a patch without a server.
//!
//! The SDKs and `aob patch plan --offline` ask here, so that an author (often a model) has its
//! error and an example in milliseconds. Nothing rests on the answer: the other layers ask again,
//! with the history of the run and the rules of the workspace.

use std::sync::Arc;

use aob_ir::{Ir, Tier};
use aob_materializer::{Patch, PatchErrors};

use crate::agents::Same;
use crate::checks::Checks;
use crate::locate::of_compiler;
use crate::validate::{make, of_patch};
use crate::world::{World, document_of};
use crate::{
    Author, Check, GraphDiff, Growth, Problem, Proposal, Rejected, Rules, Unstarted, agents, growth,
};

/// What is known of a patch without a server.
#[derive(Debug)]
pub struct Offline {
    /// The resulting graph, compiled.
    pub ir: Arc<Ir>,
    /// What changes.
    pub diff: GraphDiff,
    /// What the graph may do that it could not do before; grants are the workspace's and not known.
    pub growth: Growth,
    /// Agent nodes of the result, sub-workflows of tags not included.
    pub agents: u32,
    /// The tier that the result belongs to.
    pub tier: Tier,
    /// What was checked.
    pub checks: Vec<Check>,
    /// What the author should know all the same.
    pub warnings: Vec<Problem>,
}

/// Judges the text of a patch of the text of a document by themselves: syntax, budget, the
/// resulting graph, and the number of agents.
///
/// # Errors
/// Everything that is wrong with either.
pub fn check_offline(document: &str, patch: &str, author: &Author) -> Result<Offline, Rejected> {
    let rules = Rules::default();
    let mut checks = Checks::default();
    let base = aob_ir::compile_text(document).map_err(|diagnostics| {
        let problems: Vec<Problem> = diagnostics.0.iter().map(of_compiler).collect();
        refuse("base", problems, &mut checks)
    })?;
    let patch = Patch::parse(patch, rules.budget_of(author)).map_err(|PatchErrors(errors)| {
        refuse("patch", errors.iter().map(of_patch).collect(), &mut checks)
    })?;
    let base = base.ir;
    let proposal = Proposal { base: &base, against: base.digest, patch: &patch, author };
    let document = document_of(&base);
    let made = make(&proposal, &document, &rules, &mut checks)?;
    let before = World::with(&base, document, &rules.children);
    let after = World::with(&made.ir, made.document, &rules.children);
    let history = Unstarted::default();
    let none = std::collections::BTreeSet::new();
    let ever = agents::ever(&history, (&before, &after), &none, Same::Kept(&patch));
    let mut problems = after.problems(true);
    problems.extend(agents::check(&history, &after, &ever));
    checks.add(1, "agents", &problems, &format!("{} ever", ever.len()));
    if !problems.is_empty() {
        return Err(Rejected { problems, checks: checks.list });
    }
    let agents = u32::try_from(agents::present(&after).len()).unwrap_or(u32::MAX);
    Ok(Offline {
        diff: GraphDiff::of((&base, before.document()), (&made.ir, after.document())),
        growth: growth::growth(&before, &after, author, &rules),
        agents,
        tier: Tier::of_agents(agents),
        checks: checks.list,
        warnings: made.warnings,
        ir: Arc::clone(&made.ir),
    })
}

fn refuse(name: &'static str, problems: Vec<Problem>, checks: &mut Checks) -> Rejected {
    checks.add(1, name, &problems, "");
    Rejected { problems, checks: std::mem::take(&mut checks.list) }
}
