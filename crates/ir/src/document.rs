//! Types of workflow documents without aliases, generated from `schema/workflow.schema.json`.
//!
//! Reading a document with them checks its shape only; [`crate::compile`] checks it whole.

#[rustfmt::skip]
#[path = "generated/workflow.rs"]
#[expect(missing_docs, reason = "generated: keys are documented where the schema defines them")]
mod workflow;

pub use workflow::*;

/// The JSON Schema (2020-12) of workflow documents.
pub const SCHEMA: &str = include_str!("../../../schema/workflow.schema.json");
