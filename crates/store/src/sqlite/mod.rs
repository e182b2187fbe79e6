//! The store in one SQLite file: one thread writes, a few read.
//!
//! The write-ahead log is synced at every commit (`synchronous = full`): what was acknowledged
//! survives a loss of power. The file belongs to one process; who owns the data directory sees to it.

mod append;
mod catalog;
mod connection;
mod error;
mod identity;
mod leases;
mod log;
mod machinery;
mod modules;
mod notifications;
mod patches;
mod reader;
mod rows;
mod run_logs;
mod schema;
mod session;
mod sql;
mod tags;
mod upkeep;
mod views;
mod writer;

use std::fmt;

pub use self::connection::{SqliteConfig, open_writer};
pub use self::error::OpenError;
use self::reader::Readers;
pub use self::schema::{migrate, schema};
pub use self::sql::{OUTBOX_DELETE, OUTBOX_INSERT, RUN_PUT, RUN_STEP, SEGMENT_INSERT};
use self::writer::Writer;
use crate::Clock;

/// The embedded store. Dropping it finishes the writes that were accepted, and closes the file.
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    clock: Clock,
}

impl SqliteStore {
    /// Opens the database of `config`, creates it where it does not exist, and brings its schema up
    /// to date.
    ///
    /// # Errors
    /// Where the file cannot be opened, or belongs to a newer program.
    pub fn open(config: &SqliteConfig, clock: Clock) -> Result<Self, OpenError> {
        let writer = Writer::start(open_writer(config)?)?;
        Ok(Self { writer, readers: Readers::start(config)?, clock })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}
