//! The model's reads of the log, its outbox and its wake-ups.

use std::ops::Bound::{Excluded, Unbounded};

use super::model::{Model, Stream, page};
use crate::{
    FeedCursor, FeedEntry, Head, OutboxKey, Segment, StoreError, StoreResult, StreamId, TimeMs,
    Wakeup, WakeupMove, WorkspaceId,
};

impl Model {
    /// See [`Log::heads`](crate::Log::heads).
    pub fn heads(&self, streams: &[StreamId]) -> Vec<Head> {
        streams.iter().map(|id| self.streams.get(id).map_or(Head::EMPTY, Stream::head)).collect()
    }

    /// See [`Log::workspace_of`](crate::Log::workspace_of).
    pub fn workspace_of(&self, stream: StreamId) -> Option<WorkspaceId> {
        self.streams.get(&stream).map(|stream| stream.workspace)
    }

    fn segments(&self, workspace: WorkspaceId, stream: StreamId) -> &[Segment] {
        self.streams
            .get(&stream)
            .filter(|stream| stream.workspace == workspace)
            .map_or(&[], |stream| &stream.segments)
    }

    /// See [`Log::segments_after`](crate::Log::segments_after).
    pub fn segments_after(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_ordinal: u64,
        limit: u32,
    ) -> Vec<Segment> {
        let segments = self.segments(workspace, stream);
        let start = segments.partition_point(|segment| segment.ordinal <= after_ordinal);
        segments[start..].iter().take(page(limit)).cloned().collect()
    }

    /// See [`Log::segments_after_seq`](crate::Log::segments_after_seq).
    pub fn segments_after_seq(
        &self,
        workspace: WorkspaceId,
        stream: StreamId,
        after_seq: u64,
        limit: u32,
    ) -> Vec<Segment> {
        let segments = self.segments(workspace, stream);
        let start = segments.partition_point(|segment| segment.last_seq <= after_seq);
        segments[start..].iter().take(page(limit)).cloned().collect()
    }

    /// See [`Log::feed_after`](crate::Log::feed_after).
    ///
    /// # Errors
    /// [`StoreError::Cursor`] for a cursor of unknown form.
    pub fn feed_after(
        &self,
        workspace: WorkspaceId,
        cursor: &FeedCursor,
        limit: u32,
    ) -> StoreResult<Vec<FeedEntry>> {
        let after = position(cursor)?;
        let Some(feed) = self.feeds.get(&workspace) else { return Ok(Vec::new()) };
        let later = feed.entries.range((Excluded(after), Unbounded)).take(page(limit));
        let entry = |(at, (stream, ordinal)): (&u64, &(StreamId, u64))| {
            let segment = self.streams.get(stream)?.segment(*ordinal)?.clone();
            Some(FeedEntry { cursor: FeedCursor(at.to_string()), stream: *stream, segment })
        };
        Ok(later.filter_map(entry).collect())
    }

    /// See [`Log::feed_end`](crate::Log::feed_end).
    pub fn feed_end(&self, workspace: WorkspaceId) -> FeedCursor {
        FeedCursor(self.feeds.get(&workspace).map_or(0, |feed| feed.end).to_string())
    }

    /// See [`Outbox::outbox_due`](crate::Outbox::outbox_due).
    pub fn outbox_due(&self, older_than_ms: TimeMs, limit: u32) -> Vec<(WorkspaceId, OutboxKey)> {
        let old = self.outbox.iter().filter(|(_, owed)| owed.at_ms < older_than_ms);
        old.take(page(limit)).map(|(key, owed)| (owed.workspace, *key)).collect()
    }

    /// See [`Outbox::outbox_delete`](crate::Outbox::outbox_delete).
    pub fn outbox_delete(&mut self, keys: &[OutboxKey]) {
        for key in keys {
            self.outbox.remove(key);
        }
    }

    /// See [`Wakeups::wakeups_due`](crate::Wakeups::wakeups_due).
    pub fn wakeups_due(&self, now_ms: TimeMs, limit: u32) -> Vec<Wakeup> {
        let mut due: Vec<Wakeup> =
            self.wakeups.values().filter(|row| row.due_ms <= now_ms).copied().collect();
        due.sort_by_key(|row| (row.due_ms, row.stream));
        due.truncate(page(limit));
        due
    }

    /// See [`Wakeups::wakeups_next`](crate::Wakeups::wakeups_next).
    pub fn wakeups_next(&self) -> Option<TimeMs> {
        self.wakeups.values().map(|row| row.due_ms).min()
    }

    /// See [`Wakeups::wakeups_move`](crate::Wakeups::wakeups_move).
    pub fn wakeups_move(&mut self, moves: &[WakeupMove]) {
        for WakeupMove { read, at_seq, to } in moves {
            let seq = self.streams.get(&read.stream).map_or(0, |stream| stream.head().seq);
            let as_read = |row: &Wakeup| row.due_ms == read.due_ms && row.ordinal == read.ordinal;
            let Some(row) = self.wakeups.get_mut(&read.stream).filter(|row| as_read(row)) else {
                continue;
            };
            if at_seq.is_some_and(|at_seq| at_seq != seq) {
                continue;
            }
            match to {
                Some(due_ms) => row.due_ms = *due_ms,
                None => {
                    self.wakeups.remove(&read.stream);
                }
            }
        }
    }
}

/// The position that a cursor names; the default cursor stands before the first.
fn position(cursor: &FeedCursor) -> StoreResult<u64> {
    if cursor.0.is_empty() {
        return Ok(0);
    }
    cursor.0.parse().map_err(|_| StoreError::Cursor(cursor.0.clone()))
}
