//! Patches of workflows.

use async_trait::async_trait;

use super::PostgresStore;
use super::error::Failure;
use super::pool::Statement;
use super::rows::{Columns, idempotency, int, text};
use crate::{
    IdempotencyKey, PatchPut, PatchRow, PatchStatus, Patches, StoreResult, TimeMs, WorkspaceId,
};

/// The columns of a [`PatchRow`], in the order of [`patch_row`].
macro_rules! patch_columns {
    () => {
        "id, tag, base, operations, description, author, origin, created_ms, decided_ms, status,
        version, digest, problem, expected"
    };
}

/// Begins a query of patches.
macro_rules! select_patches {
    ($where:literal) => {
        concat!(
            "select ",
            patch_columns!(),
            " from workflow_patches where workspace = $1 and ",
            $where
        )
    };
}

const PATCH: &str = select_patches!("id = $2");

const PATCHES: &str =
    select_patches!("tag = $2 and ($3::text is null or id < $3) order by id desc limit $4");

const PENDING: &str = select_patches!("tag = $2 and status = 'pending' order by id limit $3");

const PENDING_COUNT: &str = "select count(*) as pending from workflow_patches
    where workspace = $1 and tag = $2 and status = 'pending'";

/// Stores a patch unless its key is taken, and its key. Where a rival takes the key at the same
/// moment, the statement ends as a serialization failure, and the next try sees the key.
const PUT: &str = concat!(
    "with
    taken as materialized (
        select body_hash, status, response from idempotency
        where workspace = $1 and key = $16 and endpoint = $15
    ),
    put as (
        insert into workflow_patches (workspace, ",
    patch_columns!(),
    ")
        select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $21
        where not exists (select from taken)
        on conflict do nothing
    ),
    answered as (
        insert into idempotency
            (workspace, key, endpoint, stream, body_hash, status, response, expires_ms)
        select $1, $16, $15, '00000000-0000-0000-0000-000000000000'::uuid, $17, $18, $19, $20
        where $16 is not null and not exists (select from taken)
        on conflict do nothing returning 1
    )
    select case when $16 is not null and not exists (select from taken)
            and not exists (select from answered)
            then append_lost_a_race() else false end,
        (select body_hash from taken), (select status from taken), (select response from taken)"
);

const TAGS_PENDING: &str = "select distinct workspace, tag from workflow_patches
    where status = 'pending' and created_ms < $1
    and ($2::uuid is null or (workspace, tag) > ($2, $3))
    order by workspace, tag limit $4";

#[async_trait]
impl Patches for PostgresStore {
    async fn patch_put(
        &self,
        workspace: WorkspaceId,
        patch: &PatchRow,
        key: Option<&IdempotencyKey>,
    ) -> StoreResult<PatchPut> {
        let put = || bound(workspace, patch, key);
        let put = self.api.once_within(workspace, put, "workflow_patches", |columns| {
            columns.take::<bool>("lost")?;
            if columns.peek::<Option<Vec<u8>>>("body_hash")?.is_none() {
                return Ok(PatchPut::Stored);
            }
            idempotency(columns).map(PatchPut::Key)
        });
        Ok(put.await?.into_iter().next().unwrap_or(PatchPut::Stored))
    }

    async fn patch(&self, workspace: WorkspaceId, id: &str) -> StoreResult<Option<PatchRow>> {
        let query = || sqlx::query(PATCH).bind(workspace.0).bind(text(id));
        let found = self.api.within(workspace, query, "workflow_patches", patch_row).await?;
        Ok(found.into_iter().next())
    }

    async fn patches(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<PatchRow>> {
        let query = || {
            let query = sqlx::query(PATCHES).bind(workspace.0).bind(text(tag));
            query.bind(before.map(text)).bind(i64::from(limit))
        };
        self.api.within(workspace, query, "workflow_patches", patch_row).await
    }

    async fn patches_pending(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        limit: u32,
    ) -> StoreResult<Vec<PatchRow>> {
        let query =
            || sqlx::query(PENDING).bind(workspace.0).bind(text(tag)).bind(i64::from(limit));
        self.api.within(workspace, query, "workflow_patches", patch_row).await
    }

    async fn patches_pending_count(&self, workspace: WorkspaceId, tag: &str) -> StoreResult<u64> {
        let query = || sqlx::query(PENDING_COUNT).bind(workspace.0).bind(text(tag));
        let counted = self.api.within(workspace, query, "workflow_patches", |columns| {
            columns.count::<u64>("pending")
        });
        Ok(counted.await?.into_iter().next().unwrap_or(0))
    }

    async fn tags_pending(
        &self,
        older_than_ms: TimeMs,
        after: Option<&(WorkspaceId, String)>,
        limit: u32,
    ) -> StoreResult<Vec<(WorkspaceId, String)>> {
        let query = || {
            sqlx::query(TAGS_PENDING)
                .bind(older_than_ms)
                .bind(after.map(|(workspace, _)| workspace.0))
                .bind(after.map(|(_, tag)| text(tag)))
                .bind(i64::from(limit))
        };
        self.log
            .read(query, "workflow_patches", |columns| {
                Ok((columns.workspace("workspace")?, columns.text("tag")?))
            })
            .await
    }
}

/// The parameters of [`PUT`].
fn bound(workspace: WorkspaceId, row: &PatchRow, key: Option<&IdempotencyKey>) -> Statement {
    let owned = |plain: &str| text(plain).into_owned();
    let (version, digest, problem) = row.status.columns();
    sqlx::query(PUT)
        .bind(workspace.0)
        .bind(owned(&row.id))
        .bind(owned(&row.tag))
        .bind(owned(&row.base))
        .bind(owned(&row.operations))
        .bind(row.description.as_deref().map(owned))
        .bind(owned(&row.author))
        .bind(owned(&row.origin))
        .bind(row.created_ms)
        .bind(row.decided_ms)
        .bind(row.status.as_str())
        .bind(version.map(int))
        .bind(digest.map(owned))
        .bind(problem.map(owned))
        .bind(key.map(|key| owned(&key.endpoint)))
        .bind(key.map(|key| owned(&key.key)))
        .bind(key.map(|key| key.body_hash))
        .bind(key.map(|key| i64::from(key.status)))
        .bind(key.map(|key| owned(&key.response)))
        .bind(key.map(|key| key.expires_ms))
        .bind(row.expected.map(int))
}

fn patch_row(columns: &mut Columns<'_>) -> Result<PatchRow, Failure> {
    Ok(PatchRow {
        id: columns.text("id")?,
        tag: columns.text("tag")?,
        base: columns.text("base")?,
        operations: columns.text("operations")?,
        description: columns.maybe_text("description")?,
        author: columns.text("author")?,
        origin: columns.text("origin")?,
        created_ms: columns.take("created_ms")?,
        decided_ms: columns.take("decided_ms")?,
        status: {
            let name = columns.text("status")?;
            let version = columns.maybe_count("version")?;
            let digest = columns.maybe_text("digest")?;
            let problem = columns.maybe_text("problem")?;
            let status = PatchStatus::of_columns(&name, version, digest, problem);
            status.ok_or_else(|| columns.problem("status", &name))?
        },
        expected: columns.maybe_count("expected")?,
    })
}
