//! Tags: where they stand, their versions and moves.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStore;
use super::error::{Failure, answer};
use super::rows::{Columns, collect, first, idempotency, int};
use super::session::Session;
use super::{patches, sql};
use crate::{
    Canary, IdempotencyKey, IdempotencyRow, MoveKind, StoreResult, TagMove, TagRow, TagVersion,
    TagWrite, TagWritten, Tags, VersionKind, WorkspaceId,
};

/// The columns of a [`TagVersion`], in the order of [`tag_version`].
macro_rules! version_columns {
    () => {
        "v.tag, v.version, v.digest, v.kind, v.predecessor, v.source, v.description, v.dropped_by,
        v.actor, v.created_ms"
    };
}

/// The tenant of workspace `?1`.
macro_rules! tenant {
    () => {
        "(select no from tenants where workspace = ?1)"
    };
}

const TAGS: &str = concat!(
    "select ",
    version_columns!(),
    ", h.revision, h.tip, h.canary_version, h.canary_percent from tag_heads h
    join tags v on v.tenant = h.tenant and v.tag = h.tag and v.version = h.version
    where h.tenant = ",
    tenant!(),
);

const VERSION: &str = concat!(
    "select ",
    version_columns!(),
    " from tags v where v.tenant = ",
    tenant!(),
    " and v.tag = ?2 and v.version = ?3"
);

const VERSIONS: &str = concat!(
    "select ",
    version_columns!(),
    " from tags v where v.tenant = ",
    tenant!(),
    " and v.tag = ?2 and (?3 is null or v.version < ?3) order by v.version desc limit ?4"
);

const SUCCESSOR: &str = concat!(
    "select ",
    version_columns!(),
    " from tags v where v.tenant = ",
    tenant!(),
    " and v.tag = ?2 and v.predecessor = ?3 order by v.version desc limit 1"
);

const MOVES: &str = concat!(
    "select revision, kind, from_version, to_version, canary_version, canary_percent, actor, at_ms
    from tag_moves where tenant = ",
    tenant!(),
    " and tag = ?2 and (?3 is null or revision < ?3) order by revision desc limit ?4"
);

const REVISION: &str = "select revision from tag_heads where tenant = ?1 and tag = ?2";

const HEAD_PUT: &str = "insert into tag_heads
    (tenant, tag, revision, version, tip, canary_version, canary_percent)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    on conflict do update set revision = excluded.revision, version = excluded.version,
        tip = max(tip, excluded.tip), canary_version = excluded.canary_version,
        canary_percent = excluded.canary_percent";

const VERSION_PUT: &str =
    "insert into tags (tenant, tag, version, digest, kind, predecessor, source,
        description, dropped_by, actor, created_ms)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

const DROP: &str = "update tags set dropped_by = ?4
    where tenant = ?1 and tag = ?2 and version > ?3 and dropped_by is null";

const MOVE_PUT: &str =
    "insert into tag_moves (tenant, tag, revision, kind, from_version, to_version,
        canary_version, canary_percent, actor, at_ms)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

#[async_trait]
impl Tags for SqliteStore {
    async fn tag(&self, workspace: WorkspaceId, tag: &str) -> StoreResult<Option<TagRow>> {
        let tag = tag.to_owned();
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(&format!("{TAGS} and h.tag = ?2"))?;
                first(statement.query(params![workspace, tag])?, "tags", tag_row)
            })
            .await
    }

    async fn tags(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TagRow>> {
        let after = after.map(str::to_owned);
        self.readers
            .read(move |connection| {
                let page = format!("{TAGS} and h.tag > ?2 order by h.tag limit ?3");
                let mut statement = connection.prepare_cached(&page)?;
                // No tag is empty: all come after that.
                let after = after.unwrap_or_default();
                collect(statement.query(params![workspace, after, limit])?, "tags", tag_row)
            })
            .await
    }

    async fn tag_version(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> StoreResult<Option<TagVersion>> {
        self.one_version(VERSION, workspace, tag, version).await
    }

    async fn tag_versions(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> StoreResult<Vec<TagVersion>> {
        let (tag, before) = (tag.to_owned(), before.map(int));
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(VERSIONS)?;
                let rows = statement.query(params![workspace, tag, before, limit])?;
                collect(rows, "tags", tag_version)
            })
            .await
    }

    async fn tag_successor(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> StoreResult<Option<TagVersion>> {
        self.one_version(SUCCESSOR, workspace, tag, version).await
    }

    async fn tag_moves(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> StoreResult<Vec<TagMove>> {
        let (tag, before) = (tag.to_owned(), before.map(int));
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(MOVES)?;
                let rows = statement.query(params![workspace, tag, before, limit])?;
                collect(rows, "tag_moves", tag_move)
            })
            .await
    }

    async fn tag_write(&self, workspace: WorkspaceId, write: &TagWrite) -> StoreResult<TagWritten> {
        let write = write.clone();
        answer(self.writer.write(0, move |session| perform(session, workspace, &write)).await)
    }
}

impl SqliteStore {
    async fn one_version(
        &self,
        query: &'static str,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> StoreResult<Option<TagVersion>> {
        let tag = tag.to_owned();
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(query)?;
                let rows = statement.query(params![workspace, tag, int(version)])?;
                first(rows, "tags", tag_version)
            })
            .await
    }
}

