//! Clients that work while everything is killed, and the judge of what is left.
//!
//! ```text
//! load, runner --(idempotency keys)--> gateway --> whoever lives --> service, which `http` nodes call
//!      |                                                 ^
//!      v                                              faults
//!    ledger: what was acknowledged  --> judge: every log holds it, once, and every run moves
//! ```
//!
//! Nothing here shares code with the product: what judges it must not have its mistakes. The tests of
//! `aob dev` and the program `aob-chaos`, which works on the production stack, drive the same clients.
#![warn(missing_docs)]

mod api;
mod chance;
mod documents;
pub mod faults;
pub mod field;
pub mod follow;
mod gateway;
pub mod http;
pub mod judge;
mod ledger;
mod load;
mod pages;
pub mod runner;
mod service;
pub mod stack;
pub mod strikes;

pub use api::{Api, Ended};
pub use chance::{Chance, now, pass, say};
pub use documents::Kind;
pub use gateway::Gateway;
pub use ledger::{Answered, Ledger, Started, Told};
pub use load::client;
pub use service::Service;
