//! About the server itself.

pub(crate) mod healthz;
pub(crate) mod openapi;
pub(crate) mod readyz;
