//! Patches of workflows, from the moment they are accepted. A pending row is the promise that it will
//! be decided: whoever finds one old may materialize it.

use async_trait::async_trait;

use super::{IdempotencyKey, IdempotencyRow, StoreResult, TimeMs, WorkspaceId};

/// Where a patch of a workflow stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchStatus {
    /// Accepted, not decided.
    Pending,
    /// Materialized.
    Applied {
        /// The version of the tag that holds it.
        version: u64,
        /// `sha256:...` of the result.
        digest: String,
    },
    /// Refused for good.
    Rejected {
        /// Why, as JSON.
        problem: String,
    },
}

impl PatchStatus {
    /// Its name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied { .. } => "applied",
            Self::Rejected { .. } => "rejected",
        }
    }

    /// The parts that rows hold: version, digest, problem.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn columns(&self) -> (Option<u64>, Option<&str>, Option<&str>) {
        match self {
            Self::Pending => (None, None, None),
            Self::Applied { version, digest } => (Some(*version), Some(digest), None),
            Self::Rejected { problem } => (None, None, Some(problem)),
        }
    }

    /// The reverse of [`Self::as_str`] and [`Self::columns`].
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn of_columns(
        name: &str,
        version: Option<u64>,
        digest: Option<String>,
        problem: Option<String>,
    ) -> Option<Self> {
        match (name, version, digest, problem) {
            ("pending", None, None, None) => Some(Self::Pending),
            ("applied", Some(version), Some(digest), None) => {
                Some(Self::Applied { version, digest })
            }
            ("rejected", None, None, Some(problem)) => Some(Self::Rejected { problem }),
            _ => None,
        }
    }
}

/// A patch of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchRow {
    /// Its id. Ids of a workspace rise with time.
    pub id: String,
    /// The workflow's tag.
    pub tag: String,
    /// `sha256:...` of the document that it was made against.
    pub base: String,
    /// The version that the tag has to be at when the patch is decided, where that was asked for.
    pub expected: Option<u64>,
    /// JSON Patch.
    pub operations: String,
    /// What its author says about it.
    pub description: Option<String>,
    /// Who.
    pub author: String,
    /// What kind of author: `person`, `agent`, `optimizer`.
    pub origin: String,
    /// Where it stands.
    pub status: PatchStatus,
    /// Accepted.
    pub created_ms: TimeMs,
    /// Decided.
    pub decided_ms: Option<TimeMs>,
}

/// What was decided about a pending patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchSettled {
    /// Which.
    pub id: String,
    /// What.
    pub status: PatchStatus,
    /// When.
    pub decided_ms: TimeMs,
}

/// What became of a patch that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchPut {
    /// It is durable.
    Stored,
    /// The key stands for an earlier request; nothing was written.
    Key(IdempotencyRow),
}

/// Patches of workflows.
#[async_trait]
pub trait Patches: Send + Sync {
    /// Stores a patch under a fresh id, and the client's key with it. A known id is left alone.
    async fn patch_put(
        &self,
        workspace: WorkspaceId,
        patch: &PatchRow,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<PatchPut>;

    /// One patch.
    async fn patch(&self, workspace: WorkspaceId, id: &str) -> StoreResult<Option<PatchRow>>;

    /// Patches of a tag before the cursor (exclusive), newest first by id.
    async fn patches(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<PatchRow>>;

    /// Pending patches of a tag, oldest first by id.
    async fn patches_pending(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        limit: u32,
    ) -> StoreResult<Vec<PatchRow>>;

    /// How many patches of a tag are pending.
    async fn patches_pending_count(&self, workspace: WorkspaceId, tag: &str) -> StoreResult<u64>;

    /// Tags with patches that have been pending since before `older_than_ms`, in order of workspace
    /// and tag, after the cursor. (Machinery: no workspace scope.)
    async fn tags_pending(
        &self,
        older_than_ms: TimeMs,
        after: Option<&(WorkspaceId, String)>,
        limit: u32,
    ) -> StoreResult<Vec<(WorkspaceId, String)>>;
}
