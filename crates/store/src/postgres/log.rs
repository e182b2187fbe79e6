//! The event log.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::PostgresStore;
use super::error::Failure;
use super::rows::{Columns, int, segment, segment_columns};
use crate::{
    AppendBatch, AppendOutcome, FeedCursor, FeedEntry, Head, Log, Segment, StoreError, StoreResult,
    StreamId, TimeMs, WorkspaceId,
};

const HEADS: &str = "select t.stream, s.ordinal, s.last_seq, s.hash
    from unnest($1::uuid[]) as t (stream)
    cross join lateral (
        select ordinal, last_seq, hash from segments
        where stream = t.stream order by ordinal desc limit 1
    ) s";

const WORKSPACE_OF: &str = "select workspace from segments where stream = $1 and ordinal = 1";

const AFTER: &str = concat!(
    "select ",
    segment_columns!(),
    " from segments where stream = $1 and ordinal > $2 and workspace = $3
    order by ordinal limit $4"
);

/// Ordinals have no gaps and seqs rise with them, each segment holding at least one event: the
/// segment of a seq is found by halving, without an index on seqs.
const AFTER_SEQ: &str = concat!(
    "with recursive halving as (
        select 0::bigint as before, 1 + coalesce((
            select ordinal from segments where stream = $1 order by ordinal desc limit 1
        ), 0) as beyond
        union all
        select
            case when s.last_seq <= $2 then middle else before end,
            case when s.last_seq <= $2 then beyond else middle end
        from halving
        cross join lateral (select before + (beyond - before) / 2 as middle) m
        left join segments s on s.stream = $1 and s.ordinal = middle
        where beyond - before > 1
    )
    select ",
    segment_columns!(),
    " from segments
    where stream = $1 and workspace = $3
    and ordinal > (select before from halving where beyond - before <= 1)
    order by ordinal limit $4"
);

/// From each committer's position on, merged. A segment is never before one that it follows, since
/// positions are taken in the order of statements.
const FEED: &str = concat!(
    "select s.committer, s.position, s.stream, ",
    segment_columns!(),
    " from committers c
    left join unnest($2::smallint[], $3::bigint[]) as t (committer, after)
    on t.committer = c.committer
    cross join lateral (
        select * from segments
        where workspace = $1 and committer = c.committer and position > coalesce(t.after, 0)
        order by position limit $4
    ) s
    order by s.position limit $4"
);

const FEED_END: &str = "select c.committer, s.position from committers c
    cross join lateral (
        select position from segments
        where workspace = $1 and committer = c.committer order by position desc limit 1
    ) s";

#[async_trait]
impl Log for PostgresStore {
    async fn append(&self, batch: Arc<AppendBatch>) -> StoreResult<Vec<AppendOutcome>> {
        self.committer.append(batch).await
    }

    async fn heads(&self, streams: &[StreamId]) -> StoreResult<Vec<Head>> {
        let ids: Vec<_> = streams.iter().map(|stream| stream.0).collect();
        let heads =
            self.log.read(|| sqlx::query(HEADS).bind(ids.clone()), "segments", head).await?;
        let heads: BTreeMap<StreamId, Head> = heads.into_iter().collect();
        Ok(streams.iter().map(|stream| heads.get(stream).copied().unwrap_or(Head::EMPTY)).collect())
    }

    async fn workspace_of(&self, stream: StreamId) -> StoreResult<Option<WorkspaceId>> {
        let query = || sqlx::query(WORKSPACE_OF).bind(stream.0);
        let found =
            self.log.read(query, "segments", |columns| columns.workspace("workspace")).await?;
        Ok(found.first().copied())
    }

    async fn segments_after(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_ordinal: u64,
        limit: u32,
    ) -> StoreResult<Vec<Segment>> {
        let query = || {
            let query = sqlx::query(AFTER).bind(stream.0).bind(int(after_ordinal));
            query.bind(workspace.0).bind(i64::from(limit))
        };
        self.api.within(workspace, query, "segments", segment).await
    }

    async fn segments_after_seq(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_seq: u64,
        limit: u32,
    ) -> StoreResult<Vec<Segment>> {
        let query = || {
            let query = sqlx::query(AFTER_SEQ).bind(stream.0).bind(int(after_seq));
            query.bind(workspace.0).bind(i64::from(limit))
        };
        self.api.within(workspace, query, "segments", segment).await
    }

    async fn feed_after(
        &self,
        workspace: WorkspaceId,
        cursor: &FeedCursor,
        limit: u32,
    ) -> StoreResult<Vec<FeedEntry>> {
        let mut positions = Positions::parse(cursor)?;
        let query = || {
            let (committers, after): (Vec<i16>, Vec<i64>) = positions.0.iter().unzip();
            let query = sqlx::query(FEED).bind(workspace.0).bind(committers).bind(after);
            query.bind(i64::from(limit))
        };
        let found = self.api.within(workspace, query, "segments", entry).await?;
        let entries = found.into_iter().map(|(committer, position, stream, segment)| {
            positions.0.insert(committer, position);
            FeedEntry { cursor: positions.cursor(), stream, segment }
        });
        Ok(entries.collect())
    }

    async fn feed_end(&self, workspace: WorkspaceId) -> StoreResult<FeedCursor> {
        let query = || sqlx::query(FEED_END).bind(workspace.0);
        let ends = self.api.within(workspace, query, "segments", position).await?;
        Ok(Positions(ends.into_iter().collect()).cursor())
    }

    async fn now_ms(&self) -> StoreResult<TimeMs> {
        if let Some(clock) = &self.clock {
            return Ok(clock());
        }
        const NOW: &str = "select floor(extract(epoch from clock_timestamp()) * 1000)::bigint";
        let now =
            self.log.read(|| sqlx::query(NOW), "clock", |columns| columns.take("now")).await?;
        now.first().copied().ok_or_else(|| StoreError::Unavailable(String::from("no time")))
    }
}

fn head(columns: &mut Columns<'_>) -> Result<(StreamId, Head), Failure> {
    let stream = columns.stream("stream")?;
    let ordinal = columns.count("ordinal")?;
    let seq = columns.count("last_seq")?;
    Ok((stream, Head { ordinal, seq, hash: columns.hash("hash")? }))
}

fn position(columns: &mut Columns<'_>) -> Result<(i16, i64), Failure> {
    Ok((columns.take("committer")?, columns.take("position")?))
}

fn entry(columns: &mut Columns<'_>) -> Result<(i16, i64, StreamId, Segment), Failure> {
    let (committer, position) = position(columns)?;
    Ok((committer, position, columns.stream("stream")?, segment(columns)?))
}

/// Where a reader of a feed stands with each committer.
#[derive(Debug)]
struct Positions(BTreeMap<i16, i64>);

impl Positions {
    /// `1-40,2-77`: after position 40 of the first committer and 77 of the second.
    fn cursor(&self) -> FeedCursor {
        let parts: Vec<String> = self.0.iter().map(|(of, after)| format!("{of}-{after}")).collect();
        FeedCursor(parts.join(","))
    }

    /// The default cursor stands before everything.
    fn parse(cursor: &FeedCursor) -> StoreResult<Self> {
        let number = |text: &str| -> Option<i64> {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits)
        };
        let part = |part: &str| -> Option<(i16, i64)> {
            let (committer, after) = part.split_once('-')?;
            Some((i16::try_from(number(committer)?).ok()?, number(after)?))
        };
        if cursor.0.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        let positions: Option<_> = cursor.0.split(',').map(part).collect();
        positions.map(Self).ok_or_else(|| StoreError::Cursor(cursor.0.clone()))
    }
}
