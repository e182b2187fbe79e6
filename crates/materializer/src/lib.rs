//! Patches of workflow documents: parsed, applied, compared, inverted, rebased.
//!
//! ```text
//!   base document + patch 1 + patch 2 + ...  ->  materialized document -> digest
//! ```
//!
//! A patch is an RFC 6902 patch over RFC 6901 pointers, with one addition: the items of `nodes` and
//! `edges` can be named by their ids (`/nodes/fetch/config/url`, `/edges/fetch->save`), at any level
//! of nesting; see [`Pointer`]. Nothing here knows who may patch what: that is the validator's.
#![warn(missing_docs)]

mod apply;
mod budget;
mod chain;
mod diff;
mod draft;
mod equal;
mod error;
mod ids;
mod materialize;
mod operation;
mod parse;
mod place;
mod pointer;
mod rebase;
mod resolve;
mod size;
mod touched;
mod trace;

pub use apply::{apply, inverse};
pub use budget::Budget;
pub use chain::{ChainError, SNAPSHOT_EVERY, compact, materialize_chain, snapshot_before};
pub use diff::diff;
pub use draft::Draft;
pub use equal::equal;
pub use error::{PatchCode, PatchError, PatchErrors};
pub use materialize::{Materialized, materialize};
pub use operation::{Operation, Patch};
pub use pointer::{InvalidPointer, Pointer};
pub use rebase::{
    Conflict, ConflictReason, Conflicts, Ours, RebaseError, Theirs, ThreeWay, rebase,
};
pub use touched::{NodeTouch, Touched, touched};

#[cfg(test)]
mod tests;
