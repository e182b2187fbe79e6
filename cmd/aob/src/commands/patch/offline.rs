//! `aob patch plan --offline`: the first layer, which needs no server.

use aob_api::{
    CheckView, DiffView, GrowthView, PlanBudget, PlanView, ProblemItem, RawText, Share, tier_name,
};
use aob_ir::Ir;
use aob_materializer::{Budget, Patch};
use aob_validator::{Author, Offline, Rejected, Rules, check_offline};

use super::edits::{Edge, Edits};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Finding};
use crate::input::{Source, document};
use crate::output::{Format, changes};

/// Judges a patch of a document in a file.
pub(super) fn plan(
    context: &Context,
    file: &str,
    edits: &Edits,
    as_node: Option<&str>,
) -> Result<Exit, Failure> {
    let source = match file {
        "-" => Source::Stdin,
        path => Source::File(path.into()),
    };
    let text = document(&source)?;
    let base = aob_ir::compile_text(&text).map_err(|_| {
        let message = format!("{} is not a workflow", source.name());
        Failure::new(Exit::Usage, "invalid_workflow", message, source.validate())
    })?;
    let body = edits.written(Edge::of_document(&base.ir))?;
    let agent = as_node.or_else(|| body.get("node_id").and_then(serde_json::Value::as_str));
    let author = match agent {
        Some(node) => Author::Agent { node: Some(node.into()) },
        None => Author::Person,
    };
    let operations = body["operations"].to_string();
    let offline = check_offline(&text, &operations, &author).map_err(refused)?;
    let view = view(&base.ir, &operations, &author, offline);
    let out = context.out;
    match out.format {
        Format::Json | Format::Jsonl => out.json(&view)?,
        Format::Name => out.line(&view.result.to_string())?,
        Format::Table | Format::Wide => {
            out.data(&changes::plan(&view))?;
            out.note(
                "judged without a server: a run's history and the workspace's rules are not in it",
            );
        }
    }
    Ok(Exit::Ok)
}

fn view(base: &Ir, operations: &str, author: &Author, offline: Offline) -> PlanView {
    let rules = Rules::default();
    let budget = rules.budget_of(author);
    let share = |used: usize, max: usize| Share { used: used as u64, max: max as u64 };
    let patch = Patch::parse(operations, &Budget::DOCUMENT).unwrap_or_default();
    PlanView {
        base: base.digest,
        result: offline.ir.digest,
        rebased: false,
        revision: None,
        diff: DiffView::between(base, &offline.ir),
        operations: RawText::of_json(operations.to_owned()),
        checks: offline.checks.into_iter().map(CheckView::from).collect(),
        budget: PlanBudget {
            operations: share(patch.operations.len(), budget.operations),
            bytes: share(operations.len(), budget.patch_bytes),
            nodes: share(offline.ir.nodes.len(), budget.nodes),
            agents: Share { used: offline.agents.into(), max: base.limits.max_agents.into() },
        },
        tier_before: tier_name(base.tier).to_owned(),
        tier: tier_name(offline.tier).to_owned(),
        growth: offline.growth.items.iter().map(GrowthView::from).collect(),
        warnings: offline.warnings.into_iter().map(ProblemItem::from).collect(),
        subject_hash: None,
        approval: offline_approval(&offline.growth),
        consequences: None,
    }
}

/// Growth asks for an approval, unless the workspace grants it.
fn offline_approval(growth: &aob_validator::Growth) -> Option<aob_api::ApprovalNeedView> {
    let reasons: Vec<ProblemItem> = growth
        .ungranted()
        .map(|grown| {
            let message = format!("the graph could not do this before: {}", grown.power);
            ProblemItem::at(grown.pointer.clone(), "capability_growth", message)
        })
        .collect();
    (!reasons.is_empty()).then(|| aob_api::ApprovalNeedView { reasons, approvers: Vec::new() })
}

fn refused(rejected: Rejected) -> Failure {
    let Rejected { problems, .. } = rejected;
    let findings: Vec<Finding> = problems
        .into_iter()
        .map(|problem| Finding {
            pointer: problem.pointer,
            message: problem.message,
            hint: problem.hint,
            example: problem.example,
        })
        .collect();
    let message = match findings.len() {
        1 => "the patch is refused".to_owned(),
        many => format!("the patch is refused for {many} reasons"),
    };
    let failure = Failure::new(
        Exit::Usage,
        "patch_refused",
        message,
        "correct what is named above and try again",
    );
    failure.with_findings(findings)
}
