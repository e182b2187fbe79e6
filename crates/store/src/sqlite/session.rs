//! What the writer's thread keeps between transactions: prepared statements, the numbers of tenants,
//! and where the streams stand that it wrote to last.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use lru::LruCache;
use rusqlite::{CachedStatement, Connection, OptionalExtension, PrepFlags, Statement};

use super::error::Failure;
use super::sql;
use crate::{Hash, StoreError, StreamId, WorkspaceId};

/// Bits of a segment's id that hold its position in the feed; those above hold the tenant.
pub(super) const POSITION_BITS: u32 = 40;

/// Streams whose heads the writer remembers (about 8 MiB): a step of one of these reads nothing.
const HEADS: NonZeroUsize = NonZeroUsize::new(1 << 16).expect("it is not zero");

/// Pages of the write-ahead log that a closed store may leave behind.
const KEPT_PAGES: i64 = 256;

/// Where a stream stands, as the last transaction left it.
#[derive(Debug, Clone, Copy)]
pub(super) struct KnownHead {
    pub(super) tenant: i64,
    pub(super) ordinal: u64,
    pub(super) hash: Hash,
    /// How many outbox rows it has.
    pub(super) owed: u64,
}

/// A statement that is prepared when it is first needed, and then kept.
pub(super) struct Prepared<'c> {
    connection: &'c Connection,
    sql: &'static str,
    statement: Option<Statement<'c>>,
}

impl<'c> Prepared<'c> {
    fn new(connection: &'c Connection, sql: &'static str) -> Self {
        Self { connection, sql, statement: None }
    }

    pub(super) fn get(&mut self) -> rusqlite::Result<&mut Statement<'c>> {
        match &mut self.statement {
            Some(statement) => Ok(statement),
            empty @ None => {
                let flags = PrepFlags::SQLITE_PREPARE_PERSISTENT;
                let statement = self.connection.prepare_with_flags(self.sql, flags)?;
                Ok(empty.insert(statement))
            }
        }
    }
}

/// The writer's side of a transaction.
pub(super) struct Session<'c> {
    connection: &'c Connection,
    begin: Prepared<'c>,
    commit: Prepared<'c>,
    data_version: Prepared<'c>,
    /// The statements of an append.
    pub(super) hot: Hot<'c>,
    tenants: BTreeMap<WorkspaceId, i64>,
    /// The last feed position of each tenant that was written to.
    ends: BTreeMap<i64, i64>,
    pub(super) heads: LruCache<StreamId, KnownHead>,
    /// SQLite's count of the commits of other connections. The fields above are forgotten when it
    /// has changed, and when a transaction is rolled back.
    version: i64,
}

/// The statements that an append may need, one field each.
pub(super) struct Hot<'c> {
    pub(super) outbox_delete: Prepared<'c>,
    pub(super) outbox_older: Prepared<'c>,
    pub(super) outbox_insert: Prepared<'c>,
    pub(super) segment_at: Prepared<'c>,
    pub(super) segment_insert: Prepared<'c>,
    pub(super) run_step: Prepared<'c>,
    pub(super) run_put: Prepared<'c>,
    pub(super) wakeup_put: Prepared<'c>,
    pub(super) wakeup_delete: Prepared<'c>,
    pub(super) lease_insert: Prepared<'c>,
    pub(super) lease_delete: Prepared<'c>,
    pub(super) dedup_release: Prepared<'c>,
}

