//! What fuzzing feeds: functions from any bytes, that panic where the product is wrong.
//!
//! libFuzzer drives them from `fuzz/`, which needs a nightly compiler. The tests of this crate drive
//! the same functions with mutations of every document and log we have, which needs nothing.
#![warn(missing_docs)]

mod bombs;
mod corpus;
mod dice;
mod drive;
mod mixtures;
mod mutate;
mod targets;
mod twice;
mod validation;

pub use corpus::{Seed, seeds};
pub use dice::Dice;
pub use drive::{Driven, drive};
pub use mixtures::Mixtures;
pub use mutate::{mangle_bytes, mangle_json};
pub use targets::{document, events, log_of, patch, run, snapshot};
pub use validation::{Judged, judged, validation};
