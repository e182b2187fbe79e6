//! The node registry: what each type of node may be, one JSON Schema per type.
//!
//! The files are split out of `schema/workflow.schema.json` by `cargo xtask codegen`. What they
//! refuse, the compiler refuses too, and says it better; what they are for is to be shown: a valid
//! example to whoever got a node wrong, and a schema to a model that is to write one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::nodes::SCHEMAS;

/// Examples by type, as JSON texts.
static EXAMPLES: LazyLock<BTreeMap<&'static str, String>> = LazyLock::new(|| {
    let example = |text: &str| {
        let schema: Value = serde_json::from_str(text).ok()?;
        Some(schema.pointer("/examples/0")?.to_string())
    };
    SCHEMAS.iter().filter_map(|(name, text)| Some((*name, example(text)?))).collect()
});

/// The known types of nodes.
pub fn node_types() -> impl Iterator<Item = &'static str> {
    SCHEMAS.iter().map(|(name, _)| *name)
}

/// The JSON Schema (2020-12) of a type of node, as text; `None`: not a known type.
pub fn node_schema(type_name: &str) -> Option<&'static str> {
    SCHEMAS.iter().find(|(name, _)| *name == type_name).map(|(_, text)| *text)
}

/// A valid node of a type, as JSON; `None`: not a known type.
pub fn node_example(type_name: &str) -> Option<&'static str> {
    EXAMPLES.get(type_name).map(String::as_str)
}
