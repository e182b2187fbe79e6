//! Snapshots of streams, and retention.

use async_trait::async_trait;

use super::PostgresStore;
use super::rows::{int, text};
use crate::{Retention, SnapshotRow, Snapshots, StoreResult, StreamId, TimeMs, WorkspaceId};

/// Segments that one statement of a deletion takes.
const DELETE_SEGMENTS: i64 = 256;

const SNAPSHOT_PUT: &str = "insert into snapshots as s (stream, workspace, ordinal, format, digest)
    values ($1, $2, $3, $4, $5)
    on conflict (stream) do update set
        ordinal = excluded.ordinal, format = excluded.format, digest = excluded.digest
    where excluded.workspace = s.workspace and excluded.ordinal >= s.ordinal";

const SNAPSHOT: &str = "select stream, ordinal, format, digest from snapshots
    where stream = $1 and workspace = $2";

const FINISHED: &str = "select run from runs
    where workspace = $1 and finished_ms < $2 order by run limit $3";

/// Deletes from the end of the stream, so that what is left is a chain at any time; with the first
/// segment all else goes. Answers the first ordinal that went.
const DELETE: &str = "with
    last as (
        select ordinal from segments where stream = $1 and workspace = $2
        order by ordinal desc limit 1
    ),
    gone as (
        delete from segments where stream = $1 and workspace = $2
        and ordinal > (select ordinal from last) - $3
        returning ordinal
    ),
    -- The stream is this workspace's, and nothing is left of it.
    whole as materialized (select $1 as stream from gone where ordinal = 1),
    outbox_gone as (delete from outbox where stream in (select stream from whole)),
    wakeup_gone as (delete from wakeups where stream in (select stream from whole)),
    leases_gone as (delete from leases where run in (select stream from whole)),
    dedup_gone as (delete from dedup where run in (select stream from whole)),
    snapshot_gone as (delete from snapshots where stream in (select stream from whole)),
    logs_gone as (delete from run_logs where run in (select stream from whole)),
    log_totals_gone as (delete from run_log_totals where run in (select stream from whole)),
    tickets_gone as (
        delete from tickets where workspace = $2 and run in (select stream from whole)
    ),
    run_gone as (delete from runs where workspace = $2 and run in (select stream from whole))
    select min(ordinal) from gone having count(*) > 0";

#[async_trait]
impl Snapshots for PostgresStore {
    async fn snapshot_put(&self, workspace: WorkspaceId, row: &SnapshotRow) -> StoreResult<()> {
        let put = || {
            sqlx::query(SNAPSHOT_PUT)
                .bind(row.stream.0)
                .bind(workspace.0)
                .bind(int(row.ordinal))
                .bind(i64::from(row.format))
                .bind(text(&row.digest))
        };
        self.log.write(put, "snapshots", |_| Ok(())).await.map(drop)
    }

    async fn snapshot(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
    ) -> StoreResult<Option<SnapshotRow>> {
        let query = || sqlx::query(SNAPSHOT).bind(stream.0).bind(workspace.0);
        let found = self
            .api
            .within(workspace, query, "snapshots", |columns| {
                Ok(SnapshotRow {
                    stream: columns.stream("stream")?,
                    ordinal: columns.count("ordinal")?,
                    format: columns.count("format")?,
                    digest: columns.text("digest")?,
                })
            })
            .await?;
        Ok(found.into_iter().next())
    }
}

#[async_trait]
impl Retention for PostgresStore {
    async fn runs_finished_before(
        &self,
        workspace: WorkspaceId,
        before_ms: TimeMs,
        limit: u32,
    ) -> StoreResult<Vec<StreamId>> {
        let query =
            || sqlx::query(FINISHED).bind(workspace.0).bind(before_ms).bind(i64::from(limit));
        self.api.within(workspace, query, "runs", |columns| columns.stream("run")).await
    }

    async fn run_delete(&self, workspace: WorkspaceId, run: StreamId) -> StoreResult<bool> {
        let delete = || sqlx::query(DELETE).bind(run.0).bind(workspace.0).bind(DELETE_SEGMENTS);
        let mut found = false;
        loop {
            let gone = self.log.write(delete, "segments", |columns| columns.take("min")).await?;
            match gone.first() {
                None => return Ok(found),
                Some(1_i64) => return Ok(true),
                Some(_) => found = true,
            }
        }
    }
}
