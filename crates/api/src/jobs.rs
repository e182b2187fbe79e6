//! Jobs and results: the messages of `node.jobs.*`, `node.results` and of the runner protocol.
//!
//! The same messages travel as JSON over topics and HTTPS and map one to one onto proto3: field
//! names are those of the fields, enums are their lower-case names, alternatives are messages with
//! exactly one key set, 64-bit numbers are read as numbers or as decimal strings. Unknown keys are
//! ignored, so that runners and servers of different versions understand each other.

mod job;
mod number;
mod payload;
mod protocol;

pub use job::*;
pub use payload::*;
pub use protocol::*;

#[cfg(test)]
mod tests;
