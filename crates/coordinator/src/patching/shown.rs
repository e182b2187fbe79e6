//! Plans and refusals as the API shows them.

use aob_api::{
    ApprovalNeedView, CheckView, DiffView, ErrorCode, GrowthView, PlanBudget, PlanView, Problem,
    ProblemItem, RawText, Share, tier_name,
};
use aob_engine::Approver;
use aob_ir::Ir;
use aob_materializer::{Budget, Patch, PatchError};
use aob_validator::{Rules, Validated};

use super::{MovedOn, PatchRefusal, Plan};
use crate::WorkflowError;

/// A patch that was found sound, of a run or of a workflow, with what it is shown with.
#[derive(Debug)]
pub struct Shown<'a> {
    /// What it applies to.
    pub base: &'a Ir,
    /// The operations as they would be applied, as JSON.
    pub operations: &'a str,
    /// They were made against an older document.
    pub rebased: bool,
    /// What was found.
    pub validated: Validated,
    /// The bounds of its author.
    pub budget: &'a Budget,
    /// Agents ever at most.
    pub agents_max: u32,
}

impl Shown<'_> {
    /// The plan, without what only a run has.
    pub fn view(self) -> PlanView {
        let Self { base, operations, rebased, validated, budget, agents_max } = self;
        let agents_ever = validated.agents_ever();
        let Validated { ir, growth, tier, checks, warnings, subject_hash, approval, .. } =
            validated;
        let share = |used: usize, max: usize| Share { used: used as u64, max: max as u64 };
        let count = Patch::parse(operations, &Budget::DOCUMENT);
        let count = count.map_or(0, |patch| patch.operations.len());
        PlanView {
            base: base.digest,
            result: ir.digest,
            rebased,
            revision: None,
            diff: DiffView::between(base, &ir),
            operations: RawText::of_json(operations.to_owned()),
            checks: checks.into_iter().map(CheckView::from).collect(),
            budget: PlanBudget {
                operations: share(count, budget.operations),
                bytes: share(operations.len(), budget.patch_bytes),
                nodes: share(ir.nodes.len(), budget.nodes),
                agents: Share { used: agents_ever.into(), max: agents_max.into() },
            },
            tier_before: tier_name(base.tier).to_owned(),
            tier: tier_name(tier).to_owned(),
            growth: growth.items.iter().map(GrowthView::from).collect(),
            warnings: warnings.into_iter().map(ProblemItem::from).collect(),
            subject_hash: Some(subject_hash),
            approval: approval.map(need),
            consequences: None,
        }
    }
}

impl Plan {
    /// The plan for clients.
    pub fn view(self, rules: &Rules, author: &aob_validator::Author) -> PlanView {
        let Self { base, patch, rebased, validated } = self;
        let agents_max = validated.ir.limits.max_agents;
        let operations = patch.canonical().unwrap_or_default();
        let budget = rules.budget_of(author);
        let shown =
            Shown { base: &base, operations: &operations, rebased, validated, budget, agents_max };
        // Nobody decides about it later.
        PlanView { subject_hash: None, ..shown.view() }
    }
}

fn need(need: aob_validator::ApprovalNeed) -> ApprovalNeedView {
    let approvers = need.approvers.into_iter().map(|approver| match approver {
        aob_validator::Approver::Role(role) => Approver::Role(role),
        aob_validator::Approver::User(user) => Approver::User(user),
    });
    ApprovalNeedView {
        reasons: need.reasons.into_iter().map(ProblemItem::from).collect(),
        approvers: approvers.collect(),
    }
}

/// A refusal for clients; `None`: it is about storage, or documents, and not about the patch.
pub fn refused(refusal: &PatchRefusal) -> Option<Problem> {
    let problem = match refusal {
        PatchRefusal::Malformed(errors) => listed(errors.0.iter().map(of_patch).collect()),
        PatchRefusal::Rejected(rejected) => {
            let serious = rejected.problems.iter();
            let serious = serious.filter(|one| one.severity == aob_validator::Severity::Error);
            listed(serious.map(of_validator).collect())
        }
        PatchRefusal::Conflicts(moved_on) => conflict(moved_on),
        PatchRefusal::Workflow(WorkflowError::UnknownChild(tag)) => Problem::new(
            ErrorCode::SubWorkflowNotFound,
            format!("sub-workflow `{tag}` does not exist"),
        )
        .with_hint(format!("create it first: `POST /v1/workflows?tag={tag}`")),
        PatchRefusal::Workflow(WorkflowError::Cycle(path)) => {
            Problem::new(ErrorCode::WorkflowCycle, format!("sub-workflows form a circle: {path}"))
                .with_hint("break the circle: a run of it would never end")
        }
        PatchRefusal::Workflow(
            WorkflowError::UnknownTag(_)
            | WorkflowError::UnknownDigest(_)
            | WorkflowError::Invalid(_)
            | WorkflowError::Unreadable(_)
            | WorkflowError::Store(_),
        ) => return None,
    };
    Some(problem)
}

/// A problem with all its items; the first one is its detail.
fn listed(items: Vec<ProblemItem>) -> Problem {
    let hint = items.iter().find_map(|item| item.hint.clone());
    let detail = match &items[..] {
        [] => String::new(),
        [only] => only.message.clone(),
        [first, more @ ..] => format!("{} (and {} more)", first.message, more.len()),
    };
    let problem = Problem::new(ErrorCode::PatchRefused, detail).with_errors(items);
    Problem { hint, ..problem }
}

/// A pointer into a patch (`/0/path`) as one into the body that holds it (`/operations/0/path`);
/// others lead into the document that the patch gives.
pub fn patch_pointer(pointer: &str) -> String {
    let first = pointer.split('/').nth(1).unwrap_or_default();
    let in_patch = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    if in_patch { format!("/operations{pointer}") } else { pointer.to_owned() }
}

fn of_patch(error: &PatchError) -> ProblemItem {
    let item =
        ProblemItem::at(patch_pointer(&error.pointer), error.code.as_str(), error.message.clone());
    let example = error.example.clone().map(RawText::of_json);
    ProblemItem { hint: error.hint.clone(), example, ..item }
}

fn of_validator(problem: &aob_validator::Problem) -> ProblemItem {
    let pointer = patch_pointer(&problem.pointer);
    ProblemItem { pointer: Some(pointer), ..ProblemItem::from(problem.clone()) }
}

fn conflict(moved_on: &MovedOn) -> Problem {
    let hint = format!("make the patch against {}, which holds now", moved_on.now);
    let problem = Problem::new(ErrorCode::PatchConflict, moved_on.to_string()).with_hint(hint);
    let conflict = serde_json::to_value(&moved_on.conflicts).ok();
    Problem { conflict: conflict.as_ref().map(RawText::of), ..problem }
}
