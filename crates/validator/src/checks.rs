//! The list of checks that a plan shows.

use crate::{Check, CheckOutcome, Problem, Severity};

/// Checks in the order in which they are made.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    pub(crate) list: Vec<Check>,
}

impl Checks {
    /// Notes how a check ended; `passed` says what it means that there is nothing to object.
    pub(crate) fn add(
        &mut self,
        layer: u8,
        name: &'static str,
        problems: &[Problem],
        passed: &str,
    ) {
        let worst = problems.iter().map(|problem| problem.severity).min();
        let (outcome, severity) = match worst {
            None => (CheckOutcome::Passed, None),
            Some(Severity::Warning) => (CheckOutcome::Warned, worst),
            Some(Severity::Approval) => (CheckOutcome::NeedsApproval, worst),
            Some(Severity::Error) => (CheckOutcome::Failed, worst),
        };
        let first = problems.iter().find(|problem| Some(problem.severity) == severity);
        let detail = match (first, problems.len()) {
            (None, _) => passed.to_owned(),
            (Some(first), 1) => first.message.clone(),
            (Some(first), count) => format!("{} (and {} more)", first.message, count - 1),
        };
        self.list.push(Check { layer, name, outcome, detail });
    }
}
