//! Tests that look at more than one part.

mod addressing;
mod diffs;
mod generate;
mod hostile;
mod laws;
mod rebases;
mod rfc;
