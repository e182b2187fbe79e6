//! Commands to a run that exists.

use aob_api::CommandOutcome;
use aob_coordinator::{Committed, Submission, SubmitError};
use aob_edge::{Answer, BodyHash, Caller, Refusal};
use aob_engine::{Command, CommandId, Request, RunId};
use aob_store::IdempotencyRow;
use axum::Json;
use axum::response::IntoResponse;
use serde_json::json;

use crate::api::Parts;
use crate::errors::submit_error;
use crate::idempotency::{Met, Once, Turn, same_body};

/// A command on its way, with who sends it and how its repetition is recognised.
#[derive(Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) once: &'a Once,
    pub(crate) hash: BodyHash,
    pub(crate) run: RunId,
    pub(crate) command: Command,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Carried {
    /// Carried out, or nothing to do.
    Out(Committed),
    /// It had been carried out before.
    Before(IdempotencyRow),
}

impl Parts {
    /// Carries a command out and answers how the run stands.
    pub(crate) async fn command(&self, sent: Sent<'_>) -> Answer {
        let (caller, run) = (sent.caller, sent.run);
        let stored = json!({"id": run, "changed": true}).to_string();
        match self.carry(sent, stored).await? {
            Carried::Out(committed) => Ok(Json(outcome(&committed)).into_response()),
            Carried::Before(row) => self.replay(caller, &row).await,
        }
    }

    /// Carries a command out. `stored` is the lasting part of its answer.
    pub(crate) async fn carry(&self, sent: Sent<'_>, stored: String) -> Result<Carried, Refusal> {
        match self.meet(sent.caller, sent.once, sent.hash).await? {
            Met::Answer(row) => Ok(Carried::Before(row)),
            Met::Nothing(turn) => self.submit(sent, stored, turn).await,
        }
    }

    /// Carries a command out that has its turn.
    pub(crate) async fn submit(
        &self,
        sent: Sent<'_>,
        stored: String,
        _turn: Turn,
    ) -> Result<Carried, Refusal> {
        let Sent { caller, once, hash, run, command } = sent;
        let id = CommandId(format!("api:{}", self.random_hex()).into());
        let submission = Submission {
            workspace: caller.workspace(),
            run,
            request: Request { id, actor: caller.actor(), command },
            key: self.key_row(once, hash, 200, stored),
            dedup: None,
            ir: None,
            token: (),
        };
        match self.coordinator.handle.try_submit(submission).await {
            Ok(committed) => Ok(Carried::Out(committed)),
            Err(SubmitError::Key(row)) => same_body(row, hash).map(Carried::Before),
            Err(error) => Err(submit_error(error)),
        }
    }
}

/// How a run stands after a command.
pub(crate) fn outcome(committed: &Committed) -> CommandOutcome {
    CommandOutcome {
        id: committed.run,
        status: committed.status.as_str().to_owned(),
        seq: committed.seq,
        changed: committed.changed,
    }
}
