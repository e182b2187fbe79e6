//! Workflows: documents by digest, tags by version.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStore;
use super::error::{Failure, answer};
use super::rows::{Columns, collect, first, int};
use super::session::Session;
use super::sql;
use crate::{Catalog, StoreResult, TagChange, TagMove, TagVersion, TimeMs, WorkspaceId};

const CURRENT: &str = "select tag, version, digest, actor, created_ms from tags
    where tenant = ?1 and tag = ?2 order by version desc limit 1";

const PUT: &str = "insert into tags (tenant, tag, version, digest, actor, created_ms)
    values (?1, ?2, ?3, ?4, ?5, ?6)";

/// The latest version of each tag, and the same after a tag. The last parameter is null in the first.
const LATEST: &str = "select tag, max(version), digest, actor, created_ms from tags
    where tenant = (select no from tenants where workspace = ?1) and ?3 is null
    group by tag order by tag limit ?2";
const LATEST_AFTER: &str = "select tag, max(version), digest, actor, created_ms from tags
    where tenant = (select no from tenants where workspace = ?1) and tag > ?3
    group by tag order by tag limit ?2";

#[async_trait]
impl Catalog for SqliteStore {
    async fn documents_put(
        &self,
        workspace: WorkspaceId,
        documents: &[(String, String)],
        now_ms: TimeMs,
    ) -> StoreResult<()> {
        let documents = documents.to_vec();
        let bytes = documents.iter().map(|(_, document)| document.len()).sum();
        let work = move |session: &mut Session<'_>| {
            let tenant = session.tenant(workspace)?;
            for (digest, document) in &documents {
                let mut put = session.statement(sql::DOCUMENT_PUT)?;
                put.execute(params![tenant, digest, document, now_ms])?;
            }
            Ok(())
        };
        answer(self.writer.write(bytes, work).await)
    }

    async fn document(&self, workspace: WorkspaceId, digest: &str) -> StoreResult<Option<String>> {
        let digest = digest.to_owned();
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select document from documents
                    where tenant = (select no from tenants where workspace = ?1) and digest = ?2",
                )?;
                let rows = statement.query(params![workspace, digest])?;
                first(rows, "documents", |columns| columns.take("document"))
            })
            .await
    }

    async fn tag_move(&self, workspace: WorkspaceId, change: &TagChange) -> StoreResult<TagMove> {
        let change = change.clone();
        answer(self.writer.write(0, move |session| move_tag(session, workspace, &change)).await)
    }

    async fn tag(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: Option<u64>,
    ) -> StoreResult<Option<TagVersion>> {
        let (tag, version) = (tag.to_owned(), version.map(int));
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select tag, version, digest, actor, created_ms from tags
                    where tenant = (select no from tenants where workspace = ?1) and tag = ?2
                    and (?3 is null or version = ?3) order by version desc limit 1",
                )?;
                first(statement.query(params![workspace, tag, version])?, "tags", tag_version)
            })
            .await
    }

    async fn tags(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TagVersion>> {
        let after = after.map(str::to_owned);
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(match after {
                    Some(_) => LATEST_AFTER,
                    None => LATEST,
                })?;
                collect(statement.query(params![workspace, limit, after])?, "tags", tag_version)
            })
            .await
    }

    async fn tag_versions(
        &self,
        workspace: WorkspaceId,
        tag: &str,
    ) -> StoreResult<Vec<TagVersion>> {
        let tag = tag.to_owned();
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select tag, version, digest, actor, created_ms from tags
                    where tenant = (select no from tenants where workspace = ?1) and tag = ?2
                    order by version desc",
                )?;
                collect(statement.query(params![workspace, tag])?, "tags", tag_version)
            })
            .await
    }
}

fn move_tag(
    session: &mut Session<'_>,
    workspace: WorkspaceId,
    change: &TagChange,
) -> Result<TagMove, Failure> {
    let tenant = session.tenant(workspace)?;
    let mut statement = session.statement(CURRENT)?;
    let current = first(statement.query(params![tenant, change.tag])?, "tags", tag_version)?;
    let version = current.as_ref().map_or(0, |row| row.version);
    if change.expected.is_some_and(|expected| expected != version) {
        return Ok(TagMove::Conflict(current));
    }
    if let Some(row) = current.filter(|row| row.digest == change.digest) {
        return Ok(TagMove::Unchanged(row));
    }
    let row = TagVersion {
        tag: change.tag.clone(),
        version: version + 1,
        digest: change.digest.clone(),
        actor: change.actor.clone(),
        created_ms: change.now_ms,
    };
    session.statement(PUT)?.execute(params![
        tenant,
        row.tag,
        int(row.version),
        row.digest,
        row.actor,
        row.created_ms
    ])?;
    Ok(TagMove::Moved(row))
}

fn tag_version(columns: &mut Columns<'_>) -> Result<TagVersion, Failure> {
    Ok(TagVersion {
        tag: columns.take("tag")?,
        version: columns.count("version")?,
        digest: columns.take("digest")?,
        actor: columns.take("actor")?,
        created_ms: columns.take("created_ms")?,
    })
}
