//! Snapshots of streams, and retention.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStore;
use super::error::{Failure, answer};
use super::rows::{collect, first, int};
use super::session::{POSITION_BITS, Session};
use crate::{Retention, SnapshotRow, Snapshots, StoreResult, StreamId, TimeMs, WorkspaceId};

/// Segments that one transaction of a deletion takes, so that other writers wait for a few
/// milliseconds at most.
const DELETE_SEGMENTS: u64 = 16;

const SNAPSHOT_PUT: &str = "insert into snapshots (stream, tenant, ordinal, format, digest)
    values (?1, ?2, ?3, ?4, ?5)
    on conflict (stream) do update set
        ordinal = excluded.ordinal, format = excluded.format, digest = excluded.digest
    where excluded.tenant = tenant and excluded.ordinal >= ordinal";

const LAST_ORDINAL: &str = "select ordinal from segments where stream = ?1 and id >> ?2 = ?3
    order by ordinal desc limit 1";

/// The end of the feed stays known when the segment that stands there goes.
const FLOOR: &str = "update tenants set feed_floor = max(feed_floor, ifnull(
    (select max(id) from segments where stream = ?1), 0) - (no << ?2)) where no = ?3";

/// What the log's machinery keeps of a run: `run`.
const DELETE_MACHINERY: [&str; 7] = [
    "delete from outbox where stream = ?1",
    "delete from wakeups where stream = ?1",
    "delete from leases where run = ?1",
    "delete from dedup where run = ?1",
    "delete from snapshots where stream = ?1",
    "delete from run_logs where run = ?1",
    "delete from run_log_totals where run = ?1",
];

/// What lists show of a run: `run, tenant`.
const DELETE_VIEWS: [&str; 2] = [
    "delete from tickets where run = ?1 and tenant = ?2",
    "delete from runs where run = ?1 and tenant = ?2",
];

#[async_trait]
impl Snapshots for SqliteStore {
    async fn snapshot_put(&self, workspace: WorkspaceId, row: &SnapshotRow) -> StoreResult<()> {
        let row = row.clone();
        let work = move |session: &mut Session<'_>| {
            let tenant = session.tenant(workspace)?;
            let mut put = session.statement(SNAPSHOT_PUT)?;
            put.execute(params![row.stream, tenant, int(row.ordinal), row.format, row.digest])?;
            Ok(())
        };
        answer(self.writer.write(0, work).await)
    }

    async fn snapshot(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
    ) -> StoreResult<Option<SnapshotRow>> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select stream, ordinal, format, digest from snapshots where stream = ?1
                    and tenant = (select no from tenants where workspace = ?2)",
                )?;
                first(statement.query(params![stream, workspace])?, "snapshots", |columns| {
                    Ok(SnapshotRow {
                        stream: columns.stream("stream")?,
                        ordinal: columns.count("ordinal")?,
                        format: columns.count("format")?,
                        digest: columns.take("digest")?,
                    })
                })
            })
            .await
    }
}

#[async_trait]
impl Retention for SqliteStore {
    async fn runs_finished_before(
        &self,
        workspace: WorkspaceId,
        before_ms: TimeMs,
        limit: u32,
    ) -> StoreResult<Vec<StreamId>> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select run from runs
                    where tenant = (select no from tenants where workspace = ?1)
                    and finished_ms < ?2 order by run limit ?3",
                )?;
                let rows = statement.query(params![workspace, before_ms, limit])?;
                collect(rows, "runs", |columns| columns.stream("run"))
            })
            .await
    }

    async fn run_delete(&self, workspace: WorkspaceId, run: StreamId) -> StoreResult<bool> {
        let mut found = false;
        loop {
            let work = move |session: &mut Session<'_>| delete_some(session, workspace, run);
            match answer(self.writer.write(0, work).await)? {
                Deleted::Nothing => return Ok(found),
                Deleted::Some => found = true,
                Deleted::All => return Ok(true),
            }
        }
    }
}

enum Deleted {
    Nothing,
    Some,
    All,
}

/// Deletes from the end of the stream, so that what is left is a chain at any time.
fn delete_some(
    session: &mut Session<'_>,
    workspace: WorkspaceId,
    run: StreamId,
) -> Result<Deleted, Failure> {
    let Some(tenant) = session.known_tenant(workspace)? else { return Ok(Deleted::Nothing) };
    let last: Option<u64> = {
        let mut statement = session.statement(LAST_ORDINAL)?;
        let rows = statement.query(params![run, POSITION_BITS, tenant])?;
        first(rows, "segments", |columns| columns.count("ordinal"))?
    };
    let Some(last) = last else { return Ok(Deleted::Nothing) };
    session.heads.pop(&run);
    session.statement(FLOOR)?.execute(params![run, POSITION_BITS, tenant])?;
    let kept = last.saturating_sub(DELETE_SEGMENTS);
    let delete = "delete from segments where stream = ?1 and ordinal > ?2";
    session.statement(delete)?.execute(params![run, int(kept)])?;
    if kept > 0 {
        return Ok(Deleted::Some);
    }
    for sql in DELETE_MACHINERY {
        session.statement(sql)?.execute([run])?;
    }
    for sql in DELETE_VIEWS {
        session.statement(sql)?.execute(params![run, tenant])?;
    }
    Ok(Deleted::All)
}
