//! Tenants, their API keys, and the keys they sign with.

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::SqliteStore;
use super::error::{Failure, answer};
use super::rows::{Columns, collect, first};
use super::session::Session;
use crate::{
    ApiKeyRow, Identity, SigningKey, StoreError, StoreResult, TimeMs, WorkspaceId, WorkspaceRow,
};

const WORKSPACE_PUT: &str = "insert into workspaces (workspace, name, created_ms)
    values (?1, ?2, ?3) on conflict do nothing";

const WORKSPACE_FOUND: &str = "select workspace, name, created_ms from workspaces
    where name = ?2 or workspace = ?1 order by name = ?2 desc limit 1";

const KEY_PUT: &str = "insert into api_keys
    (key_id, workspace, secret_hash, name, roles, created_ms, expires_ms, revoked_ms)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) on conflict do nothing";

const KEY_REVOKE: &str = "update api_keys set revoked_ms = ifnull(revoked_ms, ?3)
    where key_id = ?1 and workspace = ?2";

const SIGNING_KEY_PUT: &str = "insert into signing_keys (workspace, purpose, secret)
    values (?1, ?2, ?3) on conflict do nothing";

const SIGNING_KEY_FOUND: &str =
    "select secret from signing_keys where workspace = ?1 and purpose = ?2";

#[async_trait]
impl Identity for SqliteStore {
    async fn workspace_put(&self, row: &WorkspaceRow) -> StoreResult<WorkspaceRow> {
        let row = row.clone();
        let work = move |session: &mut Session<'_>| {
            let mut put = session.statement(WORKSPACE_PUT)?;
            put.execute(params![row.workspace, row.name, row.created_ms])?;
            let mut found = session.statement(WORKSPACE_FOUND)?;
            let rows = found.query(params![row.workspace, row.name])?;
            Ok(first(rows, "workspaces", workspace_row)?.unwrap_or_else(|| row.clone()))
        };
        answer(self.writer.write(0, work).await)
    }

    async fn workspaces(&self) -> StoreResult<Vec<WorkspaceRow>> {
        self.readers
            .read(|connection| {
                let mut statement = connection.prepare_cached(
                    "select workspace, name, created_ms from workspaces order by workspace",
                )?;
                collect(statement.query([])?, "workspaces", workspace_row)
            })
            .await
    }

    async fn key_put(&self, row: &ApiKeyRow) -> StoreResult<()> {
        let row = row.clone();
        let roles = serde_json::to_string(&row.roles);
        let roles = roles.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let work = move |session: &mut Session<'_>| {
            session.statement(KEY_PUT)?.execute(params![
                row.key_id,
                row.workspace,
                row.secret_hash,
                row.name,
                roles,
                row.created_ms,
                row.expires_ms,
                row.revoked_ms,
            ])?;
            Ok(())
        };
        answer(self.writer.write(0, work).await)
    }

    async fn key(&self, key_id: &str) -> StoreResult<Option<ApiKeyRow>> {
        let key_id = key_id.to_owned();
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select key_id, workspace, secret_hash, name, roles, created_ms, expires_ms,
                    revoked_ms from api_keys where key_id = ?1",
                )?;
                first(statement.query([key_id])?, "api_keys", api_key)
            })
            .await
    }

    async fn keys(&self, workspace: WorkspaceId) -> StoreResult<Vec<ApiKeyRow>> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select key_id, workspace, secret_hash, name, roles, created_ms, expires_ms,
                    revoked_ms from api_keys where workspace = ?1 order by key_id",
                )?;
                collect(statement.query([workspace])?, "api_keys", api_key)
            })
            .await
    }

    async fn key_revoke(
        &self,
        workspace: WorkspaceId,
        key_id: &str,
        now_ms: TimeMs,
    ) -> StoreResult<bool> {
        let key_id = key_id.to_owned();
        let work = move |session: &mut Session<'_>| {
            let mut statement = session.statement(KEY_REVOKE)?;
            Ok(statement.execute(params![key_id, workspace, now_ms])? == 1)
        };
        answer(self.writer.write(0, work).await)
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
        let purpose = purpose.to_owned();
        let work = move |session: &mut Session<'_>| {
            let mut put = session.statement(SIGNING_KEY_PUT)?;
            put.execute(params![workspace, purpose, fresh.0])?;
            let mut found = session.statement(SIGNING_KEY_FOUND)?;
            let rows = found.query(params![workspace, purpose])?;
            Ok(first(rows, "signing_keys", signing_key_row)?.unwrap_or(fresh))
        };
        answer(self.writer.write(0, work).await)
    }

    async fn signing_key_known(
        &self,
        workspace: WorkspaceId,
        purpose: &str,
    ) -> StoreResult<Option<SigningKey>> {
        let purpose = purpose.to_owned();
        self.readers.read(move |connection| signing_key(connection, workspace, &purpose)).await
    }
}

fn signing_key(
    connection: &Connection,
    workspace: WorkspaceId,
    purpose: &str,
) -> Result<Option<SigningKey>, Failure> {
    let mut found = connection.prepare_cached(SIGNING_KEY_FOUND)?;
    first(found.query(params![workspace, purpose])?, "signing_keys", signing_key_row)
}

fn signing_key_row(columns: &mut Columns<'_>) -> Result<SigningKey, Failure> {
    columns.take("secret").map(SigningKey)
}

fn workspace_row(columns: &mut Columns<'_>) -> Result<WorkspaceRow, Failure> {
    Ok(WorkspaceRow {
        workspace: columns.workspace("workspace")?,
        name: columns.take("name")?,
        created_ms: columns.take("created_ms")?,
    })
}

fn api_key(columns: &mut Columns<'_>) -> Result<ApiKeyRow, Failure> {
    Ok(ApiKeyRow {
        key_id: columns.take("key_id")?,
        workspace: columns.workspace("workspace")?,
        secret_hash: columns.take("secret_hash")?,
        name: columns.take("name")?,
        roles: columns.json("roles")?,
        created_ms: columns.take("created_ms")?,
        expires_ms: columns.take("expires_ms")?,
        revoked_ms: columns.take("revoked_ms")?,
    })
}
