//! Tests of the optimizer: each pass, the modules, the proof, and random graphs.

mod cacheable;
mod coalesce;
mod cse;
mod differential;
mod hoist;
#[cfg(feature = "wasm")]
mod hostile;
mod judge;
mod parallel;
mod proof;
mod prune;
mod pushdown;
mod support;
