//! The outbox and the wake-ups.

use async_trait::async_trait;
use rusqlite::params;

use super::append::delete_outbox;
use super::error::answer;
use super::rows::{collect, int};
use super::{SqliteStore, sql};
use crate::{Outbox, OutboxKey, StoreResult, TimeMs, Wakeup, WakeupMove, Wakeups, WorkspaceId};

#[async_trait]
impl Outbox for SqliteStore {
    async fn outbox_due(
        &self,
        older_than_ms: TimeMs,
        limit: u32,
    ) -> StoreResult<Vec<(WorkspaceId, OutboxKey)>> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select o.stream, o.ordinal, t.workspace
                    from outbox o cross join tenants t on t.no = o.tenant
                    where o.at_ms < ?1 order by o.stream, o.ordinal limit ?2",
                )?;
                collect(statement.query(params![older_than_ms, limit])?, "outbox", |columns| {
                    let stream = columns.stream("stream")?;
                    let ordinal = columns.count("ordinal")?;
                    Ok((columns.workspace("workspace")?, OutboxKey { stream, ordinal }))
                })
            })
            .await
    }

    async fn outbox_delete(&self, keys: &[OutboxKey]) -> StoreResult<()> {
        let keys = keys.to_vec();
        answer(self.writer.write(0, move |session| delete_outbox(session, &keys)).await)
    }
}

#[async_trait]
impl Wakeups for SqliteStore {
    async fn wakeups_due(&self, now_ms: TimeMs, limit: u32) -> StoreResult<Vec<Wakeup>> {
        self.readers
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "select w.stream, t.workspace, w.due_ms, w.ordinal
                    from wakeups w cross join tenants t on t.no = w.tenant
                    where w.due_ms <= ?1 order by w.due_ms, w.stream limit ?2",
                )?;
                collect(statement.query(params![now_ms, limit])?, "wakeups", |columns| {
                    Ok(Wakeup {
                        stream: columns.stream("stream")?,
                        workspace: columns.workspace("workspace")?,
                        due_ms: columns.take("due_ms")?,
                        ordinal: columns.count("ordinal")?,
                    })
                })
            })
            .await
    }

    async fn wakeups_next(&self) -> StoreResult<Option<TimeMs>> {
        self.readers
            .read(|connection| {
                let mut statement = connection.prepare_cached("select min(due_ms) from wakeups")?;
                Ok(statement.query_row([], |row| row.get(0))?)
            })
            .await
    }

    async fn wakeups_move(&self, moves: &[WakeupMove]) -> StoreResult<()> {
        let moves = moves.to_vec();
        let work = move |session: &mut super::session::Session<'_>| {
            for WakeupMove { read, at_seq, to } in &moves {
                let (stream, due_ms, ordinal) = (read.stream, read.due_ms, int(read.ordinal));
                let at_seq = at_seq.map(int);
                match to {
                    Some(to) => session
                        .statement(sql::WAKEUP_MOVE)?
                        .execute(params![stream, due_ms, ordinal, at_seq, to])?,
                    None => session
                        .statement(sql::WAKEUP_DROP)?
                        .execute(params![stream, due_ms, ordinal, at_seq])?,
                };
            }
            Ok(())
        };
        answer(self.writer.write(0, work).await)
    }
}
