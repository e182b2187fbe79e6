//! The validation: every family of problems in turn, and what they add up to.

use std::collections::BTreeSet;
use std::sync::Arc;

use aob_ir::{Digest, Ir};
use aob_materializer::{Patch, materialize};
use serde_json::Value;

use crate::agents::Same;
use crate::checks::Checks;
use crate::gates::{self, Gates};
use crate::locate::{complete, of_compiler};
use crate::world::{World, document_of};
use crate::{
    AgentKey, ApprovalNeed, Author, Check, Code, Documents, GraphDiff, Growth, History,
    NodeHistory, Problem, Proof, Proposal, Rejected, Rules, Severity, Validated, agents, fixed,
    flow, growth, hosts, review, scope, subject,
};

/// Judges a patch: by itself, by what the graph it results in may do, by the history of the run,
/// and by the rules of the workspace. Pure: the same arguments give the same answer everywhere.
///
/// # Errors
/// Everything that is wrong with it. Where it cannot be applied, or the result is no workflow, that
/// is all that is said.
pub fn validate(
    proposal: &Proposal<'_>,
    history: &dyn History,
    rules: &Rules,
) -> Result<Validated, Rejected> {
    let mut checks = Checks::default();
    admit(proposal, history, rules, &mut checks)?;
    let before = document_of(proposal.base);
    let Made { ir, document, warnings } = make(proposal, &before, rules, &mut checks)?;
    let base = World::with(proposal.base, before, &rules.children);
    let result = World::with(&ir, document, &rules.children);
    let mut judge = Judge { proposal, history, rules, base, result, checks };
    let found = judge.judge();
    let Judge { base, result, checks, .. } = judge;
    let documents = Documents { before: base.into_document(), after: result.into_document() };
    let checks = checks.list;
    conclude(Conclusion { proposal, history, rules, ir, documents, warnings, found, checks })
}

/// A document that came out of a patch, compiled.
pub(crate) struct Made {
    pub(crate) ir: Arc<Ir>,
    pub(crate) document: Value,
    pub(crate) warnings: Vec<Problem>,
}

/// What all families together found.
struct Found {
    problems: Vec<Problem>,
    diff: GraphDiff,
    growth: Growth,
    agents: u32,
    agents_ever: BTreeSet<AgentKey>,
}

/// Whether such a patch is looked at.
fn admit(
    proposal: &Proposal<'_>,
    history: &dyn History,
    rules: &Rules,
    checks: &mut Checks,
) -> Result<(), Rejected> {
    let mut problems = Vec::new();
    if proposal.against != proposal.base.digest {
        let message = format!(
            "the patch was made against {}, and {} holds now",
            proposal.against, proposal.base.digest
        );
        let problem = Problem::error(Code::BaseMoved, "", message)
            .with_hint("read the graph again, and make the patch against what it is now")
            .with_example(format!(r#""base": "{}""#, proposal.base.digest));
        problems.push(problem);
    }
    if let Author::Agent { .. } = proposal.author {
        if !rules.agents_may_patch {
            let message = "the workspace lets no agents patch";
            problems.push(Problem::error(Code::PatchingDisabled, "", message));
        }
        if history.agent_patches() >= rules.agent_patches_max {
            let message = format!(
                "agents have patched the run {} times, and may {}",
                history.agent_patches(),
                rules.agent_patches_max
            );
            problems.push(Problem::error(Code::TooManyPatches, "", message));
        }
    }
    checks.add(2, "base", &problems, "made against what holds, by somebody who may");
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Rejected { problems, checks: std::mem::take(&mut checks.list) }),
    }
}

