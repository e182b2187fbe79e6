//! Random programs: Postgres answers as the reference model and as SQLite do.

use std::sync::Arc;

use aob_store::conformance::fixtures::T0;
use aob_store::conformance::{Subject, program};
use aob_store::{ManualClock, MemStore, SqliteConfig, SqliteStore};

fn mem() -> Subject {
    let clock = ManualClock::at(T0);
    let store = Arc::new(MemStore::new(clock.clock()));
    Subject { store, clock, keep: Box::new(()) }
}

fn sqlite() -> Subject {
    let clock = ManualClock::at(T0);
    let directory = tempfile::tempdir().expect("a directory");
    let config = SqliteConfig::new(directory.path().join("aob.db"));
    let store = Arc::new(SqliteStore::open(&config, clock.clock()).expect("the store opens"));
    Subject { store, clock, keep: Box::new(directory) }
}

#[test]
fn postgres_answers_as_the_model_does() {
    program::compare(mem, crate::suite::subject);
}

#[test]
fn postgres_answers_as_sqlite_does() {
    program::compare(sqlite, crate::suite::subject);
}
