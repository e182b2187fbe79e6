//! The storage port, its reference model in memory, and its SQLite adapter.

#![warn(missing_docs)]

mod clock;
mod mem;
mod port;

pub use clock::{Clock, ManualClock};
pub use mem::{MemStore, Model};
pub use port::*;
