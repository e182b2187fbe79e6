//! From what was asked for to a run that exists.

use std::sync::Arc;

use aob_api::{DedupPolicy, StartRun};
use aob_coordinator::{Submission, SubmitError, WorkflowError, WorkflowRef};
use aob_engine::{Actor, Blob, Command, CommandId, Rejection, RejectionCode, Request, RunId};
use aob_ir::Diagnostic;
use serde_json::Value;

use super::{Host, unavailable};
use crate::exit::Exit;
use crate::failure::{Failure, Finding};
use crate::{clock, entropy};

/// Milliseconds between cancel and fence.
const CANCEL_GRACE_MS: u64 = 30_000;
/// Who the log says asked.
const ACTOR: &str = "user:local";

impl Host<'_> {
    /// Starts the run; answers it, and whether it is over already.
    pub(super) async fn begin(&self, start: StartRun) -> Result<(RunId, bool), Failure> {
        let now = clock::now();
        let reference = reference(&start)?;
        let workflows = &self.stack.coordinator.workflows;
        let resolved = workflows.resolve(self.workspace, &reference, now.0).await;
        let resolved = resolved.map_err(workflow_failure)?;
        let run = RunId(entropy::uuid(now));
        let inputs = start.inputs.map_or_else(empty, |inputs| Blob::new(inputs.0));
        let labels = start.labels.iter().map(|(name, value)| (&**name, &**value));
        let command = aob_engine::StartRun {
            run,
            workspace: self.workspace,
            tag: resolved.tag,
            inputs,
            parent: None,
            depth: 0,
            labels: labels.map(|(name, value)| (name.into(), value.into())).collect(),
            priority: start.priority,
            fidelity: start.fidelity.unwrap_or_default(),
            limits: None,
            budget: start.budget.map(|budget| budget.caps()),
            cancel_grace_ms: CANCEL_GRACE_MS,
            children: resolved.children,
            cancelled: false,
        };
        let (dedup, policy) = start
            .dedup
            .map_or((None, DedupPolicy::Reject), |dedup| (Some(dedup.key), dedup.policy));
        let submission = Submission {
            workspace: self.workspace,
            run,
            request: Request {
                id: CommandId(format!("start:{run}").into()),
                actor: Actor(ACTOR.into()),
                command: Command::Start(Box::new(command)),
            },
            key: None,
            dedup,
            ir: Some(resolved.ir),
            token: (),
        };
        match self.stack.coordinator.handle.submit(submission).await {
            Ok(committed) => Ok((run, committed.status.is_terminal())),
            Err(SubmitError::Dedup(holder)) if policy == DedupPolicy::Attach => Ok((holder, false)),
            Err(error) => Err(submit_failure(error)),
        }
    }
}

fn empty() -> Arc<Blob> {
    Blob::of(Value::Object(serde_json::Map::new()))
}

/// What runs: the name of something stored, or a document.
fn reference(start: &StartRun) -> Result<WorkflowRef, Failure> {
    let text = start.workflow.as_ref().map_or("null", |workflow| workflow.0.get());
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Failure::usage(format!("the workflow: {error}"), "correct the document")
    })?;
    let Value::String(name) = value else { return Ok(WorkflowRef::Document(Box::new(value))) };
    if let Ok(digest) = name.parse() {
        return Ok(WorkflowRef::Digest(digest));
    }
    let Some((tag, version)) = name.rsplit_once('@') else {
        return Ok(WorkflowRef::Tag { tag: name, version: None });
    };
    let version = version
        .parse()
        .map_err(|_| Failure::usage(format!("`{version}` is not a version"), "write TAG@NUMBER"))?;
    Ok(WorkflowRef::Tag { tag: tag.to_owned(), version: Some(version) })
}

fn workflow_failure(error: WorkflowError) -> Failure {
    let message = error.to_string();
    match error {
        WorkflowError::UnknownTag(_) | WorkflowError::UnknownDigest(_) => {
            let todo = "name a file instead; a file needs its extension or a /";
            Failure::new(Exit::NotFound, "workflow_not_found", message, todo)
        }
        WorkflowError::UnknownChild(_) => {
            let todo = "store it first: aob workflow create FILE --tag NAME";
            Failure::new(Exit::Usage, "sub_workflow_not_found", message, todo)
        }
        WorkflowError::Cycle(_) => {
            Failure::new(Exit::Usage, "workflow_cycle", message, "break the circle")
        }
        WorkflowError::Invalid(diagnostics) => {
            let findings = diagnostics.0.into_iter().map(finding).collect();
            let failure = Failure::new(
                Exit::Usage,
                "invalid_workflow",
                message,
                "correct what is named above",
            );
            failure.with_findings(findings)
        }
        WorkflowError::Unreadable(_) => {
            let todo = "restore the data directory from a backup";
            Failure::new(Exit::Failed, "unreadable", message, todo)
        }
        WorkflowError::Store(error) => unavailable(&error),
    }
}

fn finding(diagnostic: Diagnostic) -> Finding {
    let Diagnostic { pointer, message, hint, example, .. } = diagnostic;
    Finding { pointer, message, hint, example }
}

fn submit_failure(error: SubmitError) -> Failure {
    let message = error.to_string();
    match error {
        SubmitError::Rejected(rejection) => rejected(rejection),
        SubmitError::Dedup(holder) => {
            let todo = "wait for it, or attach to it: --dedup-policy attach";
            Failure::new(
                Exit::Conflict,
                "dedup_conflict",
                format!("run {holder} holds the dedup key"),
                todo,
            )
        }
        SubmitError::NotFound(_) => {
            Failure::new(Exit::NotFound, "run_not_found", message, "start it again")
        }
        SubmitError::Key(_) => {
            Failure::new(Exit::Conflict, "idempotency_key_reused", message, "choose another key")
        }
        SubmitError::Overloaded => Failure::new(Exit::Limit, "overloaded", message, "try again"),
        SubmitError::Unavailable(_) => unavailable(&message),
    }
}

fn rejected(rejection: Rejection) -> Failure {
    let Rejection { code, message, hint, .. } = rejection;
    let (exit, name) = match code {
        RejectionCode::InvalidInputs => (Exit::Usage, "invalid_inputs"),
        RejectionCode::LimitExceeded => (Exit::Limit, "limit_exceeded"),
        // A run that does not exist yet is refused for no other reason.
        RejectionCode::RunTerminal
        | RejectionCode::RunCancelling
        | RejectionCode::NotPaused
        | RejectionCode::UnknownInstance
        | RejectionCode::NotParked
        | RejectionCode::NotRetryable
        | RejectionCode::InvalidOutput
        | RejectionCode::UnknownTicket
        | RejectionCode::AlreadyDecided
        | RejectionCode::NotAnApprover
        | RejectionCode::FourEyes
        | RejectionCode::TicketExpired
        | RejectionCode::EditRefused
        | RejectionCode::InvalidForm
        | RejectionCode::SubjectChanged
        | RejectionCode::SignalBufferFull
        | RejectionCode::PatchConflict
        | RejectionCode::PatchDecided
        | RejectionCode::PatchRefused
        | RejectionCode::UnknownBase
        | RejectionCode::UnknownPatch
        | RejectionCode::AttemptOver
        | RejectionCode::BudgetBusy
        | RejectionCode::InvalidReservation
        | RejectionCode::UnknownBudget => (Exit::Conflict, "rejected"),
    };
    Failure::new(
        exit,
        name,
        message,
        hint.unwrap_or_else(|| "correct it and start again".to_owned()),
    )
}
