//! Workflows: documents by digest, tags by version.

use async_trait::async_trait;

use super::PostgresStore;
use super::error::Failure;
use super::rows::{Columns, int, text, texts};
use crate::{Catalog, StoreResult, TagChange, TagMove, TagVersion, TimeMs, WorkspaceId};

const DOCUMENTS_PUT: &str = "insert into documents (workspace, digest, document, created_ms)
    select $1, digest, document, $4
    from unnest($2::text[], $3::text[]) with ordinality as t (digest, document, place)
    order by digest, place on conflict do nothing";

const DOCUMENT: &str = "select document from documents where workspace = $1 and digest = $2";

/// Where a tag is; with a version, where it was then.
const TAG: &str = "select tag, version, digest, actor, created_ms from tags
    where workspace = $1 and tag = $2 and ($3::bigint is null or version = $3)
    order by version desc limit 1";

/// Takes the next version of a tag, unless another was faster.
const PUT: &str = "insert into tags (workspace, tag, version, digest, actor, created_ms)
    values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning version";

/// Steps from one tag to the next, and reads the latest version of each.
const LATEST: &str = "with recursive step as (
        (select tag from tags where workspace = $1 and ($2::text is null or tag > $2)
        order by tag limit 1)
        union all
        select (select t.tag from tags t where t.workspace = $1 and t.tag > s.tag
            order by t.tag limit 1)
        from step s where s.tag is not null
    )
    select v.tag, v.version, v.digest, v.actor, v.created_ms
    from (select tag from step where tag is not null limit $3) s
    cross join lateral (
        select * from tags t where t.workspace = $1 and t.tag = s.tag
        order by t.version desc limit 1
    ) v
    order by v.tag";

const VERSIONS: &str = "select tag, version, digest, actor, created_ms from tags
    where workspace = $1 and tag = $2 order by version desc";

#[async_trait]
impl Catalog for PostgresStore {
    async fn documents_put(
        &self,
        workspace: WorkspaceId,
        documents: &[(String, String)],
        now_ms: TimeMs,
    ) -> StoreResult<()> {
        let put = || {
            sqlx::query(DOCUMENTS_PUT)
                .bind(workspace.0)
                .bind(texts(documents.iter().map(|(digest, _)| digest)))
                .bind(texts(documents.iter().map(|(_, document)| document)))
                .bind(now_ms)
        };
        self.api.within(workspace, put, "documents", |_| Ok(())).await.map(drop)
    }

    async fn document(&self, workspace: WorkspaceId, digest: &str) -> StoreResult<Option<String>> {
        let query = || sqlx::query(DOCUMENT).bind(workspace.0).bind(text(digest));
        let found =
            self.api.within(workspace, query, "documents", |columns| columns.text("document"));
        Ok(found.await?.into_iter().next())
    }

    async fn tag_move(&self, workspace: WorkspaceId, change: &TagChange) -> StoreResult<TagMove> {
        loop {
            let current = self.tag(workspace, &change.tag, None).await?;
            let version = current.as_ref().map_or(0, |row| row.version);
            if change.expected.is_some_and(|expected| expected != version) {
                return Ok(TagMove::Conflict(current));
            }
            if let Some(row) = current.filter(|row| row.digest == change.digest) {
                return Ok(TagMove::Unchanged(row));
            }
            if self.tag_put(workspace, change, version + 1).await? {
                return Ok(TagMove::Moved(TagVersion {
                    tag: change.tag.clone(),
                    version: version + 1,
                    digest: change.digest.clone(),
                    actor: change.actor.clone(),
                    created_ms: change.now_ms,
                }));
            }
        }
    }

    async fn tag(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: Option<u64>,
    ) -> StoreResult<Option<TagVersion>> {
        let query = || sqlx::query(TAG).bind(workspace.0).bind(text(tag)).bind(version.map(int));
        Ok(self.api.within(workspace, query, "tags", tag_version).await?.into_iter().next())
    }

    async fn tags(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TagVersion>> {
        let query =
            || sqlx::query(LATEST).bind(workspace.0).bind(after.map(text)).bind(i64::from(limit));
        self.api.within(workspace, query, "tags", tag_version).await
    }

    async fn tag_versions(
        &self,
        workspace: WorkspaceId,
        tag: &str,
    ) -> StoreResult<Vec<TagVersion>> {
        let query = || sqlx::query(VERSIONS).bind(workspace.0).bind(text(tag));
        self.api.within(workspace, query, "tags", tag_version).await
    }
}

impl PostgresStore {
    /// `false`: the tag has that version already.
    async fn tag_put(
        &self,
        workspace: WorkspaceId,
        change: &TagChange,
        version: u64,
    ) -> StoreResult<bool> {
        let put = || {
            sqlx::query(PUT)
                .bind(workspace.0)
                .bind(text(&change.tag))
                .bind(int(version))
                .bind(text(&change.digest))
                .bind(text(&change.actor))
                .bind(change.now_ms)
        };
        Ok(!self.api.within(workspace, put, "tags", |_| Ok(())).await?.is_empty())
    }
}

fn tag_version(columns: &mut Columns<'_>) -> Result<TagVersion, Failure> {
    Ok(TagVersion {
        tag: columns.text("tag")?,
        version: columns.count("version")?,
        digest: columns.text("digest")?,
        actor: columns.text("actor")?,
        created_ms: columns.take("created_ms")?,
    })
}
