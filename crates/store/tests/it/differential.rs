//! The SQLite adapter against the reference model, on random programs.

use std::collections::BTreeMap;

use aob_store::conformance::program;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// Answers that programs must meet often enough for the comparison to mean something.
const WANTED: [&str; 24] = [
    "Committed { older_outbox: true }",
    "Committed { older_outbox: false }",
    "Conflict(Head)",
    "Conflict(Key(",
    "Conflict(Dedup(",
    "Ok([true, false])",
    "LeaseState {",
    "Ok([Held])",
    "Ok([Cancelling])",
    "Ok([Lost])",
    "Wakeup {",
    "TicketRow {",
    "Moved(",
    "Unchanged(",
    "Refused(Expected(Some(",
    "Refused(Expected(None))",
    "Refused(NothingToUndo(",
    "Refused(NothingToRedo(",
    "Refused(UnknownVersion(",
    "dropped_by: Some(",
    "status: Applied {",
    "status: Rejected {",
    "Ok(true)",
    "Err(Cursor(",
];

#[test]
fn sqlite_answers_as_the_model_does() {
    program::compare(crate::mem::subject, crate::sqlite::subject);
}

#[test]
fn programs_meet_every_kind_of_answer() {
    let mut runner = TestRunner::deterministic();
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..program::PROGRAMS {
        let steps = program::program().new_tree(&mut runner).unwrap().current();
        let answers = program::answers(&crate::mem::subject(), &steps).join("\n");
        for wanted in WANTED {
            *met.entry(wanted).or_default() += usize::from(answers.contains(wanted));
        }
    }
    for (wanted, programs) in &met {
        assert!(*programs >= 5, "{wanted}: {programs} programs, all: {met:#?}");
    }
}
