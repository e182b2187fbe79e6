//! Tags: where they stand, their versions and moves.

use async_trait::async_trait;

use super::PostgresStore;
use super::error::Failure;
use super::pool::Statement;
use super::rows::{Columns, idempotency, int, text};
use crate::{
    Canary, IdempotencyKey, MoveKind, StoreResult, TagMove, TagRow, TagVersion, TagWrite,
    TagWritten, Tags, VersionKind, WorkspaceId,
};

/// The columns of a [`TagVersion`], in the order of [`tag_version`].
macro_rules! version_columns {
    () => {
        "v.tag, v.version, v.digest, v.kind, v.predecessor, v.source, v.description, v.dropped_by,
        v.actor, v.created_ms"
    };
}

/// Begins a query of tags with their current version.
macro_rules! select_tags {
    ($where:literal) => {
        concat!(
            "select ",
            version_columns!(),
            ", h.revision, h.tip, h.canary_version, h.canary_percent from tag_heads h
            join tags v on v.workspace = h.workspace and v.tag = h.tag and v.version = h.version
            where h.workspace = $1 and ",
            $where
        )
    };
}

/// Begins a query of versions.
macro_rules! select_versions {
    ($where:literal) => {
        concat!(
            "select ",
            version_columns!(),
            " from tags v where v.workspace = $1 and v.tag = $2 and ",
            $where
        )
    };
}

const TAG: &str = select_tags!("h.tag = $2");

const TAGS: &str = select_tags!("($2::text is null or h.tag > $2) order by h.tag limit $3");

const VERSION: &str = select_versions!("v.version = $3");

const VERSIONS: &str =
    select_versions!("($3::bigint is null or v.version < $3) order by v.version desc limit $4");

const SUCCESSOR: &str = select_versions!("v.predecessor = $3 order by v.version desc limit 1");

const MOVES: &str =
    "select revision, kind, from_version, to_version, canary_version, canary_percent, actor, at_ms
    from tag_moves where workspace = $1 and tag = $2 and ($3::bigint is null or revision < $3)
    order by revision desc limit $4";

/// Changes a tag where its head is the one that the change rests on. The head's row is what rivals
/// wait for; everything else follows from having won it. A rival that takes the key at the same
/// moment ends the statement as a serialization failure, and the next try sees the key.
///
/// Answers whether it was written, and what the key stands for.
const WRITE: &str = "with
    taken as materialized (
        select body_hash, status, response from idempotency
        where workspace = $1 and key = $6 and endpoint = $5
    ),
    made as (
        insert into tag_heads
            (workspace, tag, revision, version, tip, canary_version, canary_percent)
        select $1, $2, $10, $11, $12, $13, $14
        where $3 = 0 and $4 and not exists (select from taken)
        on conflict do nothing returning 1
    ),
    moved as (
        update tag_heads set
            revision = case when $4 then $10 else revision end,
            version = case when $4 then $11 else version end,
            tip = case when $4 then greatest(tip, $12) else tip end,
            canary_version = case when $4 then $13 else canary_version end,
            canary_percent = case when $4 then $14 else canary_percent end
        where workspace = $1 and tag = $2 and revision = $3 and not exists (select from taken)
        returning 1
    ),
    won as materialized (select from made union all select from moved),
    dropped as (
        update tags set dropped_by = $16 where workspace = $1 and tag = $2 and version > $15
        and version < $16 and dropped_by is null and exists (select from won)
    ),
    versions as (
        insert into tags (workspace, tag, version, digest, kind, predecessor, source, description,
            dropped_by, actor, created_ms)
        select $1, $2, t.* from unnest($17::bigint[], $18::text[], $19::text[], $20::bigint[],
            $21::text[], $22::text[], $23::bigint[], $24::text[], $25::bigint[]) as t
        where exists (select from won)
    ),
    moves as (
        insert into tag_moves (workspace, tag, revision, kind, from_version, to_version,
            canary_version, canary_percent, actor, at_ms)
        select $1, $2, t.* from unnest($26::bigint[], $27::text[], $28::bigint[], $29::bigint[],
            $30::bigint[], $31::bigint[], $32::text[], $33::bigint[]) as t
        where exists (select from won)
    ),
    settled as (
        update workflow_patches p set decided_ms = t.decided_ms, status = t.status,
            version = t.version, digest = t.digest, problem = t.problem
        from unnest($34::text[], $35::bigint[], $36::text[], $37::bigint[], $38::text[], $39::text[])
            as t (id, decided_ms, status, version, digest, problem)
        where p.workspace = $1 and p.id = t.id and p.status = 'pending'
        and exists (select from won)
    ),
    answered as (
        insert into idempotency
            (workspace, key, endpoint, stream, body_hash, status, response, expires_ms)
        select $1, $6, $5, '00000000-0000-0000-0000-000000000000'::uuid, $7, $8, $9, $40
        where $6 is not null and exists (select from won)
        on conflict do nothing returning 1
    )
    select exists (select from won),
        case when $6 is not null and exists (select from won)
            and not exists (select from answered)
            then append_lost_a_race() else false end,
        (select body_hash from taken), (select status from taken), (select response from taken)";

