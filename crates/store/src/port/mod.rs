//! The storage port: what the product needs of a database, and nothing of how it does it.
//!
//! An append is per stream *committed*, *conflict* or *unknown*. One call is one round trip and one
//! durable commit over many streams. Every row belongs to a workspace; every read names it, except
//! those of the log's own machinery (sweeps, relay), which are marked so.

mod catalog;
mod chain;
mod identity;
mod leases;
mod log;
mod machinery;
mod modules;
mod notifications;
mod patches;
mod run_logs;
mod tags;
mod upkeep;
mod views;

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

pub use self::catalog::*;
pub use self::chain::*;
pub use self::identity::*;
pub use self::leases::*;
pub use self::log::*;
pub use self::machinery::*;
pub use self::modules::*;
pub use self::notifications::*;
pub use self::patches::*;
pub use self::run_logs::*;
pub use self::tags::*;
pub use self::upkeep::*;
pub use self::views::*;

/// Milliseconds since the Unix epoch on the database's clock.
pub type TimeMs = i64;

/// A stream of the log: a run (its id is the run's), a schedule or a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(pub Uuid);

/// A tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkspaceId(pub Uuid);

/// 32 bytes of SHA-256.
pub type Hash = [u8; 32];

/// The database did not answer as it should. Nothing is known to have changed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// It cannot be reached, is busy for too long, or the disk is full.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A cursor that this store did not give out, or whose row is gone.
    #[error("the cursor {0:?} is not one of this store")]
    Cursor(String),
    /// A row cannot be read back.
    #[error("table {table}, column {column}, key {key}: {problem}")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Key of the row.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

/// Result of a storage call.
pub type StoreResult<T> = Result<T, StoreError>;

/// Everything, for those who compose a stack.
pub trait Store:
    Log
    + Outbox
    + Wakeups
    + Leases
    + Views
    + Catalog
    + Tags
    + Patches
    + Identity
    + Modules
    + Notifications
    + Snapshots
    + Retention
    + RunLogs
    + Debug
{
}

impl<T> Store for T where
    T: Log
        + Outbox
        + Wakeups
        + Leases
        + Views
        + Catalog
        + Tags
        + Patches
        + Identity
        + Modules
        + Notifications
        + Snapshots
        + Retention
        + RunLogs
        + Debug
{
}
