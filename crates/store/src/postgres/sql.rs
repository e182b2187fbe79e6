//! The append: one statement per batch.
//!
//! ```text
//! given --(visible: head, keys, dedup)--> open --> keys, dedup of new streams --> first --> rest
//!                                                                                   |
//!                           outbox, wake-ups, leases, tickets, runs, documents <----+
//! ```
//!
//! All rows of a batch come as arrays, one parameter per column. What a stream gains is inserted only
//! where its first segment was: by what the statement sees, and by the unique key of the table, which
//! waits for a rival that is about to commit. A `where x in (select ...) is true` is evaluated by a
//! hash table, whatever the planner believes about the lengths of arrays; base tables are reached
//! through their keys (see the settings of the committer's connection). Rows go in sorted by the key
//! of their table, so that two committers meet in one order.

/// Appends the streams of a round. Answers `stream, inserted, older_outbox, dedup_holder` of each.
///
/// A stream that was not inserted lost by what is visible or to a rival; nothing of it is written. One
/// of which a part would be written (its keys, but not its segment) ends the statement as a
/// serialization failure.
pub(super) const APPEND: &str = r"
with
done as materialized (
    select * from unnest($1::uuid[], $2::bigint[]) as t (stream, ordinal)
),
acknowledged as (
    delete from outbox o using done d where o.stream = d.stream and o.ordinal = d.ordinal
),
given as materialized (
    select * from unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::bytea[], $7::text[], $8::boolean[])
        as t (stream, workspace, ordinal, prev_hash, dedup, holds)
),
segment as materialized (
    select * from unnest($9::uuid[], $10::uuid[], $11::bigint[], $12::bigint[], $13::bigint[],
        $14::bigint[], $15::bytea[], $16::bytea[], $17::text[], $18::boolean[], $19::boolean[])
        as t (stream, workspace, ordinal, first_seq, last_seq, at_ms, prev_hash, hash, events,
            is_first, owes)
),
key as materialized (
    select * from unnest($20::uuid[], $21::uuid[], $22::boolean[], $23::text[], $24::text[],
        $25::bytea[], $26::bigint[], $27::text[], $28::bigint[])
        as t (stream, workspace, is_new, endpoint, key, body_hash, status, response, expires_ms)
),
taken as (
    select k.stream from key k where exists (
        select from idempotency i
        where i.workspace = k.workspace and i.key = k.key and i.endpoint = k.endpoint)
),
judged as materialized (
    select g.*, (
        select d.run from dedup d where d.workspace = g.workspace and d.key = g.dedup
    ) as holder
    from given g
),
open as materialized (
    select j.stream, j.workspace, j.ordinal, j.dedup, j.holds from judged j
    where j.holder is null
    and (j.stream in (select t.stream from taken t)) is not true
    and case when j.ordinal = 1 then
        j.prev_hash = decode(repeat('00', 32), 'hex')
        and not exists (select from segments s where s.stream = j.stream and s.ordinal = 1)
    else exists (
        select from segments s
        where s.stream = j.stream and s.ordinal = j.ordinal - 1
        and s.hash = j.prev_hash and s.workspace = j.workspace)
    end
),
new_keys as (
    insert into idempotency
        (workspace, key, endpoint, stream, body_hash, status, response, expires_ms)
    select workspace, key, endpoint, stream, body_hash, status, response, expires_ms from key k
    where k.is_new and (k.stream in (select o.stream from open o)) is true
    order by workspace, key, endpoint
    on conflict do nothing
    returning workspace, key, endpoint, stream
),
lost_keys as (
    select k.stream from key k
    where k.is_new
    and ((k.workspace, k.key, k.endpoint) in (
        select n.workspace, n.key, n.endpoint from new_keys n)) is not true
),
new_dedup as (
    insert into dedup (workspace, key, run)
    select workspace, dedup, stream from open o
    where o.holds and (o.stream in (select l.stream from lost_keys l)) is not true
    order by workspace, dedup
    on conflict do nothing
    returning run
),
first as (
    insert into segments (position, committer, stream, ordinal, workspace, first_seq, last_seq, at_ms,
        prev_hash, hash, events)
    select nextval('feed_positions'), $29::smallint, s.* from (
        select stream, ordinal, workspace, first_seq, last_seq, at_ms, prev_hash, hash, events::json
        from segment g
        where g.is_first
        and (g.stream in (
            select o.stream from open o
            where (o.stream in (select l.stream from lost_keys l)) is not true
            and (not o.holds or (o.stream in (select n.run from new_dedup n)) is true))) is true
        order by stream
    ) s
    on conflict do nothing
    returning stream, ordinal
),
rest as (
    insert into segments (position, committer, stream, ordinal, workspace, first_seq, last_seq, at_ms,
        prev_hash, hash, events)
    select nextval('feed_positions'), $29::smallint, s.* from (
        select stream, ordinal, workspace, first_seq, last_seq, at_ms, prev_hash, hash, events::json
        from segment g
        where not g.is_first and (g.stream in (select f.stream from first f)) is true
        order by stream, ordinal
    ) s
),
later_keys as (
    insert into idempotency
        (workspace, key, endpoint, stream, body_hash, status, response, expires_ms)
    select workspace, key, endpoint, stream, body_hash, status, response, expires_ms from key k
    where not k.is_new and (k.stream in (select f.stream from first f)) is true
    order by workspace, key, endpoint
    on conflict do nothing
),
owed as (
    insert into outbox (stream, ordinal, workspace, at_ms)
    select stream, ordinal, workspace, at_ms from segment s
    where s.owes and (s.stream in (select f.stream from first f)) is true
    order by stream, ordinal
    on conflict do nothing
),
woken as (
    insert into wakeups as w (stream, due_ms, ordinal, written_ms, workspace)
    select * from unnest($30::uuid[], $31::bigint[], $32::bigint[], $33::bigint[], $34::uuid[])
        as t (stream, due_ms, ordinal, written_ms, workspace)
    where (t.stream in (select f.stream from first f)) is true
    order by stream
    on conflict (stream) do update set due_ms = excluded.due_ms, ordinal = excluded.ordinal,
        written_ms = excluded.written_ms
    where excluded.due_ms < w.due_ms or w.due_ms <= excluded.written_ms
),
begun as (
    insert into leases (run, instance, attempt, workspace, pool, name, priority, seq, by_topic,
        scheduled_ms)
    select run, instance, attempt, workspace, pool, name, priority, seq, by_topic, scheduled_ms
    from unnest($35::uuid[], $36::uuid[], $37::uuid[], $38::text[], $39::bigint[], $40::text[],
        $41::text[], $42::smallint[], $43::bigint[], $44::boolean[], $45::bigint[])
        as t (stream, workspace, run, instance, attempt, pool, name, priority, seq, by_topic,
            scheduled_ms)
    where (t.stream in (select f.stream from first f)) is true
    order by run, instance, attempt
    on conflict do nothing
),
ended as (
    delete from leases l using (
        select * from unnest($46::uuid[], $47::uuid[], $48::text[], $49::bigint[])
            as t (stream, run, instance, attempt)
        where (t.stream in (select f.stream from first f)) is true
        order by run, instance, attempt
    ) e
    where l.run = e.run and l.instance = e.instance and l.attempt = e.attempt
),
asked as (
    insert into tickets (workspace, ticket, run, instance, status, message, subject_hash, detail,
        created_ms, expires_ms, decided_ms)
    select workspace, ticket, run, instance, status, message, subject_hash, detail, created_ms,
        expires_ms, decided_ms
    from unnest($50::uuid[], $51::uuid[], $52::text[], $53::uuid[], $54::text[], $55::text[],
        $56::text[], $57::text[], $58::text[], $59::bigint[], $60::bigint[], $61::bigint[])
        as t (stream, workspace, ticket, run, instance, status, message, subject_hash, detail,
            created_ms, expires_ms, decided_ms)
    where (t.stream in (select f.stream from first f)) is true
    order by workspace, ticket
    on conflict (workspace, ticket) do update set
        run = excluded.run, instance = excluded.instance, status = excluded.status,
        message = excluded.message, subject_hash = excluded.subject_hash, detail = excluded.detail,
        created_ms = excluded.created_ms, expires_ms = excluded.expires_ms,
        decided_ms = excluded.decided_ms
),
shown as (
    insert into runs (workspace, run, status, name, tag, digest, parent, labels, created_ms,
        updated_ms, finished_ms, seq, error, output)
    select workspace, run, status, name, tag, digest, parent, labels, created_ms, updated_ms,
        finished_ms, seq, error, output
    from unnest($62::uuid[], $63::uuid[], $64::uuid[], $65::text[], $66::text[], $67::text[],
        $68::text[], $69::uuid[], $70::text[], $71::bigint[], $72::bigint[], $73::bigint[],
        $74::bigint[], $75::text[], $76::text[])
        as t (stream, workspace, run, status, name, tag, digest, parent, labels, created_ms,
            updated_ms, finished_ms, seq, error, output)
    where (t.stream in (select f.stream from first f)) is true
    order by workspace, run
    on conflict (workspace, run) do update set
        status = excluded.status, name = excluded.name, tag = excluded.tag,
        digest = excluded.digest, parent = excluded.parent, labels = excluded.labels,
        created_ms = excluded.created_ms, updated_ms = excluded.updated_ms,
        finished_ms = excluded.finished_ms, seq = excluded.seq, error = excluded.error,
        output = excluded.output
),
documented as (
    insert into documents (workspace, digest, document, created_ms)
    select workspace, digest, document, created_ms
    from unnest($79::uuid[], $80::uuid[], $81::text[], $82::text[], $83::bigint[])
        as t (stream, workspace, digest, document, created_ms)
    where (t.stream in (select f.stream from first f)) is true
    order by workspace, digest
    on conflict do nothing
),
over as materialized (
    select t.stream from unnest($77::uuid[]) as t (stream)
    where (t.stream in (select f.stream from first f)) is true
),
no_timer as (
    delete from wakeups w using over o where w.stream = o.stream
),
released as (
    delete from dedup d using over o where $78::boolean and d.run = o.stream
)
select j.stream,
    (j.stream in (select f.stream from first f)) is true as inserted,
    j.ordinal > 1 and exists (
        select from outbox o where o.stream = j.stream and o.ordinal < j.ordinal
        and ((o.stream, o.ordinal) in (select d.stream, d.ordinal from done d)) is not true
    ) as older_outbox,
    j.holder
