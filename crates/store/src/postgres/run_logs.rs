//! Log lines of functions.

use async_trait::async_trait;

use super::PostgresStore;
use super::rows::{int, text};
use crate::{
    LogChunkRow, NewLogChunk, RUN_LOG_BYTES_MAX, RunLogs, StoreResult, StreamId, WorkspaceId,
};

/// One chunk after the other, in the order given, in one commit.
const PUT: &str = "select run_log_put(
        row(run, 0, $1, instance, attempt, first, lines, 0, at_ms, text)::run_logs, $9)
    from (
        select * from unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
            $7::bigint[], $8::text[]) with ordinality
            as t (run, instance, attempt, first, lines, at_ms, text, place)
        order by place
    ) t";

const AFTER: &str = "select run, n, instance, attempt, first, lines, missing, at_ms, text
    from run_logs where run = $1 and n > $2 and workspace = $3 order by n limit $4";

#[async_trait]
impl RunLogs for PostgresStore {
    async fn logs_put(&self, workspace: WorkspaceId, chunks: &[NewLogChunk]) -> StoreResult<()> {
        let column =
            |value: fn(&NewLogChunk) -> i64| -> Vec<i64> { chunks.iter().map(value).collect() };
        let put = || {
            sqlx::query(PUT)
                .bind(workspace.0)
                .bind(chunks.iter().map(|chunk| chunk.run.0).collect::<Vec<_>>())
                .bind(chunks.iter().map(|chunk| text(&chunk.instance)).collect::<Vec<_>>())
                .bind(column(|chunk| i64::from(chunk.attempt)))
                .bind(column(|chunk| int(chunk.first)))
                .bind(column(|chunk| i64::from(chunk.lines)))
                .bind(column(|chunk| chunk.at_ms))
                .bind(chunks.iter().map(|chunk| text(&chunk.text)).collect::<Vec<_>>())
                .bind(int(RUN_LOG_BYTES_MAX))
        };
        self.log.write(put, "run_logs", |_| Ok(())).await.map(drop)
    }

    async fn logs_after(
        &self,
        workspace: WorkspaceId,
        run: StreamId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<LogChunkRow>> {
        let query = || {
            let query = sqlx::query(AFTER).bind(run.0).bind(int(after));
            query.bind(workspace.0).bind(i64::from(limit))
        };
        self.api
            .within(workspace, query, "run_logs", |columns| {
                let run = columns.stream("run")?;
                let n = columns.count("n")?;
                let instance = columns.text("instance")?;
                let attempt = columns.count("attempt")?;
                let first = columns.count("first")?;
                let lines = columns.count("lines")?;
                let missing = columns.count("missing")?;
                let at_ms = columns.take("at_ms")?;
                let text = columns.text("text")?;
                let chunk = NewLogChunk { run, instance, attempt, first, lines, text, at_ms };
                Ok(LogChunkRow { n, missing, chunk })
            })
            .await
    }
}
