//! Tenants, their API keys, and the keys they sign with.

use std::fmt;

use async_trait::async_trait;

use super::{Hash, StoreResult, TimeMs, WorkspaceId};

/// An API key as stored: the secret's hash only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Public part.
    pub key_id: String,
    /// SHA-256 of the secret part.
    pub secret_hash: Hash,
    /// Its tenant.
    pub workspace: WorkspaceId,
    /// What it is for.
    pub name: String,
    /// Roles: `admin operator developer approver auditor runner agent`.
    pub roles: Vec<String>,
    /// Created.
    pub created_ms: TimeMs,
    /// Ends.
    pub expires_ms: Option<TimeMs>,
    /// Revoked.
    pub revoked_ms: Option<TimeMs>,
}

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRow {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Unique name.
    pub name: String,
    /// Created.
    pub created_ms: TimeMs,
}

/// A secret of 32 bytes that signs. Its debug form does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SigningKey(pub [u8; 32]);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// Tenants and keys.
#[async_trait]
pub trait Identity: Send + Sync {
    /// Creates a workspace, or returns the one with that name, or else the one with that id.
    async fn workspace_put(&self, row: &WorkspaceRow) -> StoreResult<WorkspaceRow>;

    /// All workspaces, by id. (Machinery.)
    async fn workspaces(&self) -> StoreResult<Vec<WorkspaceRow>>;

    /// Stores a new key. Ids are random and never reused: a taken one is left as it is.
    async fn key_put(&self, row: &ApiKeyRow) -> StoreResult<()>;

    /// Finds a key by its public part. (Before authentication: no workspace.)
    async fn key(&self, key_id: &str) -> StoreResult<Option<ApiKeyRow>>;

    /// Keys of a workspace, by id.
    async fn keys(&self, workspace: WorkspaceId) -> StoreResult<Vec<ApiKeyRow>>;

    /// Revokes a key; `false`: no such key in the workspace. The first revocation's time stays.
    async fn key_revoke(
        &self,
        workspace: WorkspaceId,
        key_id: &str,
        now_ms: TimeMs,
    ) -> StoreResult<bool>;

    /// The key with which this workspace signs what is for `purpose`; where there is none yet,
    /// `fresh` (32 random bytes) becomes it, once and for all.
    async fn signing_key(
        &self,
        workspace: WorkspaceId,
        purpose: &str,
        fresh: SigningKey,
    ) -> StoreResult<SigningKey>;

    /// The same key, if there is one: for who checks a signature and must not make anything.
    async fn signing_key_known(
        &self,
        workspace: WorkspaceId,
        purpose: &str,
    ) -> StoreResult<Option<SigningKey>>;
}
