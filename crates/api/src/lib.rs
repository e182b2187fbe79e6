//! Wire types: what travels between processes and to clients, and nothing of how it is served.
#![warn(missing_docs)]

pub mod jobs;
