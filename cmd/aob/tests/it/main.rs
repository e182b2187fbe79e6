//! The real binary: what it prints, and how it exits.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod crash;
mod embedded;
mod large;
mod offline;
mod optimize;
mod patches;
mod remedies;
mod runners;
mod server;
mod shell;
mod stack;
mod versions;
