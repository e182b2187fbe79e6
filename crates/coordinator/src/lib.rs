//! The shell around the engine: load state, decide, append on the state's head, perform effects.
//!
//! ```text
//!   API, results, ticks           store, CAS, catalog
//!        | Submission                 ^ read   | answers
//!        v                            |        v
//!   [Handle] --bounded queue--> [Driver: one task per shard]
//!                                     |  inputs, outputs
//!                                     v
//!                               [Core: no I/O, no clock]
//!                                     |  batches          | performances
//!                                     v                   v
//!                               store.append        [Performer] -> bus, child runs, leases
//! ```
//!
//! [`Core`] is a state machine: what happens goes in, what must be done comes out. The driver of a
//! real process and the simulator run the same one.
#![warn(missing_docs)]

mod cached;
mod consume;
mod core;
mod driver;
mod handle;
mod materializing;
mod notices;
mod offers;
mod patching;
mod performer;
mod projection;
mod reader;
mod relay;
mod results;
mod segment;
mod service;
mod sweeper;
mod wake;
mod workflows;

pub use crate::cached::CachedCas;
pub use crate::core::{
    Ask, Batch, Chain, ChildContext, Committed, Core, CoreConfig, Input, LoadedRun, Output,
    Performance, ReadError, Reply, ResolvedDispatch, Submission, SubmitError,
};
pub use consume::{Consumption, places};
pub use handle::{Handle, Token};
pub use materializing::{Materializer, PATCHES_TOPIC, PatchCreated};
pub use notices::{ENDPOINTS_MAX, delivery_id};
pub use offers::{AGENT_JOBS_TOPIC, AGENT_RESULTS_TOPIC, Offers};
pub use patching::{
    MovedOn, PatchRefusal, Plan, Proposed, Shown, patch_between, patch_pointer, refused,
};
pub use performer::{EVENTS_TOPIC, Performer, RESULTS_TOPIC, job_topic};
pub use reader::{Reader, blob_digest, namespace, parse};
pub use results::Results;
pub use segment::{Sealed, seal};
pub use service::{Config, Coordinator, Deps, Duties};
pub use workflows::{Choice, ChosenVersion, Resolved, WorkflowError, WorkflowRef, Workflows};

/// The stream of a run.
pub fn stream(run: aob_engine::RunId) -> aob_store::StreamId {
    aob_store::StreamId(run.0)
}

/// The run of a stream.
pub fn run_of(stream: aob_store::StreamId) -> aob_engine::RunId {
    aob_engine::RunId(stream.0)
}

/// The store's name of a workspace.
pub fn store_workspace(workspace: aob_engine::WorkspaceId) -> aob_store::WorkspaceId {
    aob_store::WorkspaceId(workspace.0)
}

/// The engine's name of a workspace.
pub fn engine_workspace(workspace: aob_store::WorkspaceId) -> aob_engine::WorkspaceId {
    aob_engine::WorkspaceId(workspace.0)
}
