//! The adapter against the port's suite.

use std::sync::Arc;

use aob_store::ManualClock;
use aob_store::conformance::Subject;
use aob_store::conformance::fixtures::T0;

use crate::server::Database;

/// An empty store in a database of its own.
pub(crate) fn subject() -> Subject {
    let clock = ManualClock::at(T0);
    let database = Database::empty();
    let store = Arc::new(database.store(clock.clock()));
    Subject { store, clock, keep: Box::new(database) }
}

aob_store::conformance_suite!(subject());
