//! Tags and patches of workflows behind the simulated link.

use aob_store::{
    IdempotencyKey, PatchPut, PatchRow, Patches, StoreResult, TagMove, TagRow, TagVersion,
    TagWrite, TagWritten, Tags, TimeMs, WorkspaceId,
};
use async_trait::async_trait;

use super::SimStore;

#[async_trait]
impl Tags for SimStore {
    async fn tag(&self, workspace: WorkspaceId, tag: &str) -> StoreResult<Option<TagRow>> {
        self.call(|model| model.tag(workspace, tag)).await
    }

    async fn tags(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TagRow>> {
        self.call(|model| model.tags(workspace, after, limit)).await
    }

    async fn tag_version(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> StoreResult<Option<TagVersion>> {
        self.call(|model| model.tag_version(workspace, tag, version)).await
    }

    async fn tag_versions(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> StoreResult<Vec<TagVersion>> {
        self.call(|model| model.tag_versions(workspace, tag, before, limit)).await
    }

    async fn tag_successor(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> StoreResult<Option<TagVersion>> {
        self.call(|model| model.tag_successor(workspace, tag, version)).await
    }

    async fn tag_moves(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> StoreResult<Vec<TagMove>> {
        self.call(|model| model.tag_moves(workspace, tag, before, limit)).await
    }

    async fn tag_write(&self, workspace: WorkspaceId, write: &TagWrite) -> StoreResult<TagWritten> {
        self.call(|model| model.tag_write(workspace, write)).await
    }
}

#[async_trait]
impl Patches for SimStore {
    async fn patch_put(
        &self,
        workspace: WorkspaceId,
        patch: &PatchRow,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<PatchPut> {
        self.call(|model| model.patch_put(workspace, patch, key)).await
    }

    async fn patch(&self, workspace: WorkspaceId, id: &str) -> StoreResult<Option<PatchRow>> {
        self.call(|model| model.patch(workspace, id)).await
    }

    async fn patches(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<PatchRow>> {
        self.call(|model| model.patches(workspace, tag, before, limit)).await
    }

    async fn patches_pending(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        limit: u32,
    ) -> StoreResult<Vec<PatchRow>> {
        self.call(|model| model.patches_pending(workspace, tag, limit)).await
    }

    async fn patches_pending_count(&self, workspace: WorkspaceId, tag: &str) -> StoreResult<u64> {
        self.call(|model| model.patches_pending_count(workspace, tag)).await
    }

    async fn tags_pending(
        &self,
        older_than_ms: TimeMs,
        after: Option<&(WorkspaceId, String)>,
        limit: u32,
    ) -> StoreResult<Vec<(WorkspaceId, String)>> {
        self.call(|model| model.tags_pending(older_than_ms, after, limit)).await
    }
}
