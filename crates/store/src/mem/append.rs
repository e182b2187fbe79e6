//! The model's append: judged stream by stream, written whole or not at all.

use std::collections::BTreeSet;

use super::model::{Model, Owed, Stream};
use crate::{
    AppendBatch, AppendOutcome, ConflictKind, DerivedRows, Hash, IdempotencyRow, LeaseState,
    OutboxKey, RunRow, Segment, StreamAppend, StreamId, Wakeup, WorkspaceId, first_of_chain,
};

impl Model {
    /// See [`Log::append`](crate::Log::append).
    pub fn append(&mut self, batch: AppendBatch) -> Vec<AppendOutcome> {
        for key in &batch.outbox_done {
            self.outbox.remove(key);
        }
        let mut seen = BTreeSet::new();
        let mut outcomes = Vec::with_capacity(batch.streams.len());
        for append in batch.streams {
            outcomes.push(if seen.insert(append.stream) {
                self.append_stream(append)
            } else {
                AppendOutcome::Conflict(ConflictKind::Head)
            });
        }
        let runs = &self.runs;
        let over = |key| runs.get(&key).is_some_and(RunRow::is_terminal);
        self.dedup.retain(|(workspace, _), holder| !over((*workspace, *holder)));
        outcomes
    }

    fn append_stream(&mut self, append: StreamAppend) -> AppendOutcome {
        let Some(first) = first_of_chain(&append.segments) else {
            return AppendOutcome::Conflict(ConflictKind::Head);
        };
        if self.holds(&append) {
            return self.committed(append.stream, first);
        }
        if let Some(conflict) = self.conflict(&append, first) {
            return AppendOutcome::Conflict(conflict);
        }
        let StreamAppend { stream, workspace, segments, keys, dedup, rows } = append;
        for key in keys {
            let id = (workspace, key.endpoint.clone(), key.key.clone());
            self.idempotency.entry(id).or_insert(key);
        }
        let over = rows.run.as_ref().is_some_and(RunRow::is_terminal);
        if let Some(dedup) = dedup.filter(|_| first == 1 && !over) {
            self.dedup.insert((workspace, dedup), stream);
        }
        self.write_rows(stream, workspace, rows, &segments);
        self.write_segments(stream, workspace, segments);
        self.committed(stream, first)
    }

    /// True where these very segments are written already.
    fn holds(&self, append: &StreamAppend) -> bool {
        self.streams.get(&append.stream).is_some_and(|stream| {
            stream.workspace == append.workspace
                && append.segments.iter().all(|segment| {
                    stream.segment(segment.ordinal).is_some_and(|row| row.hash == segment.hash)
                })
        })
    }

    fn conflict(&self, append: &StreamAppend, first: u64) -> Option<ConflictKind> {
        let head = if self.follows_head(append) { None } else { Some(ConflictKind::Head) };
        if first != 1 {
            return head.or_else(|| self.taken_key(append));
        }
        self.taken_key(append).or_else(|| self.held_dedup(append)).or(head)
    }

    fn follows_head(&self, append: &StreamAppend) -> bool {
        let (ordinal, hash) = match self.streams.get(&append.stream) {
            Some(stream) if stream.workspace != append.workspace => return false,
            Some(stream) => (stream.head().ordinal, stream.head().hash),
            None => (0, Hash::default()),
        };
        append.segments.first().is_some_and(|first| {
            first.ordinal.checked_sub(1) == Some(ordinal) && first.prev_hash == hash
        })
    }

    fn taken_key(&self, append: &StreamAppend) -> Option<ConflictKind> {
        append.keys.iter().find_map(|key| {
            self.idempotency(append.workspace, &key.endpoint, &key.key).map(ConflictKind::Key)
        })
    }

    fn held_dedup(&self, append: &StreamAppend) -> Option<ConflictKind> {
        let key = (append.workspace, append.dedup.clone()?);
        self.dedup.get(&key).copied().map(ConflictKind::Dedup)
    }

    fn committed(&self, stream: StreamId, first: u64) -> AppendOutcome {
        let older = OutboxKey { stream, ordinal: 0 }..OutboxKey { stream, ordinal: first };
        AppendOutcome::Committed { older_outbox: self.outbox.range(older).next().is_some() }
    }

    fn write_segments(&mut self, id: StreamId, workspace: WorkspaceId, segments: Vec<Segment>) {
        let feed = self.feeds.entry(workspace).or_default();
        for segment in &segments {
            feed.end += 1;
            feed.entries.insert(feed.end, (id, segment.ordinal));
        }
        let stream = Stream { workspace, segments: Vec::new() };
        self.streams.entry(id).or_insert(stream).segments.extend(segments);
    }

    fn write_rows(
        &mut self,
        stream: StreamId,
        workspace: WorkspaceId,
        rows: DerivedRows,
        segments: &[Segment],
    ) {
        for segment in segments.iter().filter(|segment| rows.outbox.contains(&segment.ordinal)) {
            let key = OutboxKey { stream, ordinal: segment.ordinal };
            self.outbox.insert(key, Owed { workspace, at_ms: segment.at_ms });
        }
        for row in rows.leases_put {
            self.leases.entry(row.key.clone()).or_insert(LeaseState {
                row,
                workspace,
                holder: None,
                granted_ms: None,
                until_ms: None,
                progress_ms: None,
                progress: None,
                cancelling: false,
            });
        }
        for key in &rows.leases_drop {
            self.leases.remove(key);
        }
        for ticket in rows.tickets {
            self.tickets.insert((workspace, ticket.ticket.clone()), ticket);
        }
        self.documents_put(workspace, &rows.documents);
        if let (Some(due_ms), Some(last)) = (rows.wakeup_due, segments.last()) {
            let wakeup = Wakeup { stream, workspace, due_ms, ordinal: last.ordinal };
            let stored = self.wakeups.entry(stream).or_insert(wakeup);
            if due_ms < stored.due_ms || stored.due_ms <= rows.now_ms {
                *stored = wakeup;
            }
        }
        if let Some(run) = rows.run {
            if run.is_terminal() {
                self.wakeups.remove(&stream);
            }
            self.runs.insert((workspace, run.run), run);
        }
    }
}

impl Model {
    /// See [`Views::idempotency`](crate::Views::idempotency).
    pub fn idempotency(
        &self,
        workspace: WorkspaceId,
        endpoint: &str,
        key: &str,
    ) -> Option<IdempotencyRow> {
        let id = (workspace, endpoint.to_owned(), key.to_owned());
        self.idempotency.get(&id).map(|row| IdempotencyRow {
            body_hash: row.body_hash,
            status: row.status,
            response: row.response.clone(),
        })
    }
}
