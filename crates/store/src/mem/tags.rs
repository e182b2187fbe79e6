//! The model's tags and the patches of workflows.

use std::collections::BTreeSet;

use super::model::{Model, Tag, page};
use crate::{
    IdempotencyKey, PatchPut, PatchRow, PatchStatus, TagMove, TagRow, TagVersion, TagWrite,
    TagWritten, TimeMs, WorkspaceId,
};

impl Tag {
    fn version(&self, version: u64) -> Option<&TagVersion> {
        self.versions.get(usize::try_from(version.checked_sub(1)?).ok()?)
    }

    /// Its row, once something moved it.
    fn row(&self) -> Option<TagRow> {
        let last = self.moves.last()?;
        let current = self.version(last.to)?.clone();
        let tip = self.versions.last()?.version;
        Some(TagRow { revision: last.revision, current, tip, canary: last.canary })
    }
}

impl Model {
    fn named(&self, workspace: WorkspaceId, tag: &str) -> Option<&Tag> {
        self.tags.get(&(workspace, tag.to_owned()))
    }

    /// See [`Tags::tag`](crate::Tags::tag).
    pub fn tag(&self, workspace: WorkspaceId, tag: &str) -> Option<TagRow> {
        self.named(workspace, tag)?.row()
    }

    /// See [`Tags::tags`](crate::Tags::tags).
    pub fn tags(&self, workspace: WorkspaceId, after: Option<&str>, limit: u32) -> Vec<TagRow> {
        let wanted = |(owner, tag): &(WorkspaceId, String)| {
            *owner == workspace && after.is_none_or(|after| tag.as_str() > after)
        };
        let tags = self.tags.iter().filter(|(key, _)| wanted(key));
        tags.filter_map(|(_, tag)| tag.row()).take(page(limit)).collect()
    }

