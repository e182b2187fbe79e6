//! Modules of the optimizer.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStore;
use super::error::{Failure, answer};
use super::rows::{Columns, collect, first, int};
use super::session::Session;
use crate::{ModuleRow, Modules, StoreError, StoreResult, WorkspaceId};

/// The columns of a [`ModuleRow`], in the order of [`module_row`].
macro_rules! module_columns {
    () => {
        "digest, passes, signature, bytes, enabled, actor, created_ms"
    };
}

const PUT: &str = concat!(
    "insert into optimizer_modules (workspace, ",
    module_columns!(),
    ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    on conflict (workspace, digest) do update set passes = excluded.passes,
    signature = excluded.signature, actor = excluded.actor, created_ms = excluded.created_ms
    returning ",
    module_columns!()
);

const ONE: &str = concat!(
    "select ",
    module_columns!(),
    " from optimizer_modules where workspace = ?1 and digest = ?2"
);

const PAGE: &str = concat!(
    "select ",
    module_columns!(),
    " from optimizer_modules where workspace = ?1 and (?2 is null or digest > ?2)
    order by digest limit ?3"
);

const ENABLE: &str = concat!(
    "update optimizer_modules set enabled = ?3 where workspace = ?1 and digest = ?2 returning ",
    module_columns!()
);

const TABLE: &str = "optimizer_modules";

#[async_trait]
impl Modules for SqliteStore {
    async fn module_put(&self, workspace: WorkspaceId, row: &ModuleRow) -> StoreResult<ModuleRow> {
        let row = row.clone();
        let passes = serde_json::to_string(&row.passes);
        let passes = passes.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let work = move |session: &mut Session<'_>| {
            let mut put = session.statement(PUT)?;
            let rows = put.query(params![
                workspace,
                row.digest,
                passes,
                row.signature,
                int(row.bytes),
                row.enabled,
                row.actor,
                row.created_ms,
            ])?;
            Ok(first(rows, TABLE, module_row)?.unwrap_or_else(|| row.clone()))
        };
        answer(self.writer.write(0, work).await)
    }

    async fn module(&self, workspace: WorkspaceId, digest: &str) -> StoreResult<Option<ModuleRow>> {
        let digest = digest.to_owned();
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(ONE)?;
                first(statement.query(params![workspace, digest])?, TABLE, module_row)
            })
            .await
    }

    async fn modules(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<ModuleRow>> {
        let after = after.map(str::to_owned);
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(PAGE)?;
                collect(statement.query(params![workspace, after, limit])?, TABLE, module_row)
            })
            .await
    }

    async fn module_enable(
        &self,
        workspace: WorkspaceId,
        digest: &str,
        enabled: bool,
    ) -> StoreResult<Option<ModuleRow>> {
        let digest = digest.to_owned();
        let work = move |session: &mut Session<'_>| {
            let mut statement = session.statement(ENABLE)?;
            first(statement.query(params![workspace, digest, enabled])?, TABLE, module_row)
        };
        answer(self.writer.write(0, work).await)
    }
}

fn module_row(columns: &mut Columns<'_>) -> Result<ModuleRow, Failure> {
    Ok(ModuleRow {
        digest: columns.take("digest")?,
        passes: columns.json("passes")?,
        signature: columns.take("signature")?,
        bytes: columns.count("bytes")?,
        enabled: columns.take("enabled")?,
        actor: columns.take("actor")?,
        created_ms: columns.take("created_ms")?,
    })
}
