//! Read models that appends write and the API reads.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Hash, StoreResult, StreamId, TimeMs, WorkspaceId};

/// The stored answer to an API command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// `METHOD path` of the request.
    pub endpoint: String,
    /// What the client sent.
    pub key: String,
    /// SHA-256 of the request's body.
    pub body_hash: Hash,
    /// HTTP status of the answer.
    pub status: u16,
    /// Body of the answer.
    pub response: String,
    /// When the row may be deleted.
    pub expires_ms: TimeMs,
}

/// An [`IdempotencyKey`] found in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRow {
    /// SHA-256 of the first request's body.
    pub body_hash: Hash,
    /// HTTP status of the answer.
    pub status: u16,
    /// Body of the answer.
    pub response: String,
}

/// A run as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// The run.
    pub run: StreamId,
    /// One of design.md's run states.
    pub status: String,
    /// Name of the workflow.
    pub name: String,
    /// Tag it was started by.
    pub tag: Option<String>,
    /// `sha256:...` of the document that holds.
    pub digest: String,
    /// Parent run.
    pub parent: Option<StreamId>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Created.
    pub created_ms: TimeMs,
    /// Last event.
    pub updated_ms: TimeMs,
    /// Ended.
    pub finished_ms: Option<TimeMs>,
    /// Seq of the last event.
    pub seq: u64,
    /// Error code and message, for failed runs.
    pub error: Option<String>,
    /// Payload of the output as JSON (`{"digest","len","seq"?}`), for completed runs.
    pub output: Option<String>,
}

impl RunRow {
    /// True where the run is over.
    pub fn is_terminal(&self) -> bool {
        self.finished_ms.is_some()
    }
}

/// A ticket as inboxes show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRow {
    /// The ticket.
    pub ticket: String,
    /// Its run.
    pub run: StreamId,
    /// Text form of the instance that asks; empty for a patch of the run.
    pub instance: String,
    /// `pending approved rejected expired cancelled`.
    pub status: String,
    /// Question.
    pub message: String,
    /// `sha256:...` of what is shown.
    pub subject_hash: String,
    /// Everything else that a page shows, as JSON.
    pub detail: String,
    /// Asked.
    pub created_ms: TimeMs,
    /// Expires.
    pub expires_ms: Option<TimeMs>,
    /// Decided.
    pub decided_ms: Option<TimeMs>,
}

/// Filter of a list of runs. Newest first.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only these states; empty: all.
    pub statuses: Vec<String>,
    /// Only this tag.
    pub tag: Option<String>,
    /// Only this document.
    pub digest: Option<String>,
    /// Only children of this run.
    pub parent: Option<StreamId>,
    /// Only runs with all of these labels.
    pub labels: BTreeMap<String, String>,
    /// Only runs older than this one (exclusive): the cursor.
    pub before: Option<StreamId>,
    /// At most this many.
    pub limit: u32,
}

/// Read models, written by appends only.
#[async_trait]
pub trait Views: Send + Sync {
    /// One run.
    async fn run(&self, workspace: WorkspaceId, run: StreamId) -> StoreResult<Option<RunRow>>;

    /// Runs, newest first by id.
    async fn runs(&self, workspace: WorkspaceId, filter: &RunFilter) -> StoreResult<Vec<RunRow>>;

    /// One ticket.
    async fn ticket(&self, workspace: WorkspaceId, ticket: &str) -> StoreResult<Option<TicketRow>>;

    /// Tickets, oldest first, then by id; `status`: only those; `after`: the ticket id cursor.
    ///
    /// # Errors
    /// [`StoreError::Cursor`](super::StoreError::Cursor) where the workspace has no ticket `after`.
    async fn tickets(
        &self,
        workspace: WorkspaceId,
        status: Option<&str>,
        run: Option<StreamId>,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TicketRow>>;

    /// The stored answer to a command.
    async fn idempotency(
        &self,
        workspace: WorkspaceId,
        endpoint: &str,
        key: &str,
    ) -> StoreResult<Option<IdempotencyRow>>;

    /// Deletes idempotency rows past their time (`expires <= now`); returns how many. Until then a
    /// key is taken. (Machinery.)
    async fn idempotency_expire(&self, now_ms: TimeMs) -> StoreResult<u64>;
}
