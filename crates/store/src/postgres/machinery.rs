//! The outbox and the wake-ups.

use aob_points::Point;
use async_trait::async_trait;

use super::error::struck;
use super::rows::int;
use super::{PostgresStore, sql};
use crate::{Outbox, OutboxKey, StoreResult, TimeMs, Wakeup, WakeupMove, Wakeups, WorkspaceId};

const OUTBOX_DUE: &str = "select stream, ordinal, workspace from outbox
    where at_ms < $1 order by stream, ordinal limit $2";

const WAKEUPS_DUE: &str = "select stream, workspace, due_ms, ordinal from wakeups
    where due_ms <= $1 order by due_ms, stream limit $2";

const WAKEUPS_NEXT: &str = "select due_ms from wakeups order by due_ms limit 1";

/// Each only where it is as it was read, and where the log ends where it did. The rows are locked
/// before that is looked at: an append that leaves one alone holds its lock until it has committed.
const WAKEUPS_MOVE: &str = "with
    locked as materialized (
        select w.stream, t.at_seq, t.to_ms
        from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
            as t (stream, due_ms, ordinal, at_seq, to_ms)
        join wakeups w
        on w.stream = t.stream and w.due_ms = t.due_ms and w.ordinal = t.ordinal
        order by w.stream for update of w
    ),
    unchanged as materialized (
        select stream, to_ms from locked where at_seq is null or head_seq(stream) = at_seq
    ),
    moved as (
        update wakeups w set due_ms = u.to_ms from unchanged u
        where w.stream = u.stream and u.to_ms is not null
    )
    delete from wakeups w using unchanged u where w.stream = u.stream and u.to_ms is null";

#[async_trait]
impl Outbox for PostgresStore {
    async fn outbox_due(
        &self,
        older_than_ms: TimeMs,
        limit: u32,
    ) -> StoreResult<Vec<(WorkspaceId, OutboxKey)>> {
        let query = || sqlx::query(OUTBOX_DUE).bind(older_than_ms).bind(i64::from(limit));
        self.log
            .read(query, "outbox", |columns| {
                let stream = columns.stream("stream")?;
                let ordinal = columns.count("ordinal")?;
                Ok((columns.workspace("workspace")?, OutboxKey { stream, ordinal }))
            })
            .await
    }

    async fn outbox_delete(&self, keys: &[OutboxKey]) -> StoreResult<()> {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        let delete = || {
            let streams: Vec<_> = keys.iter().map(|key| key.stream.0).collect();
            let ordinals: Vec<_> = keys.iter().map(|key| int(key.ordinal)).collect();
            sqlx::query(sql::OUTBOX_DELETE).bind(streams).bind(ordinals)
        };
        struck(Point::OutboxDeleteBefore).await?;
        self.log.write(delete, "outbox", |_| Ok(())).await?;
        struck(Point::OutboxDeleteAfter).await
    }
}

#[async_trait]
impl Wakeups for PostgresStore {
    async fn wakeups_due(&self, now_ms: TimeMs, limit: u32) -> StoreResult<Vec<Wakeup>> {
        let query = || sqlx::query(WAKEUPS_DUE).bind(now_ms).bind(i64::from(limit));
        self.log
            .read(query, "wakeups", |columns| {
                Ok(Wakeup {
                    stream: columns.stream("stream")?,
                    workspace: columns.workspace("workspace")?,
                    due_ms: columns.take("due_ms")?,
                    ordinal: columns.count("ordinal")?,
                })
            })
            .await
    }

    async fn wakeups_next(&self) -> StoreResult<Option<TimeMs>> {
        let due = |columns: &mut super::rows::Columns<'_>| columns.take("due_ms");
        let next = self.log.read(|| sqlx::query(WAKEUPS_NEXT), "wakeups", due).await?;
        Ok(next.first().copied())
    }

    async fn wakeups_move(&self, moves: &[WakeupMove]) -> StoreResult<()> {
        let column = |value: fn(&WakeupMove) -> Option<i64>| -> Vec<Option<i64>> {
            moves.iter().map(value).collect()
        };
        let update = || {
            sqlx::query(WAKEUPS_MOVE)
                .bind(moves.iter().map(|one| one.read.stream.0).collect::<Vec<_>>())
                .bind(column(|one| Some(one.read.due_ms)))
                .bind(column(|one| Some(int(one.read.ordinal))))
                .bind(column(|one| one.at_seq.map(int)))
                .bind(column(|one| one.to))
        };
        self.log.write(update, "wakeups", |_| Ok(())).await.map(drop)
    }
}
