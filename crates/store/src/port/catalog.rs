//! Workflow documents by digest, tags by version.

use async_trait::async_trait;

use super::{StoreResult, TimeMs, WorkspaceId};

/// A version of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagVersion {
    /// The tag.
    pub tag: String,
    /// From 1.
    pub version: u64,
    /// `sha256:...` of its document.
    pub digest: String,
    /// Who.
    pub actor: String,
    /// When.
    pub created_ms: TimeMs,
}

/// Where a tag should point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagChange {
    /// The tag.
    pub tag: String,
    /// `sha256:...` of the document.
    pub digest: String,
    /// The version that the tag must be at now (`Some(0)`: it must not exist; `None`: any), judged
    /// before whether anything would change.
    pub expected: Option<u64>,
    /// Who.
    pub actor: String,
    /// When.
    pub now_ms: TimeMs,
}

/// Result of moving a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagMove {
    /// The new version.
    Moved(TagVersion),
    /// The tag already stands at this document; nothing changed.
    Unchanged(TagVersion),
    /// It is not at the version that the caller expected; this is where it is (`None`: nowhere).
    Conflict(Option<TagVersion>),
}

/// Workflows: documents by digest, tags by version.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Stores documents (canonical JSON) by digest; present ones are left alone.
    async fn documents_put(
        &self,
        workspace: WorkspaceId,
        documents: &[(String, String)],
        now_ms: TimeMs,
    ) -> StoreResult<()>;

    /// One document.
    async fn document(&self, workspace: WorkspaceId, digest: &str) -> StoreResult<Option<String>>;

    /// Points a tag at a document, as a new version.
    async fn tag_move(&self, workspace: WorkspaceId, change: &TagChange) -> StoreResult<TagMove>;

    /// Where a tag is; with `version`, where it was then.
    async fn tag(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: Option<u64>,
    ) -> StoreResult<Option<TagVersion>>;

    /// Latest version of each tag, by name, after the cursor.
    async fn tags(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TagVersion>>;

    /// Versions of one tag, newest first.
    async fn tag_versions(&self, workspace: WorkspaceId, tag: &str)
    -> StoreResult<Vec<TagVersion>>;
}
