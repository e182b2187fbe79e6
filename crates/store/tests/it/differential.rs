//! The SQLite adapter against the reference model, on random programs.

#[test]
fn sqlite_answers_as_the_model_does() {
    aob_store::conformance::program::compare(crate::mem::subject, crate::sqlite::subject);
}
