//! Modules of the optimizer.

use async_trait::async_trait;

use super::PostgresStore;
use super::error::Failure;
use super::rows::{Columns, int, json, text};
use crate::{ModuleRow, Modules, StoreResult, WorkspaceId};

/// The columns of a [`ModuleRow`], in the order of [`module_row`].
macro_rules! module_columns {
    () => {
        "digest, passes, signature, bytes, enabled, actor, created_ms"
    };
}

const PUT: &str = concat!(
    "insert into optimizer_modules (workspace, ",
    module_columns!(),
    ") values ($1, $2, $3, $4, $5, $6, $7, $8)
    on conflict (workspace, digest) do update set passes = excluded.passes,
    signature = excluded.signature, actor = excluded.actor, created_ms = excluded.created_ms
    returning ",
    module_columns!()
);

const ONE: &str = concat!(
    "select ",
    module_columns!(),
    " from optimizer_modules where workspace = $1 and digest = $2"
);

const PAGE: &str = concat!(
    "select ",
    module_columns!(),
    " from optimizer_modules where workspace = $1 and ($2::text is null or digest > $2)
    order by digest limit $3"
);

const ENABLE: &str = concat!(
    "update optimizer_modules set enabled = $3 where workspace = $1 and digest = $2 returning ",
    module_columns!()
);

const TABLE: &str = "optimizer_modules";

#[async_trait]
impl Modules for PostgresStore {
    async fn module_put(&self, workspace: WorkspaceId, row: &ModuleRow) -> StoreResult<ModuleRow> {
        let passes = json(&row.passes)?;
        let put = || {
            sqlx::query(PUT)
                .bind(workspace.0)
                .bind(text(&row.digest).into_owned())
                .bind(passes.clone())
                .bind(row.signature.clone())
                .bind(int(row.bytes))
                .bind(row.enabled)
                .bind(text(&row.actor).into_owned())
                .bind(row.created_ms)
        };
        let stored = self.api.within(workspace, put, TABLE, module_row).await?;
        Ok(stored.into_iter().next().unwrap_or_else(|| row.clone()))
    }

    async fn module(&self, workspace: WorkspaceId, digest: &str) -> StoreResult<Option<ModuleRow>> {
        let query = || sqlx::query(ONE).bind(workspace.0).bind(text(digest));
        Ok(self.api.within(workspace, query, TABLE, module_row).await?.into_iter().next())
    }

    async fn modules(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<ModuleRow>> {
        let query =
            || sqlx::query(PAGE).bind(workspace.0).bind(after.map(text)).bind(i64::from(limit));
        self.api.within(workspace, query, TABLE, module_row).await
    }

    async fn module_enable(
        &self,
        workspace: WorkspaceId,
        digest: &str,
        enabled: bool,
    ) -> StoreResult<Option<ModuleRow>> {
        let query = || sqlx::query(ENABLE).bind(workspace.0).bind(text(digest)).bind(enabled);
        Ok(self.api.within(workspace, query, TABLE, module_row).await?.into_iter().next())
    }
}

fn module_row(columns: &mut Columns<'_>) -> Result<ModuleRow, Failure> {
    Ok(ModuleRow {
        digest: columns.text("digest")?,
        passes: columns.json("passes")?,
        signature: columns.take("signature")?,
        bytes: columns.count("bytes")?,
        enabled: columns.take("enabled")?,
        actor: columns.text("actor")?,
        created_ms: columns.take("created_ms")?,
    })
}
