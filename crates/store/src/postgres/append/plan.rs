//! Which streams of a batch may go into one statement.
//!
//! A statement does not see what it writes itself: a key that one stream takes is not taken for
//! another of the same statement. Streams that share a name go into rounds, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    AppendBatch, AppendOutcome, ConflictKind, RunRow, StreamAppend, StreamId, WorkspaceId,
    first_of_chain,
};

/// What only one stream of a statement may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Name<'a> {
    Stream(StreamId),
    Key(WorkspaceId, &'a str, &'a str),
    Dedup(WorkspaceId, &'a str),
    Ticket(WorkspaceId, &'a str),
    Run(WorkspaceId, StreamId),
}

/// Everything that a stream shares with others only by mistake or by rivalry, but for its own id.
fn names(append: &StreamAppend) -> impl Iterator<Item = Name<'_>> {
    let StreamAppend { stream, workspace, keys, dedup, rows, .. } = append;
    let keys = keys.iter().map(|key| Name::Key(*workspace, &key.endpoint, &key.key));
    let dedup = dedup.iter().map(|dedup| Name::Dedup(*workspace, dedup));
    let tickets = rows.tickets.iter().map(|row| Name::Ticket(*workspace, &row.ticket));
    let run = rows.run.iter().map(|row| row.run).filter(move |run| run != stream);
    keys.chain(dedup).chain(tickets).chain(run.map(|run| Name::Run(*workspace, run)))
}

/// What a group of batches holds; a batch that shares nothing with it may join.
#[derive(Debug, Default)]
pub(super) struct Names<'a>(BTreeSet<Name<'a>>);

impl<'a> Names<'a> {
    /// Adds all names of a batch, or none; `false`: it shares one with those before.
    pub(super) fn join(&mut self, batch: &'a AppendBatch) -> bool {
        let streams = batch.streams.iter().map(|append| Name::Stream(append.stream));
        let named: BTreeSet<_> = streams.chain(batch.streams.iter().flat_map(names)).collect();
        let apart = self.0.is_disjoint(&named);
        if apart {
            self.0.extend(named);
        }
        apart
    }
}

/// A stream on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    /// Its place among all streams of the group.
    pub(super) place: usize,
    /// Ordinal of its first segment.
    pub(super) first: u64,
    /// What it gains.
    pub(super) append: &'a StreamAppend,
}

impl Candidate<'_> {
    pub(super) fn is_new(&self) -> bool {
        self.first == 1
    }

    /// Whether the run is over after the append.
    pub(super) fn ends(&self) -> bool {
        self.append.rows.run.as_ref().is_some_and(RunRow::is_terminal)
    }
}

/// The streams of a group, in rounds.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// One per stream of the group, in the order given.
    pub(super) outcomes: Vec<Option<AppendOutcome>>,
    /// Streams that share no name, round by round.
    pub(super) rounds: Vec<Vec<Candidate<'a>>>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(batches: &[&'a AppendBatch]) -> Self {
        let mut plan = Self { outcomes: Vec::new(), rounds: Vec::new() };
        for batch in batches {
            plan.add(batch);
        }
        plan
    }

    /// Places each stream after all earlier ones of its batch that it shares a name with.
    fn add(&mut self, batch: &'a AppendBatch) {
        let repeated = repeated(&batch.streams);
        let mut next: BTreeMap<Name<'a>, usize> = BTreeMap::new();
        for (index, append) in batch.streams.iter().enumerate() {
            let place = self.outcomes.len();
            let first = first_of_chain(&append.segments).filter(|_| !repeated.contains(&index));
            let Some(first) = first else {
                self.outcomes.push(Some(AppendOutcome::Conflict(ConflictKind::Head)));
                continue;
            };
            self.outcomes.push(None);
            let round = names(append).filter_map(|name| next.get(&name).copied()).max();
            let round = round.unwrap_or(0);
            next.extend(names(append).map(|name| (name, round + 1)));
            if self.rounds.len() <= round {
                self.rounds.resize_with(round + 1, Vec::new);
            }
            self.rounds[round].push(Candidate { place, first, append });
        }
    }
}

/// Places of streams that the batch names a second time.
fn repeated(streams: &[StreamAppend]) -> BTreeSet<usize> {
    if streams.is_sorted_by(|one, next| one.stream < next.stream) {
        return BTreeSet::new();
    }
    let mut seen = BTreeSet::new();
    let again = streams.iter().enumerate().filter(|(_, append)| !seen.insert(append.stream));
    again.map(|(index, _)| index).collect()
}
