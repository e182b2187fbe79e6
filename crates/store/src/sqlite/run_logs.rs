//! Log lines of functions.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::SqliteStore;
use super::error::{Failure, answer};
use super::rows::{collect, int};
use super::session::Session;
use crate::{
    LogChunkRow, NewLogChunk, RUN_LOG_BYTES_MAX, RunLogs, StoreResult, StreamId, WorkspaceId,
};

const END_OF_ATTEMPT: &str = "select first + lines from run_logs
    where run = ?1 and instance = ?2 and attempt = ?3 order by first desc limit 1";

const TOTAL: &str = "select tenant, last_n, bytes from run_log_totals where run = ?1";

const TOTAL_PUT: &str = "insert into run_log_totals (run, tenant, last_n, bytes)
    values (?1, ?2, ?3, ?4)
    on conflict (run) do update set last_n = excluded.last_n, bytes = excluded.bytes";

const INSERT: &str = "insert into run_logs
    (run, n, tenant, instance, attempt, first, lines, missing, at_ms, text)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

const OLDEST: &str = "select n, length(cast(text as blob)) from run_logs
    where run = ?1 order by n limit 1";

const AFTER: &str = "select n, instance, attempt, first, lines, missing, at_ms, text from run_logs
    where run = ?1 and n > ?2 and tenant = (select no from tenants where workspace = ?3)
    order by n limit ?4";

#[async_trait]
impl RunLogs for SqliteStore {
    async fn logs_put(&self, workspace: WorkspaceId, chunks: &[NewLogChunk]) -> StoreResult<()> {
        let chunks = chunks.to_vec();
        let work = move |session: &mut Session<'_>| {
            let tenant = session.tenant(workspace)?;
            chunks.iter().try_for_each(|chunk| put(session, tenant, chunk))
        };
        answer(self.writer.write(0, work).await)
    }

    async fn logs_after(
        &self,
        workspace: WorkspaceId,
        run: StreamId,
        after: u64,
        limit: u32,
    ) -> StoreResult<Vec<LogChunkRow>> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(AFTER)?;
                let rows = statement.query(params![run, int(after), workspace, limit])?;
                collect(rows, "run_logs", |columns| {
                    let n = columns.count("n")?;
                    let instance = columns.take("instance")?;
                    let attempt = columns.count("attempt")?;
                    let first = columns.count("first")?;
                    let lines = columns.count("lines")?;
                    let missing = columns.count("missing")?;
                    let at_ms = columns.take("at_ms")?;
                    let text = columns.take("text")?;
                    let chunk = NewLogChunk { run, instance, attempt, first, lines, text, at_ms };
                    Ok(LogChunkRow { n, missing, chunk })
                })
            })
            .await
    }
}

fn put(session: &mut Session<'_>, tenant: i64, chunk: &NewLogChunk) -> Result<(), Failure> {
    let run = chunk.run;
    let mut statement = session.statement(TOTAL)?;
    let total = statement.query_row([run], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let (owner, last_n, bytes): (i64, i64, i64) = total.optional()?.unwrap_or((tenant, 0, 0));
    let mut statement = session.statement(END_OF_ATTEMPT)?;
    let key = params![run, chunk.instance, chunk.attempt];
    let end: i64 = statement.query_row(key, |row| row.get(0)).optional()?.unwrap_or(0);
    let first = int(chunk.first);
    if owner != tenant || first < end {
        return Ok(());
    }
    let n = last_n + 1;
    session.statement(INSERT)?.execute(params![
        run,
        n,
        tenant,
        chunk.instance,
        chunk.attempt,
        first,
        chunk.lines,
        first - end,
        chunk.at_ms,
        chunk.text,
    ])?;
    let mut bytes = bytes.saturating_add(int(chunk.text.len() as u64));
    while bytes > int(RUN_LOG_BYTES_MAX) {
        let mut statement = session.statement(OLDEST)?;
        let (oldest, len): (i64, i64) =
            statement.query_row([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if oldest == n {
            break;
        }
        let delete = "delete from run_logs where run = ?1 and n = ?2";
        session.statement(delete)?.execute(params![run, oldest])?;
        bytes -= len;
    }
    session.statement(TOTAL_PUT)?.execute(params![run, tenant, n, bytes])?;
    Ok(())
}
