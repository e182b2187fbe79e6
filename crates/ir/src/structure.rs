//! The structure of a document: keys, types, ranges, as `schema/workflow.schema.json` has them.
//!
//! The schema is read once into [`shape::Shapes`]; [`check::check`] walks a document along it,
//! rewrites aliases and short forms, and explains everything that does not fit. It says yes and no
//! exactly where a JSON Schema validator does (a test holds it to that); what it adds is the
//! wording, which a validator of anything cannot have.

mod check;
mod messages;
mod respell;
mod shape;

pub(crate) use check::check;
pub use respell::{respell, respell_node};

#[cfg(test)]
mod tests;
