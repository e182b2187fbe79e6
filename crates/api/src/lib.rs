//! Wire types: what travels between processes and to clients, and nothing of how it is served.
//!
//! Requests refuse unknown keys; answers are read with unknown keys ignored, so that older clients
//! understand newer servers. Times are RFC 3339 in UTC with milliseconds, ids are text.
#![warn(missing_docs)]

mod approvals;
mod budgets;
mod control;
mod diff;
mod error_code;
mod events;
mod explanation;
mod graph;
mod health;
pub mod jobs;
mod keys;
mod notifications;
mod optimizer;
mod page;
mod plans;
mod problem;
mod run_patches;
mod runs;
mod start;
mod tags;
mod timeline;
mod value;
mod verify;
mod workflow_patches;
mod workflows;

pub use approvals::*;
pub use budgets::*;
pub use control::*;
pub use diff::*;
pub use error_code::ErrorCode;
pub use events::*;
pub use explanation::*;
pub use graph::*;
pub use health::*;
pub use keys::*;
pub use notifications::*;
pub use optimizer::*;
pub use page::Page;
pub use plans::*;
pub use problem::*;
pub use run_patches::*;
pub use runs::*;
pub use start::*;
pub use tags::*;
pub use timeline::*;
pub use value::*;
pub use verify::*;
pub use workflow_patches::*;
pub use workflows::*;