    /// See [`Tags::tag_version`](crate::Tags::tag_version).
    pub fn tag_version(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> Option<TagVersion> {
        self.named(workspace, tag)?.version(version).cloned()
    }

    /// See [`Tags::tag_versions`](crate::Tags::tag_versions).
    pub fn tag_versions(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Vec<TagVersion> {
        let versions = self.named(workspace, tag).map(|tag| tag.versions.as_slice());
        let versions = versions.unwrap_or_default().iter().rev();
        let wanted = versions.filter(|row| before.is_none_or(|before| row.version < before));
        wanted.take(page(limit)).cloned().collect()
    }

    /// See [`Tags::tag_successor`](crate::Tags::tag_successor).
    pub fn tag_successor(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> Option<TagVersion> {
        let versions = self.named(workspace, tag)?.versions.iter().rev();
        versions.into_iter().find(|row| row.predecessor == Some(version)).cloned()
    }

    /// See [`Tags::tag_moves`](crate::Tags::tag_moves).
    pub fn tag_moves(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> Vec<TagMove> {
        let moves = self.named(workspace, tag).map(|tag| tag.moves.as_slice());
        let moves = moves.unwrap_or_default().iter().rev();
        let wanted = moves.filter(|row| before.is_none_or(|before| row.revision < before));
        wanted.take(page(limit)).cloned().collect()
    }

    /// See [`Tags::tag_write`](crate::Tags::tag_write).
    pub fn tag_write(&mut self, workspace: WorkspaceId, write: &TagWrite) -> TagWritten {
        if let Some(key) = &write.key
            && let Some(row) = self.idempotency(workspace, &key.endpoint, &key.key)
        {
            return TagWritten::Key(row);
        }
        let revision = self.tag(workspace, &write.tag).map_or(0, |row| row.revision);
        if revision != write.revision || (revision == 0 && write.moves.is_empty()) {
            return TagWritten::Stale;
        }
        if !write.moves.is_empty() {
            let tag = self.tags.entry((workspace, write.tag.clone())).or_default();
            if let Some(first) = write.versions.first() {
                let after = first.predecessor.unwrap_or(0);
                let dropped = tag.versions.iter_mut().filter(|row| row.version > after);
                for row in dropped {
                    row.dropped_by.get_or_insert(first.version);
                }
            }
            tag.versions.extend(write.versions.iter().cloned());
            tag.moves.extend(write.moves.iter().cloned());
        }
        for settled in &write.settled {
            let patch = self.patches.get_mut(&(workspace, settled.id.clone()));
            if let Some(patch) = patch.filter(|patch| patch.status == PatchStatus::Pending) {
                patch.status = settled.status.clone();
                patch.decided_ms = Some(settled.decided_ms);
            }
        }
        self.key_taken(workspace, write.key.as_ref());
        TagWritten::Done
    }

    fn key_taken(&mut self, workspace: WorkspaceId, key: Option<&IdempotencyKey>) {
        if let Some(key) = key {
            let id = (workspace, key.endpoint.clone(), key.key.clone());
            self.idempotency.entry(id).or_insert_with(|| key.clone());
        }
    }

    /// See [`Patches::patch_put`](crate::Patches::patch_put).
    pub fn patch_put(
        &mut self,
        workspace: WorkspaceId,
        patch: &PatchRow,
        key: Option<&IdempotencyKey>,
    ) -> PatchPut {
        if let Some(key) = key
            && let Some(row) = self.idempotency(workspace, &key.endpoint, &key.key)
        {
            return PatchPut::Key(row);
        }
        let id = (workspace, patch.id.clone());
        self.patches.entry(id).or_insert_with(|| patch.clone());
        self.key_taken(workspace, key);
        PatchPut::Stored
    }

    /// See [`Patches::patch`](crate::Patches::patch).
    pub fn patch(&self, workspace: WorkspaceId, id: &str) -> Option<PatchRow> {
        self.patches.get(&(workspace, id.to_owned())).cloned()
    }

    fn patches_of(&self, workspace: WorkspaceId, tag: &str) -> Vec<&PatchRow> {
        let own = self.patches.iter().filter(|((owner, _), _)| *owner == workspace);
        own.map(|(_, row)| row).filter(|row| row.tag == tag).collect()
    }

    /// See [`Patches::patches`](crate::Patches::patches).
    pub fn patches(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Vec<PatchRow> {
        let rows = self.patches_of(workspace, tag).into_iter().rev();
        let wanted = rows.filter(|row| before.is_none_or(|before| row.id.as_str() < before));
        wanted.take(page(limit)).cloned().collect()
    }

    /// See [`Patches::patches_pending`](crate::Patches::patches_pending).
    pub fn patches_pending(&self, workspace: WorkspaceId, tag: &str, limit: u32) -> Vec<PatchRow> {
        let rows = self.patches_of(workspace, tag).into_iter();
        let pending = rows.filter(|row| row.status == PatchStatus::Pending);
        pending.take(page(limit)).cloned().collect()
    }

    /// See [`Patches::patches_pending_count`](crate::Patches::patches_pending_count).
    pub fn patches_pending_count(&self, workspace: WorkspaceId, tag: &str) -> u64 {
        let rows = self.patches_of(workspace, tag).into_iter();
        rows.filter(|row| row.status == PatchStatus::Pending).count() as u64
    }

    /// See [`Patches::tags_pending`](crate::Patches::tags_pending).
    pub fn tags_pending(
        &self,
        older_than_ms: TimeMs,
        after: Option<&(WorkspaceId, String)>,
        limit: u32,
    ) -> Vec<(WorkspaceId, String)> {
        let old = self.patches.iter().filter(|(_, row)| {
            row.status == PatchStatus::Pending && row.created_ms < older_than_ms
        });
        let tags: BTreeSet<_> = old.map(|((owner, _), row)| (*owner, row.tag.clone())).collect();
        let wanted = tags.into_iter().filter(|tag| after.is_none_or(|after| tag > after));
        wanted.take(page(limit)).collect()
    }
}