impl<'c> Session<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        let prepared = |sql| Prepared::new(connection, sql);
        Self {
            connection,
            begin: prepared("begin immediate"),
            commit: prepared("commit"),
            data_version: prepared("pragma data_version"),
            hot: Hot {
                outbox_delete: prepared(sql::OUTBOX_DELETE),
                outbox_older: prepared(sql::OUTBOX_OLDER),
                outbox_insert: prepared(sql::OUTBOX_INSERT),
                segment_at: prepared(sql::SEGMENT_AT),
                segment_insert: prepared(sql::SEGMENT_INSERT),
                run_step: prepared(sql::RUN_STEP),
                run_put: prepared(sql::RUN_PUT),
                wakeup_put: prepared(sql::WAKEUP_PUT),
                wakeup_delete: prepared(sql::WAKEUP_DELETE),
                lease_insert: prepared(sql::LEASE_INSERT),
                lease_delete: prepared(sql::LEASE_DELETE),
                dedup_release: prepared(sql::DEDUP_RELEASE),
            },
            tenants: BTreeMap::new(),
            ends: BTreeMap::new(),
            heads: LruCache::new(HEADS),
            version: 0,
        }
    }

    /// A statement that is not on the hot path.
    pub(super) fn statement(&self, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
        self.connection.prepare_cached(sql)
    }

    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        self.begin.get()?.execute([])?;
        let version = self.data_version.get()?.query_row([], |row| row.get(0))?;
        if version != self.version {
            self.forget();
            self.version = version;
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.tenants.clear();
        self.heads.clear();
        self.ends.clear();
    }

    /// Commits. Where that fails the transaction is over all the same.
    pub(super) fn commit(&mut self) -> Result<(), Failure> {
        let done = self.commit.get().and_then(|statement| statement.execute([]));
        if let Err(error) = done {
            self.rollback();
            return Err(error.into());
        }
        Ok(())
    }

    /// Rolls back, if SQLite has not done so by itself, and forgets what it had learnt meanwhile.
    pub(super) fn rollback(&mut self) {
        self.forget();
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("rollback")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    /// Copies the write-ahead log into the database as far as no reader is in the way.
    pub(super) fn checkpoint(&self) {
        self.wal("pragma wal_checkpoint(passive)");
    }

    /// Empties the write-ahead log where the next start would take long to read it. A short one
    /// stays: a process that does little and ends should not wait for the disk once more.
    pub(super) fn close(&self) {
        if self.wal("pragma wal_checkpoint(noop)").is_some_and(|pages| pages > KEPT_PAGES) {
            self.wal("pragma wal_checkpoint(truncate)");
        }
    }

    /// Pages in the write-ahead log, as a pragma about it answers.
    fn wal(&self, pragma: &'static str) -> Option<i64> {
        match self.connection.query_row(pragma, [], |row| row.get(1)) {
            Ok(pages) => Some(pages),
            Err(error) => {
                tracing::warn!(%error, pragma, "the write-ahead log stays as it is");
                None
            }
        }
    }

    /// The number of a workspace, which it gets when it is first written to.
    pub(super) fn tenant(&mut self, workspace: WorkspaceId) -> Result<i64, Failure> {
        if let Some(no) = self.tenants.get(&workspace) {
            return Ok(*no);
        }
        self.statement(sql::TENANT_INSERT)?.execute([workspace])?;
        let no: i64 = self.statement(sql::TENANT_NO)?.query_row([workspace], |row| row.get(0))?;
        if no >= 1 << (63 - POSITION_BITS) {
            return Err(StoreError::Unavailable(String::from("too many workspaces")).into());
        }
        self.tenants.insert(workspace, no);
        Ok(no)
    }

    /// The number of a workspace that was written to.
    pub(super) fn known_tenant(&mut self, workspace: WorkspaceId) -> Result<Option<i64>, Failure> {
        if let Some(no) = self.tenants.get(&workspace) {
            return Ok(Some(*no));
        }
        let mut statement = self.statement(sql::TENANT_NO)?;
        Ok(statement.query_row([workspace], |row| row.get(0)).optional()?)
    }

    /// The id of the next segment in a tenant's feed.
    pub(super) fn next_id(&mut self, tenant: i64) -> Result<i64, Failure> {
        let end = match self.ends.get_mut(&tenant) {
            Some(end) => end,
            None => {
                let base = tenant << POSITION_BITS;
                let last = base | ((1 << POSITION_BITS) - 1);
                let mut statement = self.statement(sql::FEED_END)?;
                let end = statement.query_row([base, last, tenant], |row| row.get(0))?;
                self.ends.entry(tenant).or_insert(end)
            }
        };
        *end += 1;
        Ok(tenant << POSITION_BITS | *end)
    }
}
