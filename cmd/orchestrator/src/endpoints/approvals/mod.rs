//! Approvals.

pub(crate) mod decide;
pub(crate) mod get;
pub(crate) mod list;
