//! Tenants, their API keys, and the keys they sign with.

use async_trait::async_trait;

use super::PostgresStore;
use super::error::Failure;
use super::rows::{Columns, json, text};
use crate::{ApiKeyRow, Identity, SigningKey, StoreResult, TimeMs, WorkspaceId, WorkspaceRow};

const WORKSPACE_PUT: &str = "insert into workspaces (workspace, name, created_ms)
    values ($1, $2, $3) on conflict do nothing";

const WORKSPACE_FOUND: &str = "select workspace, name, created_ms from workspaces
    where name = $2 or workspace = $1 order by name = $2 desc limit 1";

const WORKSPACES: &str = "select workspace, name, created_ms from workspaces order by workspace";

const KEY_PUT: &str = "insert into api_keys
    (key_id, workspace, secret_hash, name, roles, created_ms, expires_ms, revoked_ms)
    values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing";

const KEY: &str = "select key_id, workspace, secret_hash, name, roles, created_ms, expires_ms,
    revoked_ms from api_keys where key_id = $1";

const KEYS: &str = "select key_id, workspace, secret_hash, name, roles, created_ms, expires_ms,
    revoked_ms from api_keys where workspace = $1 order by key_id";

const KEY_REVOKE: &str = "update api_keys set revoked_ms = coalesce(revoked_ms, $3)
    where key_id = $1 and workspace = $2 returning key_id";

const SIGNING_KEY_PUT: &str = "insert into signing_keys (workspace, purpose, secret)
    values ($1, $2, $3) on conflict do nothing";

const SIGNING_KEY: &str = "select secret from signing_keys where workspace = $1 and purpose = $2";

#[async_trait]
impl Identity for PostgresStore {
    async fn workspace_put(&self, row: &WorkspaceRow) -> StoreResult<WorkspaceRow> {
        let put = || {
            let query = sqlx::query(WORKSPACE_PUT).bind(row.workspace.0).bind(text(&row.name));
            query.bind(row.created_ms)
        };
        self.log.write(put, "workspaces", |_| Ok(())).await?;
        let found = || sqlx::query(WORKSPACE_FOUND).bind(row.workspace.0).bind(text(&row.name));
        let found = self.log.read(found, "workspaces", workspace_row).await?;
        Ok(found.into_iter().next().unwrap_or_else(|| row.clone()))
    }

    async fn workspaces(&self) -> StoreResult<Vec<WorkspaceRow>> {
        self.log.read(|| sqlx::query(WORKSPACES), "workspaces", workspace_row).await
    }

    async fn key_put(&self, row: &ApiKeyRow) -> StoreResult<()> {
        let roles = json(&row.roles)?;
        let put = || {
            sqlx::query(KEY_PUT)
                .bind(text(&row.key_id))
                .bind(row.workspace.0)
                .bind(row.secret_hash)
                .bind(text(&row.name))
                .bind(roles.clone())
                .bind(row.created_ms)
                .bind(row.expires_ms)
                .bind(row.revoked_ms)
        };
        self.api.within(row.workspace, put, "api_keys", |_| Ok(())).await.map(drop)
    }

    async fn key(&self, key_id: &str) -> StoreResult<Option<ApiKeyRow>> {
        let query = || sqlx::query(KEY).bind(text(key_id));
        Ok(self.log.read(query, "api_keys", api_key).await?.into_iter().next())
    }

    async fn keys(&self, workspace: WorkspaceId) -> StoreResult<Vec<ApiKeyRow>> {
        let query = || sqlx::query(KEYS).bind(workspace.0);
        self.api.within(workspace, query, "api_keys", api_key).await
    }

    async fn key_revoke(
        &self,
        workspace: WorkspaceId,
        key_id: &str,
        now_ms: TimeMs,
    ) -> StoreResult<bool> {
        let revoke = || sqlx::query(KEY_REVOKE).bind(text(key_id)).bind(workspace.0).bind(now_ms);
        let revoked = self.api.within(workspace, revoke, "api_keys", |_| Ok(())).await?;
        Ok(revoked.len() == 1)
    }

    async fn signing_key(
        &self,
        workspace: WorkspaceId,
        purpose: &str,
        fresh: SigningKey,
    ) -> StoreResult<SigningKey> {
        if let Some(key) = self.signing_key_known(workspace, purpose).await? {
            return Ok(key);
        }
        let put = || {
            let query = sqlx::query(SIGNING_KEY_PUT).bind(workspace.0).bind(text(purpose));
            query.bind(fresh.0)
        };
        self.api.within(workspace, put, "signing_keys", |_| Ok(())).await?;
        Ok(self.signing_key_known(workspace, purpose).await?.unwrap_or(fresh))
    }

    async fn signing_key_known(
        &self,
        workspace: WorkspaceId,
        purpose: &str,
    ) -> StoreResult<Option<SigningKey>> {
        let find = || sqlx::query(SIGNING_KEY).bind(workspace.0).bind(text(purpose));
        let found = self.api.within(workspace, find, "signing_keys", signing_key).await?;
        Ok(found.first().copied())
    }
}

fn signing_key(columns: &mut Columns<'_>) -> Result<SigningKey, Failure> {
    columns.hash("secret").map(SigningKey)
}

fn workspace_row(columns: &mut Columns<'_>) -> Result<WorkspaceRow, Failure> {
    Ok(WorkspaceRow {
        workspace: columns.workspace("workspace")?,
        name: columns.text("name")?,
        created_ms: columns.take("created_ms")?,
    })
}

fn api_key(columns: &mut Columns<'_>) -> Result<ApiKeyRow, Failure> {
    Ok(ApiKeyRow {
        key_id: columns.text("key_id")?,
        workspace: columns.workspace("workspace")?,
        secret_hash: columns.hash("secret_hash")?,
        name: columns.text("name")?,
        roles: columns.json("roles")?,
        created_ms: columns.take("created_ms")?,
        expires_ms: columns.take("expires_ms")?,
        revoked_ms: columns.take("revoked_ms")?,
    })
}
