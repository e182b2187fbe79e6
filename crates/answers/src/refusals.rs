//! From refusals of the machinery to problems of the API. Every code has its place here.

use std::borrow::Cow;

use aob_api::{ErrorCode, Problem, ProblemItem, RawText, Severity, TextPosition};
use aob_coordinator::{ReadError, SubmitError, WorkflowError, patch_pointer};
use aob_edge::Refusal;
use aob_engine::{PatchProblem, Rejection, RejectionCode};
use aob_ir::{Diagnostic, Diagnostics};
use serde_json::value::RawValue;

/// There is no such run in the caller's workspace.
pub fn run_not_found(run: &str) -> Refusal {
    Problem::new(ErrorCode::RunNotFound, format!("there is no run `{run}`"))
        .with_hint("`GET /v1/runs` lists the runs of the workspace")
        .into()
}

/// The run has no such patch.
pub fn unknown_patch(patch: &str) -> Refusal {
    Problem::new(ErrorCode::UnknownPatch, format!("the run has no patch `{patch}`"))
        .with_hint("`GET /v1/runs/{id}/patches` lists those of the run")
        .into()
}

/// There is no such ticket in the caller's workspace.
pub fn unknown_ticket(ticket: &str) -> Refusal {
    Problem::new(ErrorCode::UnknownTicket, format!("there is no ticket `{ticket}`"))
        .with_hint("`GET /v1/approvals?status=pending` lists those that wait")
        .into()
}

/// There is no such workflow in the caller's workspace.
pub fn workflow_not_found(name: &str) -> Refusal {
    Problem::new(ErrorCode::WorkflowNotFound, format!("there is no workflow `{name}`"))
        .with_hint("`GET /v1/workflows` lists the tags; `POST /v1/workflows?tag=...` creates one")
        .into()
}

/// Something stored cannot be read.
pub fn unreadable(error: &ReadError) -> Refusal {
    tracing::warn!(%error, "a request meets storage that cannot be read");
    Refusal::unavailable()
}

/// The code of an engine's refusal.
pub fn rejection_code(code: RejectionCode) -> ErrorCode {
    match code {
        RejectionCode::RunTerminal => ErrorCode::RunTerminal,
        RejectionCode::RunCancelling => ErrorCode::RunCancelling,
        RejectionCode::NotPaused => ErrorCode::NotPaused,
        RejectionCode::UnknownInstance => ErrorCode::UnknownInstance,
        RejectionCode::NotParked => ErrorCode::NotParked,
        RejectionCode::NotRetryable => ErrorCode::NotRetryable,
        RejectionCode::InvalidOutput => ErrorCode::InvalidOutput,
        RejectionCode::UnknownTicket => ErrorCode::UnknownTicket,
        RejectionCode::AlreadyDecided => ErrorCode::AlreadyDecided,
        RejectionCode::NotAnApprover => ErrorCode::NotAnApprover,
        RejectionCode::FourEyes => ErrorCode::FourEyes,
        RejectionCode::TicketExpired => ErrorCode::TicketExpired,
        RejectionCode::EditRefused => ErrorCode::EditRefused,
        RejectionCode::InvalidForm => ErrorCode::InvalidForm,
        RejectionCode::SubjectChanged => ErrorCode::SubjectChanged,
        RejectionCode::SignalBufferFull => ErrorCode::SignalBufferFull,
        RejectionCode::InvalidInputs => ErrorCode::InvalidInputs,
        RejectionCode::LimitExceeded => ErrorCode::LimitExceeded,
        RejectionCode::PatchConflict => ErrorCode::PatchConflict,
        RejectionCode::PatchDecided => ErrorCode::PatchDecided,
        RejectionCode::PatchRefused => ErrorCode::PatchRefused,
        RejectionCode::UnknownBase => ErrorCode::UnknownBase,
        RejectionCode::UnknownPatch => ErrorCode::UnknownPatch,
        RejectionCode::AttemptOver => ErrorCode::AttemptOver,
        RejectionCode::BudgetBusy => ErrorCode::BudgetBusy,
        RejectionCode::InvalidReservation => ErrorCode::InvalidReservation,
        RejectionCode::UnknownBudget => ErrorCode::UnknownBudget,
    }
}

/// What the engine refuses.
pub fn rejected(rejection: Rejection) -> Refusal {
    let errors: Vec<ProblemItem> = rejection.problems.into_iter().map(patch_item).collect();
    let detail = match &errors[..] {
        [] => rejection.message,
        [only] => only.message.clone(),
        [first, more @ ..] => format!("{} (and {} more)", first.message, more.len()),
    };
    let conflict = rejection.conflict.as_deref().map(RawText::of);
    let problem = Problem::new(rejection_code(rejection.code), detail).with_errors(errors);
    Problem { hint: rejection.hint, conflict, ..problem }.into()
}