#[async_trait]
impl Tags for PostgresStore {
    async fn tag(&self, workspace: WorkspaceId, tag: &str) -> StoreResult<Option<TagRow>> {
        let query = || sqlx::query(TAG).bind(workspace.0).bind(text(tag));
        Ok(self.api.within(workspace, query, "tags", tag_row).await?.into_iter().next())
    }

    async fn tags(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TagRow>> {
        let query =
            || sqlx::query(TAGS).bind(workspace.0).bind(after.map(text)).bind(i64::from(limit));
        self.api.within(workspace, query, "tags", tag_row).await
    }

    async fn tag_version(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> StoreResult<Option<TagVersion>> {
        let query = || sqlx::query(VERSION).bind(workspace.0).bind(text(tag)).bind(int(version));
        Ok(self.api.within(workspace, query, "tags", tag_version).await?.into_iter().next())
    }

    async fn tag_versions(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> StoreResult<Vec<TagVersion>> {
        let query = || page(VERSIONS, workspace, tag, before, limit);
        self.api.within(workspace, query, "tags", tag_version).await
    }

    async fn tag_successor(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        version: u64,
    ) -> StoreResult<Option<TagVersion>> {
        let query = || sqlx::query(SUCCESSOR).bind(workspace.0).bind(text(tag)).bind(int(version));
        Ok(self.api.within(workspace, query, "tags", tag_version).await?.into_iter().next())
    }

    async fn tag_moves(
        &self,
        workspace: WorkspaceId,
        tag: &str,
        before: Option<u64>,
        limit: u32,
    ) -> StoreResult<Vec<TagMove>> {
        let query = || page(MOVES, workspace, tag, before, limit);
        self.api.within(workspace, query, "tag_moves", tag_move).await
    }

    async fn tag_write(&self, workspace: WorkspaceId, write: &TagWrite) -> StoreResult<TagWritten> {
        let statement = || bound(workspace, write);
        let written = self.api.once_within(workspace, statement, "tag_heads", written).await?;
        Ok(written.into_iter().next().unwrap_or(TagWritten::Stale))
    }
}

fn page(
    query: &'static str,
    workspace: WorkspaceId,
    tag: &str,
    before: Option<u64>,
    limit: u32,
) -> Statement {
    let query = sqlx::query(query).bind(workspace.0).bind(text(tag).into_owned());
    query.bind(before.map(int)).bind(i64::from(limit))
}

fn owned(plain: &str) -> String {
    text(plain).into_owned()
}

/// The parameters of [`WRITE`].
fn bound(workspace: WorkspaceId, write: &TagWrite) -> Statement {
    let key = write.key.as_ref();
    let query = sqlx::query(WRITE)
        .bind(workspace.0)
        .bind(owned(&write.tag))
        .bind(int(write.revision))
        .bind(!write.moves.is_empty());
    let query = answer(query, key);
    let query = head(query, write);
    let query = moves(versions(query, &write.versions), &write.moves);
    settled(query, write).bind(key.map(|key| key.expires_ms))
}

fn answer(query: Statement, key: Option<&IdempotencyKey>) -> Statement {
    query
        .bind(key.map(|key| owned(&key.endpoint)))
        .bind(key.map(|key| owned(&key.key)))
        .bind(key.map(|key| key.body_hash))
        .bind(key.map(|key| i64::from(key.status)))
        .bind(key.map(|key| owned(&key.response)))
}

/// What the last move leaves; nothing of it is used where there is none.
fn head(query: Statement, write: &TagWrite) -> Statement {
    let last = write.moves.last();
    let first = write.versions.first();
    let canary = last.and_then(|row| row.canary);
    query
        .bind(last.map(|row| int(row.revision)))
        .bind(last.map(|row| int(row.to)))
        .bind(int(write.versions.last().map_or(0, |row| row.version)))
        .bind(canary.map(|canary| int(canary.version)))
        .bind(canary.map(|canary| i64::from(canary.percent)))
        .bind(first.map(|row| int(row.predecessor.unwrap_or(0))))
        .bind(first.map(|row| int(row.version)))
}

fn versions(query: Statement, rows: &[TagVersion]) -> Statement {
    let maybe = |one: fn(&TagVersion) -> Option<&String>| -> Vec<Option<String>> {
        rows.iter().map(|row| one(row).map(|plain| owned(plain))).collect()
    };
    query
        .bind(rows.iter().map(|row| int(row.version)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| owned(&row.digest)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.kind.as_str().to_owned()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.predecessor.map(int)).collect::<Vec<_>>())
        .bind(maybe(|row| row.source.as_ref()))
        .bind(maybe(|row| row.description.as_ref()))
        .bind(rows.iter().map(|row| row.dropped_by.map(int)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| owned(&row.actor)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.created_ms).collect::<Vec<_>>())
}

fn moves(query: Statement, rows: &[TagMove]) -> Statement {
    let canary = |row: &TagMove| row.canary.map(|canary| int(canary.version));
    let percent = |row: &TagMove| row.canary.map(|canary| i64::from(canary.percent));
    query
        .bind(rows.iter().map(|row| int(row.revision)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.kind.as_str().to_owned()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| int(row.from)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| int(row.to)).collect::<Vec<_>>())
        .bind(rows.iter().map(canary).collect::<Vec<_>>())
        .bind(rows.iter().map(percent).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| owned(&row.actor)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.at_ms).collect::<Vec<_>>())
}

fn settled(query: Statement, write: &TagWrite) -> Statement {
    let rows = &write.settled;
    let parts: Vec<_> = rows.iter().map(|row| row.status.columns()).collect();
    query
        .bind(rows.iter().map(|row| owned(&row.id)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.decided_ms).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.status.as_str().to_owned()).collect::<Vec<_>>())
        .bind(parts.iter().map(|(version, _, _)| version.map(int)).collect::<Vec<_>>())
        .bind(parts.iter().map(|(_, digest, _)| digest.map(owned)).collect::<Vec<_>>())
        .bind(parts.iter().map(|(_, _, problem)| problem.map(owned)).collect::<Vec<_>>())
}

fn written(columns: &mut Columns<'_>) -> Result<TagWritten, Failure> {
    let won: bool = columns.take("won")?;
    // Of the race that is never seen: it ends the statement.
    columns.take::<bool>("lost")?;
    if won {
        return Ok(TagWritten::Done);
    }
    if columns.peek::<Option<Vec<u8>>>("body_hash")?.is_some() {
        return idempotency(columns).map(TagWritten::Key);
    }
    Ok(TagWritten::Stale)
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
        tag: columns.text("tag")?,
        version: columns.count("version")?,
        digest: columns.text("digest")?,
        kind: {
            let kind = columns.text("kind")?;
            VersionKind::parse(&kind).ok_or_else(|| columns.problem("kind", &kind))?
        },
        predecessor: columns.maybe_count("predecessor")?,
        source: columns.maybe_text("source")?,
        description: columns.maybe_text("description")?,
        dropped_by: columns.maybe_count("dropped_by")?,
        actor: columns.text("actor")?,
        created_ms: columns.take("created_ms")?,
    })
}

fn tag_move(columns: &mut Columns<'_>) -> Result<TagMove, Failure> {
    Ok(TagMove {
        revision: columns.count("revision")?,
        kind: {
            let kind = columns.text("kind")?;
            MoveKind::parse(&kind).ok_or_else(|| columns.problem("kind", &kind))?
        },
        from: columns.count("from_version")?,
        to: columns.count("to_version")?,
        canary: canary(columns)?,
        actor: columns.text("actor")?,
        at_ms: columns.take("at_ms")?,
    })
}

fn canary(columns: &mut Columns<'_>) -> Result<Option<Canary>, Failure> {
    let version = columns.maybe_count("canary_version")?;
    let percent = columns.maybe_count("canary_percent")?;
    Ok(version.zip(percent).map(|(version, percent)| Canary { version, percent }))
}