/// Applies to `before`, which is the document of the base, and compiles.
pub(crate) fn make(
    proposal: &Proposal<'_>,
    before: &Value,
    rules: &Rules,
    checks: &mut Checks,
) -> Result<Made, Rejected> {
    let patch = proposal.patch;
    let done = materialize(before, patch, rules.budget_of(proposal.author));
    let materialized = match done {
        Ok(materialized) => {
            let count = patch.operations.len();
            checks.add(1, "patch", &[], &format!("{count} operations apply, within their budget"));
            materialized
        }
        Err(error) => {
            let problems = vec![of_patch(&error)];
            checks.add(1, "patch", &problems, "");
            return Err(Rejected { problems, checks: std::mem::take(&mut checks.list) });
        }
    };
    match aob_ir::compile(&materialized.document) {
        Ok(compiled) => {
            let warnings = compiled.warnings.iter().map(of_compiler).collect();
            let ir = compiled.ir;
            let detail = format!("{} nodes, {} edges", ir.nodes.len(), ir.edges.len());
            checks.add(1, "document", &[], &detail);
            Ok(Made { ir, document: materialized.document, warnings })
        }
        Err(diagnostics) => {
            let mut problems: Vec<Problem> = diagnostics.0.iter().map(of_compiler).collect();
            complete(&mut problems, &materialized.document, patch);
            checks.add(1, "document", &problems, "");
            Err(Rejected { problems, checks: std::mem::take(&mut checks.list) })
        }
    }
}

/// A problem of the operations.
pub(crate) fn of_patch(error: &aob_materializer::PatchError) -> Problem {
    Problem {
        code: error.code.as_str(),
        severity: Severity::Error,
        op: error.op_index,
        pointer: error.pointer.clone(),
        message: error.message.clone(),
        hint: error.hint.clone(),
        example: error.example.clone(),
    }
}

fn patch_digest(patch: &Patch) -> Digest {
    // Numbers without a canonical form do not come out of a materialized document.
    patch.digest().unwrap_or_else(|_| Digest::of(format!("{patch:?}").as_bytes()))
}

struct Judge<'a> {
    proposal: &'a Proposal<'a>,
    history: &'a dyn History,
    rules: &'a Rules,
    base: World<'a>,
    result: World<'a>,
    checks: Checks,
}

impl Judge<'_> {
    fn judge(&mut self) -> Found {
        let base = (self.proposal.base, self.base.document());
        let result = (self.result.units[0].ir(), self.result.document());
        let author = self.proposal.author;
        let diff = GraphDiff::of(base, result);
        // Without a run, tags are resolved when one is created.
        let mut problems = self.result.problems(!self.history.is_run());
        self.checks.add(2, "sub-workflows", &problems, "all are known");
        let fixed = fixed::check(self.history, author, base, result);
        self.checks.add(2, "history", &fixed.problems, &history_detail(&fixed.repaired));
        problems.extend(fixed.problems);
        let same = match self.history.is_run() {
            true => Same::Kept(self.proposal.patch),
            false => Same::Path,
        };
        let worlds = (&self.base, &self.result);
        let ever = agents::ever(self.history, worlds, &fixed.repaired, same);
        let found = Vec::from_iter(agents::check(self.history, &self.result, &ever));
        self.checks.add(1, "agents", &found, &format!("{} ever", ever.len()));
        problems.extend(found);
        let found = scope::check(author, &diff, &self.base, &self.result);
        self.checks.add(
            2,
            "author",
            &found,
            &format!("what a patch by {} may touch", author.as_str()),
        );
        problems.extend(found);
        let growth = growth::growth(&self.base, &self.result, author, self.rules);
        let found = grown(author, &growth);
        self.checks.add(2, "capabilities", &found, &growth_detail(&growth));
        problems.extend(found);
        problems.extend(self.gates());
        let found = hosts::check(&self.base, &self.result, &self.rules.open_origins);
        self.checks.add(2, "hosts", &found, "no host that is not public");
        problems.extend(found);
        if diff.is_empty() {
            let message = "the patch leaves the graph as it is";
            problems.push(Problem::warning(Code::NoChange, "", message));
        }
        let agents = u32::try_from(agents::present(&self.result).len()).unwrap_or(u32::MAX);
        Found { problems, diff, growth, agents, agents_ever: ever }
    }

    /// Approvals, flows and effects.
    fn gates(&mut self) -> Vec<Problem> {
        let author = self.proposal.author;
        let before = Gates::of(&self.base);
        let after = Gates::of(&self.result);
        let mut problems = gates::check(&before, &after, self.rules.gated);
        self.checks.add(2, "approvals", &problems, "nothing leads around one that is needed");
        let is_reviewed =
            |item: &crate::world::Item| after.before(item).iter().any(|gate| self.is_open(gate));
        let mut flows = flow::check(&self.base, &self.result, &is_reviewed);
        if *author == Author::Optimizer {
            flows.iter_mut().for_each(|problem| problem.severity = Severity::Error);
        }
        let is_open = |gate: &str| self.is_open(gate);
        let (base, result) = ((&self.base, &before), (&self.result, &after));
        let effects = review::check(author, base, result, &is_open);
        self.checks.add(2, "flows", &flows, "nothing untrusted decides what leaves");
        self.checks.add(2, "effects", &effects, "nothing that cannot be taken back goes unseen");
        problems.extend(flows);
        problems.extend(effects);
        problems
    }

    /// Whether an approval of the base was not asked for yet.
    fn is_open(&self, gate: &str) -> bool {
        let outermost = gate.split('/').next().unwrap_or_default();
        self.base.find(gate).is_some() && self.history.node(outermost) == NodeHistory::Untouched
    }
}

