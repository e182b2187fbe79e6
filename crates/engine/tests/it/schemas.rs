//! Events are what `schema/events` says they are: every kind has a schema, and everything the
//! engine writes in these tests fits it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use aob_engine::{Event, EventKind};
use aob_ir::JsonSchema;

/// The schemas by event type.
fn schemas() -> &'static BTreeMap<String, JsonSchema> {
    static SCHEMAS: OnceLock<BTreeMap<String, JsonSchema>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema/events");
        let read = |name: &&str| {
            let path = format!("{folder}/{name}.schema.json");
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
            let schema = serde_json::from_str(&text).expect("a schema is JSON");
            ((*name).to_owned(), JsonSchema::compile(&schema).expect("a schema compiles"))
        };
        EventKind::NAMES.iter().map(read).collect()
    })
}

/// Panics where an event does not fit its schema.
pub(crate) fn check(event: &Event) {
    let value = serde_json::to_value(event).expect("events serialize");
    let problems = schemas()[event.kind.name()].validate(&value);
    assert!(problems.is_empty(), "{problems:?}\n{value:#}");
}

#[test]
fn every_kind_has_a_schema_and_every_schema_a_kind() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schema/events");
    let files = std::fs::read_dir(folder).expect("the schemas are there");
    let mut names: Vec<String> = files
        .map(|file| file.expect("readable").file_name().to_string_lossy().into_owned())
        .map(|name| name.trim_end_matches(".schema.json").to_owned())
        .collect();
    names.sort();
    let mut kinds: Vec<String> = schemas().keys().cloned().collect();
    kinds.sort();
    assert_eq!(names, kinds);
}
