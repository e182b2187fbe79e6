//! Workflow documents by digest: whole, or as a patch of another one.

use async_trait::async_trait;

use super::{StoreResult, TimeMs, WorkspaceId};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::StoreError;

/// How many patches may stand between a document and the nearest one that is stored whole.
pub const CHAIN_MAX: u32 = 20;

/// A document that is stored as what differs from another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchedDocument {
    /// `sha256:...` of the result.
    pub digest: String,
    /// `sha256:...` of the document that the operations apply to. It is stored.
    pub parent: String,
    /// JSON Patch that makes the document of its parent.
    pub operations: String,
}

/// What a store has of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    /// The nearest document that is stored whole: canonical JSON.
    pub base: String,
    /// What makes the wanted one of it, in the order of application; none: `base` is it.
    pub patches: Vec<PatchedDocument>,
}

/// Workflow documents. A digest names one document for ever.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// Stores whole documents (digest, canonical JSON); those that are whole already are left alone.
    /// One that was stored as a patch is whole from now on.
    async fn documents_put(
        &self,
        workspace: WorkspaceId,
        documents: &[(String, String)],
        now_ms: TimeMs,
    ) -> StoreResult<()>;

    /// Stores documents as patches, each of one that was stored before; a digest that is known in
    /// any form is left alone. Who puts them sees to it that no chain gets longer than
    /// [`CHAIN_MAX`].
    async fn documents_put_patched(
        &self,
        workspace: WorkspaceId,
        documents: &[PatchedDocument],
        now_ms: TimeMs,
    ) -> StoreResult<()>;

    /// One document.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`](super::StoreError::Inconsistent) where its patches lead to no
    /// whole document within [`CHAIN_MAX`] steps.
    async fn document(
        &self,
        workspace: WorkspaceId,
        digest: &str,
    ) -> StoreResult<Option<StoredDocument>>;
}

/// A step from a document towards one that is stored whole.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[derive(Debug)]
pub(crate) struct ChainRow {
    pub(crate) digest: String,
    /// The document that this one is a patch of, and the patch.
    pub(crate) patch: Option<(String, String)>,
    /// The document, where it is stored whole.
    pub(crate) document: Option<String>,
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl StoredDocument {
    /// From the steps that a store found, the wanted document first.
    pub(crate) fn of_rows(rows: Vec<ChainRow>) -> StoreResult<Option<Self>> {
        let wanted = match rows.first() {
            None => return Ok(None),
            Some(row) if row.document.is_none() && row.patch.is_none() => return Ok(None),
            Some(row) => row.digest.clone(),
        };
        let mut patches = Vec::new();
        for row in rows {
            if let Some(base) = row.document {
                patches.reverse();
                return Ok(Some(Self { base, patches }));
            }
            let Some((parent, operations)) = row.patch else { break };
            patches.push(PatchedDocument { digest: row.digest, parent, operations });
        }
        Err(StoreError::Inconsistent {
            table: "document_patches",
            column: "parent",
            key: wanted,
            problem: String::from("it leads to no whole document"),
        })
    }
}
