//! Tests that look at more than one part.

mod addressing;
mod rfc;
