//! The storage port, its reference model in memory, its SQLite and its Postgres adapter.

#![warn(missing_docs)]

mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod mem;
mod port;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod tagging;

pub use clock::{Clock, ManualClock};
pub use mem::{MemStore, Model};
pub use port::*;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresConfig, PostgresStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteConfig, SqliteStore};
