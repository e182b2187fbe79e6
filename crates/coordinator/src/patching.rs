//! What a patch would make of a workflow: brought to where the workflow has moved on to, applied,
//! compiled, judged. Nothing is stored here.

mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;

use aob_engine::WorkspaceId;
use aob_ir::{Digest, Ir};
use aob_materializer::{Conflicts, Operation, Patch, PatchErrors, RebaseError, diff, rebase};
use aob_validator::{
    Author, Check, CheckOutcome, Proposal, Rejected, Rules, Severity, Unstarted, Validated,
    validate,
};
use serde_json::Value;

pub use self::shown::{Shown, patch_pointer, refused};
use crate::{WorkflowError, Workflows};

/// A patch that may be applied.
#[derive(Debug)]
pub struct Plan {
    /// What it applies to.
    pub base: Arc<Ir>,
    /// The operations, as they apply to `base`.
    pub patch: Patch,
    /// They were made against an older document.
    pub rebased: bool,
    /// The result, and what was found about it. Nothing in it waits for an approval.
    pub validated: Validated,
}

/// Why a patch is refused.
#[derive(Debug, thiserror::Error)]
pub enum PatchRefusal {
    /// It is no patch.
    #[error(transparent)]
    Malformed(PatchErrors),
    /// It cannot be applied, or its result may not be.
    #[error(transparent)]
    Rejected(Rejected),
    /// Others have changed what it changes.
    #[error(transparent)]
    Conflicts(Box<MovedOn>),
    /// A document that it needs cannot be had.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

/// A patch of a document that others have patched otherwise.
#[derive(Debug, thiserror::Error)]
#[error("the workflow has moved on: {conflicts}")]
pub struct MovedOn {
    /// What the workflow is now.
    pub now: Digest,
    /// Where the two sides meet.
    pub conflicts: Conflicts,
}

/// A patch of a workflow, as it was handed in.
#[derive(Debug, Clone, Copy)]
pub struct Proposed<'a> {
    /// The operations.
    pub patch: &'a Patch,
    /// The digest that they were made against.
    pub against: Digest,
    /// Who hands it in.
    pub author: &'a Author,
    /// What it is judged by.
    pub rules: &'a Rules,
}

impl Workflows {
    /// What a patch would make of `base`.
    ///
    /// A person who may patch a workflow may give it any document, so nobody else is asked: what an
    /// approval of a patch of a run would name becomes a warning. A patch of anybody else is refused
    /// for it.
    ///
    /// # Errors
    /// See [`PatchRefusal`].
    pub async fn plan_patch(
        &self,
        workspace: WorkspaceId,
        base: &Arc<Ir>,
        proposed: Proposed<'_>,
    ) -> Result<Plan, PatchRefusal> {
        let Proposed { patch, against, author, rules } = proposed;
        let rebased = against != base.digest;
        let patch = match rebased {
            false => patch.clone(),
            true => onto(&*self.ir(workspace, against).await?, base, patch)?,
        };
        let rules = Rules {
            children: self.children_after(workspace, base, &patch, (author, rules)).await?,
            ..rules.clone()
        };
        let proposal = Proposal { base, against: base.digest, patch: &patch, author };
        let validated = validate(&proposal, &Unstarted::default(), &rules);
        let mut validated = validated.map_err(PatchRefusal::Rejected)?;
        answer_for(author, &mut validated).map_err(PatchRefusal::Rejected)?;
        Ok(Plan { base: Arc::clone(base), patch, rebased, validated })
    }

    /// The sub-workflows that the result may name by tag.
    async fn children_after(
        &self,
        workspace: WorkspaceId,
        base: &Arc<Ir>,
        patch: &Patch,
        (author, rules): (&Author, &Rules),
    ) -> Result<BTreeMap<Arc<str>, Arc<Ir>>, PatchRefusal> {
        let mut names = self.children(workspace, base).await?;
        if names_workflow(patch) {
            // Where the result is no workflow, the validation says so.
            let made =
                aob_materializer::materialize(&document(base), patch, rules.budget_of(author));
            let compiled = made.ok().and_then(|made| aob_ir::compile(&made.document).ok());
            if let Some(compiled) = compiled {
                names.extend(self.children(workspace, &compiled.ir).await?);
            }
        }
        let mut children = BTreeMap::new();
        for (tag, digest) in names {
            children.insert(tag, self.ir(workspace, digest).await?);
        }
        Ok(children)
    }
}

/// What an approval would be needed for in a run: a person answers for it, others may not.
fn answer_for(author: &Author, validated: &mut Validated) -> Result<(), Rejected> {
    let Some(need) = validated.approval.take() else { return Ok(()) };
    let severity = match author {
        Author::Person => Severity::Warning,
        Author::Agent { .. } | Author::Optimizer => Severity::Error,
    };
    let outcome = match author {
        Author::Person => CheckOutcome::Warned,
        Author::Agent { .. } | Author::Optimizer => CheckOutcome::Failed,
    };
    let asked = |check: &&mut Check| check.outcome == CheckOutcome::NeedsApproval;
    validated.checks.iter_mut().filter(asked).for_each(|check| check.outcome = outcome);
    let reasons = need.reasons.into_iter();
    let reasons = reasons.map(|reason| aob_validator::Problem { severity, hint: None, ..reason });
    match author {
        Author::Person => {
            // What grows is listed as such.
            let growth = aob_validator::Code::CapabilityGrowth.as_str();
            validated.warnings.extend(reasons.filter(|reason| reason.code != growth));
            Ok(())
        }
        Author::Agent { .. } | Author::Optimizer => {
            let hint = "a person has to patch the workflow";
            let reasons =
                reasons.map(|one| aob_validator::Problem { hint: Some(hint.to_owned()), ..one });
            Err(Rejected {
                problems: reasons.collect(),
                checks: std::mem::take(&mut validated.checks),
            })
        }
    }
}

/// The patch that makes `after` of `before`.
pub fn patch_between(before: &Ir, after: &Ir) -> Patch {
    diff(&document(before), &document(after))
}

/// The patch, made against `older`, as it applies to `newer`.
fn onto(older: &Ir, newer: &Ir, patch: &Patch) -> Result<Patch, PatchRefusal> {
    let (before, after) = (document(older), document(newer));
    let since = diff(&before, &after);
    rebase(patch, &before, &[since]).map_err(|error| match error {
        RebaseError::Conflicts(conflicts) => {
            PatchRefusal::Conflicts(Box::new(MovedOn { now: newer.digest, conflicts }))
        }
        RebaseError::Ours(error) => PatchRefusal::Malformed(error.into()),
        // What `diff` made applies to what it was made of.
        RebaseError::Theirs(_) => PatchRefusal::Workflow(WorkflowError::Unreadable(newer.digest)),
    })
}

/// Whether the operations may name a sub-workflow that the base does not.
fn names_workflow(patch: &Patch) -> bool {
    patch.operations.iter().any(|operation: &Operation| {
        let named = |tokens: &[String]| tokens.iter().any(|token| token == "workflow");
        named(operation.path().tokens())
            || operation.from().is_some_and(|from| named(from.tokens()))
            || operation.value().is_some_and(holds_workflow)
    })
}

fn holds_workflow(value: &Value) -> bool {
    match value {
        Value::Object(map) => {
            map.iter().any(|(key, value)| key == "workflow" || holds_workflow(value))
        }
        Value::Array(items) => items.iter().any(holds_workflow),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The document of an IR.
pub(crate) fn document(ir: &Ir) -> Value {
    serde_json::from_str(&ir.canonical).unwrap_or_default()
}
