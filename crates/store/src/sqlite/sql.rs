//! The statements of the writer. Those of reads stand where they are used.

/// Gives a workspace a number: `workspace`.
pub(super) const TENANT_INSERT: &str =
    "insert into tenants (workspace) values (?1) on conflict do nothing";

/// The number of a workspace: `workspace`.
pub(super) const TENANT_NO: &str = "select no from tenants where workspace = ?1";

/// Where a tenant's feed ends: first and last id of its range, its number.
pub(super) const FEED_END: &str = "select max(
    (select feed_floor from tenants where no = ?3),
    ifnull((select id from segments where id between ?1 and ?2 order by id desc limit 1), ?1) - ?1)";

/// A segment's id and hash: `stream, ordinal`.
pub(super) const SEGMENT_AT: &str =
    "select id, hash from segments where stream = ?1 and ordinal = ?2";

/// Appends to the log unless the place is taken: `id, stream, ordinal, first_seq, last_seq, at_ms,
/// prev_hash, hash, events`. The id is `tenant << 40 | position`, positions of a tenant counting up
/// from 1 in the order of commit.
pub const SEGMENT_INSERT: &str = "insert into segments
    (id, stream, ordinal, first_seq, last_seq, at_ms, prev_hash, hash, events)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    on conflict (stream, ordinal) do nothing";

/// Notes that a segment owes effects: `stream, ordinal, tenant, at_ms`.
pub const OUTBOX_INSERT: &str = "insert into outbox (stream, ordinal, tenant, at_ms)
    values (?1, ?2, ?3, ?4) on conflict do nothing";

/// The effects of a segment are acknowledged: `stream, ordinal`.
pub const OUTBOX_DELETE: &str = "delete from outbox where stream = ?1 and ordinal = ?2";

/// How many segments before this one still owe: `stream, ordinal`.
pub(super) const OUTBOX_OLDER: &str =
    "select count(*) from outbox where stream = ?1 and ordinal < ?2";

/// A run's row, new or with any column changed: `tenant, run, status, name, tag, digest, parent,
/// labels, created_ms, updated_ms, finished_ms, seq, error, output`. A digest `sha256:...` is its 32
/// bytes.
pub const RUN_PUT: &str = "insert into runs
    (tenant, run, status, name, tag, digest, parent, labels,
     created_ms, updated_ms, finished_ms, seq, error, output)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
    on conflict (tenant, run) do update set
        status = excluded.status, name = excluded.name, tag = excluded.tag,
        digest = excluded.digest, parent = excluded.parent, labels = excluded.labels,
        created_ms = excluded.created_ms, updated_ms = excluded.updated_ms,
        finished_ms = excluded.finished_ms, seq = excluded.seq, error = excluded.error,
        output = excluded.output";

/// The same parameters, for a run whose indexed columns are as stored: the indexes stay untouched.
pub const RUN_STEP: &str = "update runs set
        name = ?4, digest = ?6, labels = ?8, created_ms = ?9, updated_ms = ?10, finished_ms = ?11,
        seq = ?12, error = ?13, output = ?14
    where tenant = ?1 and run = ?2 and status = ?3 and tag is ?5 and parent is ?7";

/// A lower bound of a stream's timers, where it is earlier than the stored one or that one is past:
/// `stream, tenant, due_ms, ordinal, now_ms`.
pub(super) const WAKEUP_PUT: &str = "insert into wakeups (stream, tenant, due_ms, ordinal)
    values (?1, ?2, ?3, ?4)
    on conflict (stream) do update set due_ms = excluded.due_ms, ordinal = excluded.ordinal
    where excluded.due_ms < due_ms or due_ms <= ?5";

/// No timer: `stream`.
pub(super) const WAKEUP_DELETE: &str = "delete from wakeups where stream = ?1";

/// An attempt that may be claimed: `run, instance, attempt, tenant, pool, name, priority, seq,
/// by_topic, scheduled_ms`.
pub(super) const LEASE_INSERT: &str = "insert into leases
    (run, instance, attempt, tenant, pool, name, priority, seq, by_topic, scheduled_ms)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) on conflict do nothing";

/// An attempt that is over: `run, instance, attempt`.
pub(super) const LEASE_DELETE: &str =
    "delete from leases where run = ?1 and instance = ?2 and attempt = ?3";

/// A ticket as it stands: `tenant, ticket, run, instance, status, message, subject_hash, detail,
/// created_ms, expires_ms, decided_ms`.
pub(super) const TICKET_PUT: &str = "insert into tickets
    (tenant, ticket, run, instance, status, message, subject_hash, detail,
     created_ms, expires_ms, decided_ms)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    on conflict (tenant, ticket) do update set
        run = excluded.run, instance = excluded.instance, status = excluded.status,
        message = excluded.message, subject_hash = excluded.subject_hash,
        detail = excluded.detail, created_ms = excluded.created_ms,
        expires_ms = excluded.expires_ms, decided_ms = excluded.decided_ms";

/// A document: `tenant, digest, document, created_ms`.
pub(super) const DOCUMENT_PUT: &str = "insert into documents (tenant, digest, document, created_ms)
    values (?1, ?2, ?3, ?4) on conflict do nothing";

/// Who holds a dedup key: `tenant, key`.
pub(super) const DEDUP_HOLDER: &str = "select run from dedup where tenant = ?1 and key = ?2";

/// Takes a dedup key: `tenant, key, run`.
pub(super) const DEDUP_PUT: &str = "insert into dedup (tenant, key, run) values (?1, ?2, ?3)";

/// Releases a run's dedup key: `run`.
pub(super) const DEDUP_RELEASE: &str = "delete from dedup where run = ?1";

/// The stored answer to a command: `tenant, endpoint, key`.
pub(super) const KEY_GET: &str = "select body_hash, status, response from idempotency
    where tenant = ?1 and endpoint = ?2 and key = ?3";

/// Stores the answer to a command: `tenant, endpoint, key, body_hash, status, response, expires_ms`.
pub(super) const KEY_PUT: &str = "insert into idempotency
    (tenant, endpoint, key, body_hash, status, response, expires_ms)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict do nothing";

/// Moves a wake-up that is as it was read, and whose log ends where it did: `stream, due_ms,
/// ordinal`, seq or null, the new due time.
pub(super) const WAKEUP_MOVE: &str =
    "update wakeups set due_ms = ?5 where stream = ?1 and due_ms = ?2 and ordinal = ?3
    and (?4 is null or ?4 = (select last_seq from segments where stream = ?1
        order by ordinal desc limit 1))";

/// Deletes a wake-up on the same terms: `stream, due_ms, ordinal`, seq or null.
pub(super) const WAKEUP_DROP: &str =
    "delete from wakeups where stream = ?1 and due_ms = ?2 and ordinal = ?3
    and (?4 is null or ?4 = (select last_seq from segments where stream = ?1
        order by ordinal desc limit 1))";

/// Deletes answers that need not be kept: `now_ms`.
pub(super) const KEY_EXPIRE: &str = "delete from idempotency where expires_ms <= ?1";
