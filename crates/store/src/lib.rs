//! The storage port, its reference model in memory, and its SQLite adapter.

mod port;

pub use port::*;
