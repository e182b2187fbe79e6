//! Runs.

pub(crate) mod batch;
pub(crate) mod budget;
pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod fail;
pub(crate) mod get;
pub(crate) mod graph;
pub(crate) mod list;
pub(crate) mod pause;
pub(crate) mod resume;
pub(crate) mod retry;
pub(crate) mod signal;
pub(crate) mod skip;
pub(crate) mod start;
pub(crate) mod succeed;
pub(crate) mod timeline;
pub(crate) mod verify;
