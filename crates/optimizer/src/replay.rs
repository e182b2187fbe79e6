//! Replays: a run performed by the engine alone, in virtual time, where a [`World`] says what jobs
//! give and people answer. Nothing outside is touched.

mod drive;
mod prove;
mod recorded;
mod world;

pub use drive::perform;
pub use prove::{Difference, Proof, difference, prove};
pub use recorded::RecordedRun;
pub use world::{Answer, Counts, Fate, JobView, Performed, Ran, ReplayError, Setup, World};
