//! The model's documents.

use super::model::Model;
use crate::{CHAIN_MAX, PatchedDocument, StoreError, StoreResult, StoredDocument, WorkspaceId};

impl Model {
    /// See [`Catalog::documents_put`](crate::Catalog::documents_put).
    pub fn documents_put(&mut self, workspace: WorkspaceId, documents: &[(String, String)]) {
        for (digest, document) in documents {
            let id = (workspace, digest.clone());
            self.documents.entry(id).or_insert_with(|| document.clone());
        }
    }

    /// See [`Catalog::documents_put_patched`](crate::Catalog::documents_put_patched).
    pub fn documents_put_patched(&mut self, workspace: WorkspaceId, documents: &[PatchedDocument]) {
        for document in documents {
            let id = (workspace, document.digest.clone());
            if !self.documents.contains_key(&id) {
                self.document_patches.entry(id).or_insert_with(|| document.clone());
            }
        }
    }

    /// See [`Catalog::document`](crate::Catalog::document).
    ///
    /// # Errors
    /// As there.
    pub fn document(
        &self,
        workspace: WorkspaceId,
        digest: &str,
    ) -> StoreResult<Option<StoredDocument>> {
        let mut patches = Vec::new();
        let mut at = digest.to_owned();
        while patches.len() as u64 <= u64::from(CHAIN_MAX) {
            let id = (workspace, at);
            if let Some(base) = self.documents.get(&id) {
                patches.reverse();
                return Ok(Some(StoredDocument { base: base.clone(), patches }));
            }
            let Some(patch) = self.document_patches.get(&id) else { break };
            at = patch.parent.clone();
            patches.push(patch.clone());
        }
        if patches.is_empty() {
            return Ok(None);
        }
        Err(StoreError::Inconsistent {
            table: "document_patches",
            column: "parent",
            key: digest.to_owned(),
            problem: String::from("it leads to no whole document"),
        })
    }
}
