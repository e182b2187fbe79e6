//! The reference model against the suite.

use std::sync::Arc;

use aob_store::conformance::Subject;
use aob_store::conformance::fixtures::T0;
use aob_store::{ManualClock, MemStore};

/// An empty model.
pub(crate) fn subject() -> Subject {
    let clock = ManualClock::at(T0);
    let store = Arc::new(MemStore::new(clock.clock()));
    Subject { store, clock, keep: Box::new(()) }
}

aob_store::conformance_suite!(subject());
