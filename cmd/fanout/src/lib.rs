//! The fan-out: a run's log, and a workspace's, as server-sent events.
//!
//! ```text
//! bus `workflow.events` -> RunWatch (one consumer) -> "look again"
//!                                                        |
//! client <- frames <- stream, polled as the client reads -> pages of the log
//! ```
//! The log is the truth and the only source: a notification merely says when to look. Nothing is
//! pushed at a client. A stream reads its next page when its client has taken the last one, so a
//! slow reader costs one page of memory, misses nothing, and holds up nobody.
#![warn(missing_docs)]

mod beside;
mod filter;
mod frame;
mod lines;
mod places;
mod poll;
mod resume;
mod routes;
mod run_stream;
mod service;
mod workspace_stream;

pub use aob_edge::BindError;
pub use beside::beside;
pub use places::StreamLimits;
pub use routes::{openapi, router};
pub use service::{Bound, Config, Deps, Fanout, bind};
