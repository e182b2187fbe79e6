//! The model's workspaces and keys.

use super::model::Model;
use crate::{ApiKeyRow, SigningKey, TimeMs, WorkspaceId, WorkspaceRow};

impl Model {
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
