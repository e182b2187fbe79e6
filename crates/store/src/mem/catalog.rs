//! The model's documents, tags, workspaces and API keys.

use super::model::{Model, page};
use crate::{
    ApiKeyRow, SigningKey, TagChange, TagMove, TagVersion, TimeMs, WorkspaceId, WorkspaceRow,
};

impl Model {
    /// See [`Catalog::documents_put`](crate::Catalog::documents_put).
    pub fn documents_put(&mut self, workspace: WorkspaceId, documents: &[(String, String)]) {
        for (digest, document) in documents {
            let id = (workspace, digest.clone());
            self.documents.entry(id).or_insert_with(|| document.clone());
        }
    }

    /// See [`Catalog::document`](crate::Catalog::document).
    pub fn document(&self, workspace: WorkspaceId, digest: &str) -> Option<String> {
        self.documents.get(&(workspace, digest.to_owned())).cloned()
    }

    /// See [`Catalog::tag_move`](crate::Catalog::tag_move).
    pub fn tag_move(&mut self, workspace: WorkspaceId, change: &TagChange) -> TagMove {
        let current = self.tag(workspace, &change.tag, None);
        let version = current.as_ref().map_or(0, |row| row.version);
        if change.expected.is_some_and(|expected| expected != version) {
            return TagMove::Conflict(current);
        }
        if let Some(row) = current.filter(|row| row.digest == change.digest) {
            return TagMove::Unchanged(row);
        }
        let row = TagVersion {
            tag: change.tag.clone(),
            version: version + 1,
            digest: change.digest.clone(),
            actor: change.actor.clone(),
            created_ms: change.now_ms,
        };
        self.tags.entry((workspace, change.tag.clone())).or_default().push(row.clone());
        TagMove::Moved(row)
    }

    /// See [`Catalog::tag`](crate::Catalog::tag).
    pub fn tag(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: Option<u64>,
    ) -> Option<TagVersion> {
        let versions = self.tags.get(&(workspace, tag.to_owned()))?;
        match version {
            None => versions.last().cloned(),
            Some(version) => versions.iter().find(|row| row.version == version).cloned(),
        }
    }

    /// See [`Catalog::tags`](crate::Catalog::tags).
    pub fn tags(&self, workspace: WorkspaceId, after: Option<&str>, limit: u32) -> Vec<TagVersion> {
        let wanted = |(owner, tag): &(WorkspaceId, String)| {
            *owner == workspace && after.is_none_or(|after| tag.as_str() > after)
        };
        let versions = self.tags.iter().filter(|(key, _)| wanted(key));
        versions.filter_map(|(_, rows)| rows.last().cloned()).take(page(limit)).collect()
    }

    /// See [`Catalog::tag_versions`](crate::Catalog::tag_versions).
    pub fn tag_versions(&self, workspace: WorkspaceId, tag: &str) -> Vec<TagVersion> {
        let versions = self.tags.get(&(workspace, tag.to_owned()));
        versions.into_iter().flatten().rev().cloned().collect()
    }

    /// See [`Identity::workspace_put`](crate::Identity::workspace_put).
    pub fn workspace_put(&mut self, row: &WorkspaceRow) -> WorkspaceRow {
        let named = self.workspaces.values().find(|stored| stored.name == row.name);
        if let Some(stored) = named.or_else(|| self.workspaces.get(&row.workspace)) {
            return stored.clone();
        }
        self.workspaces.insert(row.workspace, row.clone());
        row.clone()
    }

    /// See [`Identity::workspaces`](crate::Identity::workspaces).
    pub fn workspaces(&self) -> Vec<WorkspaceRow> {
        self.workspaces.values().cloned().collect()
    }

    /// See [`Identity::key_put`](crate::Identity::key_put).
    pub fn key_put(&mut self, row: &ApiKeyRow) {
        self.keys.entry(row.key_id.clone()).or_insert_with(|| row.clone());
    }

    /// See [`Identity::key`](crate::Identity::key).
    pub fn key(&self, key_id: &str) -> Option<ApiKeyRow> {
        self.keys.get(key_id).cloned()
    }

    /// See [`Identity::keys`](crate::Identity::keys).
    pub fn keys(&self, workspace: WorkspaceId) -> Vec<ApiKeyRow> {
        self.keys.values().filter(|row| row.workspace == workspace).cloned().collect()
    }

    /// See [`Identity::key_revoke`](crate::Identity::key_revoke).
    pub fn key_revoke(&mut self, workspace: WorkspaceId, key_id: &str, now_ms: TimeMs) -> bool {
        let owned = self.keys.get_mut(key_id).filter(|row| row.workspace == workspace);
        owned.is_some_and(|row| {
            row.revoked_ms.get_or_insert(now_ms);
            true
        })
    }

    /// See [`Identity::signing_key`](crate::Identity::signing_key).
    pub fn signing_key(
        &mut self,
        workspace: WorkspaceId,
        purpose: &str,
        fresh: SigningKey,
    ) -> SigningKey {
        *self.signing_keys.entry((workspace, purpose.to_owned())).or_insert(fresh)
    }

    /// See [`Identity::signing_key_known`](crate::Identity::signing_key_known).
    pub fn signing_key_known(&self, workspace: WorkspaceId, purpose: &str) -> Option<SigningKey> {
        self.signing_keys.get(&(workspace, purpose.to_owned())).copied()
    }
}
