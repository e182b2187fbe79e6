//! A round as arrays, one per column.

use std::collections::BTreeSet;

use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;

use super::super::rows::{int, labels, text};
use super::super::sql;
use super::plan::Candidate;
use crate::{
    IdempotencyKey, LeaseKey, LeaseRow, OutboxKey, RunRow, Segment, StoreError, StreamAppend,
    TicketRow,
};

/// [`sql::APPEND`] on its way to its parameters. Those of the first call come first.
type Bound = Query<'static, Postgres, PgArguments>;

/// What a statement does besides appending its streams.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside<'a> {
    /// Outbox rows that are deleted.
    pub(super) done: &'a [OutboxKey],
    /// The number of the connection.
    pub(super) committer: i16,
    /// Whether runs that are over let go of their dedup keys.
    pub(super) release: bool,
}

/// The statement that appends a round.
pub(super) fn statement(round: &[Candidate<'_>], beside: Beside<'_>) -> Result<Bound, StoreError> {
    let bound = sqlx::query(sql::APPEND)
        .bind(each(beside.done, |key| key.stream.0))
        .bind(each(beside.done, |key| int(key.ordinal)));
    let bound = segments(streams(bound, round), round);
    let bound = keys(bound, round).bind(beside.committer);
    let bound = leases(wakeups(bound, round), round);
    let bound = runs(tickets(bound, round), round)?;
    let over = round.iter().filter(|one| one.ends() && !one.is_new());
    let over: Vec<_> = over.map(|one| one.append.stream.0).collect();
    Ok(documents(bound.bind(over).bind(beside.release), round))
}

fn each<T, U>(rows: &[T], column: impl Fn(&T) -> U) -> Vec<U> {
    rows.iter().map(column).collect()
}

/// Rows of one kind, each with the stream that it belongs to.
fn of<'a, T: 'a, I: IntoIterator<Item = T>>(
    round: &[Candidate<'a>],
    rows: impl Fn(&Candidate<'a>) -> I,
) -> Vec<(&'a StreamAppend, T)> {
    round.iter().flat_map(|one| rows(one).into_iter().map(|row| (one.append, row))).collect()
}

fn streams(bound: Bound, round: &[Candidate<'_>]) -> Bound {
    // A key that others may hold is asked for by any new stream; one that is over takes none.
    let dedup = |one: &Candidate<'_>| {
        one.append.dedup.as_deref().filter(|_| one.is_new()).map(|key| text(key).into_owned())
    };
    bound
        .bind(each(round, |one| one.append.stream.0))
        .bind(each(round, |one| one.append.workspace.0))
        .bind(each(round, |one| int(one.first)))
        .bind(each(round, |one| one.append.segments[0].prev_hash))
        .bind(each(round, dedup))
        .bind(each(round, |one| dedup(one).is_some() && !one.ends()))
}

fn segments(bound: Bound, round: &[Candidate<'_>]) -> Bound {
    let rows: Vec<(&StreamAppend, &Segment)> = of(round, |one| &one.append.segments);
    let is_first = |append: &StreamAppend, row: &Segment| append.segments[0].ordinal == row.ordinal;
    bound
        .bind(each(&rows, |(append, _)| append.stream.0))
        .bind(each(&rows, |(append, _)| append.workspace.0))
        .bind(each(&rows, |(_, row)| int(row.ordinal)))
        .bind(each(&rows, |(_, row)| int(row.first_seq)))
        .bind(each(&rows, |(_, row)| int(row.last_seq)))
        .bind(each(&rows, |(_, row)| row.at_ms))
        .bind(each(&rows, |(_, row)| row.prev_hash))
        .bind(each(&rows, |(_, row)| row.hash))
        .bind(each(&rows, |(_, row)| row.events.as_str()))
        .bind(each(&rows, |(append, row)| is_first(append, row)))
        .bind(each(&rows, |(append, row)| append.rows.outbox.contains(&row.ordinal)))
}

fn keys(bound: Bound, round: &[Candidate<'_>]) -> Bound {
    let mut rows: Vec<(bool, &StreamAppend, &IdempotencyKey)> = Vec::new();
    for one in round {
        // One that a stream names twice counts once.
        let mut seen = BTreeSet::new();
        let keys = one.append.keys.iter().filter(|key| seen.insert((&key.endpoint, &key.key)));
        rows.extend(keys.map(|key| (one.is_new(), one.append, key)));
    }
    bound
        .bind(each(&rows, |(_, append, _)| append.stream.0))
        .bind(each(&rows, |(_, append, _)| append.workspace.0))
        .bind(each(&rows, |(is_new, ..)| *is_new))
        .bind(each(&rows, |(.., row)| text(&row.endpoint)))
        .bind(each(&rows, |(.., row)| text(&row.key)))
        .bind(each(&rows, |(.., row)| row.body_hash))
        .bind(each(&rows, |(.., row)| i64::from(row.status)))
        .bind(each(&rows, |(.., row)| text(&row.response)))
        .bind(each(&rows, |(.., row)| row.expires_ms))
}

fn wakeups(bound: Bound, round: &[Candidate<'_>]) -> Bound {
    // A run that is over has no timer.
    let rows = of(round, |one| {
        let due = one.append.rows.wakeup_due.filter(|_| !one.ends());
        due.zip(one.append.segments.last())
    });
    bound
        .bind(each(&rows, |(append, _)| append.stream.0))
        .bind(each(&rows, |(_, (due_ms, _))| *due_ms))
        .bind(each(&rows, |(_, (_, last))| int(last.ordinal)))
        .bind(each(&rows, |(append, _)| append.rows.now_ms))
        .bind(each(&rows, |(append, _)| append.workspace.0))
}

fn leases(bound: Bound, round: &[Candidate<'_>]) -> Bound {
    // What begins and ends in one append is not written at all.
    let begun: Vec<(&StreamAppend, &LeaseRow)> = of(round, |one| {
        let rows = &one.append.rows;
        rows.leases_put.iter().filter(|row| !rows.leases_drop.contains(&row.key))
    });
    let ended: Vec<(&StreamAppend, &LeaseKey)> = of(round, |one| &one.append.rows.leases_drop);
    bound
        .bind(each(&begun, |(append, _)| append.stream.0))
        .bind(each(&begun, |(append, _)| append.workspace.0))
        .bind(each(&begun, |(_, row)| row.key.run.0))
        .bind(each(&begun, |(_, row)| text(&row.key.instance)))
        .bind(each(&begun, |(_, row)| i64::from(row.key.attempt)))
        .bind(each(&begun, |(_, row)| text(&row.pool)))
        .bind(each(&begun, |(_, row)| text(&row.name)))
        .bind(each(&begun, |(_, row)| i16::from(row.priority)))
        .bind(each(&begun, |(_, row)| int(row.seq)))
        .bind(each(&begun, |(_, row)| row.by_topic))
        .bind(each(&begun, |(_, row)| row.scheduled_ms))
        .bind(each(&ended, |(append, _)| append.stream.0))
        .bind(each(&ended, |(_, key)| key.run.0))
        .bind(each(&ended, |(_, key)| text(&key.instance)))
        .bind(each(&ended, |(_, key)| i64::from(key.attempt)))
}

fn tickets(bound: Bound, round: &[Candidate<'_>]) -> Bound {
    // The last of a name is how it stands.
    let rows: Vec<(&StreamAppend, &TicketRow)> = of(round, |one| {
        let all = &one.append.rows.tickets;
        let later = |index: usize| all[index + 1..].iter();
        all.iter().enumerate().filter_map(move |(index, row)| {
            later(index).all(|other| other.ticket != row.ticket).then_some(row)
        })
    });
    bound
        .bind(each(&rows, |(append, _)| append.stream.0))
        .bind(each(&rows, |(append, _)| append.workspace.0))
        .bind(each(&rows, |(_, row)| text(&row.ticket)))
        .bind(each(&rows, |(_, row)| row.run.0))
        .bind(each(&rows, |(_, row)| text(&row.instance)))
        .bind(each(&rows, |(_, row)| text(&row.status)))
        .bind(each(&rows, |(_, row)| text(&row.message)))
        .bind(each(&rows, |(_, row)| text(&row.subject_hash)))
        .bind(each(&rows, |(_, row)| text(&row.detail)))
        .bind(each(&rows, |(_, row)| row.created_ms))
        .bind(each(&rows, |(_, row)| row.expires_ms))
        .bind(each(&rows, |(_, row)| row.decided_ms))
}

fn documents(bound: Bound, round: &[Candidate<'_>]) -> Bound {
    let rows: Vec<(&StreamAppend, &(String, String))> = of(round, |one| &one.append.rows.documents);
    bound
        .bind(each(&rows, |(append, _)| append.stream.0))
        .bind(each(&rows, |(append, _)| append.workspace.0))
        .bind(each(&rows, |(_, (digest, _))| text(digest)))
        .bind(each(&rows, |(_, (_, document))| text(document)))
        .bind(each(&rows, |(append, _)| append.rows.now_ms))
}

fn runs(bound: Bound, round: &[Candidate<'_>]) -> Result<Bound, StoreError> {
    let rows: Vec<(&StreamAppend, &RunRow)> = of(round, |one| &one.append.rows.run);
    let labels = rows.iter().map(|(_, row)| labels(&row.labels));
    let labels: Vec<Option<String>> = labels.collect::<Result<_, _>>()?;
    Ok(bound
        .bind(each(&rows, |(append, _)| append.stream.0))
        .bind(each(&rows, |(append, _)| append.workspace.0))
        .bind(each(&rows, |(_, row)| row.run.0))
        .bind(each(&rows, |(_, row)| text(&row.status)))
        .bind(each(&rows, |(_, row)| text(&row.name)))
        .bind(each(&rows, |(_, row)| row.tag.as_deref().map(text)))
        .bind(each(&rows, |(_, row)| text(&row.digest)))
        .bind(each(&rows, |(_, row)| row.parent.map(|parent| parent.0)))
        .bind(labels)
        .bind(each(&rows, |(_, row)| row.created_ms))
        .bind(each(&rows, |(_, row)| row.updated_ms))
        .bind(each(&rows, |(_, row)| row.finished_ms))
        .bind(each(&rows, |(_, row)| int(row.seq)))
        .bind(each(&rows, |(_, row)| row.error.as_deref().map(text)))
        .bind(each(&rows, |(_, row)| row.output.as_deref().map(text))))
}
