//! The event log.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::error::{Failure, WriteError};
use super::rows::{Columns, SEGMENT, collect, first, int, segment};
use super::session::POSITION_BITS;
use super::{SqliteStore, append};
use crate::{
    AppendBatch, AppendOutcome, FeedCursor, FeedEntry, Head, Log, Segment, StoreError, StoreResult,
    StreamId, TimeMs, WorkspaceId,
};

/// Mask of a segment's id: its position in the feed.
const POSITION: i64 = (1 << POSITION_BITS) - 1;

/// What a row of an append writes besides its events, about.
const ROW_BYTES: usize = 512;

#[async_trait]
impl Log for SqliteStore {
    async fn append(&self, batch: Arc<AppendBatch>) -> StoreResult<Vec<AppendOutcome>> {
        let streams = batch.streams.len();
        let bytes = batch.streams.iter().map(|append| append.weight(ROW_BYTES)).sum();
        match self.writer.write(bytes, move |session| append::append(session, &batch)).await {
            Ok(outcomes) => Ok(outcomes),
            Err(WriteError::Refused(error)) => Err(error),
            Err(WriteError::Unknown(problem)) => {
                tracing::error!(%problem, "a commit failed");
                Ok(vec![AppendOutcome::Unknown; streams])
            }
        }
    }

    async fn heads(&self, streams: &[StreamId]) -> StoreResult<Vec<Head>> {
        let streams = streams.to_vec();
        self.readers
            .read(move |connection| {
                streams.iter().map(|stream| head(connection, *stream)).collect()
            })
            .await
    }

    async fn workspace_of(&self, stream: StreamId) -> StoreResult<Option<WorkspaceId>> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select t.workspace from segments s join tenants t on t.no = s.id >> ?2
                    where s.stream = ?1 and s.ordinal = 1",
                )?;
                let rows = statement.query(params![stream, POSITION_BITS])?;
                first(rows, "tenants", |columns| columns.workspace("workspace"))
            })
            .await
    }

    async fn segments_after(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_ordinal: u64,
        limit: u32,
    ) -> StoreResult<Vec<Segment>> {
        self.readers
            .read(move |connection| segments(connection, workspace, stream, after_ordinal, limit))
            .await
    }

    async fn segments_after_seq(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_seq: u64,
        limit: u32,
    ) -> StoreResult<Vec<Segment>> {
        self.readers
            .read(move |connection| {
                let after = ordinal_before(connection, stream, after_seq)?;
                segments(connection, workspace, stream, after, limit)
            })
            .await
    }

    async fn feed_after(
        &self,
        workspace: WorkspaceId,
        cursor: &FeedCursor,
        limit: u32,
    ) -> StoreResult<Vec<FeedEntry>> {
        let after = position(cursor)?;
        self.readers.read(move |connection| feed(connection, workspace, after, limit)).await
    }

    async fn feed_end(&self, workspace: WorkspaceId) -> StoreResult<FeedCursor> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select max(t.feed_floor, ifnull((select id from segments
                        where id between t.no << ?2 and (t.no << ?2 | ?3)
                        order by id desc limit 1), 0) & ?3)
                    from tenants t where t.workspace = ?1",
                )?;
                let end = statement
                    .query_row(params![workspace, POSITION_BITS, POSITION], |row| row.get(0))
                    .optional()?;
                Ok(cursor(end.unwrap_or(0)))
            })
            .await
    }

    async fn now_ms(&self) -> StoreResult<TimeMs> {
        Ok((self.clock)())
    }
}

fn head(connection: &Connection, stream: StreamId) -> Result<Head, Failure> {
    let mut statement = connection.prepare_cached(
        "select ordinal, last_seq, hash from segments where stream = ?1
        order by ordinal desc limit 1",
    )?;
    let row = first(statement.query([stream])?, "segments", |columns| {
        Ok(Head {
            ordinal: columns.count("ordinal")?,
            seq: columns.count("last_seq")?,
            hash: columns.take("hash")?,
        })
    })?;
    Ok(row.unwrap_or(Head::EMPTY))
}

fn segments(
    connection: &Connection,
    workspace: WorkspaceId,
    stream: StreamId,
    after_ordinal: u64,
    limit: u32,
) -> Result<Vec<Segment>, Failure> {
    let mut statement = connection.prepare_cached(&format!(
        "select {SEGMENT} from segments where stream = ?1 and ordinal > ?2
        and id >> ?3 = (select no from tenants where workspace = ?4)
        order by ordinal limit ?5"
    ))?;
    let rows =
        statement.query(params![stream, int(after_ordinal), POSITION_BITS, workspace, limit])?;
    collect(rows, "segments", segment)
}

/// The ordinal of the last segment that holds no event after `seq`. Ordinals have no gaps and seqs
/// rise with them, so it is found by halving, without an index on seqs.
fn ordinal_before(connection: &Connection, stream: StreamId, seq: u64) -> Result<u64, Failure> {
    let mut statement = connection
        .prepare_cached("select last_seq from segments where stream = ?1 and ordinal = ?2")?;
    let (mut before, mut end) = (0, head(connection, stream)?.ordinal + 1);
    while end - before > 1 {
        let middle = before + (end - before) / 2;
        let rows = statement.query(params![stream, int(middle)])?;
        let last = first(rows, "segments", |columns| columns.count::<u64>("last_seq"))?;
        if last.is_some_and(|last| last <= seq) {
            before = middle;
        } else {
            end = middle;
        }
    }
    Ok(before)
}

fn feed(
    connection: &Connection,
    workspace: WorkspaceId,
    after: i64,
    limit: u32,
) -> Result<Vec<FeedEntry>, Failure> {
    let mut statement = connection.prepare_cached(&format!(
        "select id, stream, {SEGMENT} from segments
        where id > (select no << ?2 | ?3 from tenants where workspace = ?1)
        and id <= (select no << ?2 | ?4 from tenants where workspace = ?1)
        order by id limit ?5"
    ))?;
    let rows = statement.query(params![workspace, POSITION_BITS, after, POSITION, limit])?;
    collect(rows, "segments", |columns: &mut Columns<'_>| {
        Ok(FeedEntry {
            cursor: cursor(columns.take::<i64>("id")? & POSITION),
            stream: columns.stream("stream")?,
            segment: segment(columns)?,
        })
    })
}

fn cursor(position: i64) -> FeedCursor {
    FeedCursor(position.to_string())
}

/// The position that a cursor names; the default cursor stands before the first.
fn position(cursor: &FeedCursor) -> StoreResult<i64> {
    if cursor.0.is_empty() {
        return Ok(0);
    }
    let position = cursor.0.parse().ok().filter(|position| (0..=POSITION).contains(position));
    position.ok_or_else(|| StoreError::Cursor(cursor.0.clone()))
}
