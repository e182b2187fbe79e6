//! Patches of workflows.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStore;
use super::error::{Failure, answer};
use super::rows::{Columns, collect, first, int};
use super::session::Session;
use super::tags::{key_put, taken};
use crate::{
    IdempotencyKey, PatchPut, PatchRow, PatchSettled, PatchStatus, Patches, StoreResult, TimeMs,
    WorkspaceId,
};

/// The columns of a [`PatchRow`], in the order of [`patch_row`].
macro_rules! patch_columns {
    () => {
        "id, tag, base, operations, description, author, origin, created_ms, decided_ms, status,
        version, digest, problem, expected"
    };
}

/// Begins a query of the patches of workspace `?1`.
macro_rules! select_patches {
    ($where:literal) => {
        concat!(
            "select ",
            patch_columns!(),
            " from workflow_patches
            where tenant = (select no from tenants where workspace = ?1) and ",
            $where
        )
    };
}

const PATCH: &str = select_patches!("id = ?2");

const PATCHES: &str =
    select_patches!("tag = ?2 and (?3 is null or id < ?3) order by id desc limit ?4");

const PENDING: &str = select_patches!("tag = ?2 and status = 'pending' order by id limit ?3");

const PENDING_COUNT: &str = "select count(*) as pending from workflow_patches
    where tenant = (select no from tenants where workspace = ?1) and tag = ?2
    and status = 'pending'";

const PUT: &str = concat!(
    "insert into workflow_patches (tenant, ",
    patch_columns!(),
    ") values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
    on conflict do nothing"
);

const SETTLE: &str =
    "update workflow_patches set decided_ms = ?3, status = ?4, version = ?5, digest = ?6, problem = ?7
    where tenant = ?1 and id = ?2 and status = 'pending'";

const TAGS_PENDING: &str = "select distinct t.workspace, p.tag
    from workflow_patches p join tenants t on t.no = p.tenant
    where p.status = 'pending' and p.created_ms < ?1
    and (?2 is null or (t.workspace, p.tag) > (?2, ?3))
    order by t.workspace, p.tag limit ?4";

#[async_trait]
impl Patches for SqliteStore {
    async fn patch_put(
        &self,
        workspace: WorkspaceId,
        patch: &PatchRow,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<PatchPut> {
        let (patch, key) = (patch.clone(), key.cloned());
        let bytes = patch.operations.len();
        let work = move |session: &mut Session<'_>| {
            let tenant = session.tenant(workspace)?;
            if let Some(row) = taken(session, tenant, key.as_ref())? {
                return Ok(PatchPut::Key(row));
            }
            put(session, tenant, &patch)?;
            key_put(session, tenant, key.as_ref())?;
            Ok(PatchPut::Stored)
        };
        answer(self.writer.write(bytes, work).await)
    }

    async fn patch(&self, workspace: WorkspaceId, id: &str) -> StoreResult<Option<PatchRow>> {
        let id = id.to_owned();
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(PATCH)?;
                first(statement.query(params![workspace, id])?, "workflow_patches", patch_row)
            })
            .await
    }

    async fn patches(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<PatchRow>> {
        let (tag, before) = (tag.to_owned(), before.map(str::to_owned));
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(PATCHES)?;
                let rows = statement.query(params![workspace, tag, before, limit])?;
                collect(rows, "workflow_patches", patch_row)
            })
            .await
    }

    async fn patches_pending(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        limit: u32,
    ) -> StoreResult<Vec<PatchRow>> {
        let tag = tag.to_owned();
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(PENDING)?;
                let rows = statement.query(params![workspace, tag, limit])?;
                collect(rows, "workflow_patches", patch_row)
            })
            .await
    }

    async fn patches_pending_count(&self, workspace: WorkspaceId, tag: &str) -> StoreResult<u64> {
        let tag = tag.to_owned();
        let counted = self.readers.read(move |connection| {
            let mut statement = connection.prepare_cached(PENDING_COUNT)?;
            let rows = statement.query(params![workspace, tag])?;
            first(rows, "workflow_patches", |columns| columns.count("pending"))
        });
        Ok(counted.await?.unwrap_or(0))
    }

    async fn tags_pending(
        &self,
        older_than_ms: TimeMs,
        after: Option<&(WorkspaceId, String)>,
        limit: u32,
    ) -> StoreResult<Vec<(WorkspaceId, String)>> {
        let (workspace, tag) = after.cloned().unzip();
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(TAGS_PENDING)?;
                let rows = statement.query(params![older_than_ms, workspace, tag, limit])?;
                collect(rows, "workflow_patches", |columns| {
                    Ok((columns.workspace("workspace")?, columns.take("tag")?))
                })
            })
            .await
    }
}

fn put(session: &mut Session<'_>, tenant: i64, row: &PatchRow) -> Result<(), Failure> {
    let (version, digest, problem) = row.status.columns();
    session.statement(PUT)?.execute(params![
        tenant,
        row.id,
        row.tag,
        row.base,
        row.operations,
        row.description,
        row.author,
        row.origin,
        row.created_ms,
        row.decided_ms,
        row.status.as_str(),
        version.map(int),
        digest,
        problem,
        row.expected.map(int),
    ])?;
    Ok(())
}

/// Decides patches that are still pending.
pub(super) fn settle(
    session: &mut Session<'_>,
    tenant: i64,
    settled: &[PatchSettled],
) -> Result<(), Failure> {
    for PatchSettled { id, status, decided_ms } in settled {
        let (version, digest, problem) = status.columns();
        let mut statement = session.statement(SETTLE)?;
        let name = status.as_str();
        statement.execute(params![
            tenant,
            id,
            decided_ms,
            name,
            version.map(int),
            digest,
            problem
        ])?;
    }
    Ok(())
}

fn patch_row(columns: &mut Columns<'_>) -> Result<PatchRow, Failure> {
    Ok(PatchRow {
        id: columns.take("id")?,
        tag: columns.take("tag")?,
        base: columns.take("base")?,
        operations: columns.take("operations")?,
        description: columns.take("description")?,
        author: columns.take("author")?,
        origin: columns.take("origin")?,
        created_ms: columns.take("created_ms")?,
        decided_ms: columns.take("decided_ms")?,
        status: {
            let name: String = columns.take("status")?;
            let (version, digest) = (columns.maybe_count("version")?, columns.take("digest")?);
            let status = PatchStatus::of_columns(&name, version, digest, columns.take("problem")?);
            status.ok_or_else(|| columns.problem("status", &name))?
        },
        expected: columns.maybe_count("expected")?,
    })
}