from judged j
where case when
    exists (select from new_keys n where (n.stream in (select f.stream from first f)) is not true)
    or exists (select from new_dedup n where (n.run in (select f.stream from first f)) is not true)
then append_lost_a_race() else true end";

/// Releases the dedup keys of runs that are over.
pub(super) const DEDUP_RELEASE: &str = "delete from dedup where run = any($1::uuid[])";

/// What stands where a lost append wanted to be, and before it: `stream, ordinal, workspace, hash`.
pub(super) const STORED: &str = "select s.stream, s.ordinal, s.workspace, s.hash
    from unnest($1::uuid[], $2::bigint[]) as t (stream, ordinal)
    join segments s on s.stream = t.stream and s.ordinal = t.ordinal";

/// Stored answers: `workspace, endpoint, key, body_hash, status, response`.
pub(super) const KEYS: &str =
    "select i.workspace, i.endpoint, i.key, i.body_hash, i.status, i.response
    from unnest($1::uuid[], $2::text[], $3::text[]) as t (workspace, endpoint, key)
    join idempotency i
    on i.workspace = t.workspace and i.key = t.key and i.endpoint = t.endpoint";

/// Which of these streams owe effects of segments before these ordinals: `stream`.
pub(super) const OLDER: &str = "select t.stream
    from unnest($1::uuid[], $2::bigint[]) as t (stream, ordinal)
    where exists (
        select from outbox o where o.stream = t.stream and o.ordinal < t.ordinal)";

/// Deletes outbox rows outside an append.
pub(super) const OUTBOX_DELETE: &str = "delete from outbox o
    using unnest($1::uuid[], $2::bigint[]) as t (stream, ordinal)
    where o.stream = t.stream and o.ordinal = t.ordinal";
