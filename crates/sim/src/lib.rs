//! Deterministic simulation of the whole system: workflows, the world around them, and an oracle.
//!
//! ```text
//!               people, programs ─┐              ┌─ runners (the real drivers)
//!                                 ▼              ▼
//!    coordinators: the real loops over the real core, engine, relay, sweeper
//!                                 │ every call through the gate of its process
//!                                 ▼
//!    faults ─► store, blobs and bus in memory ─► ledger: what is durable ─► verdict
//! ```
//!
//! Everything runs on one thread, in virtual time, and every choice is drawn from one seed: the same
//! seed gives the same steps. A process that dies has no more consequences at whichever await its
//! tasks stand. When the faults end, everything must come to rest, and is judged: by the checker,
//! by the rows beside the log, by the topics, by the effects, and by the oracle.
#![warn(missing_docs)]

mod bus;
mod cas;
mod chaos;
mod counts;
mod gate;
pub mod generator;
mod ledger;
pub mod oracle;
mod paths;
mod people;
mod runner;
mod simulate;
mod site;
mod store;
mod topic;
mod verdict;
mod volume;
mod weather;
mod world;

pub use counts::{Count, Counts, Group};
pub use simulate::{Outcome, Setup, simulate};
pub use volume::{Total, Volume};
pub use weather::{FAULTS_AT_LEAST, Weather};
