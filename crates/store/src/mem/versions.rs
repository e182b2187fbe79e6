//! Tags and patches of workflows, as the port asks for them.

use async_trait::async_trait;

use super::MemStore;
use crate::*;

#[async_trait]
impl Tags for MemStore {
    async fn tag(&self, workspace: WorkspaceId, tag: &str) -> StoreResult<Option<TagRow>> {
        Ok(self.with(|model| model.tag(workspace, tag)))
    }

    async fn tags(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TagRow>> {
        Ok(self.with(|model| model.tags(workspace, after, limit)))
    }

    async fn tag_version(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> StoreResult<Option<TagVersion>> {
        Ok(self.with(|model| model.tag_version(workspace, tag, version)))
    }

    async fn tag_versions(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> StoreResult<Vec<TagVersion>> {
        Ok(self.with(|model| model.tag_versions(workspace, tag, before, limit)))
    }

    async fn tag_successor(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> StoreResult<Option<TagVersion>> {
        Ok(self.with(|model| model.tag_successor(workspace, tag, version)))
    }

    async fn tag_moves(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> StoreResult<Vec<TagMove>> {
        Ok(self.with(|model| model.tag_moves(workspace, tag, before, limit)))
    }

    async fn tag_write(&self, workspace: WorkspaceId, write: &TagWrite) -> StoreResult<TagWritten> {
        Ok(self.with(|model| model.tag_write(workspace, write)))
    }
}

#[async_trait]
impl Patches for MemStore {
    async fn patch_put(
        &self,
        workspace: WorkspaceId,
        patch: &PatchRow,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<PatchPut> {
        Ok(self.with(|model| model.patch_put(workspace, patch, key)))
    }

    async fn patch(&self, workspace: WorkspaceId, id: &str) -> StoreResult<Option<PatchRow>> {
        Ok(self.with(|model| model.patch(workspace, id)))
    }

    async fn patches(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<PatchRow>> {
        Ok(self.with(|model| model.patches(workspace, tag, before, limit)))
    }

    async fn patches_pending(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        limit: u32,
    ) -> StoreResult<Vec<PatchRow>> {
        Ok(self.with(|model| model.patches_pending(workspace, tag, limit)))
    }

    async fn patches_pending_count(&self, workspace: WorkspaceId, tag: &str) -> StoreResult<u64> {
        Ok(self.with(|model| model.patches_pending_count(workspace, tag)))
    }

    async fn tags_pending(
        &self,
        older_than_ms: TimeMs,
        after: Option<&(WorkspaceId, String)>,
        limit: u32,
    ) -> StoreResult<Vec<(WorkspaceId, String)>> {
        Ok(self.with(|model| model.tags_pending(older_than_ms, after, limit)))
    }
}
