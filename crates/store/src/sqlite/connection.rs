//! How a connection to the database is set up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::OpenError;
use super::schema::migrate;

/// Where the database is, and what it may use.
#[derive(Debug, Clone)]
pub struct SqliteConfig {
    /// The database file; it is created where it does not exist, its directory is not.
    pub path: PathBuf,
    /// Threads that read, each with its own connection. At least one.
    pub readers: usize,
    /// Page cache of each connection.
    pub cache_bytes: u64,
    /// How much of the file is mapped into memory for reading.
    pub mmap_bytes: u64,
}

impl SqliteConfig {
    /// The defaults, at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), readers: 2, cache_bytes: 32 << 20, mmap_bytes: 256 << 20 }
    }
}

/// Bytes of a page: large enough that a segment fits into one, small enough that a step which
/// touches one row of each table does not write much more than the row.
const PAGE_BYTES: u32 = 8192;

/// Pages in the write-ahead log after which a commit also checkpoints.
const WAL_PAGES: u32 = 4000;

/// A log that has grown beyond this, behind a slow reader, shrinks again.
const WAL_FILE_BYTES: u32 = 64 << 20;

/// How long a statement waits for a lock that a foreign process holds.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the database for writing, creates it where it does not exist, and brings its schema up to
/// date. The store's writer uses it; so does a probe that writes the same rows without the store.
///
/// # Errors
/// SQLite's, and those of [`migrate`].
pub fn open_writer(config: &SqliteConfig) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = open(&config.path, flags)?;
    // The writer decides at its end whether the log is worth a checkpoint.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", WAL_FILE_BYTES)?;
    tune(&connection, config)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Opens the database for reading only.
pub(super) fn open_reader(config: &SqliteConfig) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(&config.path, flags)?;
    tune(&connection, config)?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

fn tune(connection: &Connection, config: &SqliteConfig) -> rusqlite::Result<()> {
    let kibibytes = i64::try_from(config.cache_bytes / 1024).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", -kibibytes)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    let mapped = i64::try_from(config.mmap_bytes).unwrap_or(i64::MAX);
    connection.pragma_update(None, "mmap_size", mapped)
}
