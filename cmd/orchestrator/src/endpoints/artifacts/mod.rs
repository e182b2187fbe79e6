//! Stored values.

pub(crate) mod get;
pub(crate) mod put;
