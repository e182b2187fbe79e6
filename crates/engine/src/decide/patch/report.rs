//! What is wrong with a patch, as a refusal.

use std::sync::Arc;

use aob_materializer::{PatchErrors, RebaseError};
use aob_validator::{Rejected, Severity};

use super::super::Stop;
use super::past::Past;
use crate::command::{Rejection, RejectionCode};
use crate::event::{GrownPower, PatchProblem};

/// Problems that are shown of one patch.
const SHOWN: usize = 50;

/// The patch is not one: its form is wrong, or it does not apply.
pub(super) fn malformed(errors: PatchErrors) -> Stop {
    let problems = errors.0.into_iter().map(|error| PatchProblem {
        code: error.code.as_str().into(),
        pointer: error.pointer.into(),
        message: error.message.into(),
        hint: error.hint.map(Into::into),
        example: error.example.map(Into::into),
        instances: Vec::new(),
    });
    refused(problems.collect())
}

/// The validator refuses it. What has run already is named.
pub(super) fn rejected(rejected: Rejected, past: &Past<'_>) -> Stop {
    let problems = rejected.problems.into_iter().filter(|p| p.severity == Severity::Error);
    let problems = problems.map(|problem| PatchProblem {
        instances: past.instances_at(&problem.pointer),
        code: problem.code.into(),
        pointer: problem.pointer.into(),
        message: problem.message.into(),
        hint: problem.hint.map(Into::into),
        example: problem.example.map(Into::into),
    });
    refused(problems.collect())
}

/// A refusal with everything that is wrong.
pub(super) fn refused(mut problems: Vec<PatchProblem>) -> Stop {
    problems.truncate(SHOWN);
    let lines: Vec<String> = problems.iter().map(line).collect();
    let hint = problems.iter().find_map(|problem| problem.hint.as_deref()).map(str::to_owned);
    Stop::Rejected(Rejection {
        code: RejectionCode::PatchRefused,
        message: lines.join("; "),
        hint,
        problems,
        conflict: None,
    })
}

fn line(problem: &PatchProblem) -> String {
    let ran: Vec<String> =
        problem.instances.iter().map(|instance| format!("`{instance}`")).collect();
    let ran = if ran.is_empty() || problem.message.contains(&*ran[0]) {
        String::new()
    } else {
        format!(" (has run: {})", ran.join(", "))
    };
    format!("`{}`: {}{ran}", problem.pointer, problem.message)
}

/// It cannot be brought to the document that holds.
pub(super) fn not_rebased(error: RebaseError) -> Stop {
    match error {
        RebaseError::Ours(error) => malformed(error.into()),
        RebaseError::Conflicts(conflicts) => Stop::Rejected(Rejection {
            code: RejectionCode::PatchConflict,
            message: format!("the run has moved on: {conflicts}"),
            hint: Some("make the patch against the document that holds".to_owned()),
            problems: Vec::new(),
            conflict: serde_json::to_value(conflicts).ok().map(Arc::new),
        }),
        RebaseError::Theirs(error) => super::super::reject(
            RejectionCode::PatchConflict,
            format!("the run has moved on: {error}"),
            Some("make the patch against the document that holds"),
        ),
    }
}

/// It holds a number that JSON has no canonical form for.
pub(super) fn unwritable(problem: &serde_json::Error) -> Stop {
    refused(vec![PatchProblem {
        code: "inexact_number".into(),
        pointer: "".into(),
        message: problem.to_string().into(),
        hint: None,
        example: None,
        instances: Vec::new(),
    }])
}

/// Growth as events carry it.
pub(super) fn grown(growth: &aob_validator::Growth) -> Vec<GrownPower> {
    let items = growth.items.iter();
    items.map(|item| GrownPower { power: item.power.clone(), granted: item.granted }).collect()
}
