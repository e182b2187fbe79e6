//! Modules of the optimizer that a workspace has.

use async_trait::async_trait;

use super::{StoreResult, TimeMs, WorkspaceId};

/// A module of a workspace. Its bytes are in the CAS, under its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleRow {
    /// Digest of its bytes.
    pub digest: String,
    /// Names of the passes that it is asked for, in the order in which they are tried.
    pub passes: Vec<String>,
    /// Somebody's signature of it. Who reads it checks it.
    pub signature: Vec<u8>,
    /// Its length.
    pub bytes: u64,
    /// Whether plans ask it.
    pub enabled: bool,
    /// Who added it.
    pub actor: String,
    /// Added.
    pub created_ms: TimeMs,
}

/// The optimizer's modules.
#[async_trait]
pub trait Modules: Send + Sync {
    /// Adds a module. Where the workspace has it, `passes`, `signature`, `actor` and `created_ms`
    /// are replaced and it stays enabled or not. Returns it as it stands.
    async fn module_put(&self, workspace: WorkspaceId, row: &ModuleRow) -> StoreResult<ModuleRow>;

    /// One module.
    async fn module(&self, workspace: WorkspaceId, digest: &str) -> StoreResult<Option<ModuleRow>>;

    /// Modules of a workspace after the cursor (exclusive), in order of digest.
    async fn modules(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<ModuleRow>>;

    /// Enables or disables a module; returns it as it stands, `None` where the workspace has none.
    async fn module_enable(
        &self,
        workspace: WorkspaceId,
        digest: &str,
        enabled: bool,
    ) -> StoreResult<Option<ModuleRow>>;
}