/// What is wrong with a patch. A pointer into the patch becomes one into the body; others lead into
/// the document that it gives.
fn patch_item(problem: PatchProblem) -> ProblemItem {
    let PatchProblem { code, pointer, message, hint, example, instances } = problem;
    let ran: Vec<String> = instances.iter().map(|instance| format!("`{instance}`")).collect();
    let message = match ran.first() {
        Some(first) if !message.contains(&**first) => {
            format!("{message} (has run: {})", ran.join(", "))
        }
        Some(_) | None => message.to_string(),
    };
    ProblemItem {
        hint: hint.as_deref().map(str::to_owned),
        example: example.map(|example| RawText::of_json(example.to_string())),
        ..ProblemItem::at(patch_pointer(&pointer), code.to_string(), message)
    }
}

/// A command that was not carried out. Keys and dedup keys are answered before it comes to this.
pub fn submit_error(error: SubmitError) -> Refusal {
    match error {
        SubmitError::NotFound(run) => run_not_found(&run.to_string()),
        SubmitError::Rejected(rejection) => rejected(rejection),
        SubmitError::Key(_) => key_reused(),
        SubmitError::Dedup(run) => {
            let detail = format!("run {run} holds the dedup key and is not over");
            let problem = Problem::new(ErrorCode::DedupConflict, detail)
                .with_hint("send `\"policy\": \"attach\"` to get that run instead");
            Problem { run: Some(run), ..problem }.into()
        }
        SubmitError::Overloaded => {
            Problem::new(ErrorCode::Overloaded, "too many commands wait at the moment")
                .with_hint("slow down and try again")
                .with_retry_after_ms(1_000)
                .into()
        }
        SubmitError::Unavailable(reason) => {
            tracing::warn!(reason, "a command meets storage that does not answer");
            Refusal::unavailable()
        }
    }
}

/// The key stands for another request.
pub fn key_reused() -> Refusal {
    let detail = "this `Idempotency-Key` was sent before with another body";
    Problem::new(ErrorCode::IdempotencyKeyReused, detail)
        .with_hint("a new request needs a new key; a repetition needs the same body")
        .into()
}

/// A workflow that cannot be had. `pointer` is where the body names it.
pub fn workflow_error(error: WorkflowError, pointer: &str) -> Refusal {
    match error {
        WorkflowError::UnknownTag(tag) => workflow_not_found(&tag),
        WorkflowError::UnknownDigest(digest) => workflow_not_found(&digest.to_string()),
        WorkflowError::Invalid(diagnostics) => invalid_workflow(diagnostics, pointer),
        WorkflowError::Cycle(path) => {
            Problem::new(ErrorCode::WorkflowCycle, format!("sub-workflows form a circle: {path}"))
                .with_hint("break the circle: a run of it would never end")
                .into()
        }
        WorkflowError::UnknownChild(tag) => Problem::new(
            ErrorCode::SubWorkflowNotFound,
            format!("sub-workflow `{tag}` does not exist"),
        )
        .with_hint(format!("create it first: `POST /v1/workflows?tag={tag}`"))
        .into(),
        // Who found it has logged it.
        WorkflowError::Unreadable(_) => Refusal::internal(),
        WorkflowError::Store(error) => error.into(),
    }
}

/// A document with errors.
pub fn invalid_workflow(diagnostics: Diagnostics, pointer: &str) -> Refusal {
    let errors = items(diagnostics.0, pointer);
    let serious = errors.iter().filter(|item| item.severity == Severity::Error).count();
    let first = errors.iter().find(|item| item.severity == Severity::Error);
    let first = first.map(|item| item.message.clone()).unwrap_or_default();
    let detail = match serious {
        0 | 1 => first,
        more => format!("{first} (and {} more)", more - 1),
    };
    Problem::new(ErrorCode::InvalidWorkflow, detail).with_errors(errors).into()
}

/// Diagnostics as items, with their pointers below `pointer`.
pub fn items(diagnostics: Vec<Diagnostic>, pointer: &str) -> Vec<ProblemItem> {
    diagnostics.into_iter().map(|diagnostic| item(diagnostic, pointer)).collect()
}

fn item(diagnostic: Diagnostic, pointer: &str) -> ProblemItem {
    let severity = match diagnostic.severity {
        aob_ir::Severity::Error => Severity::Error,
        aob_ir::Severity::Warning => Severity::Warning,
    };
    let place = diagnostic.position.map(|position| TextPosition {
        line: position.line as u64,
        column: position.column as u64,
    });
    ProblemItem {
        pointer: place.is_none().then(|| format!("{pointer}{}", diagnostic.pointer)),
        code: Cow::Borrowed(diagnostic.code.as_str()),
        message: diagnostic.message,
        hint: diagnostic.hint,
        example: diagnostic.example.map(example),
        severity,
        position: place,
    }
}

/// An example is JSON; should it not be, it is shown as a text.
fn example(text: String) -> RawText {
    match RawValue::from_string(text) {
        Ok(text) => RawText(text),
        Err(_) => RawText::of(&serde_json::Value::Null),
    }
}
