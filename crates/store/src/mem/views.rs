//! The model's read models, and what retention removes.

use std::collections::BTreeMap;

use super::model::{Model, page};
use crate::{
    RunFilter, RunRow, SnapshotRow, StoreError, StoreResult, StreamId, TicketRow, TimeMs,
    WorkspaceId,
};

impl Model {
    /// See [`Views::run`](crate::Views::run).
    pub fn run(&self, workspace: WorkspaceId, run: StreamId) -> Option<RunRow> {
        self.runs.get(&(workspace, run)).cloned()
    }

    fn runs_of(&self, workspace: WorkspaceId) -> impl DoubleEndedIterator<Item = &RunRow> {
        of(&self.runs, workspace, |key| key.0)
    }

    /// See [`Views::runs`](crate::Views::runs).
    pub fn runs(&self, workspace: WorkspaceId, filter: &RunFilter) -> Vec<RunRow> {
        let wanted = |row: &&RunRow| {
            (filter.statuses.is_empty() || filter.statuses.contains(&row.status))
                && filter.tag.as_ref().is_none_or(|tag| row.tag.as_ref() == Some(tag))
                && filter.digest.as_ref().is_none_or(|digest| row.digest == *digest)
                && filter.parent.is_none_or(|parent| row.parent == Some(parent))
                && filter.before.is_none_or(|before| row.run < before)
                && filter.labels.iter().all(|(name, value)| row.labels.get(name) == Some(value))
        };
        self.runs_of(workspace).rev().filter(wanted).take(page(filter.limit)).cloned().collect()
    }

    /// See [`Views::ticket`](crate::Views::ticket).
    pub fn ticket(&self, workspace: WorkspaceId, ticket: &str) -> Option<TicketRow> {
        self.tickets.get(&(workspace, ticket.to_owned())).cloned()
    }

    /// See [`Views::tickets`](crate::Views::tickets).
    ///
    /// # Errors
    /// [`StoreError::Cursor`] where the workspace has no ticket `after`.
    pub fn tickets(
        &self,
        workspace: WorkspaceId,
        status: Option<&str>,
        run: Option<StreamId>,
        after: Option<&str>,
        limit: u32,
    ) -> StoreResult<Vec<TicketRow>> {
        let order = |row: &TicketRow| (row.created_ms, row.ticket.clone());
        let after = match after {
            None => None,
            Some(ticket) => match self.ticket(workspace, ticket) {
                Some(row) => Some(order(&row)),
                None => return Err(StoreError::Cursor(ticket.to_owned())),
            },
        };
        let wanted = |row: &&TicketRow| {
            status.is_none_or(|status| row.status == status)
                && run.is_none_or(|run| row.run == run)
                && after.as_ref().is_none_or(|after| order(row) > *after)
        };
        let tickets = of(&self.tickets, workspace, |key| key.0);
        let mut rows: Vec<TicketRow> = tickets.filter(wanted).cloned().collect();
        rows.sort_by_key(order);
        rows.truncate(page(limit));
        Ok(rows)
    }

    /// See [`Views::idempotency_expire`](crate::Views::idempotency_expire).
    pub fn idempotency_expire(&mut self, now_ms: TimeMs) -> u64 {
        let before = self.idempotency.len();
        self.idempotency.retain(|_, row| row.expires_ms > now_ms);
        (before - self.idempotency.len()) as u64
    }

    /// See [`Snapshots::snapshot_put`](crate::Snapshots::snapshot_put).
    pub fn snapshot_put(&mut self, workspace: WorkspaceId, row: &SnapshotRow) {
        let stored = self.snapshots.get(&row.stream);
        if stored.is_none_or(|(owner, old)| *owner == workspace && old.ordinal <= row.ordinal) {
            self.snapshots.insert(row.stream, (workspace, row.clone()));
        }
    }

    /// See [`Snapshots::snapshot`](crate::Snapshots::snapshot).
    pub fn snapshot(&self, workspace: WorkspaceId, stream: StreamId) -> Option<SnapshotRow> {
        let (owner, row) = self.snapshots.get(&stream)?;
        (*owner == workspace).then(|| row.clone())
    }

    /// See [`Retention::runs_finished_before`](crate::Retention::runs_finished_before).
    pub fn runs_finished_before(
        &self,
        workspace: WorkspaceId,
        before_ms: TimeMs,
        limit: u32,
    ) -> Vec<StreamId> {
        let finished = |row: &&RunRow| row.finished_ms.is_some_and(|at| at < before_ms);
        self.runs_of(workspace).filter(finished).take(page(limit)).map(|row| row.run).collect()
    }

    /// See [`Retention::run_delete`](crate::Retention::run_delete).
    pub fn run_delete(&mut self, workspace: WorkspaceId, run: StreamId) -> bool {
        if self.workspace_of(run) != Some(workspace) {
            return false;
        }
        self.streams.remove(&run);
        if let Some(feed) = self.feeds.get_mut(&workspace) {
            feed.entries.retain(|_, (stream, _)| *stream != run);
        }
        self.outbox.retain(|key, _| key.stream != run);
        self.wakeups.remove(&run);
        self.leases.retain(|key, _| key.run != run);
        self.tickets.retain(|(owner, _), row| *owner != workspace || row.run != run);
        self.dedup.retain(|_, holder| *holder != run);
        self.snapshots.remove(&run);
        self.logs.remove(&run);
        self.runs.remove(&(workspace, run));
        true
    }
}

/// The rows of one workspace, in the order of their keys.
fn of<K: Ord, V>(
    rows: &BTreeMap<K, V>,
    workspace: WorkspaceId,
    owner: impl Fn(&K) -> WorkspaceId,
) -> impl DoubleEndedIterator<Item = &V> {
    rows.iter().filter(move |(key, _)| owner(key) == workspace).map(|(_, row)| row)
}