fn perform(
    session: &mut Session<'_>,
    workspace: WorkspaceId,
    write: &TagWrite,
) -> Result<TagWritten, Failure> {
    let tenant = session.tenant(workspace)?;
    if let Some(row) = taken(session, tenant, write.key.as_ref())? {
        return Ok(TagWritten::Key(row));
    }
    let mut statement = session.statement(REVISION)?;
    let rows = statement.query(params![tenant, write.tag])?;
    let revision: Option<u64> = first(rows, "tag_heads", |columns| columns.count("revision"))?;
    let revision = revision.unwrap_or(0);
    if revision != write.revision || (revision == 0 && write.moves.is_empty()) {
        return Ok(TagWritten::Stale);
    }
    moved(session, tenant, write)?;
    patches::settle(session, tenant, &write.settled)?;
    key_put(session, tenant, write.key.as_ref())?;
    Ok(TagWritten::Done)
}

/// Writes versions, moves and the head that the last move leaves.
fn moved(session: &mut Session<'_>, tenant: i64, write: &TagWrite) -> Result<(), Failure> {
    let Some(last) = write.moves.last() else { return Ok(()) };
    if let Some(first) = write.versions.first() {
        let after = int(first.predecessor.unwrap_or(0));
        let mut drop = session.statement(DROP)?;
        drop.execute(params![tenant, write.tag, after, int(first.version)])?;
    }
    for row in &write.versions {
        session.statement(VERSION_PUT)?.execute(params![
            tenant,
            row.tag,
            int(row.version),
            row.digest,
            row.kind.as_str(),
            row.predecessor.map(int),
            row.source,
            row.description,
            row.dropped_by.map(int),
            row.actor,
            row.created_ms,
        ])?;
    }
    for row in &write.moves {
        session.statement(MOVE_PUT)?.execute(params![
            tenant,
            write.tag,
            int(row.revision),
            row.kind.as_str(),
            int(row.from),
            int(row.to),
            row.canary.map(|canary| int(canary.version)),
            row.canary.map(|canary| canary.percent),
            row.actor,
            row.at_ms,
        ])?;
    }
    session.statement(HEAD_PUT)?.execute(params![
        tenant,
        write.tag,
        int(last.revision),
        int(last.to),
        int(write.versions.last().map_or(0, |row| row.version)),
        last.canary.map(|canary| int(canary.version)),
        last.canary.map(|canary| canary.percent),
    ])?;
    Ok(())
}

/// The answer that a key stands for.
pub(super) fn taken(
    session: &mut Session<'_>,
    tenant: i64,
    key: Option<&IdempotencyKey>,
) -> Result<Option<IdempotencyRow>, Failure> {
    let Some(key) = key else { return Ok(None) };
    let mut statement = session.statement(sql::KEY_GET)?;
    first(statement.query(params![tenant, key.endpoint, key.key])?, "idempotency", idempotency)
}

/// Stores the answer to a request.
pub(super) fn key_put(
    session: &mut Session<'_>,
    tenant: i64,
    key: Option<&IdempotencyKey>,
) -> Result<(), Failure> {
    let Some(key) = key else { return Ok(()) };
    session.statement(sql::KEY_PUT)?.execute(params![
        tenant,
        key.endpoint,
        key.key,
        key.body_hash,
        key.status,
        key.response,
        key.expires_ms,
    ])?;
    Ok(())
}

fn tag_row(columns: &mut Columns<'_>) -> Result<TagRow, Failure> {
    Ok(TagRow {
        current: tag_version(columns)?,
        revision: columns.count("revision")?,
        tip: columns.count("tip")?,
        canary: canary(columns)?,
    })
}

fn tag_version(columns: &mut Columns<'_>) -> Result<TagVersion, Failure> {
    Ok(TagVersion {
        tag: columns.take("tag")?,
        version: columns.count("version")?,
        digest: columns.take("digest")?,
        kind: {
            let kind: String = columns.take("kind")?;
            VersionKind::parse(&kind).ok_or_else(|| columns.problem("kind", &kind))?
        },
        predecessor: columns.maybe_count("predecessor")?,
        source: columns.take("source")?,
        description: columns.take("description")?,
        dropped_by: columns.maybe_count("dropped_by")?,
        actor: columns.take("actor")?,
        created_ms: columns.take("created_ms")?,
    })
}

fn tag_move(columns: &mut Columns<'_>) -> Result<TagMove, Failure> {
    Ok(TagMove {
        revision: columns.count("revision")?,
        kind: {
            let kind: String = columns.take("kind")?;
            MoveKind::parse(&kind).ok_or_else(|| columns.problem("kind", &kind))?
        },
        from: columns.count("from_version")?,
        to: columns.count("to_version")?,
        canary: canary(columns)?,
        actor: columns.take("actor")?,
        at_ms: columns.take("at_ms")?,
    })
}

fn canary(columns: &mut Columns<'_>) -> Result<Option<Canary>, Failure> {
    let version = columns.maybe_count("canary_version")?;
    let percent = columns.maybe_count("canary_percent")?;
    Ok(version.zip(percent).map(|(version, percent)| Canary { version, percent }))
}
