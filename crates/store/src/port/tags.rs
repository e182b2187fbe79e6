//! Tags: a linear history of versions, a cursor on it, and a record of every move.
//!
//! A version is never changed and its number never used again. The cursor says which one the tag
//! means. A new version is made after the one at the cursor, which *drops* those that were undone:
//! they stay readable, and no redo comes to them any more.

use async_trait::async_trait;

use super::{IdempotencyKey, IdempotencyRow, PatchSettled, StoreResult, TimeMs, WorkspaceId};

/// How a version came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionKind {
    /// A document was stored under the tag.
    Created,
    /// A patch was applied to the version before.
    Patched,
    /// The tag was pointed at a document that existed.
    Moved,
}

impl VersionKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Created, Self::Patched, Self::Moved];

    /// Its name, as rows hold it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Patched => "patched",
            Self::Moved => "moved",
        }
    }

    /// The reverse of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A version of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagVersion {
    /// The tag.
    pub tag: String,
    /// From 1.
    pub version: u64,
    /// `sha256:...` of its document.
    pub digest: String,
    /// How it came about.
    pub kind: VersionKind,
    /// The version that it follows; `None`: it is the first.
    pub predecessor: Option<u64>,
    /// Where its document comes from: the patch, or what the tag was pointed at.
    pub source: Option<String>,
    /// What whoever made it said about it.
    pub description: Option<String>,
    /// The later version that was made after an earlier one, so that no redo comes here any more.
    pub dropped_by: Option<u64>,
    /// Who.
    pub actor: String,
    /// When.
    pub created_ms: TimeMs,
}

/// A version that gets a share of the new runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Canary {
    /// The version.
    pub version: u64,
    /// Of a hundred, 1 to 100.
    pub percent: u32,
}

/// Where a tag stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRow {
    /// How often it was moved: rises with every change of this row.
    pub revision: u64,
    /// The version at the cursor.
    pub current: TagVersion,
    /// The version that was made last: the highest number. Where the cursor is elsewhere, a redo
    /// leads towards it.
    pub tip: u64,
    /// The version under trial.
    pub canary: Option<Canary>,
}

/// What a move was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveKind {
    /// See [`VersionKind::Created`].
    Created,
    /// See [`VersionKind::Patched`].
    Patched,
    /// See [`VersionKind::Moved`].
    Moved,
    /// Back to the version before.
    Undone,
    /// Forward to the version that was undone.
    Redone,
    /// The trial of a version began, changed or ended; the cursor stayed.
    Canary,
}

impl MoveKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Created, Self::Patched, Self::Moved, Self::Undone, Self::Redone, Self::Canary];

    /// Its name, as rows hold it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Patched => "patched",
            Self::Moved => "moved",
            Self::Undone => "undone",
            Self::Redone => "redone",
            Self::Canary => "canary",
        }
    }

    /// The reverse of [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl From<VersionKind> for MoveKind {
    fn from(kind: VersionKind) -> Self {
        match kind {
            VersionKind::Created => Self::Created,
            VersionKind::Patched => Self::Patched,
            VersionKind::Moved => Self::Moved,
        }
    }
}

/// One move of a tag: who did what, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagMove {
    /// Number of the move, from 1: the tag's revision after it.
    pub revision: u64,
    /// What it was.
    pub kind: MoveKind,
    /// The cursor before; 0: there was no tag.
    pub from: u64,
    /// The cursor after.
    pub to: u64,
    /// The version under trial after it.
    pub canary: Option<Canary>,
    /// Who.
    pub actor: String,
    /// When.
    pub at_ms: TimeMs,
}

/// A change of a tag, decided on what it was at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagWrite {
    /// The tag.
    pub tag: String,
    /// The revision that the change was decided on; 0: the tag must not exist.
    pub revision: u64,
    /// New versions, each the predecessor of the next. The first one drops those between itself and
    /// its predecessor.
    pub versions: Vec<TagVersion>,
    /// The moves, in order, numbered on from `revision`; the last one says where the tag is then.
    /// None: only patches of a tag that exists are settled, and it stays as it is.
    pub moves: Vec<TagMove>,
    /// Patches that this decides. Those that are decided already are left alone.
    pub settled: Vec<PatchSettled>,
    /// The client's key that this answers; a taken one stops all of it.
    pub key: Option<IdempotencyKey>,
}

/// What became of a [`TagWrite`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagWritten {
    /// All of it is durable.
    Done,
    /// The tag is at another revision; nothing was written.
    Stale,
    /// The key stands for an earlier request; nothing was written.
    Key(IdempotencyRow),
}

/// Tags of workspaces.
#[async_trait]
pub trait Tags: Send + Sync {
    /// Where a tag stands.
    async fn tag(&self, workspace: WorkspaceId, tag: &str) -> StoreResult<Option<TagRow>>;

    /// Where each tag stands, by name, after the cursor.
    async fn tags(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TagRow>>;

    /// One version of a tag, dropped or not.
    async fn tag_version(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> StoreResult<Option<TagVersion>>;

    /// Versions of a tag before the cursor (exclusive), newest first.
    async fn tag_versions(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> StoreResult<Vec<TagVersion>>;

    /// The version that was made last after this one: where a redo leads from there.
    async fn tag_successor(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> StoreResult<Option<TagVersion>>;

    /// Moves of a tag before the cursor (exclusive), newest first.
    async fn tag_moves(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> StoreResult<Vec<TagMove>>;

    /// Changes a tag in one commit, where it is still at the revision that the change rests on. The
    /// key is judged before the revision. On an error it may be written or not.
    async fn tag_write(&self, workspace: WorkspaceId, write: &TagWrite) -> StoreResult<TagWritten>;
}
