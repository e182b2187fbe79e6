//! The endpoints, one per file.

pub(crate) mod approvals;
pub(crate) mod artifacts;
pub(crate) mod keys;
pub(crate) mod meta;
pub(crate) mod notifications;
pub(crate) mod optimizer;
pub(crate) mod patches;
pub(crate) mod runners;
pub(crate) mod runs;
pub(crate) mod tags;
pub(crate) mod webhooks;
pub(crate) mod workflows;
