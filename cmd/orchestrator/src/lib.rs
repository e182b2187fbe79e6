//! The orchestrator: the REST API, and the coordinators behind it.
//!
//! ```text
//! request -> aob_edge::{Shell, Gate} -> endpoint -> Coordinator -> log
//!                                          |-> reader, catalog, tickets -> answer
//! ```
//! Every route stands in one table ([`Operation`]) with the permission that it needs; a route
//! without one does not compile.
#![warn(missing_docs)]

mod api;
mod bootstrap;
mod command;
mod document;
mod endpoints;
mod idempotency;
mod input;
mod janitor;
mod keys;
mod modules;
mod openapi;
mod planning;
mod pools;
mod rates;
mod replay;
mod routes;
mod service;
mod starting;
mod wait;

use aob_answers::refusals as errors;
pub use aob_edge::BindError;
pub use api::Api;
pub use bootstrap::{Bootstrap, bootstrap, has_no_keys};
pub use keys::{KeyError, NewKey, create_key};
pub use openapi::openapi;
pub use rates::RateLimits;
pub use routes::{Operation, router};
pub use service::{Bound, Config, Deps, Orchestrator, bind};
