//! The append: judged stream by stream inside the writer's transaction, by conditional inserts.

use std::collections::BTreeSet;

use rusqlite::{ToSql, params};

use super::error::Failure;
use super::rows::{DigestColumn, Labels, first, idempotency, int};
use super::session::{KnownHead, POSITION_BITS, Session};
use super::sql;
use crate::{
    AppendBatch, AppendOutcome, ConflictKind, DerivedRows, Hash, OutboxKey, RunRow, Segment,
    StoreError, StreamAppend, StreamId, TicketRow, first_of_chain,
};

/// Executes a batch: what one stream takes is taken for those after it, and what the batch releases
/// is free once it is over.
pub(super) fn append(
    session: &mut Session<'_>,
    batch: &AppendBatch,
) -> Result<Vec<AppendOutcome>, Failure> {
    delete_outbox(session, &batch.outbox_done)?;
    let repeated = repeated(&batch.streams);
    let mut outcomes = Vec::with_capacity(batch.streams.len());
    for (index, stream) in batch.streams.iter().enumerate() {
        let outcome = if repeated.contains(&index) {
            AppendOutcome::Conflict(ConflictKind::Head)
        } else {
            append_stream(session, stream)?
        };
        outcomes.push(outcome);
    }
    for (stream, outcome) in batch.streams.iter().zip(&outcomes) {
        if matches!(outcome, AppendOutcome::Committed { .. }) && !is_new(stream) && ends(stream) {
            session.hot.dedup_release.get()?.execute([stream.stream])?;
        }
    }
    Ok(outcomes)
}

/// Deletes outbox rows.
pub(super) fn delete_outbox(session: &mut Session<'_>, keys: &[OutboxKey]) -> Result<(), Failure> {
    if keys.is_empty() {
        return Ok(());
    }
    let delete = session.hot.outbox_delete.get()?;
    for key in keys {
        let deleted = delete.execute(params![key.stream, int(key.ordinal)])?;
        if let Some(head) = session.heads.peek_mut(&key.stream) {
            head.owed = head.owed.saturating_sub(deleted as u64);
        }
    }
    Ok(())
}

fn is_new(append: &StreamAppend) -> bool {
    append.segments.first().is_some_and(|first| first.ordinal == 1)
}