fn history_detail(repaired: &BTreeSet<Arc<str>>) -> String {
    match repaired.len() {
        0 => "nothing that has started changes".to_owned(),
        _ => {
            let ids: Vec<&str> = repaired.iter().map(AsRef::as_ref).collect();
            format!("repairs {}", ids.join(", "))
        }
    }
}

fn growth_detail(growth: &Growth) -> String {
    match growth.items.len() {
        0 => "nothing that the graph could not do before".to_owned(),
        count => format!("{count} more, all granted"),
    }
}

/// Growth as problems.
fn grown(author: &Author, growth: &Growth) -> Vec<Problem> {
    let problem = |grown: &crate::Grown| {
        let message = format!("the graph could not do this before: {}", grown.power);
        match author {
            Author::Optimizer => Problem::error(Code::OptimizerGrowth, &grown.pointer, message),
            Author::Person | Author::Agent { .. } => {
                Problem::approval(Code::CapabilityGrowth, &grown.pointer, message)
                    .with_hint("do with what the workflow has, or wait for an approval")
            }
        }
    };
    growth.ungranted().map(problem).collect()
}

struct Conclusion<'a> {
    proposal: &'a Proposal<'a>,
    history: &'a dyn History,
    rules: &'a Rules,
    ir: Arc<Ir>,
    documents: Documents,
    warnings: Vec<Problem>,
    found: Found,
    checks: Vec<Check>,
}

fn conclude(conclusion: Conclusion<'_>) -> Result<Validated, Rejected> {
    let Conclusion { proposal, history, rules, ir, documents, mut warnings, found, checks } =
        conclusion;
    let Found { mut problems, diff, growth, agents, agents_ever } = found;
    let is_changed = |problem: &Problem| {
        let id = problem.pointer.split('/').nth(2).unwrap_or_default();
        let nodes = diff.nodes_added.iter().chain(&diff.nodes_changed);
        let edges = diff.edges_added.iter().chain(&diff.edges_changed);
        nodes.map(|node| &node.id).chain(edges.map(|edge| &edge.id)).any(|known| **known == *id)
    };
    complete(&mut warnings, &documents.after, proposal.patch);
    warnings.retain(is_changed); // The others are no news.
    complete(&mut problems, &documents.after, proposal.patch);
    problems.sort_by(|a, b| (a.severity, a.op, &a.pointer).cmp(&(b.severity, b.op, &b.pointer)));
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Rejected { problems, checks });
    }
    let (reasons, notes): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|problem| problem.severity == Severity::Approval);
    warnings.extend(notes);
    let subject_hash =
        subject::hash(proposal.patch, (&ir, &documents.after), &diff, &growth, &reasons);
    let approval =
        (!reasons.is_empty()).then(|| ApprovalNeed { reasons, approvers: rules.approvers.clone() });
    let proof = Proof {
        base: proposal.base.digest,
        result: Arc::clone(&ir),
        patch: patch_digest(proposal.patch),
        subject: subject_hash,
        seq: history.seq(),
        agents_ever,
    };
    Ok(Validated {
        tier: aob_ir::Tier::of_agents(agents),
        ir,
        documents,
        diff,
        growth,
        agents,
        checks,
        warnings,
        subject_hash,
        approval,
        proof,
    })
}
