//! The optimizer: rewrites workflow documents with passes that it does not trust.
//!
//! ```text
//!   document --compile--> IR --> facts ─┐
//!      ▲                                ▼
//!      │ materialize, compile,     module (WebAssembly): at most one rewrite, a JSON Patch
//!      │ judge                          │
//!      └────────────────────────────────┘   until no pass finds anything
//! ```
//!
//! A rewrite counts only if the result compiles, may do nothing that the graph could not do before,
//! and leaves alone whatever does something outside or asks somebody. A module that traps, runs out
//! of something or talks nonsense changes nothing, and the plan says why.
//!
//! [`prove`] replays recorded runs on both graphs and compares what they do and give.
#![warn(missing_docs)]

mod bodies;
#[cfg(feature = "wasm")]
mod builtin;
#[cfg(feature = "wasm")]
mod clock;
mod facts;
#[cfg(feature = "wasm")]
mod host;
mod judge;
mod passes;
mod plan;
mod reads;
mod replay;
#[cfg(feature = "wasm")]
mod trust;

pub use aob_passes::{Metric, Per, Rewrite, Saving};
#[cfg(feature = "wasm")]
pub use builtin::builtin;
pub use facts::facts;
#[cfg(feature = "wasm")]
pub use host::{Answered, CallError, Host, Limits, Module, ModuleError};
pub use judge::Refusal;
pub use passes::{Native, NoChange, Passes, Proposal, builtin_passes};
pub use plan::{Note, Plan, Step, plan};
pub use replay::{
    Answer, Counts, Difference, Fate, JobView, Performed, Proof, Ran, RecordedRun, ReplayError,
    Setup, World, difference, perform, prove,
};
#[cfg(feature = "wasm")]
pub use trust::{
    NotHex, PublicKey, SIGNATURE_CONTEXT, Signature, Trust, Untrusted, signed_message,
};
