//! The SQLite adapter against the suite.

use std::path::Path;
use std::sync::Arc;

use aob_store::conformance::Subject;
use aob_store::conformance::fixtures::T0;
use aob_store::{ManualClock, SqliteConfig, SqliteStore};

/// The store in a directory.
pub(crate) fn open(directory: &Path, clock: &ManualClock) -> SqliteStore {
    SqliteStore::open(&SqliteConfig::new(directory.join("aob.db")), clock.clock()).unwrap()
}

/// An empty store in a directory of its own.
pub(crate) fn subject() -> Subject {
    let clock = ManualClock::at(T0);
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(open(directory.path(), &clock));
    Subject { store, clock, keep: Box::new(directory) }
}

aob_store::conformance_suite!(subject());