/// Whether the run is over after the append.
fn ends(append: &StreamAppend) -> bool {
    append.rows.run.as_ref().is_some_and(RunRow::is_terminal)
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

fn append_stream(
    session: &mut Session<'_>,
    append: &StreamAppend,
) -> Result<AppendOutcome, Failure> {
    let head = Ok(AppendOutcome::Conflict(ConflictKind::Head));
    let (Some(ordinal), Some(segment)) =
        (first_of_chain(&append.segments), append.segments.first())
    else {
        return head;
    };
    let tenant = session.tenant(append.workspace)?;
    let new = ordinal == 1;
    let follows = match ordinal.checked_sub(1) {
        None => false,
        Some(0) => segment.prev_hash == Hash::default(),
        Some(previous) => has(session, append.stream, previous, tenant, &segment.prev_hash)?,
    };
    if !new && !follows {
        return not_appended(session, append, tenant, ConflictKind::Head);
    }
    if let Some(conflict) = rival(session, append, tenant, new)? {
        return not_appended(session, append, tenant, conflict);
    }
    if !follows || !insert(session, append.stream, tenant, segment)? {
        return not_appended(session, append, tenant, ConflictKind::Head);
    }
    for segment in &append.segments[1..] {
        if !insert(session, append.stream, tenant, segment)? {
            let problem = format!("segment {} stands after the head", segment.ordinal);
            return Err(inconsistent(append.stream, problem));
        }
    }
    let older = if new { 0 } else { owed_before(session, append.stream, ordinal)? };
    write_keys(session, append, tenant, new)?;
    let owed = older + write_rows(session, append, tenant)?;
    remember(session, append, KnownHead { tenant, ordinal, hash: segment.hash, owed });
    Ok(AppendOutcome::Committed { older_outbox: older > 0 })
}

/// Keeps the head of a stream that is likely to go on. `first` is as of its first new segment.
fn remember(session: &mut Session<'_>, append: &StreamAppend, first: KnownHead) {
    match append.segments.last().filter(|_| !ends(append)) {
        Some(last) => {
            let head = KnownHead { ordinal: last.ordinal, hash: last.hash, ..first };
            session.heads.put(append.stream, head);
        }
        None => {
            session.heads.pop(&append.stream);
        }
    }
}

/// The answer where nothing was written: these very segments may have been written before. A stream
/// that has the first of them at another hash has another head, whatever else is in the way.
fn not_appended(
    session: &mut Session<'_>,
    append: &StreamAppend,
    tenant: i64,
    conflict: ConflictKind,
) -> Result<AppendOutcome, Failure> {
    let mut first_taken = false;
    let mut all_held = true;
    for segment in &append.segments {
        let stored = at(session, append.stream, segment.ordinal)?;
        first_taken |= stored.is_some();
        all_held &=
            stored.is_some_and(|(id, hash)| id >> POSITION_BITS == tenant && hash == segment.hash);
        if !all_held {
            break;
        }
    }
    let ordinal = append.segments.first().map_or(0, |segment| segment.ordinal);
    if all_held {
        let older_outbox = count_owed(session, append.stream, ordinal)? > 0;
        return Ok(AppendOutcome::Committed { older_outbox });
    }
    let moved = ordinal != 1 && first_taken;
    Ok(AppendOutcome::Conflict(if moved { ConflictKind::Head } else { conflict }))
}

/// A key of the append that another has taken.
fn rival(
    session: &mut Session<'_>,
    append: &StreamAppend,
    tenant: i64,
    new: bool,
) -> Result<Option<ConflictKind>, Failure> {
    for key in &append.keys {
        let mut statement = session.statement(sql::KEY_GET)?;
        let rows = statement.query(params![tenant, key.endpoint, key.key])?;
        if let Some(row) = first(rows, "idempotency", idempotency)? {
            return Ok(Some(ConflictKind::Key(row)));
        }
    }
    let Some(dedup) = append.dedup.as_ref().filter(|_| new) else { return Ok(None) };
    let mut statement = session.statement(sql::DEDUP_HOLDER)?;
    let rows = statement.query(params![tenant, dedup])?;
    let holder = first(rows, "dedup", |columns| columns.stream("run"))?;
    Ok(holder.map(ConflictKind::Dedup))
}

/// The id and hash of a segment.
fn at(
    session: &mut Session<'_>,
    stream: StreamId,
    ordinal: u64,
) -> Result<Option<(i64, Hash)>, Failure> {
    let rows = session.hot.segment_at.get()?.query(params![stream, int(ordinal)])?;
    first(rows, "segments", |columns| Ok((columns.take("id")?, columns.take("hash")?)))
}

/// Whether a stream of this tenant has a segment with this hash; its head is looked up in memory.
fn has(
    session: &mut Session<'_>,
    stream: StreamId,
    ordinal: u64,
    tenant: i64,
    hash: &Hash,
) -> Result<bool, Failure> {
    let is_head =
        |head: &KnownHead| head.tenant == tenant && head.ordinal == ordinal && head.hash == *hash;
    if session.heads.get(&stream).is_some_and(is_head) {
        return Ok(true);
    }
    let stored = at(session, stream, ordinal)?;
    Ok(stored.is_some_and(|(id, stored)| id >> POSITION_BITS == tenant && stored == *hash))
}

fn insert(
    session: &mut Session<'_>,
    stream: StreamId,
    tenant: i64,
    segment: &Segment,
) -> Result<bool, Failure> {
    let id = session.next_id(tenant)?;
    let inserted = session.hot.segment_insert.get()?.execute(params![
        id,
        stream,
        int(segment.ordinal),
        int(segment.first_seq),
        int(segment.last_seq),
        segment.at_ms,
        segment.prev_hash,
        segment.hash,
        segment.events,
    ])?;
    Ok(inserted == 1)
}

/// How many segments of a stream owe effects, all of them before the one at `ordinal`, which has
/// just become its head.
fn owed_before(session: &mut Session<'_>, stream: StreamId, ordinal: u64) -> Result<u64, Failure> {
    match session.heads.peek(&stream) {
        Some(head) => Ok(head.owed),
        None => count_owed(session, stream, ordinal),
    }
}

fn count_owed(session: &mut Session<'_>, stream: StreamId, before: u64) -> Result<u64, Failure> {
    let statement = session.hot.outbox_older.get()?;
    let count: i64 = statement.query_row(params![stream, int(before)], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or_default())
}

fn inconsistent(stream: StreamId, problem: String) -> Failure {
    let key = stream.0.to_string();
    StoreError::Inconsistent { table: "segments", column: "ordinal", key, problem }.into()
}

fn write_keys(
    session: &mut Session<'_>,
    append: &StreamAppend,
    tenant: i64,
    new: bool,
) -> Result<(), Failure> {
    for key in &append.keys {
        session.statement(sql::KEY_PUT)?.execute(params![
            tenant,
            key.endpoint,
            key.key,
            key.body_hash,
            key.status,
            key.response,
            key.expires_ms,
        ])?;
    }
    if let Some(dedup) = append.dedup.as_ref().filter(|_| new && !ends(append)) {
        session.statement(sql::DEDUP_PUT)?.execute(params![tenant, dedup, append.stream])?;
    }
    Ok(())
}

/// Writes what derives from the segments; answers how many of these owe effects.
fn write_rows(
    session: &mut Session<'_>,
    append: &StreamAppend,
    tenant: i64,
) -> Result<u64, Failure> {
    let StreamAppend { stream, segments, rows, .. } = append;
    let mut owed = 0;
    for segment in segments.iter().filter(|segment| rows.outbox.contains(&segment.ordinal)) {
        let insert = session.hot.outbox_insert.get()?;
        insert.execute(params![stream, int(segment.ordinal), tenant, segment.at_ms])?;
        owed += 1;
    }
    write_leases(session, rows, tenant)?;
    for ticket in &rows.tickets {
        write_ticket(session, ticket, tenant)?;
    }
    for (digest, document) in &rows.documents {
        let mut put = session.statement(sql::DOCUMENT_PUT)?;
        put.execute(params![tenant, digest, document, rows.now_ms])?;
    }
    let (new, ends) = (is_new(append), ends(append));
    if let (Some(due_ms), Some(last), false) = (rows.wakeup_due, segments.last(), ends) {
        let put = session.hot.wakeup_put.get()?;
        put.execute(params![stream, tenant, due_ms, int(last.ordinal), rows.now_ms])?;
    }
    if let Some(run) = &rows.run {
        write_run(session, run, tenant, new)?;
    }
    if ends && !new {
        session.hot.wakeup_delete.get()?.execute([stream])?;
    }
    Ok(owed)
}

fn write_leases(session: &mut Session<'_>, rows: &DerivedRows, tenant: i64) -> Result<(), Failure> {
    for lease in &rows.leases_put {
        session.hot.lease_insert.get()?.execute(params![
            lease.key.run,
            lease.key.instance,
            lease.key.attempt,
            tenant,
            lease.pool,
            lease.name,
            lease.priority,
            int(lease.seq),
            lease.by_topic,
            lease.scheduled_ms,
        ])?;
    }
    for key in &rows.leases_drop {
        let delete = session.hot.lease_delete.get()?;
        delete.execute(params![key.run, key.instance, key.attempt])?;
    }
    Ok(())
}

fn write_ticket(session: &mut Session<'_>, ticket: &TicketRow, tenant: i64) -> Result<(), Failure> {
    session.statement(sql::TICKET_PUT)?.execute(params![
        tenant,
        ticket.ticket,
        ticket.run,
        ticket.instance,
        ticket.status,
        ticket.message,
        ticket.subject_hash,
        ticket.detail,
        ticket.created_ms,
        ticket.expires_ms,
        ticket.decided_ms,
    ])?;
    Ok(())
}

fn write_run(
    session: &mut Session<'_>,
    run: &RunRow,
    tenant: i64,
    new: bool,
) -> Result<(), Failure> {
    let digest = DigestColumn::new(&run.digest);
    let labels = Labels::new(&run.labels)?;
    let seq = int(run.seq);
    let columns: [&dyn ToSql; 14] = [
        &tenant,
        &run.run,
        &run.status,
        &run.name,
        &run.tag,
        &digest,
        &run.parent,
        &labels,
        &run.created_ms,
        &run.updated_ms,
        &run.finished_ms,
        &seq,
        &run.error,
        &run.output,
    ];
    if new || session.hot.run_step.get()?.execute(columns)? == 0 {
        session.hot.run_put.get()?.execute(columns)?;
    }
    Ok(())
}
