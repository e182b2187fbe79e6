//! A run's instances over time, and its edges over all scopes.

use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

use crate::event::EdgeState;
use crate::ids::{InstanceId, RunId, Timestamp};
use crate::state::{Doing, Instance, Key, RunState};
use crate::view::{ErrorView, status_name};

/// One instance over time.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanView {
    /// Which instance.
    pub instance: InstanceId,
    /// Its status.
    pub status: &'static str,
    /// Attempts so far.
    pub attempts: u32,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When the runner of its last attempt started it, if known.
    pub started_at: Option<Timestamp>,
    /// Since when it is in its status.
    pub since: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it, or its last attempt, failed.
    pub error: Option<ErrorView>,
    /// The highest attempt whose result came too late to count.
    pub late_attempt: Option<u32>,
    /// The child run that it waits for.
    pub child: Option<RunId>,
}

/// What became of one edge in all scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EdgeCounts {
    /// Taken in so many scopes.
    pub taken: u32,
    /// Dead in so many scopes.
    pub dead: u32,
    /// Not taken because its source failed, in so many scopes.
    pub failed: u32,
}

impl RunState {
    /// The first `limit` instances behind `after`, by the time when they were opened, then by name.
    pub fn spans(&self, after: Option<&(Timestamp, InstanceId)>, limit: usize) -> Vec<SpanView> {
        let mut first: BinaryHeap<(Timestamp, InstanceId, Key)> = BinaryHeap::new();
        for (key, instance) in self.instances.iter() {
            let opened = instance.opened_at;
            let too_early = after.is_some_and(|(at, _)| opened < *at);
            let too_late =
                first.len() >= limit && first.peek().is_none_or(|(last, ..)| opened > *last);
            if too_early || too_late {
                continue;
            }
            let place = (opened, self.id_of(&key));
            if after.is_some_and(|after| place <= *after) {
                continue;
            }
            first.push((place.0, place.1, key));
            if first.len() > limit {
                first.pop();
            }
        }
        let spans = first.into_sorted_vec().into_iter().filter_map(|(_, id, key)| {
            let instance = self.instances.get(&key)?;
            Some(span(id, instance))
        });
        spans.collect()
    }

    /// What became of each edge that was decided, by id.
    pub fn edge_counts(&self) -> BTreeMap<Arc<str>, EdgeCounts> {
        let mut counts: BTreeMap<Arc<str>, EdgeCounts> = BTreeMap::new();
        for (key, entry) in self.edges.iter() {
            let count = counts.entry(self.names.name(key.node)).or_default();
            match entry.is {
                EdgeState::Taken => count.taken += 1,
                EdgeState::Dead => count.dead += 1,
                EdgeState::Failed => count.failed += 1,
            }
        }
        counts
    }
}

fn span(id: InstanceId, instance: &Instance) -> SpanView {
    let error = instance
        .failure
        .as_ref()
        .map(|note| ErrorView { code: Arc::clone(&note.code), message: Arc::clone(&note.message) });
    SpanView {
        instance: id,
        status: status_name(instance.status),
        attempts: instance.attempt,
        opened_at: instance.opened_at,
        started_at: instance.started_at,
        since: instance.since,
        finished_at: instance.finished_at(),
        error,
        late_attempt: (instance.late > 0).then_some(instance.late),
        child: if let Doing::Child(wait) = &instance.doing { Some(wait.child) } else { None },
    }
}
